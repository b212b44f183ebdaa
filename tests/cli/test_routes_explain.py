# SPDX-License-Identifier: Apache-2.0
"""routes explain on a real machine: the kernel's own answer, many flows at once, hypotheses, and what is refused."""
import json
import os
import subprocess
import tempfile

from world import DEAD_HOST, Case, parse_line, run


def kernel(*words):
    answer = subprocess.run(["ip", "-j", "route", "get", *words], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(answer)[0]


class Explain(Case):
    def explain(self, *arguments):
        document = self.assert_json(run("routes", "explain", *arguments, "--json").stdout)
        self.assertEqual(document["verdict"], "ok")
        return document["data"]

    def flows(self, text, *arguments):
        with tempfile.TemporaryDirectory(prefix="vpndoctor-flows-") as folder:
            path = os.path.join(folder, "flows")
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            return run("routes", "explain", "--flows", path, *arguments)

    def test_the_answer_is_the_kernels(self):
        for destination in (DEAD_HOST, "127.0.0.1", "192.0.2.1"):
            with self.subTest(destination=destination):
                expected = kernel(destination)
                result = self.explain(destination)["result"]
                self.assertEqual(result["interface"], expected["dev"])
                self.assertEqual(result["source"], expected["prefsrc"])
                self.assertEqual(result["type"], expected.get("type", "unicast"))

    def test_no_answer_is_an_error_of_the_command(self):
        done = run("routes", "explain", "198.51.100.1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no route", done.stdout)

    def test_a_hypothesis_changes_the_answer_and_nothing_else(self):
        data = self.explain("198.51.100.1", "--as-if", "198.51.100.0/24 via 192.0.2.2")
        self.assertEqual(data["result"]["gateway"], "192.0.2.2")
        self.assertEqual(self.explain(DEAD_HOST, "--without", "vd0")["result"]["type"], "none")
        self.assertEqual(self.explain("198.51.100.1")["result"]["type"], "none")

    def test_what_cannot_be_is_refused(self):
        self.assert_error(["routes", "explain", "198.51.100"], 2, "is no IP address")
        self.assert_error(["routes", "explain", DEAD_HOST, "--without", "vd9"], 2, "there is no interface")
        self.assert_error(["routes", "explain", DEAD_HOST, "--as-if", "198.51.100.0/24 via 203.0.113.1"], 2, "not on a link")

    def test_an_error_says_what_to_do(self):
        for words, hint in [(["example.org"], "a name is not looked up"), ([DEAD_HOST + "/24"], "vpndoctor routes audit"),
                            (["fe80::1%vd0"], "--oif names the interface"), ([DEAD_HOST, "--proto", "foo"], "a name: tcp"),
                            ([DEAD_HOST, "--as-if", "foo"], "write it as ip-route(8) does"),
                            ([DEAD_HOST, "--as-if", "10.0.0.0/8 dev vd9"], "lists the interfaces"),
                            ([DEAD_HOST, "--from-source", "foo"], "give an IPv4 or IPv6 address")]:
            with self.subTest(words=words):
                self.assert_error(["routes", "explain", *words], 2, hint)
        done = run("routes", "explain", "--flows", "/nonexistent")
        self.assertEqual(done.returncode, 2)
        self.assertIn("give a file with one flow a line", done.stderr)

    def test_an_interface_that_is_not_there_is_no_answer_about_one_packet(self):
        for option in ("--oif", "--iif", "--without"):
            self.assert_error(["routes", "explain", DEAD_HOST, "--from-source", DEAD_HOST, option, "wgo"], 2,
                              f"{option}: there is no interface 'wgo'; there are: lo, ")
        self.assert_error(["routes", "explain", DEAD_HOST, "--iif", "vd0"], 2, "--from-source says which")
        # The words of `ip route get` get the kernel's answer, whatever they are.
        self.assertEqual(self.flows(f"{DEAD_HOST} oif wgo\n{DEAD_HOST} iif vd0\n").returncode, 0)

    def test_a_user_id_of_a_packet_that_arrives_is_said_to_be_ignored(self):
        words = ["routes", "explain", DEAD_HOST, "--uid", "7"]
        self.assertNotIn("ignored", run(*words).stdout)
        text = run(*words, "--iif", "vd0", "--from-source", "192.0.2.9").stdout
        self.assertIn("--uid is ignored", " ".join(text.split()))

    def test_a_flow_hash_is_said_with_its_ways(self):
        legs = "nexthop via 192.0.2.2 dev vd0 nexthop via 192.0.2.3 dev vd0"
        text = run("routes", "explain", "198.51.100.1", "--as-if", "198.51.100.0/24 " + legs).stdout
        self.assertIn("by a flow hash out of vd0 to 192.0.2.2 or vd0 to 192.0.2.3", " ".join(text.split()))

    def test_each_flow_has_a_line_in_order(self):
        lines = self.flows(f"{DEAD_HOST}\n# a remark\n\n127.0.0.1 uid 5\n").stdout.splitlines()
        self.assertEqual(lines, [f"{DEAD_HOST} dev vd0 table main src 192.0.2.1",
                                 "local 127.0.0.1 dev lo table local src 127.0.0.1"])
        objects = [parse_line("routes_flows_line", line) for line in self.flows(f"{DEAD_HOST}\n::1\n", "--json").stdout.splitlines()]
        self.assertEqual([each["result"]["interface"] for each in objects], ["vd0", "lo"])

    def test_a_line_that_is_no_flow_has_its_line_too(self):
        done = self.flows(f"nonsense\n{'9' * 5000}\n{DEAD_HOST}")
        self.assertEqual(done.returncode, 2)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[0].startswith("error: ") and lines[1] == "error: line 2 is too long", lines)
        self.assertIn("dev vd0", lines[2])
