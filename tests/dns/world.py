# SPDX-License-Identifier: Apache-2.0
"""A machine with the real systemd-resolved, NetworkManager and dnsmasq, and the DNS servers that it can reach. Knows
how to run them and to wait for what they do; knows no test.

The program that imports this *is* the machine: enter() puts it into network, mount and PID namespaces of its own, with
the unpacked daemons laid over /usr, /etc and /var that can be written to, and an empty /run. So files are written with
open(), commands run with subprocess, and whatever was started dies with the program.

    machine = world.Machine("lan0", "tun0")        # link N: 10.N.0.2/24, fd00:N::2/64; the name decides: "tun..." is a
                                                   # tun device, anything else a veth
    machine.links["tun0"].peer                     # dnsmasq on 10.N.0.1 and fd00:N::1 (tun0 is link 2): answers every
                                                   # name with 203.0.113.N and 2001:db8:53::N, logs each question
    machine.networkd("tun0", DNS="10.2.0.1", ROUTE_DOMAINS="corp.example", DNS_DEFAULT_ROUTE="no")
    machine.start_resolved(DNS="10.1.0.1")         # options of [Resolve]; LLMNR and mDNS are off unless given
    machine.ask("www.corp.example").addresses      # asks 127.0.0.53 -> ["203.0.113.2"]
    machine.asked("www.corp.example")              # names of the links whose servers were asked -> {"tun0"}
    machine.resolved.wait_for("Using DNS server")  # a line of its debug log
    machine.reset()                                # as it was made, in a few ms: for the next configuration
    machine.end()

With D-Bus: start_bus() first, then start_resolved(), `resolvectl`, start_network_manager(). Without it resolved reads
only what networkd() wrote before it started, or after it (it watches the folder). A fresh resolved without D-Bus costs
about 0.05 s with reset(), a question to it some milliseconds: keep one machine for hundreds of configurations.

Waiting: Daemon.wait_for() a line, wait_for_socket(); never sleep. More of a link: links.py (down(), lose_carrier(),
delete(), peer.start_server() with other options of dnsmasq, peer.questions()).
"""
import os
import re
import shutil
import socket
import subprocess
import sys

import dns_message
from daemons import PATIENCE_S, Daemon, reap_orphans
from links import Link, TunRelay, batch

SOURCE_DIR = os.environ.get("SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD_DIR = os.path.abspath(os.environ.get("BUILD_DIR", os.path.join(SOURCE_DIR, "build")))
TOOL = os.path.join(BUILD_DIR, "bin", "vpndoctor")
UNPACKED = os.path.join(BUILD_DIR, "daemons")  # by unpack.sh
STUB = "127.0.0.53"
BUS = "/run/dbus/system_bus_socket"
RESOLVED_VARLINK = "/run/systemd/resolve/io.systemd.Resolve"
RESOLV_CONF_TARGETS = {"stub": "../run/systemd/resolve/stub-resolv.conf",
                       "uplink": "../run/systemd/resolve/resolv.conf",
                       "static": "../usr/lib/systemd/resolv.conf"}
SKIPPED = 77


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def enter():
    """Runs this program again in namespaces of its own and hides the machine there. Call it first."""
    if "VPNDOCTOR_DNS_UNSHARE" in os.environ:
        hide_machine()
        return
    missing = [program for program in ("ip", "dnsmasq", "setpriv") if not shutil.which(program)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")
    if not os.path.exists(f"{UNPACKED}/usr/lib/systemd/systemd-resolved"):
        skip(f"the daemons are not there: tests/dns/unpack.sh {UNPACKED}")
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        skip("root and /dev/net/tun are needed")
    command = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        skip("namespaces are not allowed here")
    # BUILD_DIR is said in full: it may be relative, and unittest changes nothing about that.
    environment = dict(os.environ, VPNDOCTOR_DNS_UNSHARE="1", BUILD_DIR=BUILD_DIR)
    for name in ("LOCALDOMAIN", "RES_OPTIONS", "DBUS_SYSTEM_BUS_ADDRESS"):
        environment.pop(name, None)
    os.execvpe("unshare", [*command, sys.executable, *sys.argv], environment)


def mount(*words):
    done = subprocess.run(["mount", *words], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        skip(f"mount {' '.join(words)}: {done.stderr.strip()}")


def hide_machine():
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        covered = [line.split()[4] for line in mounts]
    for place in covered:  # a container runtime mounts its resolv.conf and hosts there
        if place.startswith("/etc/"):
            subprocess.run(["umount", "-l", place], check=False)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")  # for what is written below /etc and /var; see below
    for folder in ("etc", "var"):
        os.makedirs(f"/run/{folder}-changes")
        os.makedirs(f"/run/{folder}-work")
        mount("-t", "overlay", "-o", f"lowerdir={UNPACKED}/{folder}:/{folder},upperdir=/run/{folder}-changes,"
              f"workdir=/run/{folder}-work", "overlay", f"/{folder}")
    mount("-t", "overlay", "-o", f"lowerdir={UNPACKED}/usr:/usr", "overlay", "/usr")
    # Covers the first one, which the overlays keep.
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/var/tmp")
    # NetworkManager waits for udev unless /sys is read-only.
    mount("-t", "sysfs", "-o", "ro", "sysfs", "/sys")
    add_users()


def add_users():
    """The users that the packages would have made."""
    for number, name in ((991, "systemd-resolve"), (992, "messagebus")):
        for path, line in (("/etc/passwd", f"{name}:x:{number}:{number}::/:/usr/sbin/nologin\n"),
                           ("/etc/group", f"{name}:x:{number}:\n")):
            with open(path, "r+", encoding="utf-8") as file:
                if not any(entry.startswith(name + ":") for entry in file):
                    file.write(line)


def write(path, text, mode=0o644):
    """Writes a file in place of what is there, also of a link, with the folders above it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.remove(path)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def run(*words, check=True, **options):
    """Runs a program to its end; returns what subprocess does, with text."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True,
               **options}
    done = subprocess.run(words, timeout=2 * PATIENCE_S, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


class Machine:
    """The machine: links to peers with a DNS server each, no default route, no daemon."""

    def __init__(self, *names):
        self.daemons = []
        self.resolved = None
        self.relay = TunRelay()
        batch("link set lo up")
        self.links = {name: Link(name, number, self.relay) for number, name in enumerate(names, start=1)}
        self.reset()

    def reset(self):
        """Stops the daemons, empties /run, writes the files anew, and has every link up with its addresses."""
        self.stop_daemons()
        for entry in os.scandir("/run"):
            if entry.name != "netns":
                shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.remove(entry.path)
        for folder in ("/etc/systemd/resolved.conf.d", "/etc/NetworkManager/conf.d", "/var/lib/NetworkManager",
                       "/etc/NetworkManager/system-connections"):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in ("/run/dbus", "/run/systemd/netif/links", "/var/lib/NetworkManager",
                       "/etc/NetworkManager/system-connections"):
            os.makedirs(folder, exist_ok=True)
        write("/etc/hosts", "127.0.0.1 localhost\n")
        write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files resolve [!UNAVAIL=return] dns\n")
        self.use_resolv_conf("stub")
        for link in self.links.values():
            link.restore()

    def end(self):
        """Stops everything. The namespaces end with the program."""
        self.stop_daemons()
        for link in self.links.values():
            link.end()
        self.relay.end()

    def stop_daemons(self):
        for daemon in reversed(self.daemons):
            daemon.end()
        self.daemons.clear()
        reap_orphans()
        self.resolved = None

    @staticmethod
    def use_resolv_conf(mode_or_text):
        """Makes /etc/resolv.conf resolved's "stub", "uplink" or "static" link, "missing", or a file with this text."""
        if mode_or_text in RESOLV_CONF_TARGETS:
            if os.path.lexists("/etc/resolv.conf"):
                os.remove("/etc/resolv.conf")
            os.symlink(RESOLV_CONF_TARGETS[mode_or_text], "/etc/resolv.conf")
        elif mode_or_text == "missing":
            os.remove("/etc/resolv.conf")
        else:
            write("/etc/resolv.conf", mode_or_text)

    @staticmethod
    def networkd(interface, **settings):
        """Writes what systemd-networkd tells resolved of a link: DNS, DOMAINS, ROUTE_DOMAINS, DNS_DEFAULT_ROUTE, ..."""
        settings = {"ADMIN_STATE": "configured", "OPER_STATE": "routable", "LLMNR": "no", "MDNS": "no", **settings}
        path = f"/run/systemd/netif/links/{socket.if_nametoindex(interface)}"
        write(path, "".join(f"{key}={value}\n" for key, value in settings.items()))

    def start(self, *words, **options):
        """Starts a daemon that ends with this machine, and returns it."""
        self.daemons.append(Daemon(words, **options))
        return self.daemons[-1]

    def start_resolved(self, **settings):
        """Starts systemd-resolved with [Resolve] settings and returns it once it takes questions."""
        settings = {"LLMNR": "no", "MulticastDNS": "no", **settings}
        write("/etc/systemd/resolved.conf.d/test.conf",
              "[Resolve]\n" + "".join(f"{key}={value}\n" for key, value in settings.items()))
        self.resolved = self.start("/usr/lib/systemd/systemd-resolved", SYSTEMD_LOG_LEVEL="debug",
                                   SYSTEMD_LOG_TARGET="console")
        self.resolved.wait_for_socket(RESOLVED_VARLINK)
        if os.path.exists(BUS):
            self.resolved.wait_for("Successfully acquired requested service name")
        return self.resolved

    def start_bus(self):
        """Starts the system bus, and returns once it takes connections."""
        bus = self.start("/usr/bin/dbus-daemon", "--system", "--nofork", "--nopidfile")
        bus.wait_for_socket(BUS)
        return bus

    def profile(self, name, **settings):
        """A keyfile for a veth link (NetworkManager leaves a tun device that it did not make alone): its address, its
        peer as server, and settings of [ipv4], with _ for - ("dns_search", "gateway", "dns_priority")."""
        number = self.links[name].number
        settings = {"method": "manual", "address1": f"10.{number}.0.2/24", "dns": f"10.{number}.0.1;", **settings}
        lines = "".join(f"{key.replace('_', '-')}={value}\n" for key, value in settings.items())
        return (f"[connection]\nid={name}\nuuid=00000000-0000-4000-8000-{number:012}\ntype=ethernet\n"
                f"interface-name={name}\n[ipv4]\n{lines}[ipv6]\nmethod=disabled\n")

    def start_network_manager(self, *profiles, dns="dnsmasq", rc_manager="symlink"):
        """Starts NetworkManager on the bus with profiles (see profile()), which it activates; returns it once they are
        active and, with dnsmasq, once that takes questions on 127.0.0.1. It takes the links over whole."""
        write("/etc/NetworkManager/conf.d/test.conf",
              f"[main]\nplugins=keyfile\ndns={dns}\nrc-manager={rc_manager}\n[logging]\nlevel=DEBUG\ndomains=ALL\n")
        for number, text in enumerate(profiles):
            write(f"/etc/NetworkManager/system-connections/{number}.nmconnection", text, 0o600)
        for link in self.links.values():
            link.hand_over()
        manager = self.start("/usr/sbin/NetworkManager", "--debug")
        for text in profiles:
            device = re.search("^interface-name=(.*)$", text, re.MULTILINE).group(1)
            manager.wait_for(rf"device \({device}\): Activation: successful")
        if dns == "dnsmasq" and profiles:
            manager.wait_for("dnsmasq update successful")
            manager.wait_until(lambda lines: "not pending" in [line for line in lines if "update-pending" in line][-1],
                               "that dnsmasq knows everything")
        return manager

    def ask(self, name, kind="A", server=STUB, **options):
        """Asks a DNS server; see dns_message.ask."""
        return dns_message.ask(name, kind, server, **options)

    def asked(self, name):
        """Which links' servers have been asked for exactly this name since reset(): the links' names."""
        self.relay.drain()
        return {link.name for link in self.links.values() if link.peer.was_asked(name)}
