# SPDX-License-Identifier: Apache-2.0
"""getaddrinfo() of the real glibc against `dns explain --caller libc`: random hosts lines of nsswitch.conf with their
actions, /etc/hosts, resolv.conf, systemd-resolved there or not."""
import json
import os
import random
import socket
import sys
import unittest

import world

CONFIGURATIONS = int(os.environ.get("VPNDOCTOR_LIBC_CONFIGURATIONS", "60"))
SEED = int(os.environ.get("VPNDOCTOR_LIBC_SEED", "1"))
NAMES = 4  # in each
SERVICES = ["files", "dns", "resolve", "myhostname", "mdns4_minimal", "nosuch"]
ACTIONS = ["", "", "", "[NOTFOUND=return]", "[!UNAVAIL=return]", "[UNAVAIL=return]", "[SUCCESS=continue]",
           "[!SUCCESS=return]"]


class Configuration:
    """The files that decide, and names to ask for."""

    def __init__(self, number, chance, links):
        self.number, self.chance = number, chance
        services = chance.sample(SERVICES, chance.choice([1, 2, 3, 4]))
        if "dns" not in services and chance.random() < 0.8:
            services.append("dns")
        self.hosts_line = " ".join(f"{service} {chance.choice(ACTIONS)}" for service in services)
        self.servers = [link.server for link in chance.sample(links, chance.choice([1, 2, 3]))]
        self.search = chance.sample(["corp.example", "nx.example", "home.lan"], chance.choice([0, 1, 2]))
        self.has_resolved = chance.random() < 0.5
        # Without a setting of its own it takes the servers of resolv.conf, also of one that is written later.
        self.has_setting = chance.random() < 0.3
        self.is_late = chance.random() < 0.5
        self.tunnel = chance.choice(links)
        self.lan = chance.choice(links)
        mark = f"n{number}"
        self.names = [f"{mark}-{i}{suffix}" for i, suffix in enumerate(chance.choices(
            ["", ".corp.example", ".nx.example", ".example.org", ".local", ".deep.local", ".corp.example.", "_.org", "-.org"],
            k=NAMES))]
        self.kinds = [chance.choice(["A", "AAAA"]) for _ in self.names]
        self.known = {name.rstrip("."): chance.choice([[f"198.51.100.{i + 1}"], [f"2001:db8:77::{i + 1}"],
                                                       [f"198.51.100.{i + 1}", f"2001:db8:77::{i + 1}"]])
                      for i, name in enumerate(self.names) if chance.random() < 0.35}

    def write(self, machine):
        world.write("/etc/nsswitch.conf", f"passwd: files\nhosts: {self.hosts_line}\n")
        world.write("/etc/hosts", "127.0.0.1 localhost\n" + "".join(f"{a} {n}\n" for n, known in self.known.items()
                                                                   for a in known))
        resolv_conf = ("".join(f"nameserver {server}\n" for server in self.servers)
                       + f"search {' '.join(self.search) or '.'}\n")
        if not self.is_late:
            machine.use_resolv_conf(resolv_conf)
        if self.has_resolved:
            machine.networkd(self.lan.name, DNS=self.lan.server)
            if self.tunnel is not self.lan:
                machine.networkd(self.tunnel.name, DNS=self.tunnel.server, ROUTE_DOMAINS="corp.example")
            machine.start_resolved(**({"DNS": self.servers[0]} if self.has_setting else {}))
        if self.is_late:
            machine.use_resolv_conf(resolv_conf)


class Libc(unittest.TestCase):
    """Every name is explained first, and looked up then."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "tun0", "vpn0")
        cls.addClassCleanup(cls.machine.end)

    def test_explanation_agrees_with_getaddrinfo(self):
        chance = random.Random(SEED)
        cells = wrong = 0
        for number in range(CONFIGURATIONS):
            configuration = Configuration(number, chance, list(self.machine.links.values()))
            self.machine.reset()
            configuration.write(self.machine)
            for name, kind in zip(configuration.names, configuration.kinds):
                cells += 1
                with self.subTest(hosts=configuration.hosts_line, servers=configuration.servers, name=name, kind=kind,
                                  search=configuration.search, known=configuration.known,
                                  resolved=configuration.has_resolved,
                                  setting=configuration.has_setting, late=configuration.is_late):
                    wrong += 1
                    self.compare(configuration, name, kind)
                    wrong -= 1
        print(f"{cells} names in {CONFIGURATIONS} configurations, {wrong} differ")

    def explain(self, name, kind):
        done = world.run(world.TOOL, "dns", "explain", name, "--type", kind, "--caller", "libc", "--json")
        return json.loads(done.stdout)["data"]["paths"][0]

    @staticmethod
    def look_up(name, kind):
        """What a fresh program gets: all addresses for A, as most programs ask, IPv6 ones alone for AAAA."""
        program = ("import socket, sys\n"
                   "try: found = socket.getaddrinfo(sys.argv[1].encode(), None, int(sys.argv[2]), socket.SOCK_STREAM)\n"
                   "except OSError: found = []\n"
                   "print(*{entry[4][0] for entry in found})")
        family = socket.AF_INET6 if kind == "AAAA" else socket.AF_UNSPEC
        return set(world.run(sys.executable, "-S", "-c", program, name, str(int(family))).stdout.split())

    def compare(self, configuration, name, kind):
        path = self.explain(name, kind)
        before = {link.name: len(link.peer.questions()) for link in self.machine.links.values()}
        found = self.look_up(name, kind)
        self.machine.relay.drain()
        asked = {(link.server, question) for link in self.machine.links.values()
                 for question in link.peer.questions()[before[link.name]:]}
        queries = {(query["server"], query["name"]) for query in path["asked"] if query["server"]}
        certain = {(query["server"], query["name"]) for query in path["asked"]
                   if query["server"] and not query["only_if"]}
        self.assertLessEqual(certain, asked, path)
        self.assertLessEqual(asked, queries, path)
        self.assertIsNone(path["uncertain_because"])
        if path["answered_here"]:
            known = {address for address in configuration.known.get(name.rstrip("."), ())
                     if kind == "A" or ":" in address}
            self.assertEqual((found, asked), (known, set()), path)
        elif path["answered_by"] is None:
            self.assertEqual(found, set(), path)
        elif not self.says_no(name) and certain and "SUCCESS=continue" not in configuration.hosts_line:
            self.assert_first_answers(path, (found, kind), asked, certain)

    @staticmethod
    def says_no(name):
        return name.rstrip(".").endswith("nx.example") or "." not in name

    def assert_first_answers(self, path, answer, asked, certain):
        """Every server has an answer for this name: those that are asked at once are all that are."""
        self.assertEqual(asked, certain, path)
        found, kind = answer
        possible = [{link.peer.address6} | ({link.peer.address} if kind == "A" else set())
                    for link in self.machine.links.values()
                    if link.server in {server for server, _ in certain}]
        self.assertIn(found, possible, path)


if __name__ == "__main__":
    unittest.main()
