# SPDX-License-Identifier: Apache-2.0
"""The routes commands in the hands of a stranger: readers that leave, full disks, no privilege, hostile input, odd
networks. Judges how the program fails, not what it says of a healthy machine: that is test_routes_*.py."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unicodedata

import world
from world import run

AUDIT = ["--via", "vd0"]


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Strangers(world.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vpndoctor-strangers-")
        os.chmod(cls.folder, 0o755)
        cls.saved = cls.path("saved.jsonl")
        cls.list = cls.write("list", "192.0.2.0/24\n2001:db8::/64\n")
        done = run("routes", "save", cls.saved)
        assert done.returncode == 0, done.stderr
        os.chmod(cls.saved, 0o644)
        os.environ["XDG_STATE_HOME"] = cls.folder

    @classmethod
    def tearDownClass(cls):
        os.environ.pop("XDG_STATE_HOME")
        shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def write(cls, name, content):
        with open(cls.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return cls.path(name)

    def commands(self):
        return [["show"], ["show", "--all"], ["diff", self.saved], ["explain", "192.0.2.9"],
                ["audit", self.list, *AUDIT], ["restore", self.saved], ["watch", "--for", "0.1"], ["save", "-"]]

    def assert_no_crash(self, done):
        self.assertIn(done.returncode, (0, 1, 2, 3, 4), done.stderr[-2000:])

    def test_a_reader_that_is_gone_is_no_error(self):
        for command in self.commands():
            for form in ([], ["--json"]) if command != ["save", "-"] else ([],):
                reading, writing = os.pipe()
                os.close(reading)
                with self.subTest(command=command, form=form):
                    done = run("routes", *command, *form, stdout=writing)
                    self.assert_no_crash(done)
                    # Half a snapshot is worth an error: it was to be kept.
                    self.assertEqual("Broken pipe" in done.stderr, command == ["save", "-"], done.stderr)
                os.close(writing)

    def test_a_full_disk_is_an_error_that_names_it(self):
        for command in self.commands():
            with self.subTest(command=command), open("/dev/full", "wb") as full:
                done = run("routes", *command, stdout=full)
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn("vpndoctor: cannot write the result: No space left on device\n", done.stderr)
        with open("/dev/full", "wb") as full:
            done = run("routes", "explain", "--flows", self.write("flows", "192.0.2.9\n"), stdout=full)
        self.assertEqual(done.returncode, 4, done.stderr)

    def test_closed_streams_are_survived(self):
        for streams in (">&-", "2>&-", "<&-", "<&- >&- 2>&-"):
            for command in self.commands():
                words = " ".join(["routes", *command])
                with self.subTest(command=command, streams=streams):
                    done = subprocess.run(["sh", "-c", f"{world.TOOL} {words} {streams}"], check=False, timeout=60,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    self.assertIn(done.returncode, (0, 1, 2, 3, 4), done.stderr)

    def test_without_privilege_every_command_answers(self):
        if not world.IS_ROOT:
            self.skipTest("another user needs root")
        nobody = ("setpriv", "--reuid", "nobody", "--clear-groups")
        for command in self.commands():
            with self.subTest(command=command):
                done = run("routes", *command, "--json", prefix=nobody) if command != ["save", "-"] else run(
                    "routes", *command, prefix=nobody)
                self.assertIn(done.returncode, (0, 1, 3), done.stderr + done.stdout[-500:])
        done = run("routes", "restore", self.saved, "--apply", prefix=nobody)
        self.assertIn(done.returncode, (0, 2, 3), done.stderr)
        done = run("routes", "save", prefix=nobody)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"\Avpndoctor: [^\n]+\n\Z")

    def test_wrong_values_are_refused(self):
        bad = [["explain", "300.1.1.1"], ["explain", "1.1.1.1", "--mark", "-1"], ["explain", "1.1.1.1", "--uid", "x"],
               ["explain", "1.1.1.1", "--mark", "4294967296"], ["explain", "1.1.1.1", "--sport", "65536"],
               ["explain", "1.1.1.1", "--tos", "256"], ["explain", "1.1.1.1", "--proto", "no\x1b[2Jne"],
               ["explain", "1.1.1.1", "--from-source", "::1"], ["explain", "1.1.1.1", "--from-source", "eth0"],
               ["explain", "1.1.1.1", "--without", "no\nsuch"], ["explain", "1.1.1.1", "--as-if", "nonsense"],
               ["explain"], ["explain", "1.1.1.1", "--flows", "-"], ["audit", self.list, "--via", "no\x07such"],
               ["audit", self.path("none"), *AUDIT], ["audit", self.folder, *AUDIT], ["restore", "--infer", "file"],
               ["restore", "--force"], ["restore", "--confirm", "5"], ["restore", self.path("none")],
               ["diff", self.path("none")], ["show", "--from", self.path("none")], ["show", "--from", "/dev/zero"],
               ["watch", "--for", "nan"], ["watch", "--for", "-1"], ["diff", "-", "-"]]
        for words in bad:
            for form in ([], ["--json"]):
                with self.subTest(words=words, form=form):
                    done = run("routes", *words, *form)
                    self.assertIn(done.returncode, (2, 3), done.stderr + done.stdout[:300])
                    if form:
                        self.assertTrue(json.loads(done.stdout)["error"]["message"])
                    else:
                        self.assertRegex(done.stderr, r"\Avpndoctor: [^\x00-\x09\x0b-\x1f]+\n\Z")

    def test_standard_input_can_be_read_once(self):
        for words in (["explain", "--flows", "-", "--from", "-"], ["audit", "-", *AUDIT, "--from", "-"],
                      ["restore", "-", "--from", "-"], ["diff", "-", "-"], ["diff", "-", "--from", "-"]):
            with self.subTest(words=words):
                self.assert_error(["routes", *words], 2, "standard input can be one of the two")

    def test_what_is_no_state_is_said_with_how_to_make_one(self):
        os.makedirs(self.path("empty"), exist_ok=True)
        for source in (self.path("empty"), self.write("routes.txt", "default via 192.0.2.1 dev eth0\n"),
                       self.write("nothing", "")):
            with self.subTest(source=source):
                self.assert_error(["routes", "show", "--from", source], 2, "on Linux: vpndoctor routes save FILE; on macOS: netstat")
        self.assert_error(["routes", "restore", self.path("none")], 2, "vpndoctor routes restore --infer works without one")
        self.assert_error(["routes", "audit", self.path("none"), *AUDIT], 2, "give a file of CIDRs")

    def test_another_state_can_be_saved(self):
        copy = self.path("copy.jsonl")
        done = run("routes", "save", copy, "--from", self.saved)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(run("routes", "diff", self.saved, copy).returncode, 0)
        captures = os.path.join(world.SOURCE_DIR, "tests/data/macos/tunnel")
        self.assertEqual(run("routes", "save", copy, "--from", captures).returncode, 0)
        self.assertEqual(run("routes", "diff", captures, copy).returncode, 0)
        # The baseline is this machine's.
        self.assert_error(["routes", "save", "--from", self.saved], 2, "name the file to write")

    def test_names_outside_ascii_are_shown_or_escaped_and_aligned(self):
        # Bytes of UTF-8, of ISO 8859-1, and a character that takes two columns.
        names = ["b\u00fccher0".encode(), b"b\xfccher1", "\u6771".encode()]
        locales = {"C.UTF-8": {}, "C": {}}
        if os.path.isdir(self.eight_bit_locales()):
            locales["en_US.ISO-8859-1"] = {"LOCPATH": self.eight_bit_locales()}
        script = b"; ".join(b"ip link add '%s' type bridge && ip addr add 203.0.113.%d/32 dev '%s'" % (name, i, name)
                            for i, name in enumerate(names))
        for locale, variables in locales.items():
            for words in ("show", "show --json", "explain 203.0.113.1 --json", "save -"):
                with self.subTest(locale=locale, words=words):
                    done = subprocess.run(["unshare", "-n", "sh", "-c", script + f"; {world.TOOL} routes {words}".encode()],
                                          check=False, timeout=60, capture_output=True,
                                          env={**os.environ, "LC_ALL": locale, **variables})
                    self.assertIn(done.returncode, (0, 1, 3), done.stderr)
                    text = done.stdout.decode()  # always UTF-8, of which ASCII is a part
                    self.assertTrue(locale == "C.UTF-8" or text.isascii(), text)
                    if words == "show":
                        self.assert_aligned([line for line in text.splitlines() if "203.0.113." in line and "/32" in line], len(names))

    def assert_aligned(self, lines, count):
        wide = unicodedata.east_asian_width
        columns = {sum(2 if wide(c) == "W" else 1 for c in line[:line.index("203.0.113.")]) for line in lines}
        self.assertEqual((len(lines), len(columns)), (count, 1), lines)

    def eight_bit_locales(self):
        folder = self.path("locales")
        os.makedirs(folder, exist_ok=True)
        made = shutil.which("localedef") and subprocess.run(
            ["localedef", "-i", "en_US", "-f", "ISO-8859-1", os.path.join(folder, "en_US.ISO-8859-1")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        return folder if made else ""

    def test_garbage_flows_are_refused_line_by_line(self):
        for name, content in (("binary", os.urandom(20000)), ("endless line", b"1" * 5_000_000),
                              ("nul", b"\0" * 3000 + b"\n192.0.2.9\n")):
            with self.subTest(content=name):
                done = run("routes", "explain", "--flows", self.write("flows", content))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertNotRegex(done.stdout + done.stderr, r"[\x00-\x09\x0b-\x1f\x7f]")

    def test_flows_end_with_their_reader(self):
        command = f"yes 192.0.2.9 | {world.TOOL} routes explain --flows - | head -1"
        done = subprocess.run(["sh", "-c", command], check=False, timeout=60, stdout=subprocess.PIPE)
        self.assertIn(b"192.0.2.9", done.stdout)

    def test_no_line_is_wider_than_a_terminal(self):
        for command in self.commands()[:-1]:
            with self.subTest(command=command):
                for line in run("routes", *command).stdout.splitlines():
                    self.assertLessEqual(len(line), 80, line)

    def test_the_c_locale_gets_ascii(self):
        environment = dict(os.environ, LC_ALL="C", TERM="dumb", COLUMNS="80")
        for command in self.commands():
            with self.subTest(command=command):
                done = run("routes", *command, env=environment)
                self.assertTrue((done.stdout + done.stderr).isascii())
                self.assertNotIn("\x1b", done.stdout)

    def test_names_in_a_snapshot_cannot_steer_the_terminal(self):
        with open(self.saved, encoding="ascii") as file:
            text = file.read().replace('"vd0"', '"v\\u001b[2J\\u0007"')
        hostile = self.write("hostile.jsonl", text)
        for command in (["show", "--from", hostile], ["show", "--all", "--from", hostile], ["diff", hostile],
                        ["diff", self.saved, hostile], ["explain", "192.0.2.9", "--from", hostile],
                        ["restore", hostile], ["audit", self.list, *AUDIT, "--from", hostile]):
            with self.subTest(command=command):
                done = run("routes", *command)
                self.assert_no_crash(done)
                self.assertNotRegex(done.stdout + done.stderr, r"[\x00-\x09\x0b-\x1f\x7f]")

    def test_an_empty_network_and_one_without_ipv6(self):
        for setup in ("true", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
                      "ip rule flush; ip route flush table all"):
            for command in self.commands():
                words = " ".join(["routes", *command])
                with self.subTest(setup=setup, command=command):
                    done = run_in_namespace(f"{setup}; {world.TOOL} {words}")
                    self.assertIn(done.returncode, (0, 1, 2, 3), done.stderr)
                    self.assertNotIn("internal", done.stderr)

    def test_without_proc_it_says_what_it_cannot_see(self):
        if not world.IS_ROOT:
            self.skipTest("a mount over /proc needs root")
        for command in (["show"], ["explain", "192.0.2.9"], ["restore", "--infer"], ["watch", "--for", "0.1"]):
            with self.subTest(command=command):
                done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec " + " ".join(
                    [world.TOOL, "routes", *command])], check=False, timeout=60, capture_output=True)
                self.assertIn(done.returncode, (0, 1, 3), done.stderr)

    def test_one_family_against_the_other(self):
        sides = {}
        with open(self.saved, encoding="ascii") as file:
            lines = file.read().splitlines()
        for family, foreign in (("inet", r'"destination":"[^"]*:'), ("inet6", r'"destination":"[0-9.]+/')):
            kept = [line for line in lines if not re.search(foreign, line)]
            sides[family] = self.write(family + ".jsonl", "\n".join(kept) + "\n")
        done = run("routes", "diff", sides["inet"], sides["inet6"])
        self.assert_no_crash(done)

    def test_many_rules_stay_quick_and_whole(self):
        batch = self.write("rules", "".join(f"rule add pref {1000 + i} fwmark {i + 1} lookup 77\n" for i in range(5000)))
        done = run_in_namespace(f"ip -batch {batch}; {world.TOOL} routes show; {world.TOOL} routes show --json")
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        document = json.loads(done.stdout[done.stdout.index("\n{") + 1:])
        self.assertEqual(len(document["data"]["rules"]), 5006 if len(document["data"]["rules"]) > 5005 else 5005)


def run_in_namespace(script):
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], check=False, timeout=60, capture_output=True)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done
