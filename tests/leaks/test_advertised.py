# SPDX-License-Identifier: Apache-2.0
"""A router advertisement that claims far more addresses than a local network has: what goes to them stays on the link,
beside a tunnel of all IPv6."""
import sys
import unittest

import machines
from machines import CLIENT, run
from world import NEIGHBOUR, World, codes, findings, leaks

# Type 134 (RFC 4861 section 4.2) without a default route, and a prefix that is on the link but gives no address (4.6.2).
ADVERTISE = """
import socket, struct, sys
sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix, length = sys.argv[1].split("/")
router = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 0, 0, 0)
option = struct.pack("!BBBBIII", 3, 4, int(length), 0x80, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, prefix)
sock.sendto(router + option, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))
"""


class Advertised(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)
        self.world.ip(CLIENT, "tuntap add dev tun0 mode tun", "link set tun0 up", "addr add 2a0e:99::2/64 dev tun0 nodad",
                      "route add ::/1 dev tun0", "route add 8000::/1 dev tun0")

    def advertise(self, prefix):
        changes = machines.Changes(CLIENT)
        run(NEIGHBOUR, sys.executable, "-c", ADVERTISE, prefix)
        changes.until(lambda: any(route["dst"] == prefix for route in machines.dump("-6", "route", "show", "dev", "eth0")),
                      f"a route for {prefix}")

    def test_a_huge_prefix_is_a_warning(self):
        self.advertise("2620::/16")
        self.assertIn("dev eth0 ", run(CLIENT, "ip", "-6", "route", "get", "2620:fe::9").stdout)
        report = leaks()
        self.assertEqual(codes(report).get("LEK004"), "warning", report)
        self.assertIn("2620::/16", findings(report, "LEK004")[0]["title"])

    def test_one_of_an_ordinary_size_is_a_notice(self):
        self.advertise("2620:fe::/64")
        self.assertEqual(codes(leaks()).get("LEK004"), "notice")
