# SPDX-License-Identifier: Apache-2.0
"""The machines are joined as the tests need it: a test of a leak means nothing where no packet could leave."""
import unittest

import machines
import vpn
import world
from machines import CLIENT, run
from world import PUBLIC, PUBLIC6, SERVER_MACHINE, World, leaks


class TheWorld(unittest.TestCase):
    longMessage = True

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)

    def way_to(self, address):
        return run(CLIENT, "ip", "route", "get", address).stdout

    def reach(self, address, machine=CLIENT):
        run(machine, "ping", "-c", "1", "-w", str(machines.PATIENCE_S), address)

    def test_reaches_all_without_a_vpn(self):
        self.world.join_ipv6()
        self.world.container_network()
        for address in (PUBLIC, PUBLIC6, world.NEIGHBOUR_ADDRESS, machines.SERVER):
            self.reach(address)
        self.reach(PUBLIC, machine=world.CONTAINER)
        self.assertEqual(leaks()["command"], "leaks")

    def test_goes_through_the_real_programs(self):
        for program in (vpn.OpenVpn(self.world, "redirect-gateway def1", at=SERVER_MACHINE),
                        vpn.WgQuick(at=SERVER_MACHINE)):
            program.up()
            self.reach(PUBLIC)
            self.assertRegex(self.way_to(PUBLIC), "dev (tun0|wg0)")
            program.crash()
            self.assertIn("dev eth0", self.way_to(PUBLIC))
