# SPDX-License-Identifier: Apache-2.0
"""`leaks` as a user meets it: options that contradict, no privilege, signals, terminals, saved states, foreign names.
What it finds is tested elsewhere."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unicodedata
import unittest

import world
from scene import hold_tun
from test_arguments import UNPRIVILEGED
from test_streams import in_terminal, through_shell
from world import IS_ROOT, SOURCE_DIR, Case, run

CONTRADICTIONS = [
    (["--capture", "1", "--read", "x"], "--capture and --read"), (["--write", "x"], "--write needs packets"),
    (["--from", "x", "--capture", "1"], "--from names another state"),
    (["--from", "x", "--active", "192.0.2.2"], "--from names another state"),
    (["--interface", "vd0"], "neither was asked for"), (["--capture", "1", "--write", "-"], "standard output"),
    (["--read", "-", "--from", "-"], "read once only"), (["--before", "-", "--from", "-"], "read once only"),
    (["--before", "-", "--read", "-"], "read once only"),
]

WRONG_VALUES = [
    ("--capture", ["0", "-1", "soon", "nan", "86401", ""], ""), ("--expect", ["none", "FULL", "", "all"], ""),
    ("--vpn", [""], "empty"), ("--active", [""], "empty"), ("--read", [""], "empty"), ("--before", [""], "empty"),
]

HOSTILE_FILES = {
    "binary": bytes(range(256)) * 64, "empty": b"", "a line": b"vpn\n", "escapes": b"\x1b[31mred\x07\n" * 9,
    "cut JSON": b'{"schema":"vpndoctor-snapshot","ver', "zeros": bytes(100_000), "long line": b"x" * 3_000_000,
    "not UTF-8": b'{"a":"\xff\xfe"}\n',
}


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@contextlib.contextmanager
def tunnel(name, *addresses):
    """A tun device that this program holds."""
    descriptor = hold_tun(name)
    try:
        ip("link", "set", name, "up")
        for address in addresses:
            ip("addr", "add", address, "dev", name)
        yield
    finally:
        os.close(descriptor)


class LeaksCase(Case):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vpndoctor-leaks-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def save(self, name="saved.jsonl"):
        done = run("routes", "save", self.path(name))
        self.assertEqual(done.returncode, 0, done.stderr)
        os.chmod(self.path(name), 0o644)
        return self.path(name)

    def leaks(self, *arguments, **options):
        """The document; the exit status is what its verdict says."""
        done = run("leaks", "--json", *arguments, **options)
        document = self.assert_json(done.stdout)
        self.assertEqual(done.stderr, "")
        expected = {"ok": 0, "problem": 1, "undetermined": 3}[document["verdict"]]
        self.assertEqual(done.returncode, expected)
        self.assertIsNone(document["error"])
        return document


class Arguments(LeaksCase):
    def test_options_that_contradict_are_refused_with_what_is_right(self):
        for arguments, words in CONTRADICTIONS:
            with self.subTest(arguments=arguments):
                self.assert_error(["leaks", *arguments], 2, words)

    def test_wrong_values_are_refused(self):
        for option, values, words in WRONG_VALUES:
            for value in values:
                with self.subTest(option=option, value=value):
                    self.assert_error(["leaks", option, value], 2, words or option)

    def test_an_interface_that_is_not_there_is_refused(self):
        for name in ("nope", "a\x1b[31mb", "x" * 5000, "lo0"):
            for what in (["--capture", "1"], ["--active", "192.0.2.2"]):
                with self.subTest(name=name[:20], what=what):
                    self.assert_error(["leaks", *what, "--interface", name], 2, "there is no interface")

    def test_an_option_takes_one_value(self):
        self.assert_error(["leaks", "--capture", "1", "--interface", "vd0", "vd1"], 2, "unexpected argument 'vd1'")
        self.assert_error(["leaks", "now"], 2, "unexpected argument 'now'")

    def test_a_file_that_is_not_there_is_named(self):
        for option in ("--from", "--before"):
            self.assert_error(["leaks", option, "/nonexistent"], 2, "/nonexistent")

    def test_one_file_is_not_read_and_written(self):
        file = self.write("capture.pcap", b"anything")
        os.link(file, self.path("the-same"))
        for other in (file, self.path("the-same"), self.folder + "//capture.pcap"):
            self.assert_error(["leaks", "--read", file, "--write", other], 2, "--write names the file that --read reads")
        with open(file, "rb") as kept:
            self.assertEqual(kept.read(), b"anything")


class States(LeaksCase):
    def test_this_machine(self):
        document = self.leaks()
        self.assertEqual(document["command"], "leaks")
        data = document["data"]
        self.assertEqual((data["state"]["source"], data["capture"], data["active"]), (None, None, None))
        self.assertEqual((data["tunnels"], data["expectation"]), ([], None))
        self.assertTrue(all(source["known"] or source["why_missing"] for source in data["sources"]))

    def test_a_tunnel_is_listed_with_its_holder(self):
        with tunnel("tun0", "10.8.0.2/24"):
            document = self.leaks()
        each = {one["interface"]: one for one in document["data"]["tunnels"]}["tun0"]
        self.assertEqual(each["holder"]["pid"], os.getpid())

    def test_a_saved_state_says_the_same_wherever_it_comes_from(self):
        with tunnel("tun0", "10.8.0.2/24"):
            saved = self.save()
        from_file = self.leaks("--from", saved)["data"]
        with open(saved, "rb") as file:
            from_input = self.leaks("--from", "-", stdin=file)["data"]
        self.assertEqual((from_file.pop("state")["source"], from_input.pop("state")["source"]), (saved, "standard input"))
        self.assertEqual(from_file, from_input)
        self.assertEqual([each["interface"] for each in from_file["tunnels"]], ["tun0"])
        self.assertIsNone(from_file["tunnels"][0]["counters"])

    def test_a_saved_state_holds_what_root_alone_can_read(self):
        names = {each["name"]: each["known"] for each in self.leaks("--from", self.save())["data"]["sources"]}
        live = {each["name"]: each["known"] for each in self.leaks()["data"]["sources"]}
        self.assertEqual({**names, "counters": True}, {**live, "counters": True})

    def test_a_folder_of_macos(self):
        document = self.leaks("--from", os.path.join(SOURCE_DIR, "tests/data/macos/tunnel"), "--fail-on", "never")
        self.assertEqual(document["data"]["state"]["platform"], "macos")
        text = run("leaks", "--from", os.path.join(SOURCE_DIR, "tests/data/macos/tunnel"), "--verbose").stdout
        self.assertIn("utun4", text)
        self.assertNotIn("sudo ip ", text)

    def test_the_tunnel_that_is_expected_and_missing_is_an_error(self):
        for arguments in (["--vpn", "wg7"], ["--expect", "full"], ["--expect", "full", "--vpn", "wg7"]):
            with self.subTest(arguments=arguments):
                document = self.leaks(*arguments)
                self.assertEqual(document["verdict"], "problem")
                self.assertEqual(document["findings"][0]["severity"], "error")
                self.assertEqual(self.leaks(*arguments, "--fail-on", "never")["verdict"], "ok")

    def test_what_was_expected_is_said(self):
        text = run("leaks", "--expect", "split", "--vpn", "wg7").stdout
        self.assertRegex(text, r"expected +a part of the traffic goes through wg7")

    def test_a_baseline_is_used_where_there_is_one_and_missed_where_there_is_none(self):
        environment = {**os.environ, "XDG_STATE_HOME": self.folder}
        self.assertIsNone(self.leaks(env=environment)["data"]["before"])
        self.assertEqual(run("routes", "save", env=environment).returncode, 0)
        self.assertEqual(self.leaks(env=environment)["data"]["before"], "the baseline")
        saved = self.save()
        self.assertIsNone(self.leaks("--from", saved, env=environment)["data"]["before"])
        self.assertEqual(self.leaks("--from", saved, "--before", saved, env=environment)["data"]["before"], saved)

    def test_a_baseline_that_is_broken_ends_nothing_and_is_said(self):
        environment = {**os.environ, "XDG_STATE_HOME": self.folder}
        self.assertEqual(run("routes", "save", env=environment).returncode, 0)
        self.write("vpndoctor/baseline.jsonl", b"\x1b[31mbroken\n")
        data = self.leaks(env=environment)["data"]
        self.assertIsNone(data["before"])
        self.assertTrue(data["why_no_before"])
        text = run("leaks", env=environment).stdout
        self.assertIn("the baseline: ", text)
        self.assertNotIn("\x1b", text)


class Strangers(LeaksCase):
    def test_hostile_files_are_refused(self):
        for name, content in HOSTILE_FILES.items():
            file = self.write(name.replace(" ", "-"), content)
            for option in ("--from", "--before", "--read"):
                with self.subTest(name=name, option=option):
                    done = run("leaks", option, file)
                    self.assertIn(done.returncode, (2, 3))
                    self.assertEqual(done.stdout, "")
                    self.assertRegex(done.stderr, r"\Avpndoctor: [^\n\x1b]+\n\Z")

    def test_a_state_cut_anywhere_is_no_crash(self):
        with tunnel("tun0", "10.8.0.2/24"), open(self.save(), "rb") as file:
            whole = file.read()
        for cut in range(0, len(whole), max(len(whole) // 40, 1)):
            done = run("leaks", "--from", "-", "--json", input=whole[:cut], stdin=None)
            self.assertIn(done.returncode, (0, 1, 2, 3), (cut, done.stderr[-500:]))
            self.assert_json(done.stdout)

    def test_foreign_names_do_not_steer_the_terminal(self):
        names = ["a\x1b[31mb\x07", "x\u202ecba", "m\u00fcnchen", "a\x7fb", "$(reboot)", "';ls#"]
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(tunnel(name, f"10.9.{names.index(name)}.2/24"))
            saved = self.save()
            outputs = [run("leaks", *words, env={**os.environ, "LC_ALL": locale}).stdout
                       for words in ([], ["--verbose"], ["--from", saved]) for locale in ("C", "C.UTF-8")]
            document = self.leaks("--fail-on", "never")
        self.assertEqual(sorted(each["interface"] for each in document["data"]["tunnels"]), sorted(names))
        for text in outputs:
            for character in text:
                self.assertTrue(character == "\n" or unicodedata.category(character) not in ("Cc", "Cf"), repr(character))

    def test_a_line_of_each_page_fits_the_terminal(self):
        with tunnel("tun0123456789ab", "10.8.0.2/24", "2001:db8:8:8:8888:8888:8888:8888/64"):
            ip("route", "add", "2001:db8:7::/48", "dev", "tun0123456789ab")
            for words in ([], ["--verbose"]):
                text = in_terminal(80, ["leaks", "--color", "never", *words])
                self.assertLessEqual(max(len(line) for line in text.splitlines()), 80)
                self.assertIn("tun0123456789ab", text)

    def test_colour_follows_the_terminal(self):
        self.assertNotIn("\x1b", in_terminal(80, ["leaks"], TERM="dumb"))
        self.assertIn("\x1b[", in_terminal(80, ["leaks"]))

    def test_quiet_is_one_line(self):
        done = run("leaks", "--quiet")
        self.assertRegex(done.stdout, r"\A[A-Z]+: [^\n]+\n\Z")
        self.assertEqual(done.stderr, "")

    def test_a_reader_that_is_gone_is_no_error(self):
        expected = run("leaks").returncode
        for form in ([], ["--json"]):
            reader, writer = os.pipe()
            os.close(reader)
            self.assertEqual(run("leaks", *form, stdout=writer).returncode, expected)
            os.close(writer)

    def test_a_full_disk_is_an_error(self):
        for form in ([], ["--json"]):
            done = through_shell(">/dev/full", ["leaks", *form])
            self.assertEqual(done.returncode, 4)
            self.assertIn(b"cannot write the result", done.stderr)

    @unittest.skipUnless(IS_ROOT, "needs a second user")
    def test_without_privilege_what_cannot_be_read_is_said(self):
        with tunnel("tun0", "10.8.0.2/24"):
            data = self.leaks("--fail-on", "never", prefix=UNPRIVILEGED)["data"]
        each = data["tunnels"][0]
        self.assertIsNone(each["holder"])
        self.assertTrue(each["holder_unknown_because"])
        self.assertNotIn(each["state"], ("orphan", "dead"))
        self.assertFalse({one["name"]: one["known"] for one in data["sources"]}["firewall"])

    @unittest.skipUnless(IS_ROOT, "needs a second user")
    def test_without_privilege_a_capture_is_refused_with_the_way_to_get_it(self):
        done = run("leaks", "--json", "--capture", "1", "--interface", "vd0", prefix=UNPRIVILEGED)
        error = self.assert_json(done.stdout)["error"]
        self.assertEqual((done.returncode, error["kind"]), (3, "permission"))
        self.assertTrue(error["hint"])


def wait_until(child, condition):
    while not condition():
        assert child.poll() is None, "it ended by itself"
        os.sched_yield()


def holds_signals(child):
    """It has something to report, and takes SIGINT as a request to do so."""
    with open(f"/proc/{child.pid}/status", encoding="ascii") as file:
        blocked = int(re.search(r"^SigBlk:\s+([0-9a-f]+)", file.read(), re.MULTILINE).group(1), 16)
    return bool(blocked & 1 << (signal.SIGINT - 1))


class Signals(LeaksCase):
    def interrupted(self, number, *arguments):
        with subprocess.Popen([world.TOOL, "leaks", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            try:
                wait_until(child, lambda: holds_signals(child))
                child.send_signal(number)
                out, error = child.communicate(timeout=60)
            finally:
                child.kill()
        self.assertEqual((child.returncode, error), (130, b""))
        return out.decode()

    def test_during_the_wait_or_a_capture_what_is_known_is_reported(self):
        with tunnel("tun0", "10.8.0.2/24"):
            for arguments in ([], ["--capture", "3600", "--interface", "vd0"]) if IS_ROOT else ([],):
                for number in (signal.SIGINT, signal.SIGTERM):
                    with self.subTest(arguments=arguments, number=number):
                        document = self.assert_json(self.interrupted(number, "--json", *arguments))
                        self.assertTrue(document["incomplete"])
                        self.assertEqual([each["interface"] for each in document["data"]["tunnels"]], ["tun0"])
                        self.assertEqual(document["data"]["capture"] is not None, bool(arguments))
            self.assertIn("Interrupted", self.interrupted(signal.SIGINT))

    def test_a_state_that_never_comes_is_given_up_at_once(self):
        os.mkfifo(self.path("fifo"))
        for option in ("--from", "--before"):
            with self.subTest(option=option), subprocess.Popen(
                    [world.TOOL, "leaks", option, self.path("fifo")], stdout=subprocess.DEVNULL) as child:
                writer = []

                def opened(writer=writer):
                    with contextlib.suppress(OSError):
                        writer.append(os.open(self.path("fifo"), os.O_WRONLY | os.O_NONBLOCK))
                    return bool(writer)

                try:
                    wait_until(child, opened)
                    child.send_signal(signal.SIGINT)
                    self.assertEqual(child.wait(timeout=10), -signal.SIGINT)
                finally:
                    child.kill()
                os.close(writer[0])
