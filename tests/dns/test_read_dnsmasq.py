# SPDX-License-Identifier: Apache-2.0
"""What is read of a dnsmasq on this machine, against the real one."""
import socket
import unittest

import reader
import world


class Dnsmasq(unittest.TestCase):
    """A machine with a dnsmasq of its own."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "tun0")
        cls.addClassCleanup(cls.machine.end)

    def setUp(self):
        self.addCleanup(self.machine.reset)

    def start(self, *arguments, conf=""):
        world.write("/etc/dnsmasq.conf", conf)
        daemon = self.machine.start("dnsmasq", "-k", "--user=root", "--pid-file=", "--log-facility=-", *arguments)
        daemon.wait_for("started, version")
        return daemon

    def only_instance(self):
        (instance,) = reader.value_of(reader.read()["dnsmasq"])
        return instance

    def upstreams(self, instance):
        return sorted((upstream["server"], upstream["interface"], *upstream["domains"])
                      for upstream in reader.value_of(instance["upstreams"]))

    def test_domains_of_its_file_are_joined_with_the_servers_that_it_has(self):
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
                   conf="server=10.1.0.1 # the LAN\nserver=/corp.example/vpn.example/10.2.0.1@tun0\nlocal=/home.lan/\n"
                        "rev-server=10.2.0.0/16,10.2.0.1\nserver=/odd.example/#\naddress=/fixed.example/192.0.2.1\n")
        instance = self.only_instance()
        self.assertEqual((instance["listens_on"], instance["network_manager"], instance["domains_are_known"]),
                         ("127.0.0.1", False, True))
        self.assertEqual(self.upstreams(instance), [
            ("10.1.0.1", ""), ("10.1.0.1", "", "odd.example"), ("10.2.0.1", "", "2.10.in-addr.arpa"),
            ("10.2.0.1", "tun0", "corp.example", "vpn.example")])
        self.assertEqual(sorted(instance["never_forwarded"]), ["fixed.example", "home.lan"])

    def test_what_it_was_told_is_what_it_does(self):
        """The oracle: names go where the joined domains say."""
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "-R", "-S", "10.1.0.1",
                   "-S/corp.example/10.2.0.1")
        self.assertEqual(self.upstreams(self.only_instance()), [("10.1.0.1", ""), ("10.2.0.1", "", "corp.example")])
        self.assertEqual(self.machine.ask("a.corp.example", server="127.0.0.1").addresses, ["203.0.113.2"])
        self.assertEqual(self.machine.ask("a.example", server="127.0.0.1").addresses, ["203.0.113.1"])

    def test_counts_are_told(self):
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--server=10.1.0.1")
        self.machine.ask("counted.example", server="127.0.0.1")
        (upstream,) = reader.value_of(self.only_instance()["upstreams"])
        self.assertEqual((upstream["queries"], upstream["failed"]), (1, 0))

    def test_servers_of_a_resolv_file_are_default_ones(self):
        world.write("/run/upstream.conf", "nameserver 10.1.0.1\n")
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", conf="resolv-file=/run/upstream.conf\n")
        self.assertEqual(self.upstreams(self.only_instance()), [("10.1.0.1", "")])

    def test_files_that_files_lead_to_are_read(self):
        world.write("/run/more/a.conf", "server=/a.example/10.1.0.1\n")
        world.write("/run/more/b.conf.bak", "server=/b.example/10.1.0.1\n")
        world.write("/run/servers", "server=/s.example/10.2.0.1\n")
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
                   conf="conf-dir=/run/more,.bak\nservers-file=/run/servers\n")
        self.assertEqual(self.upstreams(self.only_instance()),
                         [("10.1.0.1", "", "a.example"), ("10.2.0.1", "", "s.example")])

    def test_file_that_changed_behind_its_back_is_noticed(self):
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
                   conf="server=/a.example/10.1.0.1\n")
        world.write("/etc/dnsmasq.conf", "server=/a.example/10.2.0.1\n")
        instance = self.only_instance()
        self.assertFalse(instance["domains_are_known"])

    def test_wildcard_socket_is_asked_on_loopback(self):
        self.start("--no-resolv", "--server=10.1.0.1")
        instances = reader.value_of(reader.read()["dnsmasq"])
        self.assertEqual([instance["listens_on"] for instance in instances], ["127.0.0.1", "::1"])
        self.assertEqual(self.upstreams(instances[0]), [("10.1.0.1", "")])

    def test_nobody_reads_the_same(self):
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
                   conf="server=/corp.example/10.2.0.1\n")
        (theirs,) = reader.value_of(reader.read_as_nobody()["dnsmasq"])
        self.assertEqual(self.upstreams(theirs), [("10.2.0.1", "", "corp.example")])

    def test_other_addresses_are_not_asked(self):
        daemon = self.start("--listen-address=10.1.0.2", "--bind-interfaces", "--except-interface=lo", "--no-resolv",
                            "--server=10.1.0.1", "--log-queries")
        instance = self.only_instance()
        self.assertEqual(instance["listens_on"], "10.1.0.2")
        self.assertIn("loopback", instance["upstreams"]["missing"])
        self.assertNotIn("servers.bind", daemon.log())

    def test_another_resolver_is_never_asked(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 53))
            everything = reader.read()
            other.settimeout(0)
            self.assertRaises(BlockingIOError, other.recv, 1)
        (listener,) = reader.value_of(everything["listeners"])
        self.assertTrue(listener["process"].startswith("python"))
        self.assertEqual(reader.value_of(everything["dnsmasq"]), [])

    def test_stopped_one_is_missing_after_a_second(self):
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--server=10.1.0.1").stop()
        answer = reader.read()
        (instance,) = answer["dnsmasq"]["value"]
        self.assertIn("did not answer within 1 s", instance["upstreams"]["missing"])

    def test_tcp_alone_is_a_listener(self):
        with socket.socket(socket.AF_INET6) as other:
            other.bind(("::ffff:127.0.0.7", 53))
            other.listen()
            listeners = reader.value_of(reader.read()["listeners"])
        self.assertEqual([listener["server"] for listener in listeners], ["127.0.0.7"])

    def test_tcp_and_udp_are_one_listener(self):
        self.start("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv")
        (listener,) = reader.value_of(reader.read()["listeners"])
        self.assertEqual((listener["server"], listener["process"]), ("127.0.0.1", "dnsmasq"))


if __name__ == "__main__":
    unittest.main()
