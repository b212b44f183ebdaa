# SPDX-License-Identifier: Apache-2.0
"""A network of one machine, and the tool in it. Knows no test.

The network: the machine has 192.0.2.1/24 and 2001:db8::1/64 on vd0, and a dead host 192.0.2.2 (2001:db8::2) whose
link-layer address is known, so that packets to it leave, to be seen at the other end and answered by nobody.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest

SOURCE_DIR = os.environ.get("SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.append(os.path.join(SOURCE_DIR, "tests"))
TOOL = os.path.join(os.environ.get("BUILD_DIR", "build"), "bin", "vpndoctor")
SCHEMA = os.path.join(SOURCE_DIR, "reports/schema/report-1.schema.json")
DEAD_HOST = "192.0.2.2"
KNOW_DEAD_HOST = f"neigh replace {DEAD_HOST} lladdr 02:00:00:00:00:02 dev vd0"
DEAD_HOST6 = "2001:db8::2"
SKIPPED = 77
try:
    import validate_json
    VALIDATOR = validate_json.load_validator(SCHEMA)
    LINE_VALIDATORS = {name: validate_json.load_validator(SCHEMA, name)
                       for name in ("routes_flows_line", "routes_watch_line")}
except SystemExit:
    VALIDATOR = None  # without python3-jsonschema documents are only parsed
IS_ROOT = os.environ.get("VPNDOCTOR_TEST_UNSHARE") == "root"


def enter():
    """Runs this program again in namespaces of its own; returns there, and never outside."""
    if "VPNDOCTOR_TEST_UNSHARE" in os.environ:
        return
    for name, flags in (("root", ["-n", "-m"]), ("user", ["-r", "-n", "-m"])):
        if subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            environment = dict(os.environ, VPNDOCTOR_TEST_UNSHARE=name)
            os.execvpe("unshare", ["unshare", *flags, sys.executable, *sys.argv], environment)
    print("skipped: network namespaces are not allowed here", file=sys.stderr)
    sys.exit(SKIPPED)


def build():
    """Makes the network and a resolver configuration in which only 127.0.0.53 is asked."""
    # Without duplicate address detection, addresses can be used at once.
    subprocess.run(["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"], check=False)
    commands = ["link set lo up", "link add vd0 type veth peer name vd1", "link add vddown type veth peer name vdpeer",
                "link set vd0 up", "link set vd1 up", "addr add 192.0.2.1/24 brd + dev vd0",
                "addr add 2001:db8::1/64 dev vd0 nodad",
                KNOW_DEAD_HOST,
                f"neigh add {DEAD_HOST6} lladdr 02:00:00:00:00:02 dev vd0"]
    for command in commands:
        if subprocess.run(["ip", *command.split()], check=False).returncode != 0:
            print(f"skipped: ip {command} failed", file=sys.stderr)
            sys.exit(SKIPPED)
    # A copy of /etc in memory hides the machine's own; a bare one has no /etc/hosts that a file could cover.
    with tempfile.TemporaryDirectory(prefix="vpndoctor-cli-") as copy:
        subprocess.run(["cp", "-a", "/etc/.", copy], check=False, stderr=subprocess.DEVNULL)
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/etc"], check=False).returncode != 0:
            print("skipped: /etc cannot be replaced in a mount namespace", file=sys.stderr)
            sys.exit(SKIPPED)
        subprocess.run(["cp", "-a", copy + "/.", "/etc"], check=False, stderr=subprocess.DEVNULL)
    for path, text in (("/etc/resolv.conf", "nameserver 127.0.0.53\n"), ("/etc/nsswitch.conf", "hosts: files dns\n"),
                       ("/etc/hosts", "127.0.0.1 localhost\n")):
        if os.path.lexists(path):
            os.remove(path)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o644)


def run(*arguments, prefix=(), **options):
    """Runs the tool to its end; stdout and stderr are text, unless `options` say otherwise."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
    words = [argument if isinstance(argument, bytes) else str(argument).encode() for argument in arguments]
    done = subprocess.run([*prefix, TOOL, *words], timeout=60, check=False, **options)
    done.stdout = (done.stdout or b"").decode(errors="backslashreplace")
    done.stderr = (done.stderr or b"").decode(errors="backslashreplace")
    return done


def parse_line(definition, text):
    """Parses one line of a command that prints an object a line; the schema's definition of it must allow it."""
    if VALIDATOR:
        complaint = validate_json.complaint(LINE_VALIDATORS[definition], text)
        assert complaint is None, f"{complaint}: {text}"
    return json.loads(text)


class Case(unittest.TestCase):
    """Assertions on what the tool said."""
    longMessage = True

    def assert_json(self, text):
        """`text` is exactly one document that the schema allows; returns it."""
        if VALIDATOR:
            self.assertIsNone(validate_json.complaint(VALIDATOR, text))
        return json.loads(text)

    def assert_error(self, arguments, code, words, kind="usage"):
        """Both forms of the error: one line on stderr that holds `words`, and one JSON document."""
        text = run(*arguments)
        self.assertEqual(text.returncode, code, text.stderr + text.stdout[:300])
        self.assertEqual(text.stdout, "")
        self.assertRegex(text.stderr, r"\Avpndoctor: [^\n]+\n\Z")
        self.assertIn(words, text.stderr)
        self.assertNotRegex(text.stderr[:-1], r"[\x00-\x1f\x7f]")
        self.assertLess(len(text.stderr), 400)
        as_json = run(arguments[0], "--json", *arguments[1:])
        self.assertEqual(as_json.returncode, code, as_json.stderr)
        self.assertEqual(as_json.stderr, "")
        document = self.assert_json(as_json.stdout)
        self.assertEqual(document["error"]["kind"], kind)
        self.assertEqual(document["verdict"], "undetermined")
        self.assertTrue(document["error"]["hint"])
        self.assertIsNone(document["data"])
        return document


class Resolver:
    """A DNS server on 127.0.0.53 that is asked and does as the test says."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(30)
        self.socket.bind(("127.0.0.53", 53))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def question(self):
        """Waits for a question; returns its name, and what refuses it."""
        message, client = self.socket.recvfrom(4096)
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]])
            at += 1 + message[at]
        no_such_name = message[:2] + b"\x81\x83" + message[4:6] + bytes(6) + message[12:at + 5]
        return b".".join(labels).decode(), lambda: self.socket.sendto(no_such_name, client)
