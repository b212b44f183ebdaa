# SPDX-License-Identifier: Apache-2.0
"""The real NetworkManager with its dnsmasq against `dns explain`: random profiles, names in and out of their domains."""
import json
import os
import random
import unittest

import world

CONFIGURATIONS = int(os.environ.get("VPNDOCTOR_NM_CONFIGURATIONS", "12"))
SEED = int(os.environ.get("VPNDOCTOR_NM_SEED", "1"))
DOMAINS = ["corp.example", "example", "lab.corp.example", "org", "home.lan"]


class Configuration:
    """A profile for each link, and names to ask for."""

    def __init__(self, number, chance, links):
        self.number, self.chance = number, chance
        self.profiles = {name: self.settings(link) for name, link in links.items()}

    def settings(self, link):
        settings = {"dns_priority": str(self.chance.choice([-50, 10, 50, 50, 100]))}
        domains = [self.chance.choice(["", "~"]) + domain
                   for domain in self.chance.sample(DOMAINS, self.chance.choice([0, 1, 1, 2]))]
        if self.chance.random() < 0.1:
            domains.append("~.")
        if domains:
            settings["dns_search"] = ";".join(domains) + ";"
        if self.chance.random() < 0.4:
            settings["gateway"] = f"10.{link.number}.0.1"
        elif self.chance.random() < 0.3:
            settings["never_default"] = "true"
        if self.chance.random() < 0.3:
            settings["route1"] = f"10.{100 + link.number}.{self.chance.choice([0, 8, 64])}.0/{self.chance.choice([16, 22, 24])},10.{link.number}.0.1"
        return settings

    def names(self, links):
        for i, domain in enumerate([*DOMAINS, "test", "xcorp.example"]):
            yield f"n{self.number}x{i}.{domain}", "A"
        yield f"n{self.number}single", "A"
        for link in links.values():
            for third in (0, 9):
                yield f"{self.number % 200 + 20}.{third}.{100 + link.number}.10.in-addr.arpa", "PTR"
            yield f"{self.number % 200 + 20}.0.{link.number}.10.in-addr.arpa", "PTR"


class NetworkManager(unittest.TestCase):
    """Each configuration is a fresh NetworkManager, whose dnsmasq is asked for many names."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "vpn0", "vpn1")
        cls.addClassCleanup(cls.machine.end)

    def test_explanation_agrees_with_its_dnsmasq(self):
        chance = random.Random(SEED)
        cells = wrong = 0
        for number in range(CONFIGURATIONS):
            configuration = Configuration(number, chance, self.machine.links)
            self.start(configuration)
            for name, kind in configuration.names(self.machine.links):
                cells += 1
                with self.subTest(profiles=configuration.profiles, name=name):
                    wrong += 1
                    self.compare(name, kind)
                    wrong -= 1
        print(f"{cells} names in {CONFIGURATIONS} configurations, {wrong} differ")

    def start(self, configuration):
        self.machine.reset()
        self.machine.use_resolv_conf("missing")
        self.machine.start_bus()
        self.machine.start_network_manager(*(self.machine.profile(name, **settings)
                                             for name, settings in configuration.profiles.items()))

    def compare(self, name, kind):
        done = world.run(world.TOOL, "dns", "explain", name, "--type", kind, "--caller", "direct", "--json")
        path = json.loads(done.stdout)["data"]["paths"][0]
        expected = {query["interface"] for query in path["asked"]}
        self.assertIsNone(path["uncertain_because"], path)
        self.machine.ask(name, kind, server="127.0.0.1")
        asked = self.machine.asked(name)
        # Of several servers for a domain, dnsmasq asks all, or the one that answered last.
        if path["parallel"]:
            self.assertLessEqual(asked, expected, path)
            self.assertTrue(asked, path)
        else:
            self.assertEqual(asked, expected, path)


if __name__ == "__main__":
    unittest.main()
