# SPDX-License-Identifier: Apache-2.0
"""What is typed wrongly, or cannot be: the exit code, one line that says what to do, one JSON document."""
import os
import tempfile
import unittest

import world
from world import DEAD_HOST, DEAD_HOST6, IS_ROOT, Case, run

UNPRIVILEGED = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")

WRONG_VALUES = [
    ("--min", ["-5", "1.5", "abc", "", "67", "65536", "99999999999999999999999"], "is not a whole number"),
    ("--max", ["20", "1e3", "0x", "0xfffff", "+1400"], "is not a whole number"),
    ("--expect-min", ["0", "65536", "many"], "is not a whole number"),
    ("--mark", ["-1", "4294967296", "0xg", ""], "is not a whole number"),
    ("--port", ["0", "65536", "http", "-22"], "is not a whole number"),
    ("--rate", ["0", "1499", "99999999999"], "is not a whole number"),
    ("--deadline", ["0", "-1", "nan", "inf", "1e9", "", "soon"], "is not a number of seconds"),
    ("--method", ["ping", "", "ICMP"], "is none of"),
    ("--fail-on", ["errors"], "is none of"),
    ("--color", ["yes"], "is none of"),
    ("--source", ["garbage", "192.0.2", "192.0.2.1/24"], "is not an address"),
    ("--source", [""], "is empty"),
    ("--interface", [""], "is empty"),
    ("--interface", ["nope", "a\x1b[31mb", "x" * 5000], "there is no interface"),
]

WRONG_HOSTS = [
    ("", "it is empty"), (" ", "characters that no name has"), ("a" * 10000, "longer than a name"),
    ("a\x1b[31mb\x07\n", "characters that no name has"), (b"a\xff\xfeb", "neither UTF-8 nor text of this locale"),
    ("a..b", "part of the name is empty"), ("x" * 64 + ".example", "at most 63 bytes"),
    ("https://vpn.example.org/", "give the host alone"), ("me@vpn.example.org", "give the host alone"),
    ("192.0.2.2:443", "without a port"), ("[2001:db8::2]:443", "without a port"), ("[192.0.2.2]", "brackets"),
    ("999.1.1.1", "not a valid address"), ("127.1", "not a valid address"), ("2001:db8::g", "not a valid address"),
    ("255.255.255.255", "broadcast"), ("192.0.2.255", "broadcast"), ("224.0.0.1", "multicast"), ("ff02::1", "multicast"),
    ("0.0.0.0", "unspecified"), ("::", "unspecified"), ("::ffff:192.0.2.2", "IPv4 address"),
    ("fe80::1", "fe80::1%"), ("fe80::1%", "zone is empty"), ("fe80::1%nope", "there is no interface"),
    ("2001:db8::2%vd0", "only link-local"), ("192.0.2.2%vd0", "only an IPv6 address"),
]

WRONG_ENDPOINTS = ["garbage", ":", "[", "[]", "]", "192.0.2.2:", "192.0.2.2:0", "192.0.2.2:99999", "192.0.2.2:5x",
                   "[::1", "[::1]x", "[::1]:", "[192.0.2.2]:5", "a b"]


class Arguments(Case):
    def test_wrong_values_are_refused_with_what_is_right(self):
        for option, values, words in WRONG_VALUES:
            for value in values:
                with self.subTest(option=option, value=value[:40]):
                    self.assert_error(["mtu", option, value, DEAD_HOST], 2, words)

    def test_no_value_is_read_as_octal(self):
        self.assert_error(["mtu", "--min", "0001500", "--max", "1400", DEAD_HOST], 2, "--min 1500 is above --max 1400")
        self.assert_error(["mtu", "--min", "0x5dc", "--max", "1400", DEAD_HOST], 2, "--min 1500 is above --max 1400")

    def test_wrong_hosts_are_refused_without_a_lookup(self):
        for host, words in WRONG_HOSTS:
            with self.subTest(host=host[:40]):
                self.assert_error(["mtu", host], 2, words)

    def test_wrong_endpoints_are_refused(self):
        for endpoint in WRONG_ENDPOINTS:
            with self.subTest(endpoint=endpoint):
                self.assert_error(["mtu", "--outer", "--endpoint", endpoint, DEAD_HOST], 2, "is not ADDRESS[:PORT]")
        self.assert_error(["mtu", "--endpoint", "192.0.2.9", DEAD_HOST], 2, "requires --outer")

    def test_options_that_contradict_each_other_are_refused(self):
        for arguments, words in [
                (["-4", "-6", DEAD_HOST], "excludes"), (["--quiet", "--verbose", DEAD_HOST], "excludes"),
                (["-6", DEAD_HOST], "no IPv6 address"), (["-4", DEAD_HOST6], "no IPv4 address"),
                (["--min", "1400", "--max", "1399", DEAD_HOST], "above --max"),
                (["--max", "1400", "--expect-min", "1401", DEAD_HOST], "above --max"),
                (["--min", "1501", DEAD_HOST], "1500 bytes that vd0 sends"),
                (["--interface", "lo", "fe80::1%vd0"], "--interface is lo"),
                (["--source", "192.0.2.9", DEAD_HOST], "not an address of this machine"),
                (["--source", "::1", DEAD_HOST], "different families"),
                (["--outer", DEAD_HOST], "vd0, which is no tunnel")]:
            with self.subTest(arguments=arguments):
                self.assert_error(["mtu", *arguments], 2, words)

    def test_unknown_words_are_named(self):
        self.assert_error(["mtu", "--nope", DEAD_HOST], 2, "unexpected argument '--nope'")
        self.assert_error(["mtu", DEAD_HOST, "second"], 2, "unexpected argument 'second'")
        self.assert_error(["mtu"], 2, "host is required")
        self.assert_error(["mtu", DEAD_HOST, "--min"], 2, "--min")
        self.assert_error(["mtu", "--read", "x.pcap", DEAD_HOST], 2, "--read examines a capture: it goes without a host")
        self.assert_error(["mtu", "--read", "x.pcap", "--min", "1300"], 2, "it goes without --min")
        self.assert_error(["mtu", "--read", "x.pcap", "-4"], 2, "it goes without -4")
        self.assert_error(["mtu", "--read", ""], 2, "--read")
        self.assert_error(["mtu", "--read", "/nonexistent/x.pcap"], 2, "x.pcap")

    def test_the_json_of_an_error_names_the_command(self):
        for arguments, command in [(["mtu", "--json"], "mtu"), (["--json"], None), (["nope", "--json"], None),
                                   (["mtu", "--format", "json", "--nope"], "mtu"), (["mtu", "--format=json"], "mtu")]:
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(self.assert_json(done.stdout)["command"], command)

    def test_without_a_known_command_it_says_where_the_help_is(self):
        for arguments, words in [([], "no command"), (["foo"], "there is no command 'foo'"), (["-V"], "'-V'"), (["--"], "no command")]:
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, r"\Avpndoctor: [^\n]*see vpndoctor --help\n\Z")
            self.assertIn(words, done.stderr)

    def test_common_options_may_come_before_the_command(self):
        for before, after in [(["--json", "routes"], ["routes", "show", "--json"]),
                              (["routes", "--json", "show"], ["routes", "show", "--json"]),
                              (["--format", "json", "routes", "--verbose", "explain", DEAD_HOST],
                               ["routes", "explain", DEAD_HOST, "--verbose", "--format", "json"]),
                              (["--color=never", "mtu", "127.0.0.1"], ["mtu", "127.0.0.1", "--color=never"]),
                              (["routes", "--fail-on", "never", "show", "--all"],
                               ["routes", "show", "--all", "--fail-on=never"]),
                              (["--quiet", "explain", "MTU001"], ["explain", "MTU001", "--quiet"])]:
            with self.subTest(before=before):
                one, other = run(*before), run(*after)
                self.assertEqual((one.returncode, one.stderr), (other.returncode, ""))
                self.assertEqual(one.stdout.splitlines()[:2], other.stdout.splitlines()[:2])
        with tempfile.TemporaryDirectory(prefix="vpndoctor-order-") as folder:
            saved = os.path.join(folder, "saved.jsonl")
            self.assertEqual(run("routes", "save", saved).returncode, 0)
            for words in ([saved, "--diff"], ["--diff", saved], ["--json", saved, "--diff"], ["--json", "diff", saved]):
                done = run("routes", *words)
                self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            shown = run("--from", saved, "routes", "--json")
            self.assertEqual(self.assert_json(shown.stdout)["command"], "routes show")
        self.assertIn("Without a command it shows", run("routes", "--help").stdout)
        self.assertNotIn("Without a command it shows", run("routes", "save", "--help").stdout)

    def test_a_mistyped_command_is_guessed(self):
        for words, meant in [(["rotues"], "routes"), (["shwo"], "routes show"), (["diff"], "routes diff"),
                             (["routes", "expalin", DEAD_HOST], "routes explain"),
                             (["routes", "--json", "resotre"], "routes restore"), (["--verbose", "rotues"], "routes"),
                             (["routes", DEAD_HOST], f"routes explain {DEAD_HOST}"), (["mut", DEAD_HOST], "mtu"), (["exlpain", "MTU001"], "explain")]:
            done = run(*words)
            text = done.stderr or self.assert_json(done.stdout)["error"]["hint"]
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"did you mean vpndoctor {meant}? see vpndoctor", text)
        for words in (["foo"], ["routes", "nonsense"], ["bundel"], ["x" * 5000]):
            done = run(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn("there is no ", done.stderr)
            self.assertNotIn("did you mean", done.stderr)

    def test_help_has_examples_first_and_80_columns(self):
        routes = [["routes", each] for each in ("show", "save", "diff", "explain", "audit", "restore", "watch")]
        dns = [["dns", each] for each in ("show", "explain", "test")]
        for arguments in ([], ["mtu"], ["explain"], ["routes"], *routes, ["leaks"], ["dns"], *dns):
            for flag in ("--help", "-h"):
                done = run(*arguments, flag)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertLess(done.stdout.index("Examples:"), done.stdout.index("Usage: vpndoctor"))
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)

    def test_every_command_tells_the_version(self):
        told = {run(*arguments, "--version").stdout for arguments in ([], ["mtu"], ["explain"])}
        self.assertEqual(len(told), 1)
        self.assertRegex(told.pop(), r"\Avpndoctor [0-9]+\.[0-9]+\.[0-9]+\n\Z")

    def test_explain_knows_codes_in_any_case_and_names(self):
        by_code = run("explain", "MTU001")
        self.assertEqual(by_code.returncode, 0)
        self.assertIn("mtu-black-hole", by_code.stdout)
        self.assertEqual(run("explain", "mtu001").stdout, by_code.stdout)
        self.assertEqual(run("explain", "mtu-black-hole").stdout, by_code.stdout)
        self.assertIn("MTU001", run("explain").stdout)
        self.assertEqual(run("explain", "nope").returncode, 2)
        document = self.assert_json(run("explain", "mtu001", "--json").stdout)
        self.assertEqual((document["command"], document["verdict"], document["error"]), ("explain", "ok", None))
        self.assertEqual({name: document["data"][name] for name in ("code", "slug", "severity")},
                         {"code": "MTU001", "slug": "mtu-black-hole", "severity": "error"})
        self.assertIn(document["data"]["title"], " ".join(by_code.stdout.split()))
        self.assertIn(document["data"]["text"], " ".join(by_code.stdout.split()))
        codes = self.assert_json(run("explain", "--format", "json").stdout)["data"]["codes"]
        self.assertIn(document["data"], codes)
        self.assertEqual(sorted(each["code"] for each in codes), [each["code"] for each in codes])
        self.assertEqual(self.assert_json(run("explain", "--json", "nope").stdout)["error"]["kind"], "usage")
        self.assertEqual(run("explain", "\x1b[31m").stderr,
                         "vpndoctor: there is no code '\\x1b[31m'; vpndoctor explain lists all\n")


class Machine(Case):
    def test_no_way_there_is_an_answer_that_could_not_be_given(self):
        self.assert_error(["mtu", "198.51.100.1"], 3, "ip -4 route", "no_route")
        self.assert_error(["mtu", "2001:db8:9::1"], 3, "ip -6 route", "no_route")
        self.assert_error(["mtu", "--interface", "vddown", DEAD_HOST], 3, "ip link set vddown up", "no_route")

    def test_own_addresses_are_clear_at_once(self):
        for host, largest in [("127.0.0.1", 65535), ("192.0.2.1", 65535), ("::1", 65536), ("2001:db8::1", 65536)]:
            with self.subTest(host=host):
                done = run("mtu", "--json", host)
                self.assertEqual(done.returncode, 0, done.stderr)
                data = self.assert_json(done.stdout)["data"]
                self.assertEqual((data["status"], data["path_mtu_bytes"]), ("clear", largest))
                self.assertEqual(data["probing"]["probes_sent"], 0)

    def test_a_silent_host_is_undetermined_at_the_deadline(self):
        for host in (DEAD_HOST, DEAD_HOST6):
            done = run("mtu", "--json", "--deadline", "0.1", host)
            document = self.assert_json(done.stdout)
            self.assertEqual((done.returncode, document["verdict"]), (3, "undetermined"))
            self.assertTrue(document["incomplete"])
            self.assertIsNone(document["data"]["path_mtu_bytes"])
            self.assertGreater(document["data"]["probing"]["probes_sent"], 0)

    def test_expectations_that_nothing_answers_are_undetermined(self):
        done = run("mtu", "--quiet", "--deadline", "0.1", "--expect-min", "1400", DEAD_HOST)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, r"\AUNDETERMINED: [^\n]+\n\Z")

    @unittest.skipUnless(IS_ROOT, "needs a second user")
    def test_a_missing_privilege_is_named_with_the_way_to_get_it(self):
        for arguments, words in [(["--method", "icmp"], "ping_group_range"), (["--mark", "7"], "--mark needs")]:
            done = run("mtu", "--json", *arguments, DEAD_HOST, prefix=UNPRIVILEGED)
            error = self.assert_json(done.stdout)["error"]
            self.assertEqual((done.returncode, error["kind"]), (3, "permission"))
            self.assertIn(words, error["hint"])

    @unittest.skipUnless(IS_ROOT, "needs a second user")
    def test_without_privileges_udp_is_used_and_echo_is_said_to_be_missing(self):
        done = run("mtu", "--json", "--deadline", "0.1", DEAD_HOST, prefix=UNPRIVILEGED)
        probing = self.assert_json(done.stdout)["data"]["probing"]
        self.assertEqual(probing["method"], "udp")
        self.assertTrue(any(text.startswith("ICMP echo") for text in probing["could_not_see"]))
