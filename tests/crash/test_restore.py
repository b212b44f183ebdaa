# SPDX-License-Identifier: Apache-2.0
"""Every crash state of the real programs: it is the one that is meant, vpndoctor tells it from the state before, and
`routes restore` brings the state before back, from a baseline and without one."""
import json
import os
import shutil
import unittest

import dhcp
import machines
import vpn
import world
from machines import CLIENT, routes, routes_and_rules, run, tool

DHCP_ROUTES = ("3,192.0.2.1", "121,0.0.0.0/0,192.0.2.1,10.77.0.0/16,192.0.2.3")
DEFAULT, SERVER_ROUTE = "default via 192.0.2.1 dev eth0", f"{machines.SERVER} via {world.GATEWAY} dev eth0"


class CrashCase(unittest.TestCase):
    """A client with an address by DHCP, whose state before the VPN is remembered."""
    longMessage = True
    maxDiff = None

    def begin(self, dhcp_client=dhcp.dhclient, options=DHCP_ROUTES):
        self.machines = world.World()
        self.addCleanup(self.machines.end)
        self.machines.dhcp_server(*options)
        dhcp_client(self.machines)
        self.before = routes_and_rules()
        self.assertTrue(any("10.77.0.0/16" in entry for entry in self.before) or options is not DHCP_ROUTES)

    def assert_tool(self, exit_code, *words):
        """The tool's report as a document, when it ended with `exit_code`."""
        done = tool(*words, "--json")
        self.assertEqual(done.returncode, exit_code, f"vpndoctor {' '.join(words)}\n{done.stdout[:4000]}{done.stderr}")
        return json.loads(done.stdout)

    def save(self):
        self.assert_tool(0, "routes", "save")
        self.assert_tool(0, "routes", "diff")

    def applicable(self, *words):
        """Plans with `routes restore`, which changes nothing; the commands that it would run."""
        untouched = routes_and_rules()
        operations = self.assert_tool(1, "routes", "restore", *words)["data"]["operations"]
        self.assertEqual(routes_and_rules(), untouched)
        self.assertTrue(all(operation["reason"] for operation in operations), operations)
        return [" ".join(operation["argv"]) for operation in operations if operation["applicable"]]

    def assert_restored(self, *words, leftover=None):
        """`routes restore --apply` brings the state before back, and then has nothing to do. `leftover` is an interface
        that is still there, whose address keeps the routes that the kernel made for it."""
        self.assertTrue(self.applicable(*words))
        outcome = self.assert_tool(0, "routes", "restore", *words, "--apply")["data"]
        self.assertTrue(outcome["applied"] and outcome["verified"], outcome)
        self.assertEqual(routes_and_rules(leftover), self.before)
        again = self.assert_tool(0, "routes", "restore", *words, "--apply")["data"]
        self.assertEqual([operation for operation in again["operations"]
                          if operation["applicable"] and operation["object"] != "address"], [])
        if leftover:
            self.assert_tool(0, "routes", "restore", *words, "--apply", "--delete-addresses")
            self.assertEqual(routes("-4", "address", "show", "dev", leftover), [])
        self.assertEqual(routes_and_rules(leftover), self.before)

    def mended_both_ways(self, crash, leftover=None):
        """Crashes, mends from the baseline; crashes once more, and mends without one."""
        self.save()
        crash()
        self.assert_tool(1, "routes", "diff")
        self.assert_restored(leftover=leftover)
        shutil.rmtree(f"{machines.HOME}/state")
        crash()
        self.assert_restored("--infer", leftover=leftover)


class WgQuickCrash(CrashCase):
    def setUp(self):
        self.begin()
        self.vpn = vpn.WgQuick()

    def crash(self):
        self.vpn.up()
        self.vpn.crash()

    def rules_left(self):
        return [entry for entry in routes_and_rules() if "rule" in entry and entry not in self.before]

    def test_leaves_four_rules_and_mends(self):
        def crash():
            self.crash()
            self.assertEqual(len(self.rules_left()), 4)
            self.assertEqual(routes("route", "show", "table", "51820"), [])
            self.assertNotIn("wg0", run(CLIENT, "ip", "link").stdout)
        self.mended_both_ways(crash)

    def test_leaves_eight_rules_the_second_time_and_mends(self):
        def crash():
            self.crash()
            self.assertNotEqual(run(CLIENT, "wg-quick", "down", "/run/crash/wg0.conf", check=False).returncode, 0)
            self.crash()
            self.assertEqual(len(self.rules_left()), 8)
        self.mended_both_ways(crash)

    def test_a_live_tunnel_is_left_alone_without_a_baseline(self):
        self.vpn.up()
        alive = routes_and_rules()
        self.assert_tool(0, "routes", "restore", "--infer", "--apply")
        self.assertEqual(routes_and_rules(), alive)


class OpenVpnCrash(CrashCase):
    def start_vpn(self, pushed):
        self.begin()
        self.vpn = vpn.OpenVpn(self.machines, pushed)

    def crash(self):
        self.vpn.up()
        self.vpn.crash()

    def test_def1_leaves_the_server_route_and_mends(self):
        self.start_vpn("redirect-gateway def1")

        def crash():
            self.crash()
            self.assertIn(SERVER_ROUTE, routes("-4", "route"))
            self.assertIn(DEFAULT, routes("-4", "route"))
            self.assertNotIn("tun0", run(CLIENT, "ip", "link").stdout)
        self.mended_both_ways(crash)

    def test_redirect_gateway_leaves_no_default_and_mends(self):
        self.start_vpn("redirect-gateway")

        def crash():
            self.crash()
            self.assertIn(SERVER_ROUTE, routes("-4", "route"))
            self.assertFalse(dhcp.has_default())
        self.mended_both_ways(crash)

    def test_persistent_tun_leaves_halves_into_it_and_mends(self):
        self.start_vpn("redirect-gateway def1")
        run(CLIENT, "openvpn", "--mktun", "--dev", "tun0", "--dev-type", "tun")

        def crash():
            changes = machines.Changes(CLIENT)
            self.crash()
            # The kernel tells of a lost carrier up to a second later.
            changes.until(lambda: "0.0.0.0/1 via 172.30.0.1 dev tun0 linkdown" in routes("-4", "route"),
                          "tun0 without a carrier")
            self.assertIn("128.0.0.0/1 via 172.30.0.1 dev tun0 linkdown", routes("-4", "route"))
        self.mended_both_ways(crash, leftover="tun0")

    def test_a_live_tunnel_is_left_alone_without_a_baseline(self):
        self.start_vpn("redirect-gateway def1")
        self.vpn.up()
        alive = routes_and_rules()
        self.assert_tool(0, "routes", "restore", "--infer", "--apply")
        self.assertEqual(routes_and_rules(), alive)


class OtherConfiguration(CrashCase):
    """The default route comes back as each way of configuration would have made it."""

    def lose_default(self, dhcp_client, options=DHCP_ROUTES):
        self.begin(dhcp_client, options)
        tunnel = vpn.OpenVpn(self.machines, "redirect-gateway")
        tunnel.up()
        tunnel.crash()
        self.assertFalse(dhcp.has_default())

    def test_a_lease_with_routers_only(self):
        self.lose_default(dhcp.dhclient, options=DHCP_ROUTES[:1])
        self.assert_restored("--infer")

    @unittest.skipUnless(shutil.which("dhcpcd"), "dhcpcd is not installed")
    def test_a_lease_of_dhcpcd(self):
        self.lose_default(dhcp.dhcpcd)
        self.assert_restored("--infer")

    @unittest.skipUnless(os.access(dhcp.NETWORKD, os.X_OK), "systemd-networkd is not installed")
    def test_a_lease_of_systemd_networkd(self):
        self.lose_default(dhcp.networkd)
        self.assert_restored("--infer")

    @unittest.skipUnless(os.access(dhcp.NETWORKD, os.X_OK), "systemd-networkd is not installed")
    def test_settings_of_systemd_networkd(self):
        self.lose_default(dhcp.networkd_static)
        for words in ("-4 route delete 10.77.0.0/16", "-6 route delete 2001:db8:77::/48"):
            run(CLIENT, "ip", *words.split())
        self.assert_restored("--infer")
