# SPDX-License-Identifier: Apache-2.0
"""`dns show` and `dns explain` as a user meets them: arguments, files of every kind, terminals, a saved state."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import world
from test_arguments import UNPRIVILEGED
from test_streams import in_terminal, through_shell
from world import IS_ROOT, Case, run

RESOLV_CONF = "/etc/resolv.conf"
NSSWITCH = "/etc/nsswitch.conf"

WRONG_NAMES = [("", "it is empty"), ("a..b", "a part of it is empty"), (".a", "a part of it is empty"),
               ("x" * 64 + ".example", "longer than 63 bytes"), ("x." * 127 + "xx", "longer than 253 bytes"),
               ("a\x1b[31mb", "characters that no name has"), ("a b", "characters that no name has"),
               ("\u2603.example", "disallowed character"), (b"x\xff.example", "neither UTF-8 nor text of this locale"),
               ("192.0.2.1", "asked for as 1.2.0.192.in-addr.arpa --type PTR"),
               ("2001:db8::1", "asked for as 1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa --type PTR")]

HOSTILE_FILES = {
    "binary": bytes(range(256)) * 64,
    "escapes": b"# \x1b[31mred\x07\nnameserver \x1b]0;title\x07\nsearch \x1b[2J.example \xff\xfe.example\nnameserver 192.0.2.2\n",
    "carriage returns": b"nameserver 192.0.2.2\r\nsearch corp.example\r\n",
    "10 MB": b"nameserver 192.0.2.2\n" + b"# x" * (10 << 20 >> 2),
    "one long line": b"search " + b"a.example " * 100_000,
    "not UTF-8": b"search m\xfcnchen.example\nnameserver 192.0.2.2\n",
    "empty": b"",
    "many servers": b"".join(b"nameserver 192.0.2.%d\n" % (i % 250 + 1) for i in range(20_000)),
    "cut": b"nameserver 192.0.2",
}


@contextlib.contextmanager
def file_with(path, content):
    """The file holds this as long as the test needs it."""
    with open(path, "rb") as file:
        before = file.read()
    mode = os.stat(path).st_mode
    os.remove(path)
    try:
        if content is not None:
            with open(path, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
            os.chmod(path, 0o644)
        yield
    finally:
        if os.path.lexists(path):
            os.remove(path)
        with open(path, "wb") as file:
            file.write(before)
        os.chmod(path, mode)


class DnsCase(Case):
    def show(self, *arguments, **options):
        done = run("dns", "show", "--json", *arguments, **options)
        document = self.assert_json(done.stdout)
        expected = {"ok": 0, "problem": 1, "undetermined": 3}[document["verdict"]]
        self.assertEqual((done.returncode, done.stderr), (expected, ""))
        return document["data"]

    def explain(self, *arguments, **options):
        done = run("dns", "explain", "--json", *arguments, **options)
        document = self.assert_json(done.stdout)
        self.assertEqual((done.returncode, done.stderr), (0 if document["verdict"] == "ok" else 3, ""))
        return {path["caller"]: path for path in document["data"]["paths"]}


class Arguments(DnsCase):
    def test_wrong_names_are_refused_with_what_is_right(self):
        for command in ("explain", "test"):
            for name, words in WRONG_NAMES:
                with self.subTest(command=command, name=name[:40]):
                    self.assert_error(["dns", command, name], 2, words)

    def test_an_international_name_is_asked_for_as_dns_has_it(self):
        for name in ("b\u00fccher.example", "xn--bcher-kva.example", "BU\u0308CHER.example".lower()):
            document = json.loads(run("dns", "explain", "--json", name, env={**os.environ, "LC_ALL": "C"}).stdout)
            self.assertEqual(document["data"]["name"], "xn--bcher-kva.example")

    def test_wrong_values_are_refused_with_what_is_right(self):
        for command, option, values, words in [
                ("explain", "--type", ["NOPE", "TYPE", "TYPE65536", "A B", "-1"], "is no record type"),
                ("explain", "--caller", ["nobody", "bound", "bound:", "LIBC"], "is none of libc, stub, direct, bound:IF"),
                ("explain", "--caller", ["bound:nope", "bound:a\x1b[31mb", "bound:" + "x" * 5000], "there is no interface"),
                ("test", "--server", ["garbage", "192.0.2", "192.0.2.2:0", "[::1", "fe80::1%"], "is not ADDRESS[:PORT]"),
                ("test", "--timeout", ["0", "-1", "soon", "61", "nan"], "is not a number of seconds"),
                ("test", "--type", ["NOPE"], "is no record type")]:
            for value in values:
                with self.subTest(option=option, value=value[:40]):
                    self.assert_error(["dns", command, option, value, "a.example"], 2, words)
        for option in ("--type", "--caller"):
            self.assert_error(["dns", "explain", option, "", "a.example"], 2, "empty")
        self.assert_error(["dns", "explain"], 2, "name is required")
        self.assert_error(["dns", "explain", "a.example", "b.example"], 2, "unexpected argument 'b.example'")
        self.assert_error(["dns", "explain", "--fail-on", "never", "a.example"], 2, "--fail-on")
        self.assert_error(["dns", "show", "--from", "/nonexistent"], 2, "/nonexistent")

    def test_a_server_takes_one_value_and_the_rest_are_names(self):
        self.assert_error(["dns", "test", "--server", "192.0.2.2", "a..b"], 2, "'a..b' is no domain name")

    def test_dns_alone_shows(self):
        alone, shown = run("dns"), run("dns", "show")
        self.assertEqual((alone.returncode, alone.stdout), (shown.returncode, shown.stdout))
        self.assertEqual(json.loads(run("--json", "dns").stdout)["command"], "dns show")
        self.assertEqual(json.loads(run("dns", "--json", "explain", "a.example").stdout)["command"], "dns explain")
        self.assertEqual(json.loads(run("dns", "explain", "--json").stdout)["command"], "dns explain")

    def test_a_word_that_is_no_command_is_guessed(self):
        for words, meant in [(["dns", "expalin", "a"], "dns explain"), (["dsn"], "dns"), (["dns", "tset"], "dns test"),
                             (["--quiet", "dns", "shwo"], "dns show")]:
            self.assertIn(f"did you mean vpndoctor {meant}?", run(*words).stderr)
        self.assertIn("unexpected argument '--diff'", run("dns", "--diff").stderr)
        self.assertIn("did you mean vpndoctor dns explain git.corp.example?", run("dns", "git.corp.example").stderr)


class Show(DnsCase):
    def test_what_the_file_says(self):
        text = "nameserver 192.0.2.2\nnameserver 2001:db8::2\nsearch Corp.Example home.lan\noptions ndots:2 rotate\n"
        with file_with(RESOLV_CONF, text):
            data = self.show("--fail-on", "never")
            shown = run("dns", "--fail-on", "never").stdout
        self.assertEqual(data["model"], "resolv.conf")
        file = data["resolv_conf"]
        self.assertEqual((file["path"], file["exists"], file["target"]), (RESOLV_CONF, True, None))
        self.assertEqual(file["nameservers"], ["192.0.2.2", "2001:db8::2"])
        self.assertEqual(file["search"], ["corp.example", "home.lan"])
        self.assertEqual((file["glibc"]["ndots"], file["glibc"]["rotate"]), (2, True))
        self.assertEqual(data["nsswitch_hosts"], ["files", "dns"])
        self.assertEqual([scope["servers"] for scope in data["scopes"]], [["192.0.2.2", "2001:db8::2"]])
        for words in ("192.0.2.2", "2001:db8::2", "corp.example", "files dns"):
            self.assertIn(words, shown)

    def test_the_environment_counts(self):
        environment = {**os.environ, "RES_OPTIONS": "ndots:7", "LOCALDOMAIN": "env.example"}
        with file_with(RESOLV_CONF, "nameserver 192.0.2.2\nsearch corp.example\n"):
            file = self.show(env=environment)["resolv_conf"]
        self.assertEqual((file["search"], file["glibc"]["search"]), (["corp.example"], ["env.example"]))
        self.assertEqual(file["glibc"]["ndots"], 7)

    def test_a_link_is_told_with_its_text(self):
        with file_with(RESOLV_CONF, None):
            os.symlink("../run/systemd/resolve/stub-resolv.conf", RESOLV_CONF)
            file = self.show()["resolv_conf"]
            self.assertEqual(file["target"], "../run/systemd/resolve/stub-resolv.conf")
            self.assertEqual(file["owner"], "systemd-resolved")

    def test_without_a_file_glibc_asks_this_machine(self):
        with file_with(RESOLV_CONF, None):
            data = self.show()
        self.assertEqual(data["resolv_conf"]["glibc"]["nameservers"], ["127.0.0.1"])
        self.assertFalse(data["resolv_conf"]["exists"])

    def test_no_file_steers_the_terminal_or_breaks_the_document(self):
        for path in (RESOLV_CONF, NSSWITCH, "/etc/hosts"):
            for name, content in HOSTILE_FILES.items():
                with self.subTest(path=path, name=name), file_with(path, content):
                    self.show()
                    for locale in ("C", "C.UTF-8"):
                        done = run("dns", "--verbose", env={**os.environ, "LC_ALL": locale})
                        self.assertIn(done.returncode, (0, 1, 3))
                        self.assertNotRegex(done.stdout, r"[\x00-\x09\x0b-\x1f\x7f]")
                        self.assertEqual(done.stderr, "")
                        if locale == "C":
                            self.assertTrue(done.stdout.isascii())

    def test_folders_and_devices_in_the_place_of_files_do_not_hold_it(self):
        for path in (RESOLV_CONF, NSSWITCH, "/etc/hosts"):
            with self.subTest(path=path), file_with(path, None):
                os.mkdir(path)
                self.show()
                os.rmdir(path)
                os.mkfifo(path)
                self.show()

    @unittest.skipUnless(IS_ROOT, "needs a second user")
    def test_an_ordinary_user_sees_the_same_files(self):
        with file_with(RESOLV_CONF, "nameserver 192.0.2.2\n"):
            own, other = self.show("--fail-on", "never"), self.show("--fail-on", "never", prefix=UNPRIVILEGED)
        for key in ("model", "resolv_conf", "nsswitch_hosts", "scopes"):
            self.assertEqual(own[key], other[key], key)

    @unittest.skipUnless(IS_ROOT, "needs a second user")
    def test_a_file_that_may_not_be_read_is_missing_with_the_reason(self):
        with file_with(RESOLV_CONF, "nameserver 192.0.2.2\n"):
            os.chmod(RESOLV_CONF, 0)
            data = self.show(prefix=UNPRIVILEGED)
        self.assertIsNone(data["resolv_conf"])
        source, = (each for each in data["sources"] if each["name"] == "resolv_conf")
        self.assertIn("ermission", source["why_missing"])

    def test_the_answer_goes_nowhere_else(self):
        for arguments in (["dns"], ["dns", "--json"], ["dns", "explain", "a.example"]):
            code = run(*arguments).returncode
            done = through_shell(">/dev/full", arguments)
            self.assertEqual((done.returncode, done.stderr.decode()),
                             (4, "vpndoctor: cannot write the result: No space left on device\n"))
            reader, writer = os.pipe()
            os.close(reader)
            self.assertEqual(run(*arguments, stdout=writer).returncode, code)
            os.close(writer)

    def test_lines_fit_the_terminal(self):
        search = " ".join(f"a-rather-long-domain-{i}.corp.example" for i in range(30))
        with file_with(RESOLV_CONF, f"nameserver 2001:db8:1111:2222:3333:4444:5555:6666\nsearch {search}\n"):
            for columns in (40, 60, 80, 120):
                for arguments in (["dns"], ["dns", "--verbose"], ["dns", "explain", "git"]):
                    text = in_terminal(columns, [*arguments, "--color", "never"])
                    with self.subTest(columns=columns, arguments=arguments):
                        limit = max(columns, 50)  # a domain of 36 columns is never broken
                        self.assertLessEqual(max(map(len, text.splitlines())), limit)
        self.assertNotIn("\x1b", in_terminal(80, ["dns"], TERM="dumb"))
        self.assertIn("\x1b[", in_terminal(80, ["dns"]))

    def test_quiet_is_one_line(self):
        self.assertRegex(run("dns", "--quiet").stdout, r"\A[A-Z]+: [^\n]+\n\Z")
        self.assertRegex(run("dns", "explain", "--quiet", "a.example").stdout, r"\ADNS: [^\n]+\n\Z")


class Explain(DnsCase):
    def test_the_search_list_decides_the_name_that_is_sent(self):
        with file_with(RESOLV_CONF, "nameserver 192.0.2.2\nnameserver 192.0.2.3\nsearch corp.example\n"):
            paths = self.explain("git")
            libc, direct = paths["libc"], paths["direct"]
            self.assertEqual(libc["asked"][0]["name"], "git.corp.example")
            self.assertEqual(libc["asked"][0]["server"], "192.0.2.2")
            self.assertEqual(direct["asked"][0]["server"], "192.0.2.2")
            self.assertIsNotNone(paths["stub"]["why_none"])
            dotted = self.explain("git.other.example")["libc"]
            self.assertEqual(dotted["asked"][0]["name"], "git.other.example")

    def test_one_caller_alone(self):
        for caller in ("libc", "stub", "direct", "bound:vd0"):
            with self.subTest(caller=caller):
                paths = self.explain("--caller", caller, "a.example")
                self.assertEqual(list(paths), [caller.split(":")[0]])
        self.assertEqual(self.explain("--caller", "bound:vd0", "a.example")["bound"]["interface"], "vd0")

    def test_that_there_is_no_such_way_is_an_answer(self):
        done = run("dns", "explain", "--caller", "stub", "a.example")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\ADNS: a.example is not asked by way of stub: ")

    def test_a_name_of_the_hosts_file_is_answered_here(self):
        with file_with("/etc/hosts", "10.1.2.3 wiki.corp.example wiki\n"):
            libc = self.explain("wiki.corp.example")["libc"]
        self.assertTrue(libc["answered_here"], libc)
        self.assertEqual(libc["asked"], [])

    def test_nothing_is_sent(self):
        with file_with(RESOLV_CONF, "nameserver 192.0.2.2\nnameserver 2001:db8::2\n"), socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
            wire.bind(("vd1", 0))
            run("dns", "explain", "a.corp.example")
            run("dns")
            subprocess.run(["ping", "-c1", "-W0.01", "192.0.2.2"], stdout=subprocess.DEVNULL, check=False)
            seen = b""
            while b"\x08\x00" != seen[34:36]:  # until the echo request that was sent last
                seen = wire.recv(2000)
                self.assertNotIn(b"\x00\x35", seen[34:38], "a packet to port 53")

    def test_the_text_begins_with_the_answer(self):
        with file_with(RESOLV_CONF, "nameserver 192.0.2.2\n"):
            text = run("dns", "explain", "a.corp.example").stdout
        first = " ".join(text.split("\n\n")[0].split())
        self.assertTrue(first.startswith("DNS: a.corp.example goes to 192.0.2.2"), first)
        self.assertLessEqual(len(text.splitlines()), 40)


class Saved(DnsCase):
    def test_a_saved_state_says_the_same(self):
        with tempfile.TemporaryDirectory(prefix="vpndoctor-dns-") as folder, file_with(
                RESOLV_CONF, "nameserver 192.0.2.2\nsearch corp.example\n"):
            saved = os.path.join(folder, "saved.jsonl")
            self.assertEqual(run("routes", "save", saved).returncode, 0)
            here, there = self.show(), self.show("--from", saved)
            for key in ("model", "resolv_conf", "nsswitch_hosts", "scopes"):
                self.assertEqual(here[key], there[key], key)
            self.assertEqual(self.explain("git"), self.explain("--from", saved, "git"))

    def test_a_state_without_dns_is_undetermined(self):
        folder = os.path.join(world.SOURCE_DIR, "tests/data/macos/tunnel")
        with tempfile.TemporaryDirectory(prefix="vpndoctor-dns-") as copy:
            for name in os.listdir(folder):
                if "scutil" not in name:
                    shutil.copy(os.path.join(folder, name), copy)
            done = run("dns", "--from", copy, "--json")
            self.assertEqual(done.returncode, 3)
            self.assertEqual(self.assert_json(done.stdout)["data"]["model"], "unknown")
            done = run("dns", "explain", "--from", copy, "a.example")
            self.assertEqual(done.returncode, 3)
            self.assertIn("not known", done.stdout)


class Macos(DnsCase):
    """A folder of captures, as a Mac's user sends it."""
    FOLDER = os.path.join(world.SOURCE_DIR, "tests/data/macos/split")

    def test_show_knows_the_resolvers(self):
        data = self.show("--from", self.FOLDER, "--fail-on", "never")
        self.assertEqual(data["model"], "macos")
        corporate = [scope for scope in data["scopes"] if scope["domains"] and scope["domains"][0]["route_only"]]
        self.assertTrue(corporate, data["scopes"])
        text = run("dns", "--from", self.FOLDER).stdout
        for words in ("systemd-resolved", "nsswitch", "port 53"):
            self.assertNotIn(words, text)

    def test_explain_follows_the_longest_domain(self):
        data = self.show("--from", self.FOLDER)
        domain, scope = next((domain["name"], scope) for scope in data["scopes"] for domain in scope["domains"]
                             if domain["route_only"] and scope["protocols"] == ["dns"])
        paths = self.explain("--from", self.FOLDER, f"host.{domain}")
        self.assertIn(paths["libc"]["asked"][0]["server"], scope["servers"])
        self.assertEqual(paths["libc"]["candidates"][0].keys() >= {"scope", "score", "rule"}, True)

    def test_every_capture_makes_a_report(self):
        folder = os.path.join(world.SOURCE_DIR, "tests/data/macos/dns")
        for name in os.listdir(folder):
            with self.subTest(name=name), tempfile.TemporaryDirectory(prefix="vpndoctor-dns-") as copy:
                shutil.copy(os.path.join(folder, name), os.path.join(copy, "scutil-dns.txt"))
                self.assertEqual(self.show("--from", copy)["model"], "macos")
                self.assertNotEqual(self.explain("--from", copy, "www.example.org"), {})
                self.assertNotRegex(run("dns", "--from", copy).stdout, r"[\x00-\x09\x0b-\x1f\x7f]")
