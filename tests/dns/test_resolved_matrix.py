# SPDX-License-Identifier: Apache-2.0
"""`vpndoctor dns explain` against the real systemd-resolved: random configurations, and whom it asks for random names.

MATRIX_SEED makes it another run, MATRIX_CONFIGURATIONS a longer one, MATRIX_ONLY runs one configuration of it."""
import concurrent.futures
import json
import os
import random
import subprocess
import unittest

import resolved_matrix as matrix
import world

SEED = int(os.environ.get("MATRIX_SEED", "1"))
CONFIGURATIONS = int(os.environ.get("MATRIX_CONFIGURATIONS", "200"))
ONLY = os.environ.get("MATRIX_ONLY")
QUESTIONS = 6
TOOLS_AT_ONCE = os.cpu_count() or 1


def explain(question):
    way, name, kind = question
    done = world.run(world.TOOL, "dns", "explain", name, "--type", kind, "--caller", way, "--json",
                     check=False)  # an uncertain answer is exit code 3
    return json.loads(done.stdout)["data"]["paths"][0]


def query_of(asked):
    protocol = "dns" if asked["protocol"] == "tls" else asked["protocol"]
    return matrix.Query(protocol, asked["scope"].rpartition(" ")[2], asked["name"])


def address_of(server):
    return server and server.partition("%")[0]


class Expectation:
    """What an explanation says that must be sent, and what may be."""

    def __init__(self, path):
        self.path = path
        self.asked = [asked for asked in path["asked"] if asked["scope"]]
        self.first = [asked for asked in self.asked if not asked["only_if"]]
        self.needed = {query_of(asked) for asked in self.first}
        self.possible = {query_of(asked) for asked in self.asked}
        self.allowed = self.possible
        if len(self.first) == 1:
            # Several at once end each other's search; one alone goes on as long as names do not exist.
            self.needed |= self.followed()
            self.allowed = self.needed

    def followed(self):
        queries, name = set(), self.first[0]["name"]
        for asked in self.asked:
            if asked["name"] != name and is_nonexistent(name):
                queries.add(query_of(asked))
                name = asked["name"]
        return queries

    def servers(self, query):
        return {address_of(asked["server"]) for asked in self.asked
                if query_of(asked).scope == query.scope and query_of(asked).protocol == query.protocol}

    def first_server(self, query):
        return next((address_of(asked["server"]) for asked in self.first if query_of(asked) == query), None)


def is_nonexistent(name):
    """The peers say that such a name does not exist."""
    return name.endswith((".nx.example", ".in-addr.arpa"))


def link_of(configuration, server, interface):
    """The link that a server is behind."""
    for link in configuration.links:
        if server.startswith((f"10.{link.number}.", f"fd00:{link.number:x}:")):
            return link
    return next(link for link in configuration.links if link.name == interface)


def differences(configuration, way, expectation, outcome, is_first):
    """Every way in which the daemon did other than was said."""
    path, found = expectation.path, []
    used = [link_of(configuration, server, query.scope) for query, server in outcome.servers.items()]
    # A search also goes on when no server can be reached.
    allowed = expectation.allowed if all(link.is_reachable for link in used) else expectation.possible
    if not expectation.needed <= outcome.queries <= allowed:
        found.append(f"sent {outcome.queries}, not {expectation.needed}, at most {allowed}")
    arrivals = set()
    for query, server in outcome.servers.items():
        if server not in expectation.servers(query):
            found.append(f"{query} went to {server}")
        if is_first and server != expectation.first_server(query) is not None and query in expectation.needed:
            found.append(f"{query} went to {server} first, not to {expectation.first_server(query)}")
        if link_of(configuration, server, query.scope).is_reachable:
            arrivals.add((link_of(configuration, server, query.scope).name, query.name))
    needed = {(link, name) for link, name in arrivals if name in {query.name for query in expectation.needed}}
    if not needed <= outcome.peers:
        found.append(f"arrived {outcome.peers}, not {needed}")
    if not expectation.allowed and outcome.peers:
        found.append(f"arrived {outcome.peers}, but nothing is sent")
    if path["answered_here"] and (outcome.queries or outcome.peers):
        found.append("sent, but it is answered here")
    if not outcome.answerers <= {link for link, _ in outcome.peers}:
        found.append(f"answered by {outcome.answerers}, who were not asked")
    if way == "stub" and not outcome.queries and outcome.is_answered != path["answered_here"]:
        found.append(f"answered: {outcome.is_answered}")
    return found


class ResolvedMatrix(unittest.TestCase):
    """One machine, many configurations."""

    @classmethod
    def setUpClass(cls):
        print(f"MATRIX_SEED={SEED}", flush=True)
        subprocess.run(["hostname", matrix.HOST], check=True)
        cls.daemon = matrix.Daemon()
        cls.addClassCleanup(cls.daemon.machine.end)

    def check_configuration(self, number):
        """Returns how many cells were compared, how many were not because the answer says that it is
        uncertain, and how many of the compared were with another program's resolv.conf."""
        chosen = random.Random(f"{SEED}-{number}")
        configuration = matrix.choose_configuration(chosen)
        questions = matrix.choose_questions(chosen, configuration, QUESTIONS, number * QUESTIONS)
        self.daemon.apply(configuration)
        with concurrent.futures.ThreadPoolExecutor(TOOLS_AT_ONCE) as pool:
            expectations = [Expectation(path) for path in pool.map(explain, questions)]
        outcomes = self.daemon.outcomes(configuration, questions)
        uncertain = 0
        for question, expectation, outcome in zip(questions, expectations, outcomes):
            if not expectation.path["certain"]:
                uncertain += 1
                because = expectation.path["uncertain_because"]
                # Whether a file was written again since it was read is told by nothing.
                is_told = configuration.is_bus and len(configuration.files) == 1
                self.assertFalse(is_told, f"{number}: {configuration} {question}: {because}")
                continue
            found = differences(configuration, question[0], expectation, outcome, question == questions[0])
            self.assertEqual(found, [], f"MATRIX_SEED={SEED} MATRIX_ONLY={number}: {question}\n{configuration}\n"
                                        f"{json.dumps(expectation.path, indent=1)}")
        compared = len(questions) - uncertain
        return compared, uncertain, compared if configuration.files != ["stub"] else 0

    def test_explanation_and_daemon_agree_in_every_cell(self):
        numbers = [int(ONLY)] if ONLY else range(CONFIGURATIONS)
        counts = [self.check_configuration(number) for number in numbers]
        compared, uncertain, foreign = (sum(column) for column in zip(*counts))
        print(f"{compared} cells compared, {foreign} of them with a foreign resolv.conf, {uncertain} uncertain")
        if not ONLY:
            self.assertLess(uncertain, (compared + uncertain) / 5)


if __name__ == "__main__":
    unittest.main()
