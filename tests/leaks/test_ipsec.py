# SPDX-License-Identifier: Apache-2.0
"""Policy-based IPsec whose daemon was killed: the kernel keeps the policies, and what they are for leaves no more."""
import unittest

from machines import CLIENT, SERVER, run
from world import ADDRESS, PUBLIC, World, codes, findings, leaks


class Ipsec(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)
        for direction, source, destination in (("out", ADDRESS, SERVER), ("in", SERVER, ADDRESS)):
            self.world.ip(CLIENT, f"xfrm policy add dir {direction} src 0.0.0.0/0 dst 0.0.0.0/0 "
                                  f"tmpl src {source} dst {destination} proto esp mode tunnel")
        self.addCleanup(run, CLIENT, "ip", "xfrm", "policy", "flush", check=False)

    def is_answered(self):
        return run(CLIENT, "ping", "-c", "1", "-W", "1", PUBLIC, check=False).returncode == 0

    def test_policies_that_nobody_serves_are_an_error_and_the_commands_mend_it(self):
        self.assertFalse(self.is_answered())
        report = leaks(status=1)
        self.assertEqual(codes(report).get("TUN010"), "error", report)
        for command in findings(report, "TUN010")[0]["remedy"]["commands"]:
            run(CLIENT, *command["argv"])
        self.assertTrue(self.is_answered())
        self.assertNotIn("TUN010", codes(leaks(status=0)))

    def test_a_daemon_that_listens_will_serve_them(self):
        self.world.ike_daemon()
        self.assertNotIn("TUN010", codes(leaks()))
