# SPDX-License-Identifier: Apache-2.0
"""routes save: where the snapshot goes, whose it is, what becomes of a failure; and reading it again."""
import json
import os
import re
import stat
import subprocess
import tempfile
import unittest

import world
from world import Case, run

import validate_json

SCHEMA = os.path.join(world.SOURCE_DIR, "reports/schema/snapshot-1.schema.json")


class Saved(Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="vpndoctor-save-")
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o755)
        self.environment = {**os.environ, "XDG_STATE_HOME": self.path("state")}
        for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER"):
            self.environment.pop(name, None)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def save(self, *arguments, **environment):
        return run("routes", "save", *arguments, env={**self.environment, **environment}, cwd=self.folder.name)

    def assert_saved(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(lines[0]["format"], "vpndoctor-snapshot")
        self.assertEqual(lines[-1]["record"], "end")
        self.assertEqual(lines[-1]["routes"], sum(line.get("record") == "route" for line in lines))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        return lines

    def assert_failed(self, done, code, words):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertRegex(done.stderr, r"\Avpndoctor: [^\n]+\n\Z")

    def assert_no_leftover(self, *expected):
        self.assertEqual(sorted(os.listdir(self.folder.name)), sorted(expected))


class Places(Saved):
    def test_the_baseline_is_kept_for_its_owner_alone(self):
        old = os.umask(0)
        try:
            self.assertEqual(self.save().returncode, 0)
        finally:
            os.umask(old)
        baseline = self.path("state/vpndoctor/baseline.jsonl")
        self.assert_saved(baseline)
        for folder in ("state", "state/vpndoctor"):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(folder)).st_mode), 0o700)
        self.assertEqual(os.listdir(self.path("state/vpndoctor")), ["baseline.jsonl"])

    def test_without_xdg_it_is_below_home(self):
        for state in ("", "relative/state"):
            done = self.save(XDG_STATE_HOME=state, HOME=self.path("home"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assert_saved(self.path("home/.local/state/vpndoctor/baseline.jsonl"))
        self.assert_no_leftover("home")

    def test_a_file_that_is_named_is_replaced_at_once(self):
        path = self.path("x.jsonl")
        with open(path, "w", encoding="ascii") as file:
            file.write("old")
        os.chmod(path, 0o644)
        with open(path, encoding="ascii") as reader:
            self.assertEqual(self.save("x.jsonl").returncode, 0)
            self.assertEqual(reader.read(), "old")  # who reads keeps what was there
        self.assert_saved(path)
        self.assert_no_leftover("x.jsonl")

    def test_the_report_says_where(self):
        done = self.save("x.jsonl")
        self.assertIn("x.jsonl", done.stdout)
        document = self.assert_json(self.save("--json", "x.jsonl").stdout)
        self.assertEqual(document["data"]["saved_to"], "x.jsonl")

    def test_a_dash_is_standard_output_and_nothing_else_is_on_it(self):
        for name in ("-", "/dev/stdout"):
            done = self.save(name)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            lines = done.stdout.splitlines()
            self.assertEqual(json.loads(lines[0])["format"], "vpndoctor-snapshot")
            self.assertEqual(json.loads(lines[-1])["record"], "end")
        self.assert_no_leftover()

    def test_every_line_is_what_the_schema_says(self):
        if not world.VALIDATOR:
            self.skipTest("python3-jsonschema is not installed")
        validator = validate_json.load_validator(SCHEMA)
        subprocess.run(["sh", "-ec", """
            ip route add 10.0.0.0/8 via 192.0.2.9 mtu lock 1400 advmss 1300 realms 3 table 77
            ip route add 10.1.0.0/16 table 77 nexthop via 192.0.2.9 weight 2 nexthop via 192.0.2.8 onlink dev vd0
            ip route add 10.2.0.0/16 table 77 encap ip id 7 dst 192.0.2.5 dev vd0
            ip -6 route add blackhole 2001:db8:7::/48 table 77
            ip rule add not from 192.0.2.0/24 fwmark 0x1/0xff uidrange 1-5 ipproto 6 dport 80-90 table 77 pref 70
            ip xfrm policy add dst 198.51.100.0/24 proto udp dport 53 dir out mark 1 mask 3 priority 7 \
              tmpl src 192.0.2.1 dst 203.0.113.9 proto esp mode tunnel"""],
                       check=True)
        try:
            text = self.save("-").stdout
        finally:
            subprocess.run("ip route flush table 77; ip -6 route flush table 77; ip rule del pref 70;"
                           "ip xfrm policy flush", shell=True, check=True)
        for line in text.splitlines():
            self.assertIsNone(validate_json.complaint(validator, line), line)
        self.assertIn('"metrics":{"mtu":1400,"advmss":1300}', text)
        self.assertIn('"record":"xfrm_policy","direction":"out","family":"inet","source":"0.0.0.0/0"', text)
        with open(os.path.join(world.SOURCE_DIR, "tests/fuzz/corpus/snapshot_reader/leaks"), encoding="utf-8") as file:
            for line in file:
                self.assertIsNone(validate_json.complaint(validator, line), line)
        for bad in ('{"record":"route"}', '{"record":"route","destination":"::/0","metric":-1}', '{"record":"what"}',
                    '{"record":"facet","facet":"routes"}', "{}"):
            self.assertIsNotNone(validate_json.complaint(validator, bad), bad)


class Failures(Saved):
    def test_what_is_no_regular_file_stays_as_it_is(self):
        os.mkfifo(self.path("pipe"))
        os.mkdir(self.path("folder"))
        for name, words in (("pipe", "no regular file"), ("folder", "a folder"), ("/dev/null", "no regular file"),
                            ("nowhere/x.jsonl", "No such file or directory"), ("folder/", "a folder")):
            self.assert_failed(self.save(name), 2, words)
        self.assert_no_leftover("folder", "pipe")
        self.assertEqual(os.listdir(self.path("folder")), [])

    def test_a_full_disk_leaves_nothing(self):
        if not world.IS_ROOT:
            self.skipTest("a small disk is mounted by root")
        os.mkdir(self.path("disk"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", self.path("disk")], check=True)
        try:
            with open(self.path("disk/x.jsonl"), "w", encoding="ascii") as file:
                file.write("old")
            self.assert_failed(self.save("disk/x.jsonl"), 3, "No space left on device")
            self.assertEqual(os.listdir(self.path("disk")), ["x.jsonl"])
            with open(self.path("disk/x.jsonl"), encoding="ascii") as file:
                self.assertEqual(file.read(), "old")
        finally:
            subprocess.run(["umount", self.path("disk")], check=True)

    def test_a_closed_pipe_is_said(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = run("routes", "save", "-", stdout=writer, env=self.environment)
        os.close(writer)
        self.assert_failed(done, 3, "cannot write to standard output: Broken pipe")
        self.assertEqual(run("routes", "save", "-", stdout=os.open("/dev/full", os.O_WRONLY)).returncode, 4)

    def test_a_link_of_somebody_else_is_not_followed(self):
        if not world.IS_ROOT:
            self.skipTest("files of other users are made by root")
        self.assertEqual(self.save("target.jsonl").returncode, 0)
        os.symlink("target.jsonl", self.path("own"))
        self.assertEqual(self.save("own").returncode, 0)
        self.assertTrue(os.path.islink(self.path("own")))
        self.assert_saved(self.path("target.jsonl"))
        os.symlink("other.jsonl", self.path("foreign"))
        os.chown(self.path("foreign"), 4242, 4242, follow_symlinks=False)
        self.assert_failed(self.save("foreign"), 3, "symbolic link of another user")
        self.assert_no_leftover("own", "foreign", "target.jsonl")


@unittest.skipUnless(world.IS_ROOT, "sudo is played by root")
class Sudo(Saved):
    USER = {"SUDO_UID": "4242", "SUDO_GID": "4243"}

    def test_the_baseline_belongs_to_who_typed_sudo(self):
        os.mkdir(self.path("state"))
        os.chown(self.path("state"), 4242, 4243)
        done = self.save(**self.USER)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("vpndoctor", "vpndoctor/baseline.jsonl"):
            status = os.stat(self.path("state/" + name))
            self.assertEqual((status.st_uid, status.st_gid), (4242, 4243))

    def test_a_link_of_the_user_leads_root_nowhere(self):
        os.mkdir(self.path("state"))
        os.mkdir(self.path("secret"), 0o700)
        os.symlink(self.path("secret"), self.path("state/vpndoctor"))
        os.chown(self.path("state"), 4242, 4243)
        self.assert_failed(self.save(**self.USER), 3, "Permission denied")
        self.assertEqual(os.listdir(self.path("secret")), [])

    def test_a_named_file_is_written_as_root(self):
        self.assertEqual(self.save("x.jsonl", **self.USER).returncode, 0)
        self.assertEqual(os.stat(self.path("x.jsonl")).st_uid, 0)

    def test_senseless_variables_are_ignored(self):
        for uid in ("", "-1", "0", "x", "99999999999"):
            done = self.save(SUDO_UID=uid, SUDO_GID="4243")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.stat(self.path("state/vpndoctor/baseline.jsonl")).st_uid, 0)


class Reading(Saved):
    def test_a_saved_snapshot_is_read_everywhere(self):
        self.assertEqual(self.save("x.jsonl").returncode, 0)
        document = self.assert_json(run("routes", "--json", "--from", self.path("x.jsonl")).stdout)
        lines = self.assert_saved(self.path("x.jsonl"))
        self.assertEqual(len(document["data"]["routes"]), lines[-1]["routes"])
        with open(self.path("x.jsonl"), encoding="ascii") as file:
            piped = self.assert_json(run("routes", "--json", "--from", "-", stdin=file).stdout)
        self.assertEqual(piped["data"], document["data"])

    def test_what_is_no_snapshot_is_refused_with_its_place(self):
        self.assertEqual(self.save("x.jsonl").returncode, 0)
        with open(self.path("x.jsonl"), encoding="ascii") as file:
            good = file.read()
        with open(self.path("zeros"), "wb") as file:
            file.truncate(2 << 30)
        bad = {"empty": "", "cut": good[:-30], "newer": re.sub(r'"version":"[0-9.]+"', '"version":"2.0"', good, count=1),
               "host_bits": good.replace('"192.0.2.0/24"', '"192.0.2.1/24"'), "text": "hello\n"}
        for name, content in bad.items():
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write(content)
        for name, words in (("empty", "it is empty"), ("cut", "cut off in line"), ("newer", "version 2.0"),
                            ("host_bits", "has host bits set"), ("text", "it is no snapshot"),
                            ("zeros", "it is no snapshot"), ("absent", "No such file or directory")):
            self.assert_error(["routes", "--from", self.path(name)], 2, words)
        self.assertRegex(run("routes", "--from", self.path("host_bits")).stderr, r": line \d+: destination ")
