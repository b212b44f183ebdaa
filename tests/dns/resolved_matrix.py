# SPDX-License-Identifier: Apache-2.0
"""Random configurations of systemd-resolved and questions to it: what they are, how they are put into effect, and what
the real daemon did with a question. Knows nothing of what anybody expects."""
import concurrent.futures
import dataclasses
import ipaddress
import re
import socket

import dns_message
import links
import world

dns_message.KINDS.update({"NS": 2, "MX": 15})
LINKS = ("lan0", "tun0", "wan0", "tun1")
DOMAINS = ("corp.example", "a.corp.example", "b.a.corp.example", "example", "home.lan", "lan", "nx.example", "local",
           "intern.local", ".", "1.10.in-addr.arpa", "in-addr.arpa", "other.test", "single")
NESTED = ("example", "corp.example", "a.corp.example", "b.a.corp.example", ".")
STATES = ("up",) * 12 + ("down", "no-carrier", "no-address", "link-local", "degraded", "off")
HOST = "machine"
PATIENCE_S = 5  # 252 never answers a few questions that only LLMNR may answer
FIRING = re.compile(r"Firing (\w+) transaction (\d+) for <(\S+) IN (\S+)> scope (\w+) on (\S+?)/(\S+) ")
OWN_ANSWER = re.compile(r"203\.0\.113\.(\d+)$|2001:db8:53::(\d+)$|.*\.peer(\d+)\.example$")
USING = re.compile(r"Using DNS server (\S+) for transaction (\d+)\.")


@dataclasses.dataclass
class LinkSetting:
    """One link. `state` is up, down, no-carrier, no-address, link-local; degraded and off are networkd's word alone."""
    name: str
    number: int
    state: str
    servers: list
    domains: list  # "~corp.example" is route-only
    default_route: object  # True, False, None
    llmnr: bool

    @property
    def search(self):
        return [domain for domain in self.domains if not domain.startswith("~")]

    @property
    def route_only(self):
        return [domain[1:] for domain in self.domains if domain.startswith("~")]

    @property
    def is_reachable(self):
        return self.state in ("up", "degraded", "off")


@dataclasses.dataclass
class Configuration:
    links: list
    servers: list  # global
    domains: list
    fallback: list
    single_label: bool
    read_hosts: bool
    hosts: list  # (address, names)
    is_bus: bool
    # What /etc/resolv.conf is, one after the other: resolved's own link ("stub"), or a text. It runs since the first.
    files: list = dataclasses.field(default_factory=lambda: ["stub"])
    file_domains: list = dataclasses.field(default_factory=list)  # that any of them has


@dataclasses.dataclass(frozen=True)
class Query:
    """What a daemon sent, or is said to send: by a protocol, from a scope ("lan0", "global"), a name."""
    protocol: str
    scope: str
    name: str


@dataclasses.dataclass
class Outcome:
    """What the daemon did with one question."""
    queries: set  # of Query
    servers: dict  # Query -> the first server that it used
    peers: set  # (link, name) that arrived
    answerers: set  # links whose servers the answer comes from, as it says itself
    is_answered: bool  # also by "no such name": somebody, or the daemon itself, knew


def choose_pool(random):
    """The domains of one configuration: few, so that links compete for names; often below each other."""
    if random.random() < 0.6:
        return NESTED
    return random.sample(DOMAINS, 4)


def choose_domains(random, pool):
    count = random.choice((0, 0, 1, 1, 2, 3))
    return [random.choice(("", "~")) + domain for domain in random.sample(pool, count)]


def choose_servers(random, number, state, count):
    if state == "link-local" and random.random() < 0.5:
        return ["fe80::1"] if number % 2 else ["169.254.%d.1" % number]
    return random.sample([f"10.{number}.0.1", f"fd00:{number:x}::1", f"10.{number}.0.3"], count)


def choose_link(random, name, number, pool):
    state = random.choice(STATES)
    if state == "no-carrier" and name.startswith("tun"):
        state = "down"
    servers = choose_servers(random, number, state, random.choice((0, 1, 1, 1, 2, 3)))
    return LinkSetting(name, number, state, servers, choose_domains(random, pool),
                       random.choice((True, False, None, None)),
                       random.random() < 0.04)  # LLMNR that nobody answers takes three seconds


def choose_hosts(random):
    hosts = [("127.0.0.1", ["localhost"])]
    if random.random() < 0.4:
        hosts.append(("10.9.9.9", ["fixed.corp.example", "fixed"]))
    if random.random() < 0.2:
        hosts.append(("0.0.0.0", ["blocked.example"]))
    if random.random() < 0.2:
        hosts.append(("::1", ["localhost", "ip6-localhost"]))
    if random.random() < 0.1:
        hosts.append(("10.8.8.8", ["localhost"]))
    return hosts


def choose_file(random, numbers, pool):
    """A resolv.conf that another program wrote, and its search domains."""
    servers = [f"10.{number}.0.1" for number in random.sample(numbers, min(len(numbers), random.choice((0, 1, 1, 2))))]
    servers += [f"fd00:{random.choice(numbers):x}::1"] if numbers and random.random() < 0.2 else []
    servers += [random.choice(("127.0.0.53", "127.0.0.54", "0.0.0.0", *servers))] if random.random() < 0.4 else []
    random.shuffle(servers)
    domains = random.sample(pool, random.choice((0, 0, 1, 2)))
    if domains and random.random() < 0.2:
        domains[0] = "~" + domains[0]
    lines = [f"nameserver {server}" for server in servers]
    lines += [f"search {' '.join(domains)}"] if domains else []
    random.shuffle(lines)
    return "".join(line + "\n" for line in lines), domains


def choose_files(random, configuration, numbers, pool):
    """Mostly a file where no setting keeps the daemon from reading it."""
    if random.random() < 0.8:
        configuration.servers, configuration.domains = [], []
    texts = [choose_file(random, numbers, pool) for _ in range(2)]
    (first, _), (second, _) = texts
    choices = [["stub", first], [first], ["stub", first], [first], [first, second]]
    # Only the daemon itself knows what it kept of a file that is gone.
    choices += [[first, "stub"]] if configuration.is_bus else []
    configuration.files = random.choice(choices)
    configuration.file_domains = [domain for _, domains in texts for domain in domains]
    return configuration


def choose_configuration(random):
    count = random.choice((1, 2, 2, 3, 3, 3, 4, 4))
    pool = choose_pool(random)
    links_ = [choose_link(random, name, number, pool)
              for number, name in sorted(random.sample(list(enumerate(LINKS, start=1)), count))]
    # A server behind a link without carrier is waited for, and says nothing that another one does not.
    reachable = [link.number for link in links_ if link.state != "no-carrier"]
    count = min(len(reachable), random.choice((0, 0, 1, 2)))
    servers = [f"10.{number}.0.1" for number in random.sample(reachable, count)]
    fallback = [f"10.{random.choice(reachable)}.0.3"] if reachable and random.random() < 0.4 else []
    configuration = Configuration(links_, servers, choose_domains(random, pool) if random.random() < 0.4 else [],
                                  fallback, random.random() < 0.2, random.random() < 0.9, choose_hosts(random),
                                  random.random() < 0.5)
    return choose_files(random, configuration, reachable, pool) if random.random() < 0.4 else configuration


def choose_name(random, configuration, unique):
    """A name and a type."""
    domains = [domain.lstrip("~") for link in configuration.links for domain in link.domains] + list(DOMAINS[:4])
    domain = random.choice(domains)
    parent = domain.split(".", 1)[-1]
    kinds = ("A",) * 8 + ("AAAA", "TXT", "MX", "NS")
    name = random.choice((
        lambda: f"{unique}.{domain}", lambda: f"{unique}.{domain}", lambda: f"x.{unique}.{domain}", lambda: domain,
        lambda: f"{unique}{domain}", lambda: f"{unique}.{parent}", lambda: unique, lambda: unique, lambda: unique + ".",
        lambda: f"{unique}.local", lambda: f"www.{unique}.local", lambda: f"{unique}.example.org",
        lambda: f"{unique}.localhost", lambda: "localhost", lambda: "localhost.localdomain",
        lambda: f"{unique}.invalid",
        lambda: "_gateway", lambda: "_outbound", lambda: "_localdnsstub", lambda: HOST, lambda: f"{HOST}.local",
        lambda: f"{HOST}.net.example", lambda: "fixed", lambda: "fixed.corp.example", lambda: "blocked.example",
        lambda: f"{unique}.alt", lambda: f"{unique}.resolver.arpa", lambda: ".", lambda: "local",
        lambda: f"{unique}.nx.example", lambda: f"{unique}.{domain.upper()}", lambda: "single"))()
    return name.replace("..", ".").lstrip(".") or ".", random.choice(kinds)


def choose_reverse(random, configuration):
    number = random.choice(configuration.links).number
    address = random.choice((f"10.{number}.0.{random.randrange(1, 255)}", f"10.{number}.0.2", f"10.{number}.0.255",
                             f"fd00:{number:x}::{random.randrange(3, 999):x}", "169.254.7.9", "fe80::7:9", "192.0.2.77",
                             "127.0.0.7", "127.0.0.2", "0.0.0.1", "255.255.255.255", "::1", "::", "2001:db8::7",
                             "10.9.9.9", "10.1.77.1"))
    return ipaddress.ip_address(address).reverse_pointer, "PTR"


def expansions(configuration, name):
    """The names that a single label may become."""
    if "." in canonical(name) or canonical(name) == ".":
        return set()
    domains = configuration.domains + configuration.file_domains
    domains = domains + [domain for link in configuration.links for domain in link.domains]
    return {canonical(f"{canonical(name)}.{domain.lstrip('~')}") for domain in domains}


def choose_questions(random, configuration, count, first):
    """`count` questions with names of their own: (way, name, type)."""
    questions, seen = [], set()
    while len(questions) < count:
        if random.random() < 0.25:
            name, kind = choose_reverse(random, configuration)
        else:
            name, kind = choose_name(random, configuration, f"q{first + len(questions)}")
        sent = {canonical(name), *expansions(configuration, name)}
        if sent & seen:
            continue
        seen |= sent
        is_libc = kind in ("A", "AAAA", "PTR") and random.random() < 0.4
        questions.append(("libc" if is_libc else "stub", name, kind))
    return questions


class Daemon:
    """The real systemd-resolved on a world.Machine."""

    def __init__(self):
        self.machine = world.Machine(*LINKS)
        for link in self.machine.links.values():
            # No answer but "no such name" to reverse names that are nobody's: a refusal would be taken elsewhere.
            link.peer.start_server("--local=/in-addr.arpa/", "--local=/ip6.arpa/")
        self.marks = {}
        self.without_addresses = set(LINKS)  # of their peers

    def apply(self, configuration):
        machine = self.machine
        machine.reset()
        for link in (machine.links[name] for name in self.without_addresses):
            # Those of IPv6 went with the carrier.
            links.batch(f"addr replace 10.{link.number}.0.3/24 dev up0",
                        f"addr replace 169.254.{link.number}.1/16 dev up0",
                        f"addr replace {link.server6}/64 dev up0 nodad", "addr replace fe80::1/64 dev up0 nodad",
                        namespace=link.peer.namespace)
        self.without_addresses = {link.name for link in configuration.links if link.state == "no-carrier"}
        world.write("/etc/hosts", "".join(f"{address} {' '.join(names)}\n" for address, names in configuration.hosts))
        used = {link.name for link in configuration.links}
        for name in set(LINKS) - used:
            machine.links[name].down()
        for link in configuration.links:
            self.apply_link(link)
        settings = {"DNS": configuration.servers, "Domains": configuration.domains,
                    "FallbackDNS": configuration.fallback}
        settings = {key: " ".join(value) for key, value in settings.items() if value}
        machine.use_resolv_conf(configuration.files[0])
        if configuration.is_bus:
            machine.start_bus()
        machine.start_resolved(**settings, LLMNR="yes", ReadEtcHosts="yes" if configuration.read_hosts else "no",
                               ResolveUnicastSingleLabel="yes" if configuration.single_label else "no")
        for file in configuration.files[1:]:
            machine.use_resolv_conf(file)
        self.marks = {name: len(link.peer.server.lines) for name, link in machine.links.items()}

    def apply_link(self, link):
        device = self.machine.links[link.name]
        if link.state == "down":
            device.down()
        elif link.state == "no-carrier":
            device.lose_carrier()
        elif link.state in ("no-address", "link-local"):
            commands = [f"addr flush dev {link.name}"]
            if link.state == "link-local":
                commands += [f"addr add fe80::2/64 dev {link.name} nodad",
                             f"addr add 169.254.{link.number}.2/16 dev {link.name} scope link"]
            links.batch(*commands)
        settings = {"DNS": " ".join(link.servers), "DOMAINS": " ".join(link.search),
                    "ROUTE_DOMAINS": " ".join(link.route_only)}
        settings = {key: value for key, value in settings.items() if value}
        if link.default_route is not None:
            settings["DNS_DEFAULT_ROUTE"] = "yes" if link.default_route else "no"
        state = link.state if link.state in ("degraded", "off") else "routable"
        self.machine.networkd(link.name, LLMNR="yes" if link.llmnr else "no", OPER_STATE=state, **settings)

    def put(self, way, name, kind):
        """Puts a question; returns what the answer says, None when nobody gave one."""
        if way == "stub":
            answer = self.machine.ask(name, kind, timeout_s=PATIENCE_S)
            return None if answer is None or answer.rcode not in (0, 3) else answer.addresses + answer.names
        return ask_libc(name, kind)

    def outcomes(self, configuration, questions):
        """Puts all questions, the first one alone, and returns an Outcome for each."""
        start = len(self.machine.resolved.lines)
        answers = [self.put(*questions[0])]  # before the others can have moved a scope to its next server
        with concurrent.futures.ThreadPoolExecutor(len(questions)) as pool:
            answers += pool.map(lambda question: self.put(*question), questions[1:])
        self.machine.ask("barrier.localhost")
        self.machine.resolved.wait_for("Looking up RR for barrier.localhost", after=start)
        log = self.machine.resolved.lines[start:]
        self.machine.relay.drain()
        arrived = {name: self.arrived(name) for name in LINKS}
        return [self.outcome(configuration, question, answer, log, arrived)
                for question, answer in zip(questions, answers)]

    def arrived(self, name):
        """The names that arrived at a peer since the configuration was applied."""
        peer = self.machine.links[name].peer
        peer.questions()
        lines = peer.server.lines[self.marks[name]:]
        return {line.split(" query[", 1)[1].split(" ")[1].lower() for line in lines
                if " query[" in line and ".test from 127.0.0.1" not in line}

    @staticmethod
    def outcome(configuration, question, answer, log, arrived):
        _, name, kind = question
        names = {canonical(name), *expansions(configuration, name)}
        queries, servers, transactions = set(), {}, {}
        for line in log:
            if found := FIRING.search(line):
                _, number, sent, sent_kind, protocol, interface, _ = found.groups()
                query = Query(protocol, "global" if interface == "*" else interface, canonical(sent))
                transactions[number] = query
                if query.name in names and sent_kind == kind:
                    queries.add(query)
            elif (found := USING.search(line)) and (query := transactions.get(found[2])) in queries:
                servers.setdefault(query, found[1].partition("%")[0])
        peers = {(link, canonical(sent)) for link, all_sent in arrived.items() for sent in all_sent}
        return Outcome(queries, servers, {pair for pair in peers if pair[1] in names}, answerers(answer),
                       answer is not None)


def ask_libc(name, kind):
    """What getaddrinfo(), or gethostbyaddr() for an address's name, says; None when it fails."""
    try:
        if kind == "PTR":
            return [socket.gethostbyaddr(str(address_of(name)))[0]]
        family = socket.AF_INET if kind == "A" else socket.AF_INET6
        return [entry[4][0] for entry in socket.getaddrinfo(name.encode(), None, family, socket.SOCK_STREAM)]
    except OSError:
        return None


def canonical(name):
    return name.lower().rstrip(".") or "."


def address_of(name):
    labels = canonical(name).split(".")[:-2]
    if name.endswith("in-addr.arpa"):
        return ipaddress.ip_address(".".join(reversed(labels)))
    digits = "".join(reversed(labels))
    return ipaddress.ip_address(":".join(digits[at:at + 4] for at in range(0, 32, 4)))


def answerers(answer):
    """Which links' servers the answer comes from, by what it says."""
    found = (OWN_ANSWER.match(text) for text in answer or [])
    return {LINKS[int(next(filter(None, match.groups()))) - 1] for match in found if match}
