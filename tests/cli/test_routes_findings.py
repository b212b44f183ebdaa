# SPDX-License-Identifier: Apache-2.0
"""Each routing finding on a real machine with the fault, and silence on the same machine without it."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import world

LAN = ["link set lo up", "link add eth0 type veth peer name far", "link set far up", "link set eth0 up",
       "addr add 192.0.2.2/24 dev eth0"]
DEFAULT = ["route add default via 192.0.2.1"]
ORDINARY = LAN + DEFAULT
SERVER = ["route add 198.51.100.9 via 192.0.2.1"]
HALVES = ["route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0"]
BRIDGE = ["link add docker0 type bridge", "link set docker0 up", "addr add 172.17.0.1/16 dev docker0"]
UP = ["link set tun0 up", "addr add 10.8.0.2/24 dev tun0"]
PERSISTENT = ["tuntap add tun0 mode tun"] + UP
MARKED = ["rule add not fwmark 51820 lookup 51820 pref 32765"]
WG = {"wireguard": ["wg0", "198.51.100.9", 51820]}
WG_TABLE = ["link set wg0 up", "route add default dev wg0 table 51820"] + MARKED


def ip(commands):
    return [command if command.startswith("sysctl ") else "ip " + command for command in commands]


@unittest.skipUnless(world.IS_ROOT and os.path.exists("/dev/net/tun"), "needs root and /dev/net/tun")
class Machines(world.Case):
    def codes(self, commands, tool=("routes", "--json"), **scene):
        """Returns code -> severity of what the tool finds on the machine that the commands make."""
        scene = dict(scene, commands=ip(commands), tool=[world.TOOL, *tool])
        runner = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scene.py")
        done = subprocess.run(["unshare", "-n", "-m", sys.executable, "-B", runner], input=json.dumps(scene).encode(),
                              stdout=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, scene)
        document = self.assert_json(done.stdout.decode())
        self.assertEqual(document["skipped"], [])
        return {finding["code"]: finding["severity"] for finding in document["findings"]}

    def assert_fires(self, code, severity, with_fault, without, with_scene=None, without_scene=None):
        found = self.codes(with_fault, **(with_scene or {}))
        self.assertEqual(found.get(code), severity, found)
        found = self.codes(without, **(without_scene if without_scene is not None else with_scene or {}))
        self.assertNotIn(code, found)


class RoutesFindings(Machines):
    def test_an_ordinary_machine_has_none(self):
        self.assertEqual(self.codes(ORDINARY), {})

    def test_default_route_missing(self):
        self.assert_fires("RTE001", "error", LAN + SERVER, LAN + SERVER + ["route add unreachable default"])
        self.assertEqual(self.codes(LAN), {"RTE001": "warning"})

    def test_no_interface_is_up(self):
        down = ["link add eth0 type veth peer name far", "link set lo up"]
        self.assert_fires("RTE001", "error", down, ORDINARY)
        self.assertEqual(self.codes(["link set lo up"]), {"RTE001": "notice"})

    def test_default_route_into_a_dead_tunnel(self):
        self.assert_fires("RTE002", "error", ORDINARY + PERSISTENT + HALVES, ORDINARY + UP + HALVES,
                          {}, {"tuns": ["tun0"]})

    def test_stale_route(self):
        stale = ["route add 10.0.0.0/8 dev tun0"]
        self.assert_fires("RTE003", "error", ORDINARY + PERSISTENT + stale, ORDINARY + UP + stale, {}, {"tuns": ["tun0"]})

    def test_a_server_route_left_behind(self):
        self.assert_fires("RTE004", "warning", ORDINARY + SERVER, ORDINARY + SERVER + WG_TABLE, {}, WG)

    def test_endpoint_routed_into_its_own_tunnel(self):
        loop = ORDINARY + ["link set wg0 up", "route add 198.51.100.0/24 dev wg0"]
        self.assert_fires("RTE005", "error", loop, loop + SERVER, WG)

    def test_rule_to_an_empty_table(self):
        self.assert_fires("RTE006", "error", ORDINARY + MARKED, ORDINARY + WG_TABLE, {}, WG)

    def test_rules_of_a_client_that_carries_nothing(self):
        rules = ["-6 rule add not fwmark 0x1bd00 lookup 7120 pref 110"]
        here = ORDINARY + ["link set wt0 up"] + rules
        self.assertEqual(self.codes(here, wireguard=["wt0", "198.51.100.9", 0x1bd00]), {"RTE006": "notice"})
        self.assertEqual(self.codes(ORDINARY + rules), {"RTE006": "error"})

    def test_equal_metric_defaults(self):
        second = ORDINARY + ["link add eth1 type veth peer name far1", "link set far1 up", "link set eth1 up",
                             "addr add 203.0.113.2/24 dev eth1"]
        self.assert_fires("RTE007", "warning", second + ["route append default via 203.0.113.1"],
                          second + ["route append default via 203.0.113.1 metric 100"])

    def test_loopback_captured(self):
        captured = ORDINARY + ["route add 127.0.0.0/8 via 192.0.2.1 table 77", "rule add pref 1 to 127.0.0.0/8 lookup 77",
                               "rule add pref 2 lookup local", "rule del pref 0"]
        self.assert_fires("RTE008", "error", captured, captured + ["rule del pref 1"])

    def test_lan_captured(self):
        self.assert_fires("RTE009", "warning", ORDINARY + UP + ["route add 192.0.2.0/25 dev tun0"],
                          ORDINARY + UP + ["route add 192.0.3.0/25 dev tun0"], {"tuns": ["tun0"]})

    def test_lan_captured_where_networkmanager_added_its_route(self):
        managed = ["link set lo up", "link add eth0 type veth peer name far", "link set far up", "link set eth0 up",
                   "addr add 192.0.2.2/24 dev eth0 noprefixroute"]
        connected = ["route add 192.0.2.0/24 dev eth0 proto kernel src 192.0.2.2"] + DEFAULT
        self.assert_fires("RTE009", "warning", managed + connected + UP + ["route add 192.0.2.0/25 dev tun0"],
                          managed + UP + ["route add 192.0.2.0/25 dev tun0"], {"tuns": ["tun0"]})

    def test_loopback_without_lo(self):
        never_up = [command for command in ORDINARY if command != "link set lo up"]
        self.assert_fires("RTE008", "error", never_up, ORDINARY)

    def test_two_tunnels_claim_one_prefix(self):
        two = ORDINARY + UP + ["link set tun1 up", "route add 10.0.0.0/8 dev tun0"]
        self.assert_fires("RTE010", "warning", two + ["route add 10.0.0.0/8 dev tun1 metric 5"],
                          two + ["route add 11.0.0.0/8 dev tun1"], {"tuns": ["tun0", "tun1"]})

    def test_container_network_captured(self):
        self.assert_fires("RTE011", "warning", ORDINARY + BRIDGE + UP + ["route add 172.16.0.0/12 dev tun0"],
                          ORDINARY + BRIDGE + UP + ["route add 172.20.0.0/16 dev tun0"], {"tuns": ["tun0"]})

    def test_provider_and_tunnel_share_100_64(self):
        shared = ["route add 100.64.0.0/10 dev tun0"]
        self.assert_fires("RTE012", "warning", ORDINARY + ["addr add 100.70.1.2/24 dev eth0"] + UP + shared,
                          ORDINARY + UP + shared, {"tuns": ["tun0"]})

    def test_reverse_path_filter_drops_the_tunnels_answers(self):
        strict = ORDINARY + WG_TABLE + ["sysctl -qw net.ipv4.conf.eth0.rp_filter=1"]
        self.assert_fires("RTE013", "error", strict + ["sysctl -qw net.ipv4.conf.all.src_valid_mark=0"],
                          strict + ["sysctl -qw net.ipv4.conf.all.src_valid_mark=1"], WG)


class AuditFindings(Machines):
    """A split tunnel through tun0, alive, and the list that it is meant to carry."""
    routed = ORDINARY + UP + ["route add 10.20.0.0/16 dev tun0"]

    def audit(self, commands, prefixes, tuns=("tun0",)):
        with tempfile.NamedTemporaryFile("w", prefix="vpndoctor-list-") as file:
            file.write(prefixes + "\n")
            file.flush()
            return self.codes(commands, tool=("routes", "audit", file.name, "--via", "tun0", "--json"), tuns=list(tuns))

    def assert_audit(self, code, severity, with_fault, without):
        """Each a machine and a list; the second has no finding of any kind."""
        found = self.audit(*with_fault)
        self.assertEqual(found.get(code), severity, found)
        self.assertEqual(self.audit(*without), {})

    def test_a_prefix_of_the_list_goes_outside(self):
        self.assert_audit("RTE020", "error", (self.routed, "10.20.0.0/16, 10.30.0.0/16"), (self.routed, "10.20.0.0/16"))

    def test_a_more_specific_route_takes_a_part(self):
        part = ["route add 10.20.7.0/24 via 192.0.2.1"]
        self.assert_audit("RTE021", "error", (self.routed + part, "10.20.0.0/16"), (self.routed, "10.20.0.0/16"))

    def test_a_part_that_belongs_outside_is_a_notice(self):
        everything = self.routed + HALVES
        self.assertEqual(self.audit(everything, "0.0.0.0/0").get("RTE021"), "notice")

    def test_a_prefix_of_the_list_goes_nowhere(self):
        refused = ["route add unreachable 10.20.0.0/16 metric 1"]
        self.assert_audit("RTE022", "warning", (ORDINARY + UP + refused, "10.20.0.0/16"), (self.routed, "10.20.0.0/16"))

    def test_another_tunnel_has_addresses_of_the_list(self):
        other = self.routed + ["link set tun1 up"]
        self.assert_audit("RTE023", "warning",
                          (other + ["route add 10.20.5.0/24 dev tun1"], "10.20.0.0/16", ("tun0", "tun1")),
                          (other + ["route add 10.21.5.0/24 dev tun1"], "10.20.0.0/16", ("tun0", "tun1")))

    def test_the_list_covers_a_local_network(self):
        container = self.routed + BRIDGE + ["route add 172.17.0.0/16 dev tun0 metric 5"]
        for commands, prefixes in ((self.routed, "10.20.0.0/16, 192.0.2.0/24"), (container, "172.16.0.0/12"),
                                   (self.routed, "10.20.0.0/16, 127.0.0.0/8")):
            self.assertEqual(self.audit(commands, prefixes).get("RTE024"), "warning", prefixes)
        self.assertEqual(self.audit(self.routed + BRIDGE, "10.20.0.0/16"), {})

    def test_the_list_covers_shared_address_space(self):
        shared = self.routed + ["route add 100.64.0.0/16 dev tun0"]
        provider = shared + ["addr add 100.70.1.2/24 dev eth0"]
        self.assert_audit("RTE025", "notice", (shared, "100.64.0.0/16"), (shared, "10.20.0.0/16"))
        self.assertEqual(self.audit(provider, "100.64.0.0/16").get("RTE025"), "warning")
