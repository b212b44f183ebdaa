# SPDX-License-Identifier: Apache-2.0
"""Machines in private namespaces, on which real VPN programs run. Knows how to make and remove them, to run things in
them, to wait for what happens there, and what `ip` says on the client. Knows no test, no VPN, and not how the machines
are joined.
"""
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

TOOL = os.path.join(os.path.abspath(os.environ.get("BUILD_DIR", "build")), "bin", "vpndoctor")
CLIENT, ROUTER = "client", "router"
SERVER = "198.51.100.9"  # the VPN server's address
HOME = "/run/home"
# What the programs write to, emptied after each test.
WRITTEN = ("/run/crash", "/run/wireguard", "/run/systemd", "/run/dhcpcd", "/etc/systemd/network", "/var/lib/dhcp",
           "/var/lib/dhcpcd", HOME)
SKIPPED = 77
PATIENCE_S = 60  # for what must happen; reached only when it does not
CLONE_NEWNET = 0x40000000
# RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_PREFIX
CHANGE_GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def enter(programs):
    """Runs this program again in namespaces of its own, PIDs included, so that nothing outlives it. Returns there."""
    if "VPNDOCTOR_VPN_UNSHARE" in os.environ:
        return
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        skip("root and /dev/net/tun are needed")
    command = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        skip("namespaces are not allowed here")
    os.execvpe("unshare", [*command, sys.executable, *sys.argv], dict(os.environ, VPNDOCTOR_VPN_UNSHARE="1"))


def hide_machine(nameserver="192.0.2.1"):
    """Puts folders in memory over those of the machine that the programs write to; /etc is a copy."""
    with tempfile.TemporaryDirectory(prefix="vpndoctor-vpn-") as copy:
        subprocess.run(["cp", "-a", "/etc/.", copy], check=False, stderr=subprocess.DEVNULL)
        for folder in ("/etc", "/run", "/var/lib/dhcp", "/var/lib/dhcpcd"):
            if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False).returncode != 0:
                skip(f"{folder} cannot be replaced in a mount namespace")
        subprocess.run(["cp", "-a", copy + "/.", "/etc"], check=False, stderr=subprocess.DEVNULL)
    if os.path.lexists("/etc/resolv.conf"):
        os.remove("/etc/resolv.conf")
    with open("/etc/resolv.conf", "w", encoding="ascii") as file:
        file.write(f"nameserver {nameserver}\n")
    for folder in WRITTEN:
        os.makedirs(folder, mode=0o755, exist_ok=True)


def run(machine, *words, check=True, **options):
    """Runs a program on a machine to its end; returns what subprocess does, with text."""
    done = subprocess.run(["ip", "netns", "exec", machine, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=2 * PATIENCE_S, check=False, text=True, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)} on {machine} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def start(machine, *words, until, **options):
    """Starts a program on a machine, and returns it once it has printed a line that holds `until`."""
    process = subprocess.Popen(["ip", "netns", "exec", machine, *words], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    printed = b""
    while until.encode() not in printed:
        readable, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        piece = os.read(process.stdout.fileno(), 65536) if readable else b""
        if not piece:
            process.kill()
            raise AssertionError(f"{' '.join(words)} on {machine} never said {until!r}:\n{printed.decode()}")
        printed += piece
    return process


def kill(pid):
    """Kills a process as a crash does, and returns once it has gone with all that it held."""
    handle = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    gone, _, _ = select.select([handle], [], [], PATIENCE_S)
    os.close(handle)
    assert gone, f"process {pid} survived"


class Changes:
    """Hears of every change on a machine from the moment it is made."""

    def __init__(self, machine):
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as here, open(f"/run/netns/{machine}", "rb") as there:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
                self.socket.bind((0, CHANGE_GROUPS))
            finally:
                assert libc.setns(here.fileno(), CLONE_NEWNET) == 0
        self.socket.settimeout(PATIENCE_S)

    def until(self, condition, what):
        """Returns once `condition()` holds, which is asked again after every change."""
        while not condition():
            try:
                self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"never happened: {what}") from None
        self.socket.close()


class Machines:
    """Machines of these names, whose loopback is up, and what runs on them until the end."""

    def __init__(self, *names):
        self.processes = []
        self.names = names
        for machine in names:
            subprocess.run(["ip", "netns", "add", machine], check=True)
            # Addresses can be used at once, and the first router solicitation leaves at once.
            run(machine, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0",
                "net.ipv6.conf.default.router_solicitation_delay=0")
            run(machine, "ip", "link", "set", "lo", "up")

    def run_until_end(self, process):
        """Remembers a process that is to be killed with these machines."""
        self.processes.append(process.pid if hasattr(process, "pid") else process)
        return process

    def end(self):
        for pid in self.processes:
            try:
                kill(pid)
            except ProcessLookupError:
                pass
        for machine in self.names:
            listed = subprocess.run(["ip", "netns", "pids", machine], capture_output=True, text=True, check=False)
            for pid in listed.stdout.split():
                kill(int(pid))
            subprocess.run(["ip", "netns", "del", machine], check=True)
        for folder in WRITTEN:
            for entry in os.scandir(folder):
                shutil.rmtree(entry.path) if entry.is_dir() else os.remove(entry.path)


def pid_in(path):
    with open(path, encoding="ascii") as file:
        return int(file.read())


def dump(*words):
    """What `ip -j` says on the client, timers left out."""
    entries = json.loads(run(CLIENT, "ip", "-j", "-d", *words).stdout or "[]")
    for entry in entries:
        entry.pop("expires", None)
    return entries


def routes_and_rules(without_interface=None):
    """All routes and rules of the client, a sorted list of text: the oracle that states are compared with. Without
    those that the kernel makes for the addresses of an interface, when one is named."""
    entries = [("-4", entry) for entry in dump("-4", "route", "show", "table", "all")]
    entries += [("-6", entry) for entry in dump("-6", "route", "show", "table", "all")]
    entries = [pair for pair in entries
               if not (pair[1].get("dev") == without_interface and pair[1].get("protocol") == "kernel")]
    for family in ("-4", "-6"):
        entries += [(f"{family} rule", entry) for entry in dump(family, "rule")]
    return sorted(f"{family} {json.dumps(entry, sort_keys=True)}" for family, entry in entries)


def routes(*words):
    """The text of `ip route show` with words, an entry a line, spaces at the ends left out."""
    return [line.strip() for line in run(CLIENT, "ip", *words).stdout.splitlines()]


def tool(*words):
    """Runs vpndoctor on the client; returns what subprocess does."""
    environment = dict(os.environ, HOME=HOME, XDG_STATE_HOME=f"{HOME}/state")
    for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER"):
        environment.pop(name, None)
    return run(CLIENT, TOOL, *words, check=False, env=environment)
