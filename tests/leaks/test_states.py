# SPDX-License-Identifier: Apache-2.0
"""Each state of a tunnel as real programs make it, and what vpndoctor makes of it: alive, still, stopped, left over, not
there at all. What is healthy gives nothing above a notice."""
import json
import os
import signal
import sys
import unittest

import machines
import vpn
import world
from machines import CLIENT, run
from world import PUBLIC, SERVER_MACHINE, World, codes, findings, leaks, tunnel

INSIDE, WG_INSIDE = "172.30.0.1", "10.9.0.1"
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
# Holds a tun device of that name and does nothing with it (linux/if_tun.h TUNSETIFF, IFF_TUN and IFF_NO_PI); a tap device
# where the name says so.
HOLD_TUN = """
import fcntl, os, signal, struct, sys
device = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(device, 0x400454CA, struct.pack("16sH", sys.argv[1].encode(), 0x1002 if "tap" in sys.argv[1] else 0x1001))
print("held", flush=True)
signal.pause()
"""


class StateCase(unittest.TestCase):
    longMessage = True
    maxDiff = None

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)
        self.addCleanup(world.set_resolvers, world.GATEWAY)

    def openvpn(self, *pushed):
        """A connected OpenVPN whose ends have no IPv6, so that their kernels send nothing into it by themselves."""
        program = vpn.OpenVpn(self.world, *pushed, at=SERVER_MACHINE)
        run(SERVER_MACHINE, "sysctl", "-qw", "net.ipv6.conf.vpnserver.disable_ipv6=1")
        program.up()
        run(CLIENT, "sysctl", "-qw", "net.ipv6.conf.tun0.disable_ipv6=1")
        return program

    def wireguard(self, **options):
        program = vpn.WgQuick(at=SERVER_MACHINE, **options)
        program.up()
        return program

    def stop(self, pid):
        """Stops a process until the end of the test."""
        os.kill(pid, signal.SIGSTOP)

    def assert_healthy(self, *words):
        report = leaks(*words, status=0)
        self.assertEqual(codes(report, at_least="warning"), {}, report["findings"])
        return report

    def assert_state(self, report, interface, state):
        entry = tunnel(report, interface)
        self.assertIsNotNone(entry, report["data"]["tunnels"])
        self.assertEqual(entry["state"], state, entry)
        return entry

    def carry_out(self, finding, *left_out):
        """Runs the commands of a finding in their order, without those that begin with a word of `left_out`."""
        for command in finding["remedy"]["commands"]:
            if command["argv"][0] not in left_out:
                run(CLIENT, *command["argv"])


class Healthy(StateCase):
    def test_without_a_vpn(self):
        report = self.assert_healthy()
        self.assertEqual([entry for entry in report["data"]["tunnels"] if entry["state"] != "system"], [])

    def test_a_container_network(self):
        self.world.container_network()
        self.assert_healthy()

    def test_a_full_tunnel_of_openvpn(self):
        self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        self.world.send(PUBLIC)
        report = self.assert_healthy("--expect", "full", "--vpn", "tun0")
        entry = self.assert_state(report, "tun0", "live")
        self.assertEqual(entry["owner"], "OpenVPN")
        self.assertEqual(report["data"]["coverage"]["inet"]["mode"], "full")

    def test_a_full_tunnel_of_wg_quick(self):
        self.wireguard()
        world.set_resolvers(WG_INSIDE)
        self.world.send(PUBLIC)
        self.assert_state(self.assert_healthy("--expect", "full", "--vpn", "wg0"), "wg0", "live")

    def test_a_split_tunnel_of_openvpn(self):
        self.openvpn("route 10.66.0.0 255.255.0.0")
        report = self.assert_healthy("--expect", "split")
        self.assert_state(report, "tun0", "idle")
        self.assertEqual(report["data"]["coverage"]["inet"]["mode"], "split")

    def test_a_split_tunnel_of_wg_quick(self):
        self.wireguard(allowed="10.66.0.0/16, 10.9.0.0/24")
        self.assert_state(self.assert_healthy("--expect", "split"), "wg0", "live")


class Expected(StateCase):
    def test_a_tunnel_that_is_not_there_is_an_error(self):
        for words in (("--expect", "full"), ("--expect", "split"), ("--vpn", "wg0")):
            self.assertEqual(codes(leaks(*words, status=1)), {**codes(leaks()), "TUN005": "error"})

    def test_a_split_tunnel_is_no_full_one(self):
        self.openvpn("route 10.66.0.0 255.255.0.0")
        self.assertEqual(codes(leaks("--expect", "full", status=1), at_least="error"), {"TUN006": "error"})

    def test_another_tunnel_is_not_the_named_one(self):
        self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        self.assertEqual(codes(leaks("--expect", "full", "--vpn", "wg0", status=1), at_least="error"),
                         {"TUN005": "error"})


    def test_a_tunnel_that_is_down_is_an_error_whatever_is_expected(self):
        self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        self.world.ip(CLIENT, "link set tun0 down")
        for words in (("--expect", "full"), ("--expect", "split"), ()):
            report = leaks(*words, "--vpn", "tun0", status=1)
            self.assertEqual(codes(report, at_least="error")["TUN005"], "error")
        self.world.ip(CLIENT, "link set tun0 up", "addr flush dev tun0")
        self.assertEqual(codes(leaks("--expect", "full", "--vpn", "tun0", status=1), at_least="error")["TUN006"], "error")

    def test_an_interface_that_is_no_tunnel_is_an_error(self):
        for interface in ("eth0", "lo"):
            for expected in ("full", "split"):
                self.assertEqual(codes(leaks("--expect", expected, "--vpn", interface, status=1)),
                                 {**codes(leaks()), "TUN005": "error"})

    def test_another_tunnel_does_not_carry_in_the_place_of_the_named_one(self):
        self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        self.world.run_until_end(machines.start(CLIENT, sys.executable, "-c", HOLD_TUN, "tun7", until="held"))
        self.world.ip(CLIENT, "link set tun7 up", "addr add 10.77.0.2/24 dev tun7")
        self.assert_healthy("--expect", "full", "--vpn", "tun0")
        for expected in ("full", "split"):
            report = leaks("--expect", expected, "--vpn", "tun7", status=1)
            self.assertEqual(codes(report, at_least="error"), {"TUN006": "error"}, report["findings"])

    def test_who_is_not_root_gets_an_answer_from_the_tables_unless_packets_vanish(self):
        self.wireguard()
        world.set_resolvers(WG_INSIDE)
        asked = (*NOBODY, machines.TOOL, "leaks", "--expect", "full", "--vpn", "wg0")
        self.assertEqual(run(CLIENT, *asked, check=False).returncode, 0)
        run(machines.ROUTER, "nft", "table inet k { chain f { type filter hook forward priority 0; udp dport 51820 drop; "
            "udp sport 51820 drop; }\n}")
        self.world.send(PUBLIC)
        self.assertEqual(run(CLIENT, *asked, check=False).returncode, 3)

    def test_a_full_tunnel_whose_server_is_gone_is_no_answer(self):
        program = self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        self.world.send(PUBLIC)
        machines.kill(program.server.pid)
        for words in ((), ("--vpn", "tun0")):
            self.assert_state(leaks("--expect", "full", *words, status=3), "tun0", "live")


class Stopped(StateCase):
    def test_a_stopped_openvpn_hangs_when_it_is_sent_to_and_goes_on(self):
        program = self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        self.stop(program.process.pid)
        quiet = leaks(status=0)
        self.assertEqual(self.assert_state(quiet, "tun0", "unknown")["holder"]["pid"], program.process.pid)
        self.assertEqual(codes(quiet, at_least="warning"), {"TUN009": "warning"})
        expected = leaks("--expect", "full", "--vpn", "tun0", status=1)
        self.assertEqual(codes(expected, at_least="warning"), {"TUN005": "error", "TUN009": "warning"})
        self.assertEqual(findings(expected, "TUN005")[0]["caused_by"], ["TUN009"])
        self.world.send(PUBLIC)
        report = leaks("--expect", "full", status=1)
        self.assert_state(report, "tun0", "hung")
        self.assertEqual(codes(report, at_least="warning"), {"TUN002": "error", "TUN005": "error"})
        first = findings(report, "TUN002")[0]["remedy"]["commands"][0]["argv"]
        self.assertEqual(first, ["kill", "-CONT", str(program.process.pid)])
        run(CLIENT, *first)
        self.assert_state(self.assert_healthy("--expect", "full"), "tun0", "live")

    def test_who_never_reads_is_unknown_where_nothing_counts_what_is_sent_to_it(self):
        self.world.run_until_end(machines.start(CLIENT, sys.executable, "-c", HOLD_TUN, "tun7", until="held"))
        run(CLIENT, "sysctl", "-qw", "net.ipv6.conf.tun7.disable_ipv6=1")
        self.world.ip(CLIENT, "link set tun7 up", "addr add 10.77.0.2/24 dev tun7")
        self.assert_state(leaks(status=0), "tun7", "idle")
        run(CLIENT, "tc", "qdisc", "replace", "dev", "tun7", "root", "noqueue")
        self.world.send("10.77.0.9")
        self.assert_state(leaks(status=0), "tun7", "unknown")

    @unittest.skipUnless(vpn.is_userspace_wireguard_used(), "the kernel has WireGuard")
    def test_a_stopped_wireguard_go_hangs_when_it_is_sent_to(self):
        program = self.wireguard()
        world.set_resolvers(WG_INSIDE)
        self.stop(program.pid())
        self.world.send(PUBLIC)
        report = leaks(status=1)
        self.assert_state(report, "wg0", "hung")
        self.assertEqual(codes(report, at_least="error"), {"TUN002": "error"})


class LeftOver(StateCase):
    def test_a_persistent_tun_is_an_orphan_that_nothing_uses(self):
        run(CLIENT, "openvpn", "--mktun", "--dev", "tun0", "--dev-type", "tun")
        self.assert_state(leaks(status=0), "tun0", "orphan")
        self.world.ip(CLIENT, "link set tun0 up")
        report = leaks(status=0)
        self.assert_state(report, "tun0", "orphan")
        self.assertEqual(codes(report, at_least="warning"), {"TUN004": "warning"})
        self.carry_out(findings(report, "TUN004")[0])
        self.assertIsNone(tunnel(self.assert_healthy(), "tun0"))

    def test_an_orphan_with_routes_is_an_error_that_the_commands_mend(self):
        run(CLIENT, "openvpn", "--mktun", "--dev", "tun0", "--dev-type", "tun")
        self.world.ip(CLIENT, "addr add 10.66.0.2/24 dev tun0", "link set tun0 up", "route add 10.77.0.0/16 dev tun0")
        report = leaks(status=1)
        self.assertEqual(self.assert_state(report, "tun0", "orphan")["routes_count"], 2)
        self.assertEqual(codes(report, at_least="warning"), {"TUN001": "error"})
        self.carry_out(findings(report, "TUN001")[0])
        self.assertIsNone(tunnel(self.assert_healthy(), "tun0"))
        self.assertEqual(machines.dump("-4", "route", "show", "10.77.0.0/16"), [])

    def test_a_tap_that_routes_lead_on_through_is_an_orphan(self):
        run(CLIENT, "openvpn", "--mktun", "--dev", "tap0", "--dev-type", "tap")
        self.world.ip(CLIENT, "addr add 10.66.0.2/24 dev tap0", "link set tap0 up")
        self.assertIsNone(tunnel(self.assert_healthy(), "tap0"), "a virtual machine's, as far as it shows")
        self.world.ip(CLIENT, "route add 0.0.0.0/1 via 10.66.0.1 dev tap0", "route add 128.0.0.0/1 via 10.66.0.1 dev tap0")
        world.set_resolvers("10.66.0.1")
        report = leaks(status=1)
        self.assertEqual(self.assert_state(report, "tap0", "orphan")["kind"], "tap")
        self.assertEqual(codes(report, at_least="warning"), {"TUN001": "error"})
        self.assertEqual(codes(leaks("--expect", "full", status=1), at_least="warning"),
                         {"TUN001": "error", "TUN005": "error"})
        self.carry_out(findings(report, "TUN001")[0])
        world.set_resolvers(world.GATEWAY)
        self.assertIsNone(tunnel(self.assert_healthy(), "tap0"))

    def test_a_tap_whose_holder_may_not_be_seen_leaves_the_coverage_unknown(self):
        self.world.run_until_end(machines.start(CLIENT, sys.executable, "-c", HOLD_TUN, "tap0", until="held"))
        self.world.ip(CLIENT, "addr add 10.66.0.2/24 dev tap0", "link set tap0 up",
                      "route add 0.0.0.0/1 via 10.66.0.1 dev tap0", "route add 128.0.0.0/1 via 10.66.0.1 dev tap0")
        self.assertIsNone(tunnel(leaks(), "tap0"), "who holds it is no VPN program")
        for words in ((), ("--vpn", "tap0")):
            done = run(CLIENT, *NOBODY, machines.TOOL, "leaks", "--json", "--expect", "full", *words, check=False)
            self.assertEqual(done.returncode, 3, done.stdout)
            report = json.loads(done.stdout)
            self.assertTrue(tunnel(report, "tap0")["holder_unknown_because"])
            self.assertEqual(report["data"]["coverage"]["inet"]["mode"], "unknown")

    def test_a_crash_on_a_persistent_tun_shows_at_once(self):
        run(CLIENT, "openvpn", "--mktun", "--dev", "tun0", "--dev-type", "tun")
        program = self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        program.crash()
        report = leaks(status=1)
        self.assert_state(report, "tun0", "orphan")
        self.assertEqual(findings(report, "TUN001")[0]["confidence"], "proven")

    def test_who_may_not_see_the_holder_is_told_no_more_than_what_is_seen(self):
        run(CLIENT, "openvpn", "--mktun", "--dev", "tun0", "--dev-type", "tun")
        self.world.ip(CLIENT, "addr add 10.66.0.2/24 dev tun0", "link set tun0 up", "route add 10.77.0.0/16 dev tun0")
        for words in (NOBODY, ("setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace")):
            with self.subTest(words=words):
                done = run(CLIENT, *words, machines.TOOL, "leaks", "--json", check=False)
                report = json.loads(done.stdout)
                self.assertTrue(self.assert_state(report, "tun0", "unknown")["holder_unknown_because"])
                finding = findings(report, "TUN001")[0]
                self.assertEqual((finding["severity"], finding["confidence"]), ("error", "likely"))
                self.assertEqual(finding["title"], "tun0 has no carrier and still holds 2 routes")
