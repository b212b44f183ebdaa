# SPDX-License-Identifier: Apache-2.0
"""routes show and routes audit on a real machine: the schema, exit codes, the list's kinds, what is wrong with a list."""
import os
import subprocess
import tempfile

from world import Case, run


def ip(*commands):
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


class Tunnelled(Case):
    """The machine with a veth that plays the tunnel, and two routes into it."""

    def setUp(self):
        ip("link add vda0 type veth peer name vda1", "link set vda0 up", "link set vda1 up",
           "addr add 10.77.0.1/24 dev vda0", "route add 10.0.0.0/9 dev vda0", "route add 10.5.0.0/16 via 192.0.2.9")
        self.addCleanup(ip, "link del vda0")
        self.addCleanup(ip, "route del 10.5.0.0/16")
        self.folder = tempfile.TemporaryDirectory(prefix="vpndoctor-audit-")
        self.addCleanup(self.folder.cleanup)

    def list(self, text):
        path = os.path.join(self.folder.name, "list")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def audit(self, text, *options):
        return run("routes", "audit", self.list(text), "--via", "vda0", *options)


class Audit(Tunnelled):
    def statuses(self, text):
        document = self.assert_json(self.audit(text, "--json").stdout)
        return {each["prefix"]: each["status"] for each in document["data"]["prefixes"]}

    def test_every_status(self):
        self.assertEqual(self.statuses("10.1.0.0/16\n10.5.1.0/24\n10.4.0.0/15\n10.0.0.0/8\n203.0.113.0/24\n"),
                         {"10.1.0.0/16": "inside", "10.5.1.0/24": "outside", "10.4.0.0/15": "partial",
                          "10.0.0.0/8": "partial", "203.0.113.0/24": "unrouted"})

    def test_every_kind_of_list_is_the_same_list(self):
        for text in ("10.1.0.0/16, 10.5.0.0/16", "[Peer]\nAllowedIPs = 10.1.0.0/16, 10.5.0.0/16\n",
                     "client\nroute 10.1.0.0 255.255.0.0\nroute 10.5.0.0 255.255.0.0\n"):
            with self.subTest(text=text):
                self.assertEqual(self.statuses(text), {"10.1.0.0/16": "inside", "10.5.0.0/16": "outside"})

    def test_the_route_that_takes_a_part_is_named(self):
        document = self.assert_json(self.audit("10.4.0.0/15", "--json").stdout)
        [exception] = document["data"]["prefixes"][0]["exceptions"]
        self.assertEqual(exception["prefix"], "10.5.0.0/16")
        self.assertEqual(exception["interface"], "vd0")
        self.assertEqual(exception["route"], "10.5.0.0/16 via 192.0.2.9 dev vd0")

    def test_a_prefix_outside_is_a_problem(self):
        done = self.audit("10.5.1.0/24")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("RTE020", done.stdout)

    def of_list(self, text):
        """What is said of the list itself, by code, and the first prefix."""
        document = self.assert_json(self.audit(text, "--json").stdout)
        found = {each["code"]: each["severity"] for each in document["findings"] if "RTE020" <= each["code"] <= "RTE025"}
        return found, document["data"]["prefixes"][0]

    def test_a_part_in_clear_is_an_error_and_what_belongs_outside_a_notice(self):
        self.assertEqual(self.of_list("10.4.0.0/15")[0], {"RTE021": "error"})
        ip("route add 192.0.0.0/8 dev vda0")
        found, prefix = self.of_list("192.0.0.0/8")
        self.assertEqual(found["RTE021"], "notice")
        self.assertEqual((prefix["status"], prefix["has_unexpected"]), ("partial", False))
        self.assertEqual([each["prefix"] for each in prefix["exceptions"]], ["192.0.2.0/24"])
        text = " ".join(self.audit("192.0.0.0/8").stdout.split())
        self.assertIn("goes through vda0, except this machine's own networks.", text)

    def test_a_hash_past_the_tunnel_is_an_error(self):
        ip("route add 10.6.0.0/16 nexthop dev vda0 nexthop via 192.0.2.9")
        found, prefix = self.of_list("10.6.1.0/24")
        self.assertEqual(found, {"RTE021": "error"})
        self.assertEqual((prefix["status"], prefix["exceptions"][0]["decided_by"]), ("partial", "hash"))

    def test_the_tunnels_own_address_is_no_leak(self):
        found, prefix = self.of_list("10.77.0.1/32")
        self.assertEqual((found, prefix["is_only_own"]), ({}, True))

    def test_wrong_lists_are_named_with_their_line(self):
        for text, words in (("10.1.0.0/16\n10.0.0.1/8\n", "line 2"), ("nonsense\n", "line 1"), ("", "no prefix"),
                            ("client\nroute 10.0.0.0 255.0.255.0\n", "line 2")):
            with self.subTest(text=text):
                self.assert_error(["routes", "audit", self.list(text), "--via", "vda0"], 2, words)

    def test_an_interface_that_is_not_there_is_no_leak(self):
        done = run("routes", "audit", self.list("10.0.0.0/8"), "--via", "nosuch0")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("nosuch0", done.stderr)


class Show(Tunnelled):
    def test_json_holds_every_route_of_the_kernel(self):
        document = self.assert_json(run("routes", "show", "--json").stdout)
        shown = {(each["destination"], each["table"]) for each in document["data"]["routes"]}
        self.assertIn(("10.0.0.0/9", 254), shown)
        self.assertIn(("10.77.0.1/32", 255), shown)
        count = subprocess.run("ip -4 route show table all; ip -6 route show table all", shell=True, check=True,
                               stdout=subprocess.PIPE).stdout.count(b"\n")
        self.assertEqual(len(document["data"]["routes"]), count)

    def test_many_routes_are_one_line_until_all_are_asked_for(self):
        for number in range(60):
            ip(f"route add 10.200.{number}.0/24 dev vda0")
        folded, unfolded = run("routes", "show").stdout, run("routes", "show", "--all").stdout
        self.assertIn("61 routes", folded)
        self.assertNotIn("10.200.33.0/24", folded)
        for number in range(60):
            self.assertIn(f"10.200.{number}.0/24", unfolded)
