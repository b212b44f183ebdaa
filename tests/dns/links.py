# SPDX-License-Identifier: Apache-2.0
"""Links of the machine, and at the other end of each a network namespace with a DNS server that says who it is."""
import ctypes
import fcntl
import itertools
import os
import select
import socket
import struct
import subprocess
import threading

import dns_message
from daemons import Daemon

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETIFINDEX = 0x400454CA, 0x400454DA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LIBC = ctypes.CDLL(None, use_errno=True)


def batch(*commands, namespace=None):
    """Has one `ip` carry out commands, which must succeed."""
    words = ["ip", *(["-n", namespace] if namespace else []), "-batch", "-"]
    subprocess.run(words, input="\n".join(commands) + "\n", text=True, check=True)


class InNamespace:
    """Sockets and devices that are made meanwhile belong to this network namespace."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        with open("/proc/self/ns/net", "rb") as here:
            self.here = os.dup(here.fileno())
        with open(f"/run/netns/{self.name}", "rb") as there:
            assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def __exit__(self, *_):
        assert LIBC.setns(self.here, CLONE_NEWNET) == 0
        os.close(self.here)


def open_tun(name, index):
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, TUNSETIFINDEX, struct.pack("I", index))
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


class TunRelay:
    """Carries packets between pairs of tun devices."""

    def __init__(self):
        self.other_end = {}
        self.poll = select.epoll()
        self.lock = threading.Lock()
        self.stop_read, self.stop_write = os.pipe()
        self.poll.register(self.stop_read, select.EPOLLIN)
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def join(self, here, there):
        with self.lock:
            self.other_end.update({here: there, there: here})
        for descriptor in (here, there):
            self.poll.register(descriptor, select.EPOLLIN)

    def part(self, here):
        """Closes a pair: both devices vanish."""
        with self.lock:
            there = self.other_end.pop(here)
            del self.other_end[there]
            for descriptor in (here, there):
                self.poll.unregister(descriptor)
                os.close(descriptor)

    def carry(self):
        while True:
            ready = self.poll.poll()
            if any(descriptor == self.stop_read for descriptor, _ in ready):
                return
            self.drain()

    def drain(self):
        """Returns once every packet that was sent before has arrived."""
        with self.lock:
            for here, there in self.other_end.items():
                carry_all(here, there)

    def end(self):
        os.write(self.stop_write, b"x")
        self.thread.join()
        for descriptor in (*self.other_end, self.stop_read, self.stop_write):
            os.close(descriptor)
        self.poll.close()


def carry_all(here, there):
    try:
        while True:
            packet = os.read(here, 65536)
            try:
                os.write(there, packet)
            except OSError:
                pass  # that end is down
    except OSError:
        pass  # nothing more, or this end is down


class Peer:
    """A network namespace with a dnsmasq that answers every name with its own number."""

    def __init__(self, name, number):
        self.namespace, self.number = f"peer-{name}", number
        self.address, self.address6 = f"203.0.113.{number}", f"2001:db8:53::{number:x}"
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        batch("link set lo up", namespace=self.namespace)
        self.server = None
        self.barriers = itertools.count()
        self.first_line = 0
        with InNamespace(self.namespace):
            self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def start_server(self, *options):
        """(Re)starts the DNS server, with more options of dnsmasq, and returns once it takes questions. Names below
        nx.example do not exist; addresses in 10.0.0.0/8 have names."""
        if self.server:
            self.server.end()
        self.server = Daemon(("ip", "netns", "exec", self.namespace, "dnsmasq", "-k", "--conf-file=/dev/null",
                              "--no-resolv", "--no-hosts", "--user=root", "--address=/nx.example/",
                              f"--address=/#/{self.address}", f"--address=/#/{self.address6}",
                              f"--synth-domain=peer{self.number}.example,10.0.0.0/8",
                              "--log-queries=extra", "--log-facility=-", "--pid-file=", "--edns-packet-max=4096",
                              "--local-ttl=1", *options))
        self.server.wait_for("started, version")
        self.first_line = 0

    def forget(self):
        """Has questions() start afresh."""
        self.first_line = len(self.server.lines)

    def questions(self):
        """The names that it was asked for since forget(), as often as it was, in lower case; all that had arrived by
        now."""
        barrier = f"barrier-{next(self.barriers)}.test"
        self.inside.sendto(dns_message.question(barrier, "A"), ("127.0.0.1", 53))
        self.server.wait_for(rf"query\[A\] {barrier} ")
        return [line.split(" query[", 1)[1].split(" ")[1].lower() for line in self.server.lines[self.first_line:]
                if " query[" in line and ".test from 127.0.0.1" not in line]

    def was_asked(self, name):
        return name.lower().rstrip(".") in self.questions()

    def end(self):
        self.inside.close()
        if self.server:
            self.server.end()
        subprocess.run(["ip", "netns", "del", self.namespace], check=True)


class Link:
    """A link of the machine to a peer: a tun device when it is called so, else a veth."""

    def __init__(self, name, number, relay):
        self.name, self.number, self.relay = name, number, relay
        self.index = number + 1  # also when it is made again
        self.is_tun = name.startswith("tun")
        self.device = None
        self.peer = Peer(name, number)
        self.peer.start_server()
        self.connect()

    @property
    def server(self):
        return f"10.{self.number}.0.1"

    @property
    def server6(self):
        return f"fd00:{self.number:x}::1"

    def connect(self):
        """Makes the devices at both ends; the machine's is down and has no address."""
        self.is_taken_over = False
        if self.is_tun:
            self.device = open_tun(self.name, self.index)
            with InNamespace(self.peer.namespace):
                far = open_tun("up0", 2)
            self.relay.join(self.device, far)
        else:
            batch(f"link add {self.name} index {self.index} type veth peer name up0 netns {self.peer.namespace}")
        batch("link set up0 addrgenmode none", "link set up0 up", f"addr add {self.server}/24 dev up0",
              f"addr add {self.server6}/64 dev up0 nodad", namespace=self.peer.namespace)

    def restore(self):
        """The link as it was made: up, with its addresses alone."""
        if self.is_taken_over:
            self.delete()
        if not os.path.exists(f"/proc/sys/net/ipv4/conf/{self.name}"):
            self.connect()
        self.peer.forget()
        batch("link set up0 up", namespace=self.peer.namespace)
        batch(f"link set {self.name} down", f"addr flush dev {self.name}", f"link set {self.name} addrgenmode none",
              f"link set {self.name} up", f"addr add 10.{self.number}.0.2/24 dev {self.name}",
              f"addr add fd00:{self.number:x}::2/64 dev {self.name} nodad")

    def hand_over(self):
        """Takes it down with its addresses, for NetworkManager, which also changes its kernel settings."""
        self.is_taken_over = True
        batch(f"link set {self.name} down", f"addr flush dev {self.name}")

    def down(self):
        """Takes it down, as an administrator does."""
        batch(f"link set {self.name} down")

    def lose_carrier(self):
        """Takes the far end of a veth down."""
        batch("link set up0 down", namespace=self.peer.namespace)

    def delete(self):
        """Has it vanish, as a tunnel does when its program ends."""
        if self.is_tun:
            self.relay.part(self.device)
        else:
            batch(f"link del {self.name}")

    def end(self):
        """Takes it away at once: the kernel would end the peer's namespace, and the link with it, some time later."""
        if os.path.exists(f"/proc/sys/net/ipv4/conf/{self.name}"):
            self.delete()
        self.peer.end()
