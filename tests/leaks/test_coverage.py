# SPDX-License-Identifier: Apache-2.0
"""What the tables let out beside real VPNs, each leak with its remedy or its healthy twin. The kernel's own answer
(ip route get) says where packets go before vpndoctor is asked."""
import os
import shutil
import unittest

import dhcp
import vpn
import world
from machines import CLIENT, SERVER, run
from world import ADDRESS, GATEWAY, NEIGHBOUR_ADDRESS, PUBLIC, PUBLIC6, SERVER_MACHINE, World, codes, findings, leaks


class Coverage(unittest.TestCase):
    longMessage = True
    maxDiff = None

    def make(self, **options):
        """A new world, the only one until the end of the test."""
        self.world = World(**options)
        self.addCleanup(self.world.end)
        return self.world

    def openvpn(self, *pushed, resolver="172.30.0.1"):
        program = vpn.OpenVpn(self.world, *pushed, at=SERVER_MACHINE)
        program.up()
        world.set_resolvers(resolver)
        return program

    def wireguard(self, **options):
        program = vpn.WgQuick(at=SERVER_MACHINE, **options)
        program.up()
        world.set_resolvers("10.9.0.1")
        return program

    def assert_way(self, interface, address, *words):
        self.assertIn(f"dev {interface} ", run(CLIENT, "ip", "route", "get", address, *words).stdout)

    def found(self, report=None):
        """All codes, with their severities."""
        return codes(report or leaks())

    def assert_notices_alone(self, report):
        self.assertEqual(codes(report, at_least="warning"), {}, report["findings"])

    def mode(self, report, family="inet"):
        return report["data"]["coverage"][family]["mode"]

    def outside(self, report, family="inet"):
        return {entry["prefix"]: entry["class"] for entry in report["data"]["coverage"][family]["outside"]}

    def apply(self, finding, beginning):
        """Runs the first command of the finding's remedy that begins so."""
        commands = [command["argv"] for command in finding["remedy"]["commands"]]
        argv = next(argv for argv in commands if " ".join(argv).startswith(beginning))
        run(CLIENT, *argv)


class Healthy(Coverage):
    def test_no_vpn_has_nothing_to_tell(self):
        machines = self.make()
        machines.join_ipv6()
        machines.container_network()
        report = leaks()
        self.assertEqual((self.mode(report), self.mode(report, "inet6")), ("none", "none"))
        self.assertEqual(self.found(report), {})

    def test_openvpn_takes_all_of_inet(self):
        self.make()
        self.openvpn("redirect-gateway def1")
        self.assert_way("tun0", PUBLIC)
        report = leaks()
        self.assertEqual((self.mode(report), self.mode(report, "inet6")), ("full", "none"))
        self.assertEqual(self.outside(report), {"192.168.50.0/24": "lan", f"{SERVER}/32": "vpn_server"})
        self.assert_notices_alone(report)
        self.assertEqual(findings(report, "LEK005")[0]["subject"]["id"], SERVER)

    def test_wireguard_takes_both_families_and_needs_no_host_route(self):
        machines = self.make()
        machines.join_ipv6()
        self.wireguard()
        self.assert_way("wg0", PUBLIC)
        self.assert_way("wg0", PUBLIC6)
        report = leaks()
        self.assertEqual((self.mode(report), self.mode(report, "inet6")), ("full", "full"))
        self.assertEqual(self.outside(report), {"192.168.50.0/24": "lan"})
        self.assertEqual(len(report["data"]["coverage"]["inet"]["exceptions"]), 1, "the outer packets' mark")
        self.assert_notices_alone(report)
        for code in ("LEK005", "LEK008", "LEK012"):
            self.assertNotIn(code, self.found(report))

    def test_a_split_tunnel_is_no_leak(self):
        machines = self.make()
        machines.join_ipv6()
        self.openvpn("route 10.0.0.0 255.0.0.0", resolver=GATEWAY)
        report = leaks()
        self.assertEqual(self.mode(report), "split")
        self.assertEqual(report["data"]["coverage"]["inet"]["tunnel_share_ratio"],
                         (2 ** 24 + 2 ** 16 - 1) / 2 ** 32)
        self.assertEqual(self.found(report), {})


    def test_ipv6_that_is_blocked_beside_a_vpn_of_inet(self):
        machines = self.make()
        machines.join_ipv6()
        self.openvpn("redirect-gateway def1")
        run(CLIENT, "nft", "table ip6 filter { chain OUTPUT { type filter hook output priority 0; oifname eth0 drop; }\n}")
        report = leaks()
        self.assert_notices_alone(report)
        self.assertEqual(self.found(report)["FWL004"], "notice", "IPv4 has no kill switch")

    def test_ipv6_that_is_blocked_beside_a_split_tunnel(self):
        machines = self.make()
        machines.join_ipv6()
        self.openvpn("route 10.0.0.0 255.0.0.0", resolver=GATEWAY)
        run(CLIENT, "nft", "table ip6 filter { chain OUTPUT { type filter hook output priority 0; oifname eth0 drop; }\n}")
        self.assertEqual(self.found(), {})

    def test_a_forward_policy_with_exceptions_for_the_tunnel_is_no_kill_switch(self):
        self.make()
        run(CLIENT, "nft", """table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop;
            iifname "tun0" accept; oifname "tun0" accept; }\n}""")
        self.assertEqual(self.found(), {}, "without a tunnel")
        self.openvpn("route 10.0.0.0 255.0.0.0", resolver=GATEWAY)
        self.assertEqual(self.found(), {}, "beside a split tunnel")
        self.world.ip(CLIENT, f"route add {SERVER} via {GATEWAY}", "route add 0.0.0.0/1 dev tun0",
                      "route add 128.0.0.0/1 dev tun0")
        world.set_resolvers("172.30.0.1")
        self.assert_notices_alone(leaks())


class Families(Coverage):
    def test_ipv6_by_router_advertisement_passes_a_vpn_of_inet(self):
        machines = self.make()
        machines.join_ipv6()
        self.openvpn("redirect-gateway def1")
        self.assert_way("tun0", PUBLIC)
        self.assert_way("eth0", PUBLIC6)
        report = leaks()
        self.assertEqual(self.found(report)["LEK001"], "error")
        self.assertEqual(report["verdict"], "problem")
        self.apply(findings(report, "LEK001")[0], "ip -6 route add unreachable")
        self.assertNotEqual(run(CLIENT, "ip", "route", "get", PUBLIC6, check=False).returncode, 0)
        self.assertNotIn("LEK001", self.found())

    def test_ipv6_is_switched_off_on_an_interface_with_a_dot(self):
        machines = self.make()
        machines.ip(CLIENT, "link set eth0 down", "link set eth0 name eth0.7", "link set eth0.7 up",
                    f"route add default via {GATEWAY}")
        machines.join_ipv6()
        self.openvpn("redirect-gateway def1")
        self.apply(findings(leaks(), "LEK001")[0], "sysctl -w")
        self.assertNotIn("LEK001", self.found())

    def test_a_resolver_of_the_local_network_is_outside(self):
        self.make()
        self.openvpn("redirect-gateway def1", resolver=GATEWAY)
        self.assertEqual(self.found()["LEK006"], "error")
        world.set_resolvers("172.30.0.1")
        self.assertNotIn("LEK006", self.found())


class TunnelVision(Coverage):
    def with_option(self, client, option):
        machines = self.make(address=None)
        machines.dhcp_server("3," + GATEWAY, option)
        client(machines)
        self.openvpn("redirect-gateway def1")
        return leaks()

    def judge(self, client):
        report = self.with_option(client, f"121,9.9.8.0/23,{NEIGHBOUR_ADDRESS},0.0.0.0/0,{GATEWAY}")
        self.assert_way("eth0", PUBLIC)
        self.assert_way("tun0", "9.9.10.1")
        self.assertEqual(self.mode(report), "split")
        self.assertEqual(self.outside(report)["9.9.8.0/23"], "public")
        finding = findings(report, "LEK002")[0]
        self.assertEqual(finding["severity"], "error")
        self.assertIn("9.9.8.0/23", " ".join(line["text"] for line in finding["evidence"] if line["kind"] == "file"))
        self.apply(finding, "ip -4 route del 9.9.8.0/23")
        self.assert_way("tun0", PUBLIC)
        self.assertNotIn("LEK002", self.found())

    @unittest.skipUnless(shutil.which("dhclient"), "isc-dhcp-client is not installed")
    def test_is_found_by_the_lease_of_dhclient(self):
        self.judge(dhcp.dhclient)

    @unittest.skipUnless(shutil.which("dhcpcd"), "dhcpcd is not installed")
    def test_is_found_by_the_lease_of_dhcpcd(self):
        self.judge(dhcp.dhcpcd)

    @unittest.skipUnless(os.path.exists(dhcp.NETWORKD), "systemd-networkd is not installed")
    def test_is_found_by_the_lease_of_networkd(self):
        self.judge(dhcp.networkd)

    @unittest.skipUnless(shutil.which("dhclient"), "isc-dhcp-client is not installed")
    def test_is_not_what_an_honest_server_says(self):
        report = self.with_option(dhcp.dhclient, f"121,192.168.50.0/24,0.0.0.0,10.66.0.0/16,{NEIGHBOUR_ADDRESS},"
                                  f"168.63.129.16/32,{GATEWAY},169.254.169.254/32,{GATEWAY},0.0.0.0/0,{GATEWAY}")
        self.assert_way("eth0", "168.63.129.16")
        self.assertNotIn("LEK002", self.found(report))
        self.assertNotIn("LEK003", self.found(report))

    def test_without_a_lease_it_is_a_route_of_somebody(self):
        self.make()
        self.openvpn("redirect-gateway def1")
        self.world.ip(CLIENT, f"route add 9.9.8.0/23 via {NEIGHBOUR_ADDRESS}")
        self.assert_way("eth0", PUBLIC)
        self.assertIn("LEK003", self.found())
        self.world.ip(CLIENT, f"route del 9.9.8.0/23 via {NEIGHBOUR_ADDRESS}")
        self.assertNotIn("LEK003", self.found())


class Networks(Coverage):
    def test_a_local_network_of_public_addresses(self):
        machines = self.make()
        self.openvpn("redirect-gateway def1")
        self.assertNotIn("LEK004", self.found())
        machines.ip(CLIENT, "addr add 9.1.2.3/9 dev eth0")
        self.assert_way("eth0", PUBLIC)
        report = leaks()
        self.assertEqual(self.found(report)["LEK004"], "warning")
        self.assertEqual(self.outside(report)["9.0.0.0/9"], "lan")
        machines.ip(CLIENT, "addr del 9.1.2.3/9 dev eth0", "addr add 9.9.9.3/24 dev eth0")
        report = leaks()
        self.assertEqual(self.found(report)["LEK004"], "notice")
        self.assertEqual(self.mode(report), "full", "a server's own network is none of the tunnel's")

    def test_a_second_way_out(self):
        machines = self.make()
        self.openvpn("redirect-gateway def1")
        self.assertNotIn("LEK011", self.found())
        machines.ip(CLIENT, "link add eth1 type veth peer name far1", "link set far1 up", "link set eth1 up",
                    "addr add 192.168.77.5/24 dev eth1", "route add default via 192.168.77.1 metric 600")
        self.assertEqual(self.found()["LEK011"], "notice")

    def test_the_tunnels_address_answers_unless_the_filter_is_strict(self):
        machines = self.make()
        self.openvpn("redirect-gateway def1")
        address = machines_address("tun0")
        for strict, is_reached in ((0, True), (1, False)):
            run(CLIENT, "sysctl", "-qw", f"net.ipv4.conf.all.rp_filter={strict}", "net.ipv4.conf.eth0.rp_filter=0")
            asked = run(CLIENT, "ip", "route", "get", address, "from", PUBLIC, "iif", "eth0", check=False)
            self.assertEqual(asked.returncode == 0, is_reached, asked.stderr)
            self.assertEqual("LEK012" in self.found(), is_reached)
        run(CLIENT, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=2")
        for command in findings(leaks(), "LEK012")[0]["remedy"]["commands"]:
            run(CLIENT, *command["argv"])
        self.assertNotIn("LEK012", self.found())


class Ways(Coverage):
    def test_a_bound_program_passes_the_tunnel_unless_a_rule_forbids_it(self):
        machines = self.make()
        self.openvpn("redirect-gateway def1")
        self.assert_way("eth0", PUBLIC, "oif", "eth0")
        self.assertEqual(self.found()["LEK007"], "notice")
        machines.ip(CLIENT, "rule add oif eth0 unreachable pref 10")
        self.assertNotIn("LEK007", self.found())

    def test_a_rule_for_a_user(self):
        machines = self.make()
        self.openvpn("redirect-gateway def1")
        self.assertNotIn("LEK008", self.found())
        machines.ip(CLIENT, f"route add default via {GATEWAY} table 77",
                    "rule add uidrange 1000-1000 lookup 77 pref 99")
        self.assert_way("eth0", PUBLIC, "uid", "1000")
        report = leaks()
        self.assertEqual(self.found(report)["LEK008"], "notice")
        self.apply(findings(report, "LEK008")[0], "ip -4 rule del")
        self.assertNotIn("LEK008", self.found())

    def assert_guests_are_left_out(self, guest, interface):
        """While the tunnel's table is for this machine's own packets alone, until the remedy is carried out."""
        self.openvpn()
        self.world.ip(CLIENT, "route add default via 172.30.0.1 dev tun0 table 77",
                      f"rule add to {SERVER} lookup main pref 98", "rule add to 192.168.50.0/24 lookup main pref 99",
                      "rule add iif lo lookup 77 pref 100")
        self.assert_way("tun0", PUBLIC)
        self.assert_way("eth0", PUBLIC, "from", guest, "iif", interface)
        report = leaks()
        self.assertEqual(self.found(report)["LEK009"], "warning")
        self.apply(findings(report, "LEK009")[0], f"ip -4 rule add iif {interface}")
        self.assert_way("tun0", PUBLIC, "from", guest, "iif", interface)
        self.assertNotIn("LEK009", self.found())

    def test_containers_that_the_tunnel_leaves_out(self):
        self.make().container_network()
        self.assert_guests_are_left_out("172.17.0.2", "docker0")

    def test_a_container_without_a_bridge_that_the_tunnel_leaves_out(self):
        self.make().plain_container()
        self.assert_guests_are_left_out("10.77.0.2", "ve-guest")

    def test_containers_that_a_rule_before_others_pulls_out(self):
        machines = self.make()
        machines.container_network()
        self.openvpn("redirect-gateway def1")
        machines.ip(CLIENT, f"route add default via {GATEWAY} table 99", "rule add iif docker0 lookup 99 pref 50")
        self.assert_way("eth0", PUBLIC, "from", "172.17.0.2", "iif", "docker0")
        self.apply(findings(leaks(), "LEK009")[0], "ip -4 rule add iif docker0")
        self.assert_way("tun0", PUBLIC, "from", "172.17.0.2", "iif", "docker0")
        self.assertNotIn("LEK009", self.found())

    def test_a_filter_that_sets_the_mark_of_the_vpn_on_all_packets(self):
        self.make()
        self.wireguard()
        mark = run(CLIENT, "wg", "show", "wg0", "fwmark").stdout.strip()
        report = leaks(status=0)
        self.assertNotIn("LEK013", self.found(report))
        self.assertNotIn("LEK013", [each["code"] for each in report["skipped"]])
        for chain in (f"type route hook output priority -150; meta mark set {mark};",
                      f"type route hook output priority mangle; udp dport 443 meta mark set {mark};"):
            run(CLIENT, "nft", f"table inet k {{ chain o {{ {chain} }}\n}}")
            self.assertEqual(self.found(leaks(status=1))["LEK013"], "error")
            run(CLIENT, "nft", "delete", "table", "inet", "k")
        run(CLIENT, "nft", f"table inet k {{ chain o {{ type route hook output priority -150; udp dport 51820 meta mark "
            f"set {mark}; }}\n}}")
        self.assertNotIn("LEK013", self.found(leaks(status=0)))

    def test_containers_that_go_along(self):
        machines = self.make()
        machines.container_network()
        self.openvpn("redirect-gateway def1")
        self.assert_way("tun0", PUBLIC, "from", "172.17.0.2", "iif", "docker0")
        self.assert_notices_alone(leaks())

    def test_a_dead_tunnel_whose_routes_are_skipped(self):
        machines = self.make()
        machines.ip(CLIENT, "tuntap add tun9 mode tun", "link set tun9 up", "addr add 172.29.0.2/24 dev tun9",
                    "route add 0.0.0.0/1 dev tun9", "route add 128.0.0.0/1 dev tun9")
        self.assert_way("tun9", PUBLIC)
        self.assertNotIn("LEK010", self.found())
        run(CLIENT, "sysctl", "-qw", "net.ipv4.conf.tun9.ignore_routes_with_linkdown=1")
        self.assert_way("eth0", PUBLIC)
        report = leaks()
        self.assertEqual(self.found(report)["LEK010"], "error")
        self.apply(findings(report, "LEK010")[0], "sysctl -w")
        self.assert_way("tun9", PUBLIC)
        self.assertNotIn("LEK010", self.found())


class Clients(Coverage):
    """The rules that known clients set, by hand, over a real tunnel."""

    def judge(self, *commands):
        self.openvpn()
        self.world.ip(CLIENT, *commands)
        self.assert_way("tun0", PUBLIC)
        report = leaks()
        self.assertEqual(self.mode(report), "full")
        self.assert_notices_alone(report)
        return report

    def test_tailscale_with_an_exit_node(self):
        self.make()
        report = self.judge("route add default dev tun0 table 52", f"route add throw {SERVER}/32 table 52",
                            "route add throw 192.168.50.0/24 table 52",
                            "rule add fwmark 0x80000/0xff0000 lookup main pref 5210",
                            "rule add fwmark 0x80000/0xff0000 lookup default pref 5230",
                            "rule add fwmark 0x80000/0xff0000 unreachable pref 5250", "rule add lookup 52 pref 5270")
        self.assertIn("packets with the mark 0x80000/0xff0000 leave by eth0 (rule 5210)",
                      report["data"]["coverage"]["inet"]["exceptions"])
        self.assertNotIn("LEK008", self.found(report))

    def test_mullvad(self):
        self.make()
        report = self.judge("route add default dev tun0 table 1836018789", f"route add {SERVER}/32 via {GATEWAY}",
                            "rule add not fwmark 0x6d6f6c65 lookup 1836018789 pref 32765",
                            "rule add lookup main suppress_prefixlength 0 pref 32764")
        self.assertIn("packets with the mark 0x6d6f6c65 leave by eth0 (rule 32765)",
                      report["data"]["coverage"]["inet"]["exceptions"])


def machines_address(interface):
    """The IPv4 address of an interface of the client."""
    return run(CLIENT, "ip", "-4", "-o", "addr", "show", "dev", interface).stdout.split()[3].split("/")[0]


assert ADDRESS.startswith("192.168.50."), "the LAN that these tests name"
