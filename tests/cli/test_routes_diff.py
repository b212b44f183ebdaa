# SPDX-License-Identifier: Apache-2.0
"""`routes diff`: states of this machine and of files, compared; exit codes, text and JSON."""
import contextlib
import os
import subprocess
import tempfile

from world import Case, run


def ip(*words):
    subprocess.run(["ip", *" ".join(words).split()], check=True)


@contextlib.contextmanager
def changed(*pairs):
    """Runs the first command of each pair, and the second at the end."""
    for command, _ in pairs:
        ip(command)
    try:
        yield
    finally:
        for _, undo in reversed(pairs):
            ip(undo)


class Diff(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.environment = {**os.environ, "XDG_STATE_HOME": self.folder}
        self.environment.pop("SUDO_UID", None)

    def tool(self, *arguments, **options):
        return run(*arguments, env=self.environment, **options)

    def saved(self, name):
        path = os.path.join(self.folder, name)
        self.assertEqual(self.tool("routes", "save", path).returncode, 0)
        return path

    def document(self, *arguments, code):
        done = self.tool("routes", "diff", "--json", *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return self.assert_json(done.stdout)

    def test_without_a_baseline_it_says_how_to_make_one(self):
        done = self.tool("routes", "diff")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("vpndoctor routes save makes one", done.stderr)
        self.assertEqual(self.document(code=3)["error"]["kind"], "unavailable")

    def test_nothing_changed_since_the_baseline(self):
        self.assertEqual(self.tool("routes", "save").returncode, 0)
        done = self.tool("routes", "diff")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue(done.stdout.startswith("EQUAL: "))
        data = self.document(code=0)["data"]
        self.assertEqual((data["equal"], data["summary"]), (True, []))
        for facet in ("routes", "rules", "links", "addresses"):
            self.assertEqual(data[facet], {"added": [], "removed": [], "changed": [], "not_compared": None})
        self.assertIsNotNone(data["dns"]["not_compared"])

    def test_what_a_tunnel_changes_is_said_in_words_first(self):
        self.assertEqual(self.tool("routes", "save").returncode, 0)
        with changed(("tuntap add dev tun7 mode tun", "link del tun7"), ("link set tun7 up", "link set tun7 down"),
                     ("addr add 10.8.0.2/24 dev tun7", "addr flush dev tun7"),
                     ("route add 0.0.0.0/1 via 10.8.0.1", "route del 0.0.0.0/1"),
                     ("route add 128.0.0.0/1 via 10.8.0.1", "route del 128.0.0.0/1"),
                     ("route add 10.20.0.0/16 dev tun7", "route del 10.20.0.0/16"),
                     ("rule add fwmark 7 lookup 7 pref 77", "rule del pref 77")):
            done = self.tool("routes", "--diff")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"\ADIFFERENT: default appeared: tun7")
            self.assertIn("tunnel interface tun7 appeared", done.stdout)
            self.assertIn("+ 10.20.0.0/16 dev tun7", done.stdout)
            data = self.document(code=1)["data"]
            texts = [each["text"] for each in data["summary"]]
            self.assertEqual(texts[:2], ["default appeared: tun7", "tunnel interface tun7 appeared"])
            self.assertIn("1 prefix added through tun7", texts)
            self.assertIn("1 rule added", texts)
            self.assertEqual({route["destination"] for route in data["routes"]["added"]},
                             {"0.0.0.0/1", "128.0.0.0/1", "10.20.0.0/16"})
            self.assertEqual([rule["priority"] for rule in data["rules"]["added"]], [77])
            self.assertEqual([link["name"] for link in data["links"]["added"]], ["tun7"])
            self.assertEqual(data["routes"]["removed"], [])
        self.assertEqual(self.tool("routes", "diff").returncode, 0)

    def test_two_files_are_compared_in_their_order(self):
        before = self.saved("before")
        with changed(("route add 10.20.0.0/16 via 192.0.2.2", "route del 10.20.0.0/16")):
            after = self.saved("after")
            self.assertEqual(self.tool("routes", "diff", after).returncode, 0)
        forward = self.document(before, after, code=1)["data"]
        backward = self.document(after, before, code=1)["data"]
        self.assertEqual(forward["routes"]["added"], backward["routes"]["removed"])
        self.assertEqual([route["destination"] for route in forward["routes"]["added"]], ["10.20.0.0/16"])
        self.assertEqual(self.tool("routes", "diff", before, before).returncode, 0)
        self.assertEqual(self.tool("routes", "diff", before, "--from", after).returncode, 1)
        with open(after, "rb") as file:
            self.assertEqual(self.tool("routes", "diff", before, "-", stdin=file).returncode, 1)

    def test_a_replaced_route_is_a_change(self):
        with changed(("route add 10.20.0.0/16 via 192.0.2.2", "route del 10.20.0.0/16")):
            before = self.saved("before")
            ip("route replace 10.20.0.0/16 via 192.0.2.3")
            change, = self.document(before, code=1)["data"]["routes"]["changed"]
        self.assertEqual(change["before"]["nexthops"][0]["gateway"], "192.0.2.2")
        self.assertEqual(change["after"]["nexthops"][0]["gateway"], "192.0.2.3")

    def test_an_ipv6_default_is_named_and_long_entries_are_indented(self):
        before = self.saved("before")
        with changed(("-6 route add default dev vd0 table 51820", "-6 route del default table 51820"),
                     ("-4 route add default dev vd0 table 51820", "-4 route del default table 51820"),
                     ("route add 10.20.0.0/16 table 51820 nexthop via 192.0.2.2 weight 3 nexthop via 192.0.2.3 weight 4",
                      "route del 10.20.0.0/16 table 51820")):
            text = self.tool("routes", "diff", before).stdout
        self.assertIn("  + default dev vd0 scope link table 51820\n", text)
        self.assertRegex(text, r"\n  \+ IPv6 default dev vd0 metric 1024 (pref medium )?table 51820\n")
        self.assertRegex(text, r"\n  \+ 10\.20\.0\.0/16 [^\n]*\n    \S")

    def test_rules_of_one_priority_that_swap_are_a_change(self):
        with changed(("rule add from all lookup 100 pref 90", "rule del from all lookup 100 pref 90"),
                     ("rule add from all lookup 200 pref 90", "rule del from all lookup 200 pref 90")):
            before = self.saved("before")
            ip("rule del from all lookup 100 pref 90")
            ip("rule add from all lookup 100 pref 90")
            done = self.tool("routes", "diff", before)
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 rule changed its order", done.stdout)
        self.assertNotIn("\n  - from all", done.stdout)

    def test_an_unreachable_rule_takes_the_default_away(self):
        with changed(("route add default via 192.0.2.2", "route del default via 192.0.2.2")):
            before = self.saved("before")
            with changed(("rule add unreachable pref 30000", "rule del unreachable pref 30000")):
                done = self.tool("routes", "diff", before)
        self.assertRegex(done.stdout, r"\ADIFFERENT: default moved from vd0 to unreachable")

    def test_many_routes_are_folded_unless_all_are_wanted(self):
        before = self.saved("before")
        with changed(*((f"route add 10.20.{number}.0/24 via 192.0.2.2", f"route del 10.20.{number}.0/24")
                       for number in range(64))):
            short = self.tool("routes", "diff", before).stdout
            long = self.tool("routes", "diff", "--verbose", before).stdout
        self.assertIn("64 prefixes added through vd0", short)
        self.assertIn("10.20.0.0/18", short)
        self.assertNotIn("10.20.7.0/24", short)
        self.assertIn("10.20.7.0/24", long)

    def test_quiet_is_one_line(self):
        before = self.saved("before")
        self.assertRegex(self.tool("routes", "diff", "--quiet", before).stdout, r"\AEQUAL: [^\n]+\n\Z")

    def test_what_cannot_be_read_is_an_error(self):
        before = self.saved("before")
        garbage = os.path.join(self.folder, "garbage")
        with open(garbage, "wb") as file:
            file.write(b"\x7fELF\x00\x01")
        for arguments in ((garbage,), (before, garbage), (before, "/nonexistent"), ("-", "-")):
            done = self.tool("routes", "diff", *arguments)
            self.assertIn(done.returncode, (2, 3), arguments)
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, r"\Avpndoctor: [^\n]+\n\Z")
