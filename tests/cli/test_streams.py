# SPDX-License-Identifier: Apache-2.0
"""Standard streams, terminals, signals and locales: where the answer goes, and what becomes of it on the way."""
import os
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest
from fcntl import F_SETPIPE_SZ, fcntl, ioctl

import world
from world import DEAD_HOST, Case, Resolver, run

OWN = "127.0.0.1"
COMMANDS = [["mtu", OWN], ["mtu", "--json", OWN], ["explain"], ["--help"], ["--version"]]
INTERRUPTED = 130


def through_shell(redirection, arguments):
    """Runs the tool with its descriptors as a shell's redirection leaves them."""
    return subprocess.run(["sh", "-c", f'exec "$0" "$@" {redirection}', world.TOOL, *arguments], timeout=60, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


class Streams(Case):
    def test_a_result_that_cannot_be_written_is_an_error_of_its_own(self):
        for redirection, why in [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")]:
            for arguments in COMMANDS:
                with self.subTest(redirection=redirection, arguments=arguments):
                    done = through_shell(redirection, arguments)
                    self.assertEqual(done.returncode, 4)
                    self.assertEqual(done.stderr.decode(), f"vpndoctor: cannot write the result: {why}\n")

    def test_no_socket_takes_the_place_of_a_closed_descriptor(self):
        done = through_shell(">&- 2>&- <&-", ["mtu", "--deadline", "0.1", DEAD_HOST])
        self.assertEqual(done.returncode, 4)

    def test_a_useless_stderr_changes_no_exit_code(self):
        for redirection in ("2>&-", "2>/dev/full"):
            self.assertEqual(through_shell(redirection, ["mtu", "bad host"]).returncode, 2)
            self.assertEqual(through_shell(redirection, ["mtu", OWN]).returncode, 0)

    def test_a_reader_that_went_away_changes_no_exit_code(self):
        for arguments in COMMANDS:
            reader, writer = os.pipe()
            os.close(reader)
            self.assertEqual(run(*arguments, stdout=writer).returncode, 0, arguments)
            os.close(writer)

    def test_quiet_is_one_line(self):
        done = run("mtu", "--quiet", OWN)
        self.assertRegex(done.stdout, r"\AOK: [^\n]+\n\Z")
        self.assertEqual(done.stderr, "")


def in_terminal(columns, arguments, **environment):
    """What a terminal of this width is sent on stdout."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
    variables.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
    child = subprocess.Popen([world.TOOL, *arguments], stdout=slave, stderr=subprocess.DEVNULL, env=variables)
    os.close(slave)
    sent = b""
    try:
        while block := os.read(master, 65536):
            sent += block
    except OSError:  # EIO: the last writer has gone
        pass
    child.wait()
    os.close(master)
    return sent.decode().replace("\r\n", "\n")


class Terminals(Case):
    def test_colour_is_for_terminals_that_take_it(self):
        arguments = ["mtu", OWN]
        self.assertIn("\x1b[", in_terminal(80, arguments))
        self.assertIn("\x1b[", in_terminal(80, arguments, NO_COLOR=""))
        self.assertNotIn("\x1b", in_terminal(80, arguments, NO_COLOR="1"))
        self.assertNotIn("\x1b", in_terminal(80, arguments, TERM="dumb"))
        self.assertNotIn("\x1b", in_terminal(80, ["mtu", "--color", "never", OWN]))
        self.assertIn("\x1b[", in_terminal(80, ["mtu", "--color", "always", OWN], NO_COLOR="1", TERM="dumb"))
        self.assertNotIn("\x1b", run(*arguments).stdout)
        self.assertIn("\x1b[", run("mtu", "--color", "always", OWN).stdout)
        self.assertNotIn("\x1b", run("mtu", "--color", "always", "--json", OWN).stdout)

    def test_progress_is_shown_on_a_terminal_and_removed(self):
        master, slave = pty.openpty()
        with Resolver() as resolver, subprocess.Popen(
                [world.TOOL, "mtu", "dead.example"], stdout=subprocess.PIPE, stderr=slave,
                env={**os.environ, "TERM": "xterm"}) as child:
            resolver.question()
            shown = b""
            while b"resolving dead.example ..." not in shown:
                self.assertTrue(select.select([master], [], [], 10)[0], "no progress is shown")
                shown += os.read(master, 4096)
            child.send_signal(signal.SIGINT)
            self.assertEqual(child.wait(timeout=60), INTERRUPTED)
            while select.select([master], [], [], 0)[0]:
                shown += os.read(master, 4096)
        os.close(slave)
        os.close(master)
        self.assertIn(b"\r\x1b[Kvpndoctor: interrupted", shown)

    def test_addresses_are_never_broken(self):
        name, address = "br-0123456789ab", "2001:db8::508e:2bff:fe7e:e748/64"
        for command in (f"link add {name} type bridge", f"link set {name} up", f"addr add {address} dev {name} nodad"):
            subprocess.run(["ip", *command.split()], check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "del", name], check=False)
        for columns in (80, 60, 40):
            for words in ([], ["--all"]):
                text = in_terminal(columns, ["routes", "show", "--color", "never", *words])
                links = text[text.index("Links"):text.index("IPv4 routes")].splitlines()
                with self.subTest(columns=columns, words=words, links=links):
                    self.assertTrue(any(address in line for line in links))
                    self.assertTrue(any("addresses" in line for line in links))
                    self.assertEqual(any("fe80::" in line for line in links), bool(words))
                    if columns > 40:
                        self.assertLessEqual(max(map(len, links)), columns)

    def test_paragraphs_fit_the_terminal(self):
        text = ["explain", "--color", "never", "MTU001"]
        for columns, longest in [(80, 80), (40, 40), (200, 80)]:
            lines = in_terminal(columns, text).splitlines()
            self.assertLessEqual(max(map(len, lines)), longest, columns)
        self.assertGreater(len(in_terminal(40, text).splitlines()), len(in_terminal(80, text).splitlines()))


class Signals(Case):
    def assert_interrupted(self, arguments, began, signal_number):
        with subprocess.Popen([world.TOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            began()
            child.send_signal(signal_number)
            out, error = child.communicate(timeout=60)
        self.assertEqual(child.returncode, INTERRUPTED, error)
        return out.decode(), error.decode()

    def test_while_a_resolver_is_silent(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Resolver() as resolver:
                out, _ = self.assert_interrupted(["mtu", "--json", "dead.example"], resolver.question, number)
                document = self.assert_json(out)
                self.assertTrue(document["incomplete"])
                self.assertEqual(document["error"]["kind"], "unknown_host")
            with Resolver() as resolver:
                out, error = self.assert_interrupted(["mtu", "dead.example"], resolver.question, number)
                self.assertEqual(out, "")
                self.assertRegex(error, r"\Avpndoctor: interrupted [^\n]+\n\Z")

    def test_while_probing_reports_what_is_known(self):
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as wire:
            wire.settimeout(30)
            wire.bind(("vd1", 0x0800))
            for number in (signal.SIGINT, signal.SIGTERM):
                for method in ("auto", "icmp", "udp", "tcp"):
                    arguments = ["mtu", "--method", method, "--json", DEAD_HOST]
                    with self.subTest(number=number, method=method):
                        out, error = self.assert_interrupted(arguments, lambda: wire.recv(100), number)
                        document = self.assert_json(out)
                        self.assertTrue(document["incomplete"])
                        self.assertEqual((document["verdict"], document["error"]), ("undetermined", None))
                        self.assertEqual(error, "")
                        wire.setblocking(False)
                        with self.assertRaises(BlockingIOError):  # nothing is sent any more
                            while wire.recv(100):
                                pass
                        wire.settimeout(30)
            out, _ = self.assert_interrupted(["mtu", DEAD_HOST], lambda: wire.recv(100), signal.SIGINT)
            self.assertIn("Interrupted", out)


class Waits(Case):
    """What a command waits for may never come: a signal ends it then, without a second one."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vpndoctor-waits-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.fifo = self.path("fifo")
        os.mkfifo(self.fifo)
        self.saved = self.path("saved.jsonl")
        self.assertEqual(run("routes", "save", self.saved).returncode, 0)
        self.list = self.write("list", "192.0.2.0/24\n")
        self.flows = self.write("flows", f"{DEAD_HOST}\n" * 20000)

    def captures(self, count):
        """A folder of captures with so many routes."""
        os.mkdir(self.path("captures"))
        lines = [f"10.{i >> 8}.{i & 255}/24 192.0.2.1 UGSc en0\n" for i in range(count)]
        self.write("captures/netstat.txt", "Internet:\nDestination Gateway Flags Netif Expire\n" + "".join(lines))
        return self.path("captures")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        return self.path(name)

    def commands(self, source):
        """Those that read `source`, with what SIGINT makes of them: only --flows has something to report."""
        killed = -signal.SIGINT
        return [(["show", "--from", source], killed), (["diff", source], killed),
                (["diff", self.saved, source], killed), (["save", self.path("out"), "--from", source], killed),
                (["explain", DEAD_HOST, "--from", source], killed),
                (["explain", "--flows", self.flows, "--from", source], killed),
                (["explain", "--flows", source], INTERRUPTED), (["restore", source], killed),
                (["restore", source, "--apply"], killed), (["restore", self.saved, "--from", source], killed),
                (["audit", source, "--via", "vd0"], killed),
                (["audit", self.list, "--via", "vd0", "--from", source], killed)]

    def assert_ends(self, child, number, *codes):
        try:
            child.send_signal(number)
            self.assertIn(child.wait(timeout=10), codes)
        finally:
            child.kill()
            child.communicate()

    def unread(self, descriptor):
        return struct.unpack("i", ioctl(descriptor, termios.FIONREAD, bytes(4)))[0]

    def wait_until(self, child, condition):
        while not condition():
            self.assertIsNone(child.poll(), "it ended by itself")
            os.sched_yield()

    def test_on_a_fifo_whose_writer_says_nothing(self):
        for words, code in self.commands(self.fifo):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(words=words, number=number):
                    child = subprocess.Popen([world.TOOL, "routes", *words], stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL)
                    self.wait_until(child, self.writer_can_open)
                    # With --flows, what came before the first line was nothing to report.
                    self.assert_ends(child, number, -number, *([code] if code > 0 else []))
                    self.close_writer()

    def has_open(self, child, path):
        links = []
        for number in os.listdir(f"/proc/{child.pid}/fd"):
            try:
                links.append(os.readlink(f"/proc/{child.pid}/fd/{number}"))
            except OSError:  # closed meanwhile
                pass
        return path in links

    def wait_for_writer(self, words):
        """A command that reads a capture from the FIFO, once it waits for what nobody writes yet."""
        child = subprocess.Popen([world.TOOL, *words, "--json", "--read", self.fifo], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(child.communicate)
        self.addCleanup(child.kill)
        end = time.monotonic() + 30
        self.wait_until(child, lambda: self.has_open(child, self.fifo) or time.monotonic() > end)
        self.assertTrue(self.has_open(child, self.fifo), "it waits for the writer before it can be interrupted")
        return child

    def test_on_a_fifo_of_a_capture_that_has_no_writer(self):
        for words in (["leaks"], ["mtu"]):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(words=words, number=number):
                    child = self.wait_for_writer(words)
                    child.send_signal(number)
                    document = self.assert_json(child.communicate(timeout=10)[0].decode())
                    self.assertEqual((child.returncode, document["incomplete"]), (INTERRUPTED, True))

    def test_a_capture_whose_writer_comes_later_is_read(self):
        for words in (["leaks"], ["mtu"]):
            with self.subTest(words=words):
                child = self.wait_for_writer(words)
                with open(self.fifo, "wb") as writer:
                    writer.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
                document = self.assert_json(child.communicate(timeout=10)[0].decode())
                self.assertIsNone(document["error"])

    def writer_can_open(self):
        """Opens the other end once the tool has opened its own."""
        try:
            self.writer = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        return True

    def close_writer(self):
        os.close(self.writer)

    def test_on_standard_input_that_does_not_end(self):
        for words, code in self.commands("-"):
            with self.subTest(words=words):
                reader, writer = os.pipe()
                child = subprocess.Popen([world.TOOL, "routes", *words], stdin=reader, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
                os.write(writer, b"{" if "--flows" not in words or "--from" in words else b"1")
                self.wait_until(child, lambda: self.unread(reader) == 0)  # pylint: disable=cell-var-from-loop
                self.assert_ends(child, signal.SIGINT, code)
                os.close(reader)
                os.close(writer)

    def test_on_a_reader_that_does_not_read(self):
        killed = -signal.SIGINT
        many = self.captures(2000)
        prefixes = self.write("prefixes", "".join(f"10.{i}.0.0/16\n" for i in range(0, 250, 2)))
        for words, code in [(["show", "--all", "--from", many], killed), (["show", "--json", "--from", many], killed),
                            (["save", "-", "--from", many], killed),
                            (["audit", prefixes, "--via", "vd0", "--json"], killed),
                            (["explain", "--flows", self.flows], INTERRUPTED),
                            (["explain", "--flows", self.flows, "--json"], INTERRUPTED),
                            (["watch", "--json"], INTERRUPTED)]:
            with self.subTest(words=words):
                reader, writer = os.pipe()
                fcntl(writer, F_SETPIPE_SZ, 4096)  # one page, and no second write before it is read
                child = subprocess.Popen([world.TOOL, "routes", *words], stdout=writer, stderr=subprocess.DEVNULL)
                os.close(writer)
                self.wait_until(child, lambda: self.unread(reader) > 0)  # pylint: disable=cell-var-from-loop
                self.assert_ends(child, signal.SIGINT, code)
                os.close(reader)

    def test_a_watch_whose_events_nobody_reads(self):
        batch = self.write("batch", "".join(f"route add 10.66.{i}.0/24 via {DEAD_HOST}\n" for i in range(250)))
        self.addCleanup(subprocess.run, ["ip", "route", "flush", "root", "10.66.0.0/16"], check=False)
        reader, writer = os.pipe()
        pages = 4
        fcntl(writer, F_SETPIPE_SZ, pages * 4096)
        child = subprocess.Popen([world.TOOL, "routes", "watch", "--json"], stdout=writer, stderr=subprocess.DEVNULL)
        os.close(writer)
        self.wait_until(child, lambda: self.unread(reader) > 0)
        subprocess.run(["ip", "-batch", batch], check=True)
        # No line is begun on a page that it does not fit on, nor on the last one when something is there.
        self.wait_until(child, lambda: self.unread(reader) > (pages - 1) * 3600)
        self.assert_ends(child, signal.SIGTERM, INTERRUPTED)
        os.close(reader)

    def test_a_save_that_is_interrupted_leaves_no_half_file(self):
        child = subprocess.Popen([world.TOOL, "routes", "save", self.path("out"), "--from", self.captures(65536)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None and not any(name.startswith(".vpndoctor") for name in os.listdir(self.folder)):
            pass
        self.assert_ends(child, signal.SIGINT, -signal.SIGINT, 0)
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".vpndoctor")])
        self.assertEqual(run("routes", "save", self.path("copy"), "--from", self.path("out")).returncode, 0)

    def test_a_limit_on_the_size_of_files_is_an_error_of_the_write(self):
        for target, code in ((self.path("out"), 3), ("-", 4)):
            with self.subTest(target=target), open(self.path("stdout"), "wb") as stdout:
                done = subprocess.run(["sh", "-c", 'ulimit -f 1; exec "$0" routes save "$1"', world.TOOL, target],
                                      stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertRegex(done.stderr.decode(), r"\Avpndoctor: cannot write [^\n]*File too large[^\n]*\n\Z")
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".vpndoctor")])
        self.assertFalse(os.path.exists(self.path("out")))


class Names(Case):
    def asked_for(self, host, locale, **environment):
        """The name that the resolver is asked for when `host` is typed, and the exit code and stderr."""
        variables = {**os.environ, "LC_ALL": locale, **environment}
        with Resolver() as resolver:
            with subprocess.Popen([world.TOOL, "mtu", host], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=variables) as child:
                names = set()
                while child.poll() is None:
                    resolver.socket.settimeout(0.05)
                    try:
                        name, refuse = resolver.question()
                    except TimeoutError:
                        continue
                    names.add(name)
                    refuse()
                error = child.stderr.read()
        self.assertEqual(len(names), 1, error)
        return names.pop(), child.returncode, error

    def test_international_names_are_asked_for_in_their_ascii_form(self):
        name = "bücher.münchen.example"
        for locale in ("C.UTF-8", "C"):
            asked, code, _ = self.asked_for(name.encode(), locale)
            self.assertEqual((asked, code), (name.encode("idna").decode(), 3))

    def test_names_in_an_eight_bit_locale_are_understood(self):
        with tempfile.TemporaryDirectory() as folder:
            made = shutil.which("localedef") and subprocess.run(
                ["localedef", "-i", "en_US", "-f", "ISO-8859-1", os.path.join(folder, "en_US.ISO-8859-1")],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
            if not made:
                self.skipTest("localedef cannot make en_US.ISO-8859-1 here")
            name = "bücher.example"
            asked, code, error = self.asked_for(name.encode("latin-1"), "en_US.ISO-8859-1", LOCPATH=folder)
            self.assertEqual((asked, code), (name.encode("idna").decode(), 3))
            self.assertTrue(error.isascii())

    def test_what_the_terminal_cannot_show_is_escaped(self):
        for locale, shown in (("C.UTF-8", "'bücher.example'"), ("C", "'b\\u{fc}cher.example'")):
            _, _, error = self.asked_for("bücher.example".encode(), locale)
            self.assertIn(shown, error.decode())

    def test_an_unknown_name_is_an_answer_that_could_not_be_given(self):
        _, code, error = self.asked_for(b"nowhere.example", "C")
        self.assertEqual(code, 3)
        self.assertIn(b"there is no such name", error)

    def test_a_silent_resolver_ends_at_the_deadline(self):
        with Resolver():
            self.assert_error(["mtu", "--deadline", "0.2", "dead.example"], 3, "no resolver answered in time",
                              "unknown_host")
