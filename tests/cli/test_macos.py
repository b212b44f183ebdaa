# SPDX-License-Identifier: Apache-2.0
"""A folder of macOS captures: explained as macOS looks routes up, restored with commands of route(8), never applied."""
import os
import re
import shutil
import tempfile

from world import SOURCE_DIR, Case, run

FOLDER = os.path.join(SOURCE_DIR, "tests/data/macos/tunnel")
SPLIT = os.path.join(SOURCE_DIR, "tests/data/macos/split")  # scutil --dns and resolv.conf, nothing else


class Macos(Case):
    def explain(self, *words):
        return self.assert_json(run("routes", "explain", *words, "--from", FOLDER, "--json").stdout)["data"]

    def test_the_tunnel_s_halves_take_what_is_not_bound(self):
        data = self.explain("8.8.8.8")
        self.assertTrue(data["certain"], data)
        self.assertEqual(data["result"]["interface"], "utun4")
        self.assertEqual(data["result"]["gateway"], "10.8.0.1")
        self.assertEqual(data["result"]["source"], "10.8.0.2")
        self.assertEqual({step["priority"] for step in data["steps"]}, {None})

    def test_the_text_has_no_rules(self):
        text = run("routes", "explain", "8.8.8.8", "--from", FOLDER).stdout
        self.assertIn("it has no rules", text)
        self.assertNotIn("table main", text)

    def test_show_and_audit_use_the_same_lookup(self):
        shown = run("routes", "show", "--from", FOLDER)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertNotIn("proto unspec", shown.stdout)
        self.assertNotIn("sudo ip ", shown.stdout)
        with tempfile.NamedTemporaryFile("w", prefix="vpndoctor-list-") as file:
            file.write("10.8.0.0/16\n")
            file.flush()
            document = self.assert_json(run("routes", "audit", file.name, "--via", "utun4", "--from", FOLDER,
                                            "--json").stdout)
        self.assertEqual(document["data"]["prefixes"][0]["status"], "inside")

    def test_show_invents_nothing_that_macos_does_not_have(self):
        document = self.assert_json(run("routes", "show", "--from", FOLDER, "--json").stdout)
        for route in document["data"]["routes"]:
            self.assertEqual([route[name] for name in ("table", "table_name", "protocol", "scope", "metric")], [None] * 5)
        for family in ("inet", "inet6"):
            self.assertEqual({way["table"] for way in document["data"]["overview"][family]["through"]}, {None})
        text = run("routes", "show", "--from", FOLDER).stdout
        self.assertNotIn("table main", text)
        self.assertRegex(text, r"en1 +no carrier")
        self.assertIn("default via fe80:: dev utun0 (scoped to utun0)", text)
        self.assertIn("default dev bridge100 (scoped to bridge100)", text)

    def test_neighbours_and_own_addresses_are_folded(self):
        text, unfolded = (run("routes", "show", *words, "--from", FOLDER).stdout for words in ([], ["--all"]))
        router = re.compile(r"^ +(?:[a-z]+ +)?192\.0\.2\.1 dev en0", re.MULTILINE)
        self.assertEqual((len(router.findall(text)), len(router.findall(unfolded))), (1, 2))
        self.assertIn("own address or neighbour route", text)

    def test_a_plan_is_printed_and_never_applied(self):
        with tempfile.TemporaryDirectory(prefix="vpndoctor-macos-") as folder:
            for name in os.listdir(FOLDER):
                shutil.copy(os.path.join(FOLDER, name), folder)
            path = os.path.join(folder, "netstat-rn.txt")
            with open(path, encoding="ascii") as file:
                lines = [line for line in file if not line.startswith("198.51.100.7/32")]
            with open(path, "w", encoding="ascii") as file:
                file.writelines(lines)
            plan = run("routes", "restore", FOLDER, "--from", folder)
            self.assertEqual(plan.returncode, 1, plan.stderr)
            self.assertIn("route -n add -inet -host 198.51.100.7 192.0.2.1", plan.stdout)
            applied = run("routes", "restore", FOLDER, "--from", folder, "--apply")
            self.assertIn(applied.returncode, (2, 3))


class MacosNames(Case):
    def paths(self, *words):
        data = self.assert_json(run("dns", "explain", *words, "--from", SPLIT, "--json").stdout)["data"]
        return {path["caller"]: path for path in data["paths"]}

    def test_scutil_alone_tells_who_is_asked(self):
        paths = self.paths("git.corp.example")
        self.assertEqual(paths["libc"]["answered_by"], "10.7.0.53")
        self.assertEqual(paths["libc"]["leaks_to"], ["192.0.2.7"])
        self.assertEqual(paths["direct"]["answered_by"], "192.0.2.1")
        self.assertNotIn("stub", paths)

    def test_a_bound_program_has_the_scoped_entries(self):
        paths = self.paths("git.corp.example", "--caller", "bound:en0")
        self.assertEqual([each["server"] for each in paths["bound"]["asked"]], ["192.0.2.1"])
        self.assertEqual(paths["bound"]["leaks_to"], ["192.0.2.1"])
