# SPDX-License-Identifier: Apache-2.0
"""The real glibc against what the library expects of it: random resolv.conf, search lists and servers, each server
answering, saying NXDOMAIN, SERVFAIL or REFUSED, silent, without a listener or without a route."""
import concurrent.futures
import json
import os
import random
import re
import subprocess
import tempfile
import unittest

import dns_message
import dns_peers
import world

CASES = int(os.environ.get("VPNDOCTOR_GLIBC_CASES", "300"))
SEED = int(os.environ.get("VPNDOCTOR_GLIBC_SEED", "1"))
LISTENING = [f"10.53.0.{number}" for number in range(1, 9)]
CLOSED = ["10.53.1.1", "10.53.1.2"]  # this machine's, without a listener
UNROUTABLE = ["198.51.100.1", "198.51.100.2"]
OUTCOMES = ["answer", "nxdomain", "nodata", "servfail", "refused", "silent"]
MARK = re.compile(r"c(\d+)x")  # in every name: the number of its case


class Case:
    """One resolv.conf, the servers in it, and a name."""

    def __init__(self, number, chance):
        self.number = number
        mark = f"c{number}x"
        self.name = chance.choice([mark, f"www.{mark}", f"a.b.{mark}", f"{mark}.", f"www.{mark}."])
        self.search = [chance.choice([f"s{i}.example", f"s{i}", f"deep.s{i}.example"])
                       for i in range(chance.choice([0, 1, 1, 2, 3]))]
        if chance.random() < 0.1:
            self.search.insert(chance.randrange(len(self.search) + 1), ".")
        self.options = {"timeout": 1, "attempts": chance.choice([1, 1, 2])}
        if chance.random() < 0.4:
            self.options["ndots"] = chance.choice([0, 1, 2, 3])
        self.flags = [flag for flag, odds in (("rotate", 0.15), ("use-vc", 0.15), ("no-tld-query", 0.2),
                                              ("single-request", 0.15), ("no-aaaa", 0.1)) if chance.random() < odds]
        self.servers = [self.make_server(chance) for _ in range(chance.choice([1, 2, 2, 3, 3]))]
        if len({address for address, _, _ in self.servers}) < len(self.servers):
            self.servers = self.servers[:1]

    def make_server(self, chance):
        kind = chance.choice([*OUTCOMES, *OUTCOMES, "closed", "unroutable"])
        if kind == "silent" and "use-vc" in self.flags:
            kind = "refused"  # TCP waits for minutes
        if kind in ("closed", "unroutable"):
            return chance.choice(CLOSED if kind == "closed" else UNROUTABLE), kind, []
        names = [self.name.rstrip("."), *(f"{self.name}.{domain}" for domain in self.search)]
        return chance.choice(LISTENING), kind, [name for name in names if chance.random() < 0.25]

    def resolv_conf(self):
        lines = [f"nameserver {address}" for address, _, _ in self.servers]
        if self.search:
            lines.append("search " + " ".join(self.search))
        else:
            lines.append("search .")  # else it is the host name's domain
        options = [f"{key}:{value}" for key, value in self.options.items()] + self.flags
        return "\n".join([*lines, "options " + " ".join(options)]) + "\n"

    def for_the_library(self):
        lines = [f"name {self.name}", "search " + " ".join(self.search or ["."])]
        lines += [f"server {address} {kind} {' '.join(names)}" for address, kind, names in self.servers]
        lines += [f"{key} {value}" for key, value in self.options.items()] + self.flags
        return "\n".join(lines) + "\n\n"

    def behaviour(self, address, name):
        for server, kind, names in self.servers:
            if server == address:
                return "answer" if name in names else kind
        return "servfail"

    def ask(self):
        """Has the real glibc look the name up with this resolv.conf; returns the addresses that it found."""
        with tempfile.NamedTemporaryFile("w", prefix="vpndoctor-resolv-", dir="/run") as file:
            file.write(self.resolv_conf())
            file.flush()
            os.chmod(file.name, 0o644)
            script = 'mount --bind "$0" /etc/resolv.conf && exec getent ahosts "$1"'
            done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, file.name,
                                   self.name], stdout=subprocess.PIPE, text=True, timeout=120, check=False)
        return sorted({line.split()[0] for line in done.stdout.splitlines()})


class Glibc(unittest.TestCase):
    """Many look-ups at once: who was asked for what, in which order, and who answered."""

    @classmethod
    def setUpClass(cls):
        world.batch("link set lo up", *(f"addr add {address}/32 dev lo" for address in LISTENING + CLOSED))
        world.write("/etc/nsswitch.conf", "hosts: dns\n")
        world.write("/etc/resolv.conf", "")
        chance = random.Random(SEED)
        cls.cases = [Case(number, chance) for number in range(CASES)]
        cls.peers = dns_peers.Peers(LISTENING, cls.behaviour_of)
        cls.addClassCleanup(cls.peers.end)

    @classmethod
    def behaviour_of(cls, address, name):
        return cls.cases[int(MARK.search(name)[1])].behaviour(address, name)

    def test_library_expects_what_glibc_does(self):
        text = "".join(case.for_the_library() for case in self.cases)
        played = world.run(f"{world.BUILD_DIR}/bin/vpndoctor-dns-expect", stdin=None, input=text).stdout.splitlines()
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            found = list(pool.map(Case.ask, self.cases))
        sent = {case.number: [] for case in self.cases}
        for question in self.peers.questions:
            if question.kind == dns_message.KINDS["A"]:
                sent[int(MARK.search(question.name)[1])].append([question.server, question.name])
        wrong = 0
        for case, line, addresses in zip(self.cases, played, found, strict=True):
            expected = json.loads(line)
            with self.subTest(case=case.number, resolv_conf=case.resolv_conf(), servers=case.servers, name=case.name):
                wrong += 1
                self.compare(case, expected, sent[case.number], addresses)
                wrong -= 1
        print(f"{len(self.cases)} look-ups, {sum(map(len, sent.values()))} queries, {wrong} differ")

    def compare(self, case, expected, sent, addresses):
        possible = [self.visible(case, run) for run in expected["runs"]]
        self.assertIn((sent, addresses), possible)
        if "rotate" not in case.flags:
            first = list(dict.fromkeys(map(tuple, sent)))
            asked = [tuple(query) for query in expected["asked"] if tuple(query) in first]
            self.assertEqual(asked, first)

    def visible(self, case, run):
        """What a run sends to servers that listen, and the addresses that it ends with."""
        sent = [[case.servers[server][0], name] for server, name in run["attempts"]
                if case.servers[server][1] not in ("closed", "unroutable")]
        if run["answered_by"] is None:
            return sent, []
        return sent, [f"203.0.113.{self.peers.numbers[case.servers[run['answered_by']][0]]}"]


if __name__ == "__main__":
    unittest.main()
