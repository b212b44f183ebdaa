# SPDX-License-Identifier: Apache-2.0
"""`vpndoctor leaks --active HOST`: what passes a tunnel when it is bound to the physical interface, with a router that
answers, a firewall that refuses or is silent, and without a tunnel."""
import json
import unittest

import machines
from machines import CLIENT, ROUTER, run
from world import ADDRESS, GATEWAY, PUBLIC, PUBLIC6, World, codes, findings, leaks

REFUSE = ("table inet stop {{ chain out {{ type filter hook output priority 0; oifname eth0 ip protocol {{ udp, icmp }} "
          "{verdict}; }}\n}}")


class Active(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)

    def full_tunnel(self):
        """A tunnel that takes all IPv4; nobody needs to be at its other end."""
        self.world.ip(CLIENT, "tuntap add dev tun0 mode tun", "link set tun0 up", "addr add 10.8.0.2/24 dev tun0",
                      "route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0")

    def active(self, host=PUBLIC, *words):
        return leaks("--active", host, *words)

    def answers(self, report):
        return {probe["answered_by"] for probe in report["data"]["active"]["probes"]} - {None}

    def test_the_first_routers_prove_that_a_bound_program_leaves(self):
        self.full_tunnel()
        report = self.active()
        active = report["data"]["active"]
        self.assertEqual((active["can_bypass"], active["interfaces"]), (True, ["eth0"]), active)
        # The router's time exceeded, and the target itself one hop further.
        self.assertEqual(self.answers(report), {GATEWAY, PUBLIC}, active)
        self.assertLessEqual(len(active["probes"]), 12)
        self.assertEqual(codes(report)["LEK040"], "notice")
        self.assertEqual(findings(report, "LEK040")[0]["subject"], {"kind": "interface", "id": "eth0"})

    def test_nothing_is_sent_to_anyone_but_towards_the_host(self):
        self.full_tunnel()
        run(ROUTER, "nft", "table inet count { chain f { type filter hook prerouting priority 0; "
            f"iifname lan ip daddr != {PUBLIC} ip protocol {{ udp, icmp }} counter name other; }}\n"
            "counter other { }\n}")
        self.active()
        counted = run(ROUTER, "nft", "list", "counter", "inet", "count", "other").stdout
        self.assertIn("packets 0", counted)

    def test_a_firewall_that_refuses_is_no_way_past(self):
        self.full_tunnel()
        for verdict in ("drop", "reject"):
            with self.subTest(verdict=verdict):
                run(CLIENT, "nft", REFUSE.format(verdict=verdict))
                report = self.active()
                run(CLIENT, "nft", "delete", "table", "inet", "stop")
                self.assertIs(report["data"]["active"]["can_bypass"], False, report["data"]["active"])
                self.assertTrue(all(probe["error"] for probe in report["data"]["active"]["probes"]))
                self.assertNotIn("LEK040", codes(report))

    def test_silence_is_not_known(self):
        self.full_tunnel()
        run(ROUTER, "nft", "table inet mute { chain in { type filter hook prerouting priority -300; iifname lan "
            "ip protocol { udp, icmp } drop; }\n}")
        report = self.active()
        self.assertIsNone(report["data"]["active"]["can_bypass"])
        self.assertEqual(self.answers(report), set())
        self.assertNotIn("LEK040", codes(report))

    def test_the_tunnel_itself_is_no_way_past(self):
        self.full_tunnel()
        for name in ("tun0", "lo"):
            done = machines.tool("leaks", "--json", "--active", PUBLIC, "--interface", name)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(name, json.loads(done.stdout)["error"]["message"])

    def test_without_a_tunnel_there_is_nothing_to_pass_by(self):
        report = self.active()
        self.assertEqual(report["data"]["active"]["probes"], [])
        self.assertIn("eth0 anyway", report["data"]["active"]["why_not_tried"])
        self.assertNotIn("LEK040", codes(report))
        done = machines.tool("leaks", "--quiet", "--active", PUBLIC)
        self.assertEqual(done.returncode, 3)
        self.assertIn("whether a program can pass the tunnel by is not known", done.stdout)

    def test_what_an_ipsec_policy_takes_is_not_tested(self):
        self.world.ip(CLIENT, f"xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out tmpl src {ADDRESS} dst {GATEWAY} "
                      "proto esp mode tunnel")
        self.world.ike_daemon()
        report = self.active()
        active = report["data"]["active"]
        self.assertEqual((active["probes"], active["can_bypass"]), ([], None))
        self.assertIn("an IPsec policy takes packets", active["why_not_tried"])
        self.assertEqual(report["verdict"], "undetermined")

    def test_ipv6_is_tried_by_its_own_routes(self):
        self.world.join_ipv6()
        self.world.ip(CLIENT, "tuntap add dev tun0 mode tun", "link set tun0 up", "addr add fd00::2/64 dev tun0",
                      "route add ::/1 dev tun0", "route add 8000::/1 dev tun0")
        report = self.active(PUBLIC6)
        self.assertIs(report["data"]["active"]["can_bypass"], True, report["data"]["active"])
        self.assertIn(PUBLIC6, self.answers(report))

    def test_a_user_without_privileges_can_do_it_too(self):
        self.full_tunnel()
        done = run(CLIENT, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                   "python3", "-c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                   f"s.setsockopt(socket.SOL_SOCKET, 25, b'eth0'); s.connect(('{PUBLIC}', 9)); "
                   "print(s.getsockname()[0])")
        self.assertEqual(done.stdout.strip(), ADDRESS, "what LEK040 says of privileges holds on this kernel")


if __name__ == "__main__":
    unittest.main()
