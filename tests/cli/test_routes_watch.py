# SPDX-License-Identifier: Apache-2.0
"""`routes watch`: events as they happen, who caused them, the summary and how it ends."""
import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import threading

import world
from world import Case, run

INTERRUPTED = 130


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


class Watch:
    """A running watch; its JSON lines as they come."""

    def __init__(self, *arguments):
        self.child = subprocess.Popen([world.TOOL, "routes", "watch", "--json", *arguments], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
        self.lines = []
        self.unread = b""

    def __enter__(self):
        assert self.next()["kind"] == "began"
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.communicate()

    def next(self):
        """The next line; waits for it."""
        while b"\n" not in self.unread:
            assert select.select([self.child.stdout], [], [], 30)[0], "no event came"
            block = os.read(self.child.stdout.fileno(), 65536)
            assert block, self.child.stderr.read().decode()
            self.unread += block
        line, self.unread = self.unread.split(b"\n", 1)
        self.lines.append(world.parse_line("routes_watch_line", line))
        return self.lines[-1]

    def until(self, text):
        """Reads lines up to one whose text contains `text`."""
        while text not in self.next().get("text", ""):
            pass
        return self.lines[-1]

    def end(self, number=signal.SIGINT):
        """Ends it by a signal; returns the summary."""
        self.child.send_signal(number)
        while self.next()["kind"] != "summary":
            pass
        return self.lines[-1]


@contextlib.contextmanager
def temporary_link(name):
    ip(f"link add {name} type veth peer name {name}p")
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "del", name], stderr=subprocess.DEVNULL, check=False)


def route_request(add, number):
    """RTM_NEWROUTE or RTM_DELROUTE for 10.77.NUMBER.0/24 dev vd0."""
    index = socket.if_nametoindex("vd0")
    body = struct.pack("BBBBBBBBI", socket.AF_INET, 24, 0, 0, 254, 4, 253, 1, 0)
    body += struct.pack("HH4s", 8, 1, bytes((10, 77, number, 0))) + struct.pack("HHi", 8, 4, index)
    kind, flags = (24, 0x405) if add else (25, 5)
    return struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0) + body


class Events(Case):
    def test_a_route_comes_and_goes(self):
        with Watch() as watch:
            ip("route add 10.20.0.0/16 via 192.0.2.2")
            event = watch.until("10.20.0.0/16")
            self.assertEqual((event["kind"], event["object"], event["interface"]), ("added", "route", "vd0"))
            self.assertEqual(event["text"], "10.20.0.0/16 via 192.0.2.2 dev vd0 added")
            self.assertRegex(event["at"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")
            ip("route del 10.20.0.0/16")
            self.assertEqual(watch.until("10.20.0.0/16")["kind"], "removed")
            summary = watch.end()
            self.assertEqual(watch.child.wait(timeout=30), INTERRUPTED)
            self.assertEqual((summary["events"], summary["interrupted"], summary["stable"]), (2, True, True))
            self.assertTrue(summary["data"]["equal"])

    def test_the_process_that_asked_is_named_with_its_parent(self):
        with Watch() as watch, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
            netlink.bind((0, 0))
            netlink.send(route_request(True, 1))
            event = watch.until("10.77.1.0/24")
            with open("/proc/self/comm", encoding="ascii") as file:
                name = file.read().strip()
            with open(f"/proc/{os.getppid()}/comm", encoding="ascii") as file:
                parent = file.read().strip()
            self.assertEqual(event["process"], {"pid": os.getpid(), "name": name, "parent": parent})
            # A second socket of the process has another port; it is found by its inode.
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as second:
                second.bind((0, 0))
                self.assertNotEqual(second.getsockname()[0], netlink.getsockname()[0])
                second.send(route_request(False, 1))
                self.assertEqual(watch.until("10.77.1.0/24")["process"]["pid"], os.getpid())

    def test_what_a_link_takes_with_it_in_silence_is_told(self):
        with temporary_link("vdw"), Watch() as watch:
            ip("link set vdw up")
            ip("link set vdwp up")
            ip("addr add 203.0.113.1/24 dev vdw")
            ip("route add 10.30.0.0/16 via 203.0.113.9")
            watch.until("10.30.0.0/16")
            ip("link del vdw")
            event = watch.until("10.30.0.0/16 via 203.0.113.9 dev vdw")
            self.assertEqual((event["kind"], event["process"]), ("removed", None))
            kinds = [line["kind"] for line in watch.lines]
            self.assertIn("resynchronised", kinds)
            summary = watch.end()
            self.assertGreaterEqual(summary["resynchronisations"], 1)
            names = {link["name"] for link in summary["data"]["links"]["removed"]}
            self.assertEqual(names, {"vdw", "vdwp"})

    def test_every_change_is_a_line_of_its_own_in_json(self):
        with Watch() as watch, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
            for add in (True, False):
                netlink.send(b"".join(route_request(add, number) for number in range(200)))
            texts = [watch.until("10.77.")["text"] for _ in range(400)]
            self.assertEqual(len(set(texts)), 400)
            self.assertTrue(watch.end()["data"]["equal"])


class Text(Case):
    def test_a_burst_is_one_line_for_people(self):
        child = subprocess.Popen([world.TOOL, "routes", "watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with child, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
            self.assertIn(b"Ctrl-C ends it", child.stderr.readline())
            netlink.send(b"".join(route_request(True, number) for number in range(100)))
            line = child.stdout.readline().decode()
            netlink.send(b"".join(route_request(False, number) for number in range(100)))
            child.stdout.readline()
            child.send_signal(signal.SIGINT)
            rest = child.stdout.read().decode()
        self.assertRegex(line, r"\A\d\d:\d\d:\d\d\.\d{3}  100 routes added through vd0, the first 10\.77\.0\.0/24")
        self.assertRegex(line, rf"\(by [^ ]+ \({os.getpid()}\)")
        self.assertIn("SAME: the end is as the start was.", rest)
        self.assertEqual(child.returncode, INTERRUPTED)


class Ends(Case):
    def test_after_its_time_with_zero(self):
        for arguments in ((), ("--json",), ("--quiet",)):
            done = run("routes", "watch", "--for", "0.1", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"\ASAME: [^\n]+\n\Z")

    def test_by_a_polite_request(self):
        with Watch() as watch:
            self.assertTrue(watch.end(signal.SIGTERM)["interrupted"])
            self.assertEqual(watch.child.wait(timeout=30), INTERRUPTED)

    def test_when_the_reader_goes_away_without_a_word(self):
        reader, writer = os.pipe()
        with subprocess.Popen([world.TOOL, "routes", "watch", "--json"], stdout=writer, stderr=subprocess.PIPE) as child:
            os.close(writer)
            self.assertIn(b"began", os.read(reader, 4096))
            os.close(reader)
            _, error = child.communicate(timeout=30)
        self.assertEqual((child.returncode, error), (0, b""))

    def test_when_the_disk_is_full(self):
        with open("/dev/full", "wb") as full:
            done = run("routes", "watch", "--json", "--for", "20", stdout=full)
        self.assertEqual(done.returncode, 4)
        self.assertIn("cannot write the result", done.stderr)

    def test_under_a_flood_it_still_ends(self):
        stop = threading.Event()

        def flood():
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
                while not stop.is_set():
                    for add in (True, False):
                        netlink.send(b"".join(route_request(add, number) for number in range(100)))

        thread = threading.Thread(target=flood)
        with Watch() as watch:
            thread.start()
            watch.until("10.77.")
            watch.child.send_signal(signal.SIGINT)
            drainer = threading.Thread(target=watch.child.stdout.read)
            drainer.start()
            self.assertEqual(watch.child.wait(timeout=30), INTERRUPTED)
            stop.set()
            drainer.join()
            thread.join()
        subprocess.run(["ip", "route", "flush", "root", "10.77.0.0/16"], check=False)
