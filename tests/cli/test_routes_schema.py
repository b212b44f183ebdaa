# SPDX-License-Identifier: Apache-2.0
"""What every routes command promises: documents that the schema allows on a machine with everything, a schema that
refuses a document with any field missing or of another type, exit codes that do not depend on the format."""
import contextlib
import copy
import ipaddress
import os
import subprocess
import tempfile
import unittest

import world
from world import DEAD_HOST, SOURCE_DIR, Case, parse_line, run

MACOS = os.path.join(SOURCE_DIR, "tests/data/macos/tunnel")
# Each with what undoes it.
MACHINE = (
    ("route add default nexthop via 192.0.2.2 dev vd0 weight 3 nexthop via 192.0.2.3 dev vd0", "route del default"),
    ("route add 10.10.0.0/16 encap ip id 5 dst 192.0.2.9 via 192.0.2.2", "route del 10.10.0.0/16"),
    ("route add 10.11.0.0/16 via 192.0.2.2 tos 0x10", "route del 10.11.0.0/16 tos 0x10"),
    ("route add 10.12.0.0/16 via 198.51.100.1 dev vd0 onlink", "route del 10.12.0.0/16"),
    ("route add blackhole 10.13.0.0/16", "route del blackhole 10.13.0.0/16"),
    ("route add 10.17.0.0/16 via 192.0.2.2 mtu lock 1300 src 192.0.2.1 realm 3/5 congctl cubic",
     "route del 10.17.0.0/16"),
    ("route add 10.18.0.0/16 via inet6 2001:db8::2 dev vd0", "route del 10.18.0.0/16"),
    ("route add 10.20.0.0/16 dev vd0 table 5000000 metric 4000000000", "route flush table 5000000"),
    ("-6 route add 2001:db8:6::/48 from 2001:db8:7::/48 via 2001:db8::2",
     "-6 route del 2001:db8:6::/48 from 2001:db8:7::/48"),
    ("-6 route add 2001:db8:9::/48 via 2001:db8::2 pref high", "-6 route del 2001:db8:9::/48"),
    ("-6 route add 2001:db8:a::/48 via 2001:db8::2 expires 4000", "-6 route del 2001:db8:a::/48"),
    ("rule add pref 101 not fwmark 0x10/0xff lookup 5000000", "rule del pref 101"),
    ("rule add pref 102 iif vd0 to 10.0.0.0/8 uidrange 5-9 blackhole", "rule del pref 102"),
    ("rule add pref 103 from 192.0.2.7 oif nosuch ipproto 6 dport 80-90 sport 7 unreachable", "rule del pref 103"),
    ("rule add pref 104 tos 0x10 goto 60000", "rule del pref 104"),
    ("rule add pref 105 lookup main suppress_prefixlength 0", "rule del pref 105"),
    ("rule add pref 106 lookup main suppress_ifgroup 3", "rule del pref 106"),
    ("-6 rule add pref 107 prohibit to 2001:db8:ff::/48", "-6 rule del pref 107"),
)
CHANGES = (
    ("route del 10.13.0.0/16", None),
    ("route add blackhole 10.13.0.0/16 table 77", "route flush table 77"),
    ("route replace 10.12.0.0/16 via 192.0.2.3", None),
    ("rule del pref 101", None),
    ("rule add pref 109 lookup 77", "rule del pref 109"),
    ("addr add 10.9.0.1/24 dev vddown", "addr del 10.9.0.1/24 dev vddown"),
    ("route add 10.99.0.0/16 via 192.0.2.2 dev vd0 proto bird", "route del 10.99.0.0/16"),
    ("link set vddown mtu 1400", "link set vddown mtu 1500"),
    ("link add vdnew type veth peer name vdnewp", "link del vdnew"),
)
# There only where a route has them.
OPTIONAL = {"metrics", "locked_metrics", "congestion_control", "realms", "preference", "ttl_propagate",
            "expires_seconds", "flags", "not_understood", "macos_flags", "nexthop_id"}
FREE_MAPS = {"metrics", "not_known"}


def ip(command):
    done = subprocess.run(["ip", *command.split()], stderr=subprocess.PIPE, check=False)
    # A kernel may be built without light-weight tunnels or congestion control to choose.
    assert done.returncode == 0 or "encap" in command or "congctl" in command, (command, done.stderr)


@contextlib.contextmanager
def machine(*pairs):
    """Runs the first command of each pair, and the second at the end, where there is one."""
    for command, _ in pairs:
        ip(command)
    try:
        yield
    finally:
        for _, undo in reversed(pairs):
            if undo:
                subprocess.run(["ip", *undo.split()], stderr=subprocess.DEVNULL, check=False)


def shape(value):
    """What two values of the same kind have in common."""
    if isinstance(value, dict):
        return tuple(sorted((key, shape(each)) for key, each in value.items()))
    if isinstance(value, list):
        return (list, tuple(sorted({repr(shape(each)) for each in value})))
    return type(value)


def reduced(value):
    """The value with one entry of each shape in its lists."""
    if isinstance(value, dict):
        return {key: reduced(each) for key, each in value.items()}
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        return list({repr(shape(each)): reduced(each) for each in value}.values())
    return value


def places(value, path=()):
    """Every place in the document: the path of the container, and the key or index in it."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        yield path, key
        yield from places(each, (*path, key))


def container(document, path):
    for key in path:
        document = document[key]
    return document


class RoutesSchema(Case):
    """Real documents of every command, from a machine that has everything, and broken ones made of them."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="vpndoctor-schema-")  # pylint: disable=consider-using-with
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.baseline = os.path.join(cls.folder, "baseline")
        cls.documents, cls.lines, cls.codes = {}, {}, {}
        with machine(*MACHINE):
            cls.collect("save", "save", cls.baseline)
            cls.collect("show", "show")
            cls.collect("equal", "diff", cls.baseline)
            cls.collect("hash", "explain", "8.8.8.8")
            cls.collect("inet6", "explain", "2001:db8:6::1", "--from-source", "2001:db8::1", "--without", "vddown")
            prefixes = cls.file("10.0.0.0/8\n10.13.0.0/16\n2001:db8:9::/48\n8.0.0.0/8\n")
            cls.collect("audit", "audit", prefixes, "--via", "vd0")
            with machine(*CHANGES):
                cls.collect("diff", "diff", cls.baseline)
                cls.collect("restore", "restore", cls.baseline)
                cls.collect("infer", "restore", "--infer")
            flows = run("routes", "explain", "--json", "--flows", cls.file("8.8.8.8\nnonsense\n10.13.0.1 uid 7\n"))
            cls.lines["routes_flows_line"] = flows.stdout.splitlines()
            cls.collect("macos", "show", "--from", MACOS)
            cls.collect("macos restore", "restore", MACOS, "--from", MACOS)
        cls.collect("error", "diff", "/nonexistent")

    @classmethod
    def file(cls, text):
        path = os.path.join(cls.folder, "input")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    @classmethod
    def collect(cls, name, *arguments):
        done = run("routes", arguments[0], "--json", *arguments[1:])
        cls.documents[name] = done.stdout
        plain = [run("routes", arguments[0], *form, *arguments[1:]) for form in ((), ("--quiet",), ("--verbose",))]
        cls.codes[name] = [each.returncode for each in (done, *plain)]

    def document(self, name):
        return self.assert_json(self.documents[name])

    def test_each_is_what_the_schema_says(self):
        for name, text in self.documents.items():
            with self.subTest(name):
                self.assert_json(text)
        for line in self.lines["routes_flows_line"]:
            parse_line("routes_flows_line", line)
        self.assertEqual(len(self.lines["routes_flows_line"]), 3)

    def test_exit_codes_follow_the_verdict_in_every_format(self):
        of_verdict = {"ok": 0, "problem": 1, "undetermined": 3}
        for name, codes in self.codes.items():
            expected = 2 if name == "error" else of_verdict[self.document(name)["verdict"]]
            self.assertEqual(codes, [expected] * 4, name)
        for name, verdict in (("save", "ok"), ("hash", "ok"), ("equal", "ok"), ("diff", "problem"),
                              ("restore", "problem"), ("error", "undetermined")):
            self.assertEqual(self.document(name)["verdict"], verdict, name)

    def test_prefixes_are_canonical(self):
        routes = self.document("show")["data"]["routes"] + self.document("macos")["data"]["routes"]
        rules = self.document("show")["data"]["rules"]
        texts = [each[key] for each in routes + rules for key in ("destination", "source") if each[key] is not None]
        self.assertGreater(len(texts), 20)
        for text in texts:
            self.assertEqual(str(ipaddress.ip_network(text)), text)

    def test_each_field_of_a_route_is_there_in_its_words(self):
        routes = {each["destination"]: each for each in self.document("show")["data"]["routes"] if each["table"] != 255}
        self.assertEqual([hop["weight"] for hop in routes["0.0.0.0/0"]["nexthops"]], [3, 1])
        self.assertEqual(routes["10.11.0.0/16"]["tos"], 16)
        self.assertEqual(routes["10.12.0.0/16"]["nexthops"][0]["flags"], ["onlink"])
        self.assertEqual((routes["10.13.0.0/16"]["type"], routes["10.13.0.0/16"]["nexthops"]), ("blackhole", []))
        if "10.10.0.0/16" in routes:
            self.assertEqual(routes["10.10.0.0/16"]["nexthops"][0]["encap"], "ip id 5 dst 192.0.2.9")
        if "10.17.0.0/16" in routes:
            self.assertEqual(routes["10.17.0.0/16"]["metrics"]["mtu"], 1300)
            self.assertEqual(routes["10.17.0.0/16"]["locked_metrics"], ["mtu"])
            self.assertEqual(routes["10.17.0.0/16"]["preferred_source"], "192.0.2.1")
        self.assertEqual(routes["10.18.0.0/16"]["nexthops"][0]["gateway"], "2001:db8::2")
        self.assertEqual((routes["10.20.0.0/16"]["table"], routes["10.20.0.0/16"]["metric"]), (5000000, 4000000000))
        self.assertEqual(routes["2001:db8:6::/48"]["source"], "2001:db8:7::/48")
        self.assertEqual(routes["2001:db8:9::/48"]["preference"], 1)

    def test_a_rule_without_a_table_has_none(self):
        rules = {(each["family"], each["priority"]): each for each in self.document("show")["data"]["rules"]}
        for key in (("inet", 102), ("inet", 103), ("inet", 104), ("inet6", 107)):
            self.assertEqual((rules[key]["table"], rules[key]["table_name"]), (None, None), key)
        self.assertEqual((rules["inet", 101]["table"], rules["inet", 101]["inverted"]), (5000000, True))
        self.assertEqual(rules["inet", 102]["uids"], {"first": 5, "last": 9})
        self.assertEqual((rules["inet", 104]["goto_priority"], rules["inet", 104]["goto_unresolved"]), (60000, True))
        self.assertEqual(rules["inet", 105]["suppress_prefix_length"], 0)

    def test_what_was_not_collected_is_null_with_its_reason(self):
        data = self.document("macos")["data"]
        self.assertEqual((data["platform"], data["rules"]), ("macos", None))
        self.assertTrue(data["not_known"]["rules"])
        self.assertEqual(self.document("macos restore")["data"]["os"], "macos")

    def test_an_error_is_one_document_with_a_hint(self):
        for arguments in (("show", "--from", "/nonexistent"), ("audit", "/nonexistent", "--via", "vd0"),
                          ("explain", "x"), ("restore", "/nonexistent"), ("watch", "--for", "x"), ("save", "/nonexistent/file"),
                          ("diff", "/nonexistent"), ("explain", DEAD_HOST, "--without", "nosuch")):
            with self.subTest(arguments):
                done = run("routes", arguments[0], "--json", *arguments[1:])
                document = self.assert_json(done.stdout)
                self.assertEqual((done.returncode, document["error"]["kind"], document["data"]), (2, "usage", None))
                self.assertEqual(document["command"], "routes " + arguments[0])

    def cases(self):
        for name, text in self.documents.items():
            yield name, world.VALIDATOR, reduced(self.assert_json(text))
        for definition, lines in self.lines.items():
            for number, line in enumerate(lines, 1):
                yield f"{definition} {number}", world.LINE_VALIDATORS[definition], reduced(parse_line(definition, line))
        for number, line in enumerate(watch_lines(), 1):
            yield f"watch {number}", world.LINE_VALIDATORS["routes_watch_line"], reduced(line)

    def mutants(self):
        """Every kind of place in the real documents: its name, the validator, the document, and where it is."""
        seen = set()
        for name, validator, document in self.cases():
            self.assertTrue(validator.is_valid(document), name)
            for path, key in places(document):
                names = tuple(each if isinstance(each, str) else "#" for each in (*path, key))
                kind = (document.get("command"), names, type(container(document, path)[key]))
                if kind not in seen:
                    seen.add(kind)
                    yield f"{name} {path} {key}", validator, document, (path, key)

    @unittest.skipUnless(world.VALIDATOR, "needs python3-jsonschema")
    def test_without_any_field_a_document_is_refused(self):
        tried, accepted = 0, []
        for name, validator, document, (path, key) in self.mutants():
            if not isinstance(key, str) or key in OPTIONAL or (path and path[-1] in FREE_MAPS):
                continue
            broken = copy.deepcopy(document)
            del container(broken, path)[key]
            tried += 1
            if validator.is_valid(broken):
                accepted.append(name)
        self.assertEqual(accepted, [])
        self.assertGreater(tried, 300)

    @unittest.skipUnless(world.VALIDATOR, "needs python3-jsonschema")
    def test_with_any_value_of_another_type_a_document_is_refused(self):
        accepted = []
        for name, validator, document, (path, key) in self.mutants():
            broken = copy.deepcopy(document)
            there = container(broken, path)
            there[key] = 7.5 if isinstance(there[key], (dict, list)) else {"wrong": True}
            if validator.is_valid(broken):
                accepted.append(name)
        self.assertEqual(accepted, [])


def watch_lines():
    """The lines of a watch over a few changes."""
    with subprocess.Popen([world.TOOL, "routes", "watch", "--json"], stdout=subprocess.PIPE) as child:
        lines = [child.stdout.readline()]
        for command, wanted in (
                ("route add 10.55.0.0/16 via 192.0.2.2", "10.55."), ("route del 10.55.0.0/16", "10.55."),
                ("link add vdw type veth peer name vdwp", "vdw "), ("addr add 10.56.0.1/24 dev vdw", "10.56."),
                ("link set vdw up", "vdw"), ("link del vdw", "vdw")):
            ip(command)
            lines.append(child.stdout.readline())
            while wanted not in parse_line("routes_watch_line", lines[-1]).get("text", ""):
                lines.append(child.stdout.readline())
        child.terminate()
        lines += child.stdout.readlines()
    return [parse_line("routes_watch_line", line) for line in lines]
