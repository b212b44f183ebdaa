# SPDX-License-Identifier: Apache-2.0
"""What real VPN programs leave when they are killed: vpndoctor tells it from a machine without a VPN, and its commands
take it away. As measured: rules to an empty table, tables of nftables, a control socket, a host route, dead routes."""
import unittest

import machines
import vpn
import world
from machines import CLIENT, run
from test_states import INSIDE, WG_INSIDE, StateCase
from world import SERVER_MACHINE, codes, findings, leaks, tunnel

REMAINS = {"TUN007": "error"}


class CrashCase(StateCase):
    def assert_mended(self, report, code, *left_out):
        """The commands of the finding leave a machine as it was before the VPN."""
        self.carry_out(findings(report, code)[0], "wg-quick", "systemctl", *left_out)
        self.assertEqual(machines.routes_and_rules(), self.before)
        self.assert_healthy()

    def setUp(self):
        super().setUp()
        self.before = machines.routes_and_rules()


class WgQuick(CrashCase):
    def crash(self, **options):
        program = vpn.WgQuick(at=SERVER_MACHINE, **options) if not hasattr(self, "program") else self.program
        self.program = program
        program.up()
        program.crash()

    def test_leaves_rules_tables_and_a_socket(self):
        self.crash()
        report = leaks(status=1)
        self.assertEqual(codes(report, at_least="warning"), REMAINS, report["findings"])
        commands = [" ".join(command["argv"]) for command in findings(report, "TUN007")[0]["remedy"]["commands"]]
        self.assertEqual(sum("rule del" in command for command in commands), 4, commands)
        self.assertIn("nft delete table ip wg-quick-wg0", commands)
        self.assertIn("nft delete table ip6 wg-quick-wg0", commands)
        if vpn.is_userspace_wireguard_used():
            self.assertIn("rm /run/wireguard/wg0.sock", commands)
        self.assertIsNone(tunnel(report, "wg0"))
        self.assertEqual(codes(leaks("--expect", "full", status=1), at_least="error"), {"TUN005": "error", **REMAINS})
        self.assert_mended(report, "TUN007")

    def test_accumulates_with_every_crash(self):
        self.crash()
        saved = f"{machines.HOME}/once.json"
        machines.tool("routes", "save", saved)
        self.crash()
        report = leaks("--before", saved, status=1)
        self.assertEqual(codes(report, at_least="warning"), {"TUN008": "warning", **REMAINS})
        self.assertEqual(findings(report, "TUN008")[0]["title"], "8 leftover rules, 4 before")
        self.assert_mended(report, "TUN007")

    def test_is_no_remains_once_it_runs_again(self):
        self.crash()
        self.program.up()
        world.set_resolvers(WG_INSIDE)
        self.assertEqual(codes(leaks("--expect", "full", status=0), at_least="error"), {})

    @unittest.skipUnless(vpn.is_userspace_wireguard_used(), "the kernel has WireGuard")
    def test_leaves_only_a_socket_of_a_split_tunnel(self):
        self.crash(allowed="10.66.0.0/16, 10.9.0.0/24")
        report = leaks(status=0)
        self.assertEqual(codes(report, at_least="warning"), {"TUN007": "warning"})
        self.assertEqual(codes(leaks("--expect", "split", status=1), at_least="error"), {"TUN005": "error"})
        self.assert_mended(report, "TUN007")


class OpenVpn(CrashCase):
    def crash(self, *pushed):
        self.openvpn(*pushed).crash()

    def test_leaves_the_host_route_to_its_server(self):
        self.crash("redirect-gateway def1")
        report = leaks(status=1)
        self.assertEqual(codes(report, at_least="warning"), REMAINS, report["findings"])
        self.assertIn(machines.SERVER, str(findings(report, "TUN007")[0]["evidence"]))
        self.assertEqual(codes(leaks("--expect", "full", status=1), at_least="error"), {"TUN005": "error", **REMAINS})
        self.assert_mended(report, "TUN007")

    def test_takes_the_default_route_with_it(self):
        self.crash("redirect-gateway")
        self.assertEqual(machines.dump("-4", "route", "show", "default"), [])
        report = leaks(status=1)
        self.assertEqual(codes(report, at_least="warning"), REMAINS, report["findings"])
        self.assertIn(["vpndoctor", "routes", "restore", "--infer"],
                      [command["argv"] for command in findings(report, "TUN007")[0]["remedy"]["commands"]])
        # No configuration knows the default route here: the commands for that case bring back what was there.
        self.assert_mended(report, "TUN007", "vpndoctor")

    def test_leaves_routes_into_a_persistent_tun(self):
        run(CLIENT, "openvpn", "--mktun", "--dev", "tun0", "--dev-type", "tun")
        program = self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        changes = machines.Changes(CLIENT)
        program.crash()
        # The kernel tells of a lost carrier up to a second later.
        changes.until(lambda: "linkdown" in run(CLIENT, "ip", "route", "show", "0.0.0.0/1").stdout,
                      "tun0 without a carrier")
        report = leaks(status=1)
        self.assert_state(report, "tun0", "orphan")
        self.assertEqual(codes(report, at_least="error")["TUN001"], "error")
        self.assertEqual(findings(report, "LEK003") + findings(report, "FWL004"), [], "TUN001 and TUN007 say it")
        self.assertEqual(codes(leaks("--expect", "full", status=1), at_least="error")["TUN005"], "error")
        self.assertEqual(findings(report, "TUN007")[0]["caused_by"], ["TUN001"])
        self.carry_out(findings(report, "TUN001")[0], "resolvectl")
        world.set_resolvers(world.GATEWAY)
        self.assertEqual(machines.routes_and_rules(), self.before)
        self.assert_healthy()

    def test_works_after_the_first_step_whatever_else_is_to_be_done(self):
        run(CLIENT, "openvpn", "--mktun", "--dev", "tun0", "--dev-type", "tun")
        program = self.openvpn("redirect-gateway def1")
        world.set_resolvers(INSIDE)
        program.crash()
        report = leaks(status=1)
        self.assertEqual(codes(report, at_least="error"), {"TUN001": "error", **REMAINS})
        program.up()  # the first step
        for finding in report["findings"]:
            steps = finding["remedy"]["summary"]
            if "Or take away" not in steps:
                self.carry_out(finding, "wg-quick", "systemctl")
        self.assertEqual(codes(leaks("--expect", "full", "--vpn", "tun0", status=0), at_least="error"), {})
        run(CLIENT, "ping", "-c", "1", "-w", "5", world.PUBLIC)
