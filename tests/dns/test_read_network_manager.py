# SPDX-License-Identifier: Apache-2.0
"""What is read of NetworkManager and its dnsmasq, against the real ones."""
import os
import unittest

import daemons
import reader
import world


class NetworkManager(unittest.TestCase):
    """A machine whose links NetworkManager configures."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "vpn0")
        cls.addClassCleanup(cls.machine.end)

    def setUp(self):
        self.addCleanup(self.machine.reset)
        self.machine.use_resolv_conf("missing")
        self.machine.start_bus()

    def start(self, **options):
        return self.machine.start_network_manager(
            self.machine.profile("lan0", gateway="10.1.0.1", dns_search="home.lan"),
            self.machine.profile("vpn0", dns_search="~corp.example;vpn.example", dns_priority="-50"), **options)

    def test_entries_come_in_the_order_of_their_priority(self):
        self.start()
        manager = reader.value_of(reader.read()["network_manager"])
        self.assertEqual((manager["mode"], manager["rc_manager"], manager["version"], manager["foreign"]),
                         ("dnsmasq", "symlink", "1.42.4", ""))
        vpn, lan = manager["entries"]
        self.assertEqual(vpn, {"interface": "vpn0", "servers": ["10.2.0.1"], "priority": -50, "vpn": False,
                               "domains": ["~corp.example", "vpn.example"]})
        self.assertEqual((lan["interface"], lan["domains"], lan["priority"]), ("lan0", ["home.lan"], 100))

    def test_its_dnsmasq_is_found_and_tells_its_servers(self):
        self.start()
        everything = reader.read()
        self.assertEqual([listener["server"] for listener in reader.value_of(everything["listeners"])], ["127.0.0.1"])
        (instance,) = reader.value_of(everything["dnsmasq"])
        self.assertEqual((instance["listens_on"], instance["network_manager"]), ("127.0.0.1", True))
        # Their domains are NetworkManager's to tell: it gives the servers over D-Bus.
        self.assertFalse(instance["domains_are_known"])
        servers = {upstream["server"] for upstream in reader.value_of(instance["upstreams"])}
        self.assertEqual(servers, {"10.1.0.1", "10.2.0.1"})

    def test_nobody_reads_the_same(self):
        self.start()
        mine, theirs = reader.read(), reader.read_as_nobody()
        self.assertEqual(theirs["network_manager"], mine["network_manager"])
        (instance,) = reader.value_of(theirs["dnsmasq"])
        self.assertEqual({upstream["server"] for upstream in reader.value_of(instance["upstreams"])},
                         {"10.1.0.1", "10.2.0.1"})
        self.assertTrue(instance["network_manager"])

    def test_mode_default_has_no_listener(self):
        self.start(dns="default")
        everything = reader.read()
        self.assertEqual(reader.value_of(everything["network_manager"])["mode"], "default")
        self.assertEqual(reader.value_of(everything["listeners"]), [])
        self.assertEqual(reader.value_of(everything["dnsmasq"]), [])

    def test_in_another_network_namespace_it_is_foreign(self):
        self.start()
        there = ("ip", "netns", "exec", self.machine.links["lan0"].peer.namespace)
        self.assertIn("network namespace", reader.value_of(reader.read(*there)["network_manager"])["foreign"])
        self.assertIn("not here", reader.value_of(reader.read(*there, *reader.NOBODY)["network_manager"])["foreign"])

    def test_stopped_manager_is_missing_after_a_second(self):
        self.start().stop()
        answer = reader.read()
        self.assertIn("did not answer within 1 s", answer["network_manager"]["missing"])
        self.assertLess(answer["took_ms"], 5000)

    def test_orphan_keeps_answering_and_is_still_told(self):
        manager = self.start()
        with open(f"/proc/{manager.pid}/task/{manager.pid}/children", encoding="ascii") as file:
            self.assertTrue(file.read().split())
        os.kill(manager.pid, 9)
        manager.process.wait()
        everything = reader.read()
        self.assertIn("missing", everything["network_manager"])
        (instance,) = reader.value_of(everything["dnsmasq"])
        self.assertTrue(instance["network_manager"])
        daemons.kill_stranger(instance["pid"])


if __name__ == "__main__":
    unittest.main()
