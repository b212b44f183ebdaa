# SPDX-License-Identifier: Apache-2.0
"""Four machines: a client on a LAN with another host, the router of the LAN, and a server that is VPN server and all of
the internet. Knows how to join them and how vpndoctor is run there; knows no test.

    world = World()                       # client 192.168.50.5 with a default route by 192.168.50.1, IPv4 alone
    world.join_ipv6()                     # and a default route by router advertisement, 2a0e:50::/64
    vpn.OpenVpn(world, "redirect-gateway def1", at=SERVER_MACHINE).up()
    traffic = world.send(PUBLIC)          # an echo every 0.2 s, until traffic.stop()
    report = leaks("--expect", "full")    # the document, once it is valid by the schema
    codes(report)                         # {"TUN001": "error"}: the worst severity of each code
    world.end()                           # kills all, and removes the machines

The network is one that nobody could mistake for documentation or private use, since that decides what is a leak: PUBLIC
and PUBLIC6 are addresses of the server. It has no way out. With World(address=None) eth0 has no address: a DHCP client
gets it (dhcp.py) from world.dhcp_server().
"""
import json
import os
import subprocess
import sys

import machines
from machines import CLIENT, ROUTER, SERVER, Machines, pid_in, run

SOURCE_DIR = os.environ.get("SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(1, os.path.join(SOURCE_DIR, "tests"))
import validate_json  # noqa: E402

SERVER_MACHINE, NEIGHBOUR, CONTAINER = "server", "neighbour", "container"
ADDRESS, GATEWAY, NEIGHBOUR_ADDRESS = "192.168.50.5", "192.168.50.1", "192.168.50.7"
PUBLIC, PUBLIC6 = "9.9.9.9", "2620:fe::9"
SCHEMA = os.path.join(SOURCE_DIR, "reports", "schema", "report-1.schema.json")
IKE_DAEMON = """
import signal, socket
daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
daemon.bind(("0.0.0.0", 500))
print("listens", flush=True)
signal.pause()
"""
SEVERITIES = ("notice", "warning", "error")


class World(Machines):
    """The machines, their cables and addresses. The LAN is the bridge `lan` of the router."""

    def __init__(self, address=ADDRESS):
        super().__init__(CLIENT, ROUTER, SERVER_MACHINE, NEIGHBOUR)
        self.ip(ROUTER, "link add lan type bridge", "link set lan up", f"addr add {GATEWAY}/24 dev lan")
        for machine, mac in ((CLIENT, "02:00:00:00:00:50"), (NEIGHBOUR, "02:00:00:00:00:57")):
            self.ip(machine, f"link add eth0 address {mac} type veth peer name {machine} netns {ROUTER}")
            self.ip(ROUTER, f"link set {machine} master lan up")
        self.ip(ROUTER, f"link add wan type veth peer name eth0 netns {SERVER_MACHINE}", "link set wan up",
                "addr add 198.51.100.1/24 dev wan", "addr add 2a0e:51::1/64 dev wan",
                f"route add default via {SERVER}", "route add default via 2a0e:51::9")
        self.ip(SERVER_MACHINE, "link set eth0 up", f"addr add {SERVER}/24 dev eth0", "addr add 2a0e:51::9/64 dev eth0",
                f"addr add {PUBLIC}/32 dev lo", f"addr add {PUBLIC6}/128 dev lo",
                "route add default via 198.51.100.1", "route add default via 2a0e:51::1")
        for machine in (ROUTER, SERVER_MACHINE):
            run(machine, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.ip(NEIGHBOUR, "link set eth0 up", f"addr add {NEIGHBOUR_ADDRESS}/24 dev eth0",
                f"route add default via {GATEWAY}")
        if address:
            self.ip(CLIENT, "link set eth0 up", f"addr add {address}/24 dev eth0", f"route add default via {GATEWAY}")

    def ip(self, machine, *commands):
        """Runs `ip` on a machine with each of the commands."""
        for command in commands:
            run(machine, "ip", *command.split())

    def join_ipv6(self):
        """Gives the client an IPv6 address and a default route, by router advertisement."""
        changes = machines.Changes(CLIENT)
        self.dhcp_server(is_ipv6_alone=True)
        changes.until(lambda: machines.dump("-6", "route", "show", "default"), "a default route of the router")

    def dhcp_server(self, *options, is_ipv6_alone=False):
        """Starts dnsmasq with DHCP options ("121,8.0.0.0/7,192.168.50.7"), and router advertisements of 2a0e:50::/64."""
        if not machines.run(ROUTER, "ip", "-6", "addr", "show", "dev", "lan", "scope", "global").stdout:
            self.ip(ROUTER, "addr add 2a0e:50::1/64 dev lan")
        words = [f"--dhcp-option={option}" for option in options]
        if not is_ipv6_alone:
            words += ["--dhcp-range=192.168.50.50,192.168.50.90,255.255.255.0,1h", "--dhcp-authoritative", "--no-ping",
                      "--leasefile-ro"]
        run(ROUTER, "dnsmasq", "--conf-file=/dev/null", "--port=0", "--no-resolv", "--no-hosts", "--interface=lan",
            "--bind-interfaces", "--user=root", "--enable-ra", "--dhcp-range=2a0e:50::,ra-only",
            "--pid-file=/run/crash/dnsmasq.pid", *words)
        self.processes.append(pid_in("/run/crash/dnsmasq.pid"))

    def container_network(self):
        """A bridge as a container engine makes it, with one container behind it whose packets are forwarded."""
        subprocess.run(["ip", "netns", "add", CONTAINER], check=True)
        self.names = (*self.names, CONTAINER)
        self.ip(CLIENT, "link add docker0 type bridge", "addr add 172.17.0.1/16 dev docker0", "link set docker0 up",
                f"link add veth1a2b3c4 type veth peer name eth0 netns {CONTAINER}",
                "link set veth1a2b3c4 master docker0 up")
        self.ip(CONTAINER, "link set lo up", "addr add 172.17.0.2/16 dev eth0", "link set eth0 up",
                "route add default via 172.17.0.1")
        run(CLIENT, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run(CLIENT, "nft", "add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; };"
            "add rule ip nat POSTROUTING ip saddr 172.17.0.0/16 oifname != docker0 masquerade")

    def plain_container(self):
        """A container behind a virtual cable without a bridge, as systemd-nspawn makes it; its packets are forwarded."""
        subprocess.run(["ip", "netns", "add", CONTAINER], check=True)
        self.names = (*self.names, CONTAINER)
        self.ip(CLIENT, f"link add ve-guest type veth peer name eth0 netns {CONTAINER}", "addr add 10.77.0.1/24 dev ve-guest",
                "link set ve-guest up")
        self.ip(CONTAINER, "link set lo up", "addr add 10.77.0.2/24 dev eth0", "link set eth0 up",
                "route add default via 10.77.0.1")
        run(CLIENT, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run(CLIENT, "nft", "add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; };"
            "add rule ip nat POSTROUTING ip saddr 10.77.0.0/24 oifname != ve-guest masquerade")

    def ike_daemon(self):
        """Listens where an IKE daemon of the client does, and does nothing else."""
        self.run_until_end(machines.start(CLIENT, sys.executable, "-c", IKE_DAEMON, until="listens"))

    def send(self, address, *words, machine=CLIENT):
        """Sends an echo request every 0.2 s until stop() is called on what is returned, or the world ends."""
        return Traffic(self, machine, address, words)


class Traffic:
    """Echo requests that leave, answered or not."""

    def __init__(self, world, machine, address, words):
        self.process = world.run_until_end(
            machines.start(machine, "stdbuf", "-oL", "ping", "-n", "-i", "0.2", *words, address, until="PING"))

    def stop(self):
        machines.kill(self.process.pid)
        self.process.wait()
        self.process.stdout.close()


def set_resolvers(*servers):
    """Makes these the only servers of /etc/resolv.conf."""
    with open("/etc/resolv.conf", "w", encoding="ascii") as file:
        file.write("".join(f"nameserver {server}\n" for server in servers))


def leaks(*words, status=None):
    """Runs `vpndoctor leaks --json` on the client; the document, valid by the schema, when it ended with `status`."""
    done = machines.tool("leaks", "--json", *words)
    complaint = validate_json.complaint(validate_json.load_validator(SCHEMA), done.stdout)
    assert complaint is None, f"{complaint}\n{done.stdout[:4000]}{done.stderr}"
    assert status in (None, done.returncode), f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def codes(report, at_least="notice"):
    """The worst severity of each code among the findings that are at least so severe."""
    worst = {}
    for finding in report["findings"]:
        severity = SEVERITIES.index(finding["severity"])
        if severity >= SEVERITIES.index(at_least):
            worst[finding["code"]] = max(severity, worst.get(finding["code"], 0))
    return {code: SEVERITIES[severity] for code, severity in worst.items()}


def findings(report, code):
    return [finding for finding in report["findings"] if finding["code"] == code]


def tunnel(report, interface):
    """What the report says of that tunnel; None when it has none of that name."""
    return next((entry for entry in report["data"]["tunnels"] if entry["interface"] == interface), None)
