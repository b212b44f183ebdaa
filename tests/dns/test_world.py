# SPDX-License-Identifier: Apache-2.0
"""The test world itself: what other tests rely on."""
import os
import unittest

import daemons
import world


class World(unittest.TestCase):
    """One machine with a LAN and a tunnel."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "tun0", "vpn0")
        cls.addClassCleanup(cls.machine.end)

    def setUp(self):
        self.addCleanup(self.machine.reset)

    def route_corp_to_tunnel(self):
        self.machine.networkd("lan0", DNS="10.1.0.1")
        self.machine.networkd("tun0", DNS="10.2.0.1", ROUTE_DOMAINS="corp.example")

    def test_every_peer_says_who_it_is(self):
        for link in self.machine.links.values():
            self.assertEqual(self.machine.ask("who.example", server=link.server).addresses, [link.peer.address])
            self.assertEqual(self.machine.ask("who.example", "AAAA", link.server6).addresses, [link.peer.address6])
        self.assertEqual(self.machine.asked("who.example"), set(self.machine.links))

    def test_resolved_reads_the_files_of_networkd(self):
        self.route_corp_to_tunnel()
        self.machine.start_resolved()
        self.assertEqual(self.machine.ask("www.corp.example").addresses, ["203.0.113.2"])
        self.assertEqual(self.machine.asked("www.corp.example"), {"tun0"})
        self.assertEqual(self.machine.ask("www.example.org").addresses, ["203.0.113.1"])
        self.assertEqual(self.machine.asked("www.example.org"), {"lan0"})

    def test_tunnel_that_is_down_or_gone_leaks(self):
        for end_it in (lambda link: link.down(), lambda link: link.delete()):
            self.route_corp_to_tunnel()
            end_it(self.machine.links["tun0"])
            self.machine.start_resolved()
            self.assertEqual(self.machine.ask("www.corp.example").addresses, ["203.0.113.1"])
            self.machine.reset()

    def test_libc_asks_resolved(self):
        self.route_corp_to_tunnel()
        self.machine.start_resolved()
        self.assertIn("203.0.113.2", world.run("getent", "ahostsv4", "libc.corp.example").stdout)

    def test_resolvectl_configures_over_the_bus(self):
        self.machine.start_bus()
        self.machine.start_resolved()
        world.run("resolvectl", "dns", "tun0", "10.2.0.1")
        world.run("resolvectl", "domain", "tun0", "~corp.example")
        self.assertEqual(self.machine.ask("bus.corp.example").addresses, ["203.0.113.2"])

    def test_network_manager_feeds_its_dnsmasq(self):
        self.machine.use_resolv_conf("missing")
        self.machine.start_bus()
        self.machine.start_network_manager(self.machine.profile("lan0", gateway="10.1.0.1"),
                                           self.machine.profile("vpn0", dns_search="~corp.example"))
        self.assertEqual(self.machine.ask("nm.corp.example", server="127.0.0.1").addresses, ["203.0.113.3"])
        self.assertEqual(self.machine.ask("nm.example.org", server="127.0.0.1").addresses, ["203.0.113.1"])

    def test_nothing_is_left_over(self):
        self.test_network_manager_feeds_its_dnsmasq()
        self.machine.reset()
        peers = {link.peer.server.pid for link in self.machine.links.values()}
        others = set(daemons.children_of(os.getpid())) - peers
        self.assertEqual(others, set())
        self.assertIsNone(self.machine.ask("x.example", server="127.0.0.1"))


if __name__ == "__main__":
    unittest.main()
