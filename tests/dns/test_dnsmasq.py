# SPDX-License-Identifier: Apache-2.0
"""The real dnsmasq against what the library expects of it: random server=/domain/address lines, names below them."""
import json
import os
import random
import unittest

import world

CONFIGURATIONS = int(os.environ.get("VPNDOCTOR_DNSMASQ_CONFIGURATIONS", "60"))
SEED = int(os.environ.get("VPNDOCTOR_DNSMASQ_SEED", "1"))
NAMES = 8  # in each
DOMAINS = ["corp.example", "example", "lab.corp.example", "org", "example.org", "xcorp.example", "local", "a", "2.0.10.in-addr.arpa"]


class Configuration:
    """Servers with and without domains, and domains that are never forwarded."""

    def __init__(self, number, chance, servers):
        self.chance = chance
        self.number = number
        self.upstreams = []
        for _ in range(chance.choice([1, 2, 3, 4])):
            domains = chance.sample(DOMAINS, chance.choice([0, 1, 1, 2, 3]))
            self.upstreams.append((chance.choice(servers), domains))
        self.own = chance.sample(DOMAINS, chance.choice([0, 0, 1, 2]))

    def options(self):
        for server, domains in self.upstreams:
            yield f"--server=/{'/'.join(domains)}/{server}" if domains else f"--server={server}"
        for number, domain in enumerate(self.own):
            yield f"--{'local' if number % 2 else 'server'}=/{domain}/"

    def name(self, number):
        domain = self.chance.choice([*DOMAINS, *self.own, *(d for _, domains in self.upstreams for d in domains)])
        label = f"n{self.number}x{number}"
        return self.chance.choice([f"{label}.{domain}", f"www.{label}.{domain}", label, f"{label}.test", f"{label}{domain}"])

    def for_the_library(self, name):
        lines = [f"name {name}"] + [f"upstream {server} {' '.join(domains)}" for server, domains in self.upstreams]
        return "\n".join(lines + [f"own {domain}" for domain in self.own]) + "\n\n"


class Dnsmasq(unittest.TestCase):
    """A dnsmasq on 127.0.0.1 for each configuration, asked for several names."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "vpn0", "vpn1", "vpn2")
        cls.addClassCleanup(cls.machine.end)

    def test_library_expects_what_dnsmasq_does(self):
        chance = random.Random(SEED)
        servers = {link.server: name for name, link in self.machine.links.items()}
        cells = wrong = 0
        for number in range(CONFIGURATIONS):
            configuration = Configuration(number, chance, list(servers))
            names = [configuration.name(i) for i in range(NAMES)]
            text = "".join(map(configuration.for_the_library, names))
            expected = world.run(f"{world.BUILD_DIR}/bin/vpndoctor-dns-expect", stdin=None, input=text).stdout
            for name, line in zip(names, map(json.loads, expected.splitlines()), strict=True):
                cells += 1
                with self.subTest(options=list(configuration.options()), name=name):
                    wrong += 1
                    self.compare(configuration, name, {servers[server] for server, _ in line["asked"]}, line)
                    wrong -= 1
        print(f"{cells} names in {CONFIGURATIONS} configurations, {wrong} differ")

    def compare(self, configuration, name, expected, line):
        # The first question of a dnsmasq goes to all servers of the domain, so each name gets one of its own.
        daemon = self.machine.start("dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                                    "--bind-interfaces", "--listen-address=127.0.0.1", "--pid-file=", "--log-facility=-",
                                    *configuration.options())
        daemon.wait_for("started, version")
        answer = self.machine.ask(name, server="127.0.0.1")
        daemon.end()
        self.machine.daemons.remove(daemon)
        self.assertEqual(self.machine.asked(name), expected)
        if line["is_answered_here"]:
            self.assertEqual((answer.rcode, answer.addresses), (3, []))
        elif not expected:
            self.assertEqual(answer.rcode, 5)


if __name__ == "__main__":
    unittest.main()
