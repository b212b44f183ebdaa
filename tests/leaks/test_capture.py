# SPDX-License-Identifier: Apache-2.0
"""Captures beside real VPN programs: what a program sends past them is a leak with its name, the tunnels' own packets
and answers to what came from outside are none, and a file that tcpdump wrote is judged the same."""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import machines
import vpn
from machines import CLIENT, run
from world import PUBLIC, PUBLIC6, SERVER_MACHINE, World, leaks, set_resolvers

SECONDS = "2"
CAPTURED = ("LEK030", "LEK031", "LEK032", "LEK033", "LEK034")
# Sends a datagram, or begins a connection, ten times a second, bound to the interface; says so first.
SENDER = """
import socket, sys, time
kind, host, port, interface = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
print("sending", flush=True)
one = None
while True:
    if kind == "tcp" or one is None:
        one = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        if interface != "-":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        one.settimeout(0.1)
    try:
        if kind == "tcp":
            one.connect((host, port))
        else:
            one.sendto(b"abcd", (host, port))
    except OSError:
        pass
    time.sleep(0.1)
"""
# Answers what connects to port 8080 of eth0, by eth0.
SERVICE = """
import socket
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
one.bind(("0.0.0.0", 8080))
one.listen()
print("listening", flush=True)
while True:
    other, _ = one.accept()
    other.send(b"hello")
    other.close()
"""


# What a program may use that was given CAP_NET_RAW alone.
NET_RAW = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all,+net_raw",
           "--ambient-caps", "-all,+net_raw", "--bounding-set", "-all,+net_raw")


class Captures(unittest.TestCase):
    longMessage = True

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)

    def send(self, kind, host, port, interface="-", machine=CLIENT):
        return self.world.run_until_end(
            machines.start(machine, sys.executable, "-c", SENDER, kind, host, str(port), interface, until="sending"))

    def openvpn(self, pushed="redirect-gateway def1"):
        program = vpn.OpenVpn(self.world, pushed, at=SERVER_MACHINE)
        program.up()
        return program

    def capture(self, *words):
        report = leaks("--capture", SECONDS, *words)
        return report, report["data"]["capture"]

    def codes(self, report):
        return sorted({found["code"] for found in report["findings"] if found["code"] in CAPTURED})

    def run_to_its_end(self, process):
        """The report of a capture, once it ended by itself or by a signal."""
        output = process.communicate(timeout=machines.PATIENCE_S)[0]
        return json.loads(output)

    def begin_capture(self, *words, says=b"capturing", on_hangup=signal.SIG_DFL):
        """A long capture, once it says this on its terminal, where it tells each second how many flows leak so far."""
        terminal, stderr = os.openpty()
        self.addCleanup(os.close, terminal)
        process = self.world.run_until_end(subprocess.Popen(
            ["ip", "netns", "exec", CLIENT, machines.TOOL, "leaks", "--json", "--capture", "600", *words],
            stdout=subprocess.PIPE, stderr=stderr, env=dict(os.environ, HOME=machines.HOME),
            preexec_fn=lambda: signal.signal(signal.SIGHUP, on_hangup)))
        os.close(stderr)
        self.read_until(terminal, says)
        return process, terminal

    def read_until(self, terminal, text):
        said = b""
        while text not in said:
            self.assertTrue(select.select([terminal], [], [], machines.PATIENCE_S)[0], said)
            said += os.read(terminal, 4096)

    def assert_no_leak(self, report, capture):
        self.assertEqual(capture["leaks"], [])
        self.assertEqual(self.codes(report), [])
        self.assertTrue(capture["control"]["seen"], capture["control"])

    def leak_to(self, capture, port):
        found = [leak for leak in capture["leaks"] if leak["port"] == port]
        self.assertTrue(found, capture)
        return found[0]  # they are in the order of their packets

    def test_healthy_openvpn_leaks_nothing(self):
        self.openvpn()
        self.world.send(PUBLIC)
        report, capture = self.capture()
        self.assert_no_leak(report, capture)
        self.assertGreater(capture["no_leak"]["tunnel"], 4)
        self.assertIn("tun0", capture["control"]["text"])

    def test_healthy_wireguard_leaks_nothing(self):
        vpn.WgQuick(at=SERVER_MACHINE).up()
        self.world.send(PUBLIC)
        report, capture = self.capture()
        self.assert_no_leak(report, capture)
        self.assertGreater(capture["no_leak"]["tunnel"], 4)

    def test_without_root_the_tunnels_own_packets_are_no_proven_leak(self):
        vpn.WgQuick(at=SERVER_MACHINE).up()
        set_resolvers("10.9.0.1")
        self.world.send(PUBLIC)
        done = run(CLIENT, *NET_RAW, machines.TOOL, "leaks", "--json", "--capture", SECONDS, check=False)
        report = json.loads(done.stdout)
        self.assertEqual(self.codes(report), [])
        self.assertGreater(report["data"]["capture"]["untold"], 4)
        self.assertEqual((report["verdict"], done.returncode), ("undetermined", 3))

    def test_without_root_other_packets_to_the_server_are_not_called_configuration(self):
        self.openvpn()
        self.send("udp", machines.SERVER, 8080)
        done = run(CLIENT, *NET_RAW, machines.TOOL, "leaks", "--json", "--capture", SECONDS, check=False)
        capture = json.loads(done.stdout)["data"]["capture"]
        self.assertEqual(capture["no_leak"]["by_configuration"], 0)
        self.assertGreater(capture["untold"], 4)

    def test_what_is_bound_to_the_link_leaks_with_its_name(self):
        self.openvpn()
        dns = self.send("udp", PUBLIC, 53, "eth0")
        self.send("tcp", PUBLIC, 443, "eth0")
        self.send("tcp", PUBLIC, 80, "eth0")
        self.send("udp", PUBLIC, 53)
        report, capture = self.capture()
        leak = self.leak_to(capture, 53)
        self.assertEqual((leak["kind"], leak["protocol"], leak["destination"]), ("dns", "udp", PUBLIC))
        self.assertEqual((leak["process"]["pid"], leak["bound_interface"]), (dns.pid, "eth0"))
        self.assertGreater(leak["packets"], 5)
        self.assertEqual(self.leak_to(capture, 443)["kind"], "doh")  # it is the address of a well-known resolver
        self.assertEqual(self.leak_to(capture, 80)["kind"], "http")
        self.assertEqual(self.codes(report), ["LEK030", "LEK031"])
        self.assertEqual(report["findings"][0]["code"], "LEK030", "what was seen leads what the tables say")
        self.assertEqual(report["verdict"], "problem")

    def test_what_was_captured_until_an_interrupt_is_told_as_incomplete(self):
        self.openvpn()
        self.send("udp", PUBLIC, 4242, "eth0")
        process, _ = self.begin_capture(says=b"leaking flows: 1")
        process.send_signal(signal.SIGINT)
        report = self.run_to_its_end(process)
        self.assertEqual(process.returncode, 130)
        self.assertIs(report["incomplete"], True)
        self.leak_to(report["data"]["capture"], 4242)
        self.assertEqual(self.codes(report), ["LEK030"])
        self.assertIs(self.capture()[0]["incomplete"], False)

    def test_leaks_past_wireguard(self):
        vpn.WgQuick(at=SERVER_MACHINE).up()
        self.send("udp", PUBLIC, 123, "eth0")
        report, capture = self.capture()
        self.assertEqual(self.leak_to(capture, 123)["kind"], "ntp")
        self.assertEqual(self.codes(report), ["LEK030"])

    def test_other_packets_to_the_server_are_told_apart(self):
        self.openvpn()
        self.send("tcp", machines.SERVER, 8080)
        self.world.send(PUBLIC)
        report, capture = self.capture()
        self.leak_to(capture, 8080)
        self.assertGreater(capture["no_leak"]["tunnel"], 4)
        self.assertEqual(self.codes(report), ["LEK033"])

    def test_what_a_split_tunnel_leaves_outside_is_configuration_unless_all_is_expected(self):
        self.openvpn("route 203.0.112.0 255.255.255.0")
        self.send("udp", PUBLIC, 4242)
        report, capture = self.capture()
        self.assert_no_leak(report, capture)
        self.assertGreater(capture["no_leak"]["by_configuration"], 5)
        report, capture = self.capture("--expect", "full")
        self.leak_to(capture, 4242)
        self.assertEqual(self.codes(report), ["LEK030"])

    def test_ipv6_beside_a_tunnel_of_ipv4(self):
        self.world.join_ipv6()
        self.openvpn()
        self.send("udp", PUBLIC6, 4242)
        report, capture = self.capture("--expect", "full")
        self.leak_to(capture, 4242)
        self.assertEqual(self.codes(report), ["LEK032"])

    def test_answers_to_what_came_from_outside_are_no_leak(self):
        self.openvpn()
        self.world.run_until_end(machines.start(CLIENT, sys.executable, "-c", SERVICE, until="listening"))
        self.send("tcp", "192.168.50.5", 8080, machine=SERVER_MACHINE)
        report, capture = self.capture()
        self.assert_no_leak(report, capture)
        self.assertGreater(capture["no_leak"]["incoming"], 5)

    def test_a_masqueraded_packet_is_not_said_to_be_this_machines(self):
        self.world.container_network()
        self.openvpn()
        self.world.ip(CLIENT, "route add default via 192.168.50.1 table 99", "rule add iif docker0 lookup 99 pref 50")
        self.send("udp", PUBLIC, 4242, machine="container")
        own = self.send("udp", PUBLIC, 4343, "eth0")
        _, capture = self.capture()
        leak = self.leak_to(capture, 4242)
        self.assertEqual((leak["source"], leak["process"], leak["is_forwarded"]), ("192.168.50.5", None, None))
        self.assertIn("masquerades", " ".join(capture["limits"]))
        leak = self.leak_to(capture, 4343)
        self.assertEqual((leak["process"]["pid"], leak["is_forwarded"]), (own.pid, False))

    def test_without_root_it_is_said_who_would_see_the_process(self):
        self.openvpn()
        self.send("udp", PUBLIC, 4242, "eth0")
        done = run(CLIENT, *NET_RAW, machines.TOOL, "leaks", "--json", "--capture", SECONDS, check=False)
        capture = json.loads(done.stdout)["data"]["capture"]
        self.assertIsNone(self.leak_to(capture, 4242)["process"])
        self.assertIn("root may see", " ".join(capture["limits"]))

    def test_a_forwarded_packet_of_a_container_goes_where_the_tables_say(self):
        self.world.container_network()
        self.openvpn()
        self.send("udp", PUBLIC, 4242, machine="container")
        report, capture = self.capture()
        self.assert_no_leak(report, capture)

    def test_what_left_after_the_interface_went_away_is_not_known(self):
        self.openvpn()
        set_resolvers("172.30.0.1")
        self.world.ip(CLIENT, "link add ethx type veth peer name ethy", "link set ethx up", "link set ethy up")
        for how in ("link set ethx down", "link del ethx"):
            with self.subTest(how=how):
                self.world.ip(CLIENT, "link set ethx up")
                process, _ = self.begin_capture("--interface", "ethx")
                self.world.ip(CLIENT, how)
                report = self.run_to_its_end(process)
                self.assertEqual((report["verdict"], process.returncode), ("undetermined", 3))
                self.assertTrue(report["incomplete"])
                self.assertIn("ethx", report["data"]["capture"]["proves_nothing_because"])
                self.assertIn("ended after", report["data"]["capture"]["proves_nothing_because"])

    def test_an_interface_that_is_none_is_a_usage_error(self):
        done = machines.tool("leaks", "--json", "--capture", "1", "--interface", "eth7")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("eth7", json.loads(done.stdout)["error"]["message"])

    @unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
    def test_files_that_tcpdump_wrote_are_judged_as_the_live_capture_is(self):
        self.openvpn()
        self.send("udp", PUBLIC, 53, "eth0")
        self.world.send(PUBLIC)
        with tempfile.TemporaryDirectory() as folder:
            for interface, more in (("eth0", ()), ("any", ()), ("any", ("-y", "LINUX_SLL")), ("eth0", ("-s", "60")),
                                    ("eth0", ("--time-stamp-precision=nano",))):
                file = os.path.join(folder, "packets")
                run(CLIENT, "tcpdump", "-i", interface, *more, "-w", file, "-c", "60", "-Z", "root")
                capture = leaks("--read", file)["data"]["capture"]
                told = f"{interface} {more}"
                self.assertEqual([leak["port"] for leak in capture["leaks"]], [53], told)
                self.assertGreater(capture["no_leak"]["tunnel"], 2, told)
                self.assertEqual(capture["packets"], 60, told)

    @unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
    def test_the_leaking_packets_are_kept_for_other_programs(self):
        self.openvpn()
        self.send("udp", PUBLIC, 53, "eth0")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("leaks.pcapng", "leaks.pcap", "LEAKS.PCAP"):
                file = os.path.join(folder, name)
                _, capture = self.capture("--write", file)
                self.assertEqual(capture["written_to"], file)
                with open(file, "rb") as written:
                    is_pcapng = written.read(4) == b"\x0a\x0d\x0d\x0a"
                self.assertEqual(is_pcapng, name.endswith("ng"), name)
                lines = run(CLIENT, "tcpdump", "-n", "-r", file).stdout.splitlines()
                self.assertEqual(len(lines), self.leak_to(capture, 53)["packets"])
                self.assertTrue(all(f"> {PUBLIC}.53" in line for line in lines), lines)

    def test_a_file_that_cannot_be_written_loses_nothing_of_the_report(self):
        self.openvpn()
        self.send("udp", PUBLIC, 53, "eth0")
        folder = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        with open(os.path.join(folder, "full"), "wb") as full:
            full.write(bytes(4096))
        done = machines.tool("leaks", "--json", "--capture", SECONDS, "--write", os.path.join(folder, "leaks.pcapng"))
        self.assertEqual(done.returncode, 4, done.stdout)
        self.assertIn("No space left", done.stderr)
        report = json.loads(done.stdout)
        capture = report["data"]["capture"]
        self.assertEqual((report["error"], report["verdict"], capture["written_to"]), (None, "problem", None))
        self.assertGreater(self.leak_to(capture, 53)["packets"], 0)
        self.assertTrue(any("No space left" in limit for limit in capture["limits"]), capture["limits"])
        self.assertEqual(os.listdir(folder), ["full"])

    def test_a_hangup_ends_it_with_what_is_known(self):
        self.openvpn()
        process, _ = self.begin_capture()
        process.send_signal(signal.SIGHUP)
        report = self.run_to_its_end(process)
        self.assertEqual((report["incomplete"], process.returncode), (True, 130))

    def test_a_hangup_that_is_ignored_ends_nothing(self):
        self.openvpn()
        process, terminal = self.begin_capture(on_hangup=signal.SIG_IGN)
        process.send_signal(signal.SIGHUP)
        self.read_until(terminal, b"capturing")
        self.assertIsNone(process.poll())

    def test_a_file_is_judged_whole(self):
        done = machines.tool("leaks", "--json", "--read", "/dev/null", "--interface", "eth0")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("--interface", json.loads(done.stdout)["error"]["message"])

    def test_no_permission_is_said(self):
        done = run(CLIENT, "setpriv", "--reuid", "65534", "--clear-groups", machines.TOOL, "leaks", "--json", "--capture",
                   "1", check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertEqual(json.loads(done.stdout)["error"]["kind"], "permission")


if __name__ == "__main__":
    unittest.main()
