# SPDX-License-Identifier: Apache-2.0
"""routes restore: the plan, its commands, --apply with its rollbacks, and the confirmation in all its ways."""
import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import unittest
from fcntl import ioctl

import world
from world import Case, run

LEFTOVER = "203.0.113.0/24"
PATIENCE = 30
# A sandbox may hide what processes outside of it hold, from root, too: then nothing is known to be held by nobody.
OWN_PROCESSES = ("unshare", "--pid", "--fork", "--mount-proc")
BLIND = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace")


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


def state():
    """What the kernel has, without the expiry of anything."""
    return subprocess.run("ip -d -4 route show table all; ip rule; ip -6 rule", shell=True, check=True,
                          stdout=subprocess.PIPE).stdout.decode()


class Watch:
    """The kernel's own word when a route comes or goes."""

    def __enter__(self):
        self.monitor = subprocess.Popen(["ip", "-4", "monitor", "route"], stdout=subprocess.PIPE, bufsize=0)
        # The monitor listens once it has seen a change.
        while True:
            ip("route add 198.51.100.99/32 dev vd0")
            ip("route del 198.51.100.99/32 dev vd0")
            if select.select([self.monitor.stdout], [], [], 0.2)[0]:
                return self

    def __exit__(self, *_):
        self.monitor.kill()
        self.monitor.wait()
        self.monitor.stdout.close()

    def wait_for(self, beginning):
        while True:
            if not select.select([self.monitor.stdout], [], [], PATIENCE)[0]:
                raise AssertionError(f"no {beginning} came")
            if self.monitor.stdout.readline().decode().startswith(beginning):
                return


BACKGROUND = """
import fcntl, os, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.exit(subprocess.Popen(sys.argv[1:], preexec_fn=lambda: os.setpgid(0, 0)).wait())
"""


class OnTerminal:
    """The tool as the leader of a session of its own, on a terminal of its own."""

    def __init__(self, *arguments, background=False):
        self.master, slave = pty.openpty()
        command = [world.TOOL, *arguments]
        # A shell's background job: in the session of the terminal, and not in its foreground.
        start = None if background else lambda: ioctl(0, termios.TIOCSCTTY, 0)
        if background:
            command = [sys.executable, "-c", BACKGROUND, *command]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=start)
        os.close(slave)
        self.text = ""

    def wait_for(self, words):
        while words not in self.text:
            if not select.select([self.master], [], [], PATIENCE)[0]:
                raise AssertionError(f"{words!r} did not come: {self.text}")
            try:
                self.text += os.read(self.master, 4096).decode()
            except OSError as error:
                raise AssertionError(f"{words!r} did not come: {self.text}") from error

    def end(self):
        """Waits for the end; returns the exit code."""
        with contextlib.suppress(OSError):
            while text := os.read(self.master, 4096):
                self.text += text.decode()
        os.close(self.master)
        return self.process.wait(PATIENCE)


@unittest.skipUnless(world.IS_ROOT, "a user namespace cannot open the terminal of another")
class RoutesRestore(Case):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vpndoctor-restore-")
        self.baseline = os.path.join(self.folder, "baseline.jsonl")
        ip("route add default via 192.0.2.2 dev vd0 metric 100")
        self.assertEqual(run("routes", "save", self.baseline).returncode, 0)
        self.before = state()
        ip(f"route add {LEFTOVER} via 192.0.2.2 dev vd0")
        ip("rule add not fwmark 0xca6c lookup 51820 pref 32765")
        ip("rule add lookup main suppress_prefixlength 0 pref 32764")
        ip("route del default")
        self.crashed = state()

    def tearDown(self):
        for command in ("route del default", f"route del {LEFTOVER}", "rule del pref 32765", "rule del pref 32764"):
            subprocess.run(["ip", *command.split()], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder)

    def restore(self, *arguments):
        return run("routes", "restore", self.baseline, *arguments)

    def data(self, *arguments, prefix=()):
        done = run("routes", "restore", self.baseline, "--json", *arguments, prefix=prefix)
        return self.assert_json(done.stdout)["data"], done.returncode

    def test_a_plan_changes_nothing_and_its_commands_work(self):
        plan, code = self.data()
        self.assertEqual((code, plan["applied"], plan["verified"]), (1, False, None))
        self.assertEqual(state(), self.crashed)
        self.assertEqual([each["action"] for each in plan["operations"]], ["add", "delete", "delete", "delete"])
        for operation in plan["operations"]:
            subprocess.run(operation["argv"], check=True)
        self.assertEqual(state(), self.before)
        self.assertEqual(self.data()[1], 0)

    def test_apply_verifies_and_a_second_run_has_nothing_to_do(self):
        result, code = self.data("--apply")
        self.assertEqual((code, result["applied"], result["verified"]), (0, True, True))
        self.assertEqual(state(), self.before)
        again, code = self.data("--apply")
        self.assertEqual((code, again["operations"], again["applied"]), (0, [], False))

    def test_a_failed_step_rolls_everything_back(self):
        ip("route add 198.51.100.0/24 via 192.0.2.2 dev vd0 tos 0x10")
        self.assertEqual(run("routes", "save", self.baseline).returncode, 0)
        ip("route del 198.51.100.0/24 tos 0x10")
        ip(f"route del {LEFTOVER}")
        with open(self.baseline, encoding="ascii") as file:
            text = file.read()
        self.assertEqual(text.count('"tos":16'), 1)
        with open(self.baseline, "w", encoding="ascii") as file:
            file.write(text.replace('"tos":16', '"tos":17'))  # the kernel refuses ECN bits
        ip("route add 198.51.100.128/25 via 192.0.2.2 dev vd0")
        now = state()
        result, code = self.data("--apply")
        self.assertEqual((code, result["applied"], result["rolled_back"]), (1, False, True))
        self.assertIn("Invalid dsfield", result["messages"][0])
        self.assertEqual(state(), now)
        ip("route del 198.51.100.128/25")

    def test_a_moved_machine_keeps_its_routes(self):
        ip("route add default via 192.0.2.2 dev vd0 metric 100")
        self.assertEqual(run("routes", "save", self.baseline).returncode, 0)
        ip("address del 192.0.2.1/24 dev vd0")
        ip("address add 10.20.30.1/24 dev vd0")
        ip("route add default via 10.20.30.254 dev vd0")
        plan, _ = self.data()
        ip("address del 10.20.30.1/24 dev vd0")
        ip("address add 192.0.2.1/24 brd + dev vd0")
        ip(world.KNOW_DEAD_HOST)  # forgotten with the last address
        self.assertEqual([each["applicable"] for each in plan["operations"] if each["object"] == "route"],
                         [False] * len([each for each in plan["operations"] if each["object"] == "route"]))
        reasons = [each["why_not"] for each in plan["operations"] if each["action"] == "add"]
        self.assertTrue(all("moved to another network" in reason for reason in reasons), reasons)

    def test_a_file_that_others_can_write_is_not_applied(self):
        os.chmod(self.baseline, 0o666)
        self.assertEqual(self.restore("--apply").returncode, 3)
        self.assertEqual(state(), self.crashed)
        self.assertEqual(self.restore().returncode, 1)

    def test_a_file_below_a_folder_that_others_can_write_is_not_applied(self):
        grandparent = os.path.join(self.folder, "open")
        parent = os.path.join(grandparent, "closed")
        os.makedirs(parent)
        path = shutil.copy(self.baseline, parent)
        os.chmod(path, 0o600)
        os.chmod(grandparent, 0o777)
        done = run("routes", "restore", path, "--apply")
        self.assertEqual(done.returncode, 3)
        self.assertIn("may be written by others", done.stderr)
        os.chmod(grandparent, 0o755)
        os.chown(grandparent, 65534, 65534)
        self.assertIn("belongs to another user", run("routes", "restore", path, "--apply").stderr)
        self.assertEqual(state(), self.crashed)

    def test_a_symbolic_link_of_somebody_else_is_not_followed(self):
        link = os.path.join(self.folder, "link")
        os.symlink(self.folder, link)
        os.chown(link, 65534, 65534, follow_symlinks=False)
        for name in ("baseline.jsonl", "./baseline.jsonl"):
            done = run("routes", "restore", os.path.join(link, name), "--apply")
            self.assertEqual(done.returncode, 3)
            self.assertIn("belongs to another user", done.stderr)
        self.assertEqual(state(), self.crashed)
        os.chown(link, 0, 0, follow_symlinks=False)
        self.assertEqual(run("routes", "restore", os.path.join(link, "baseline.jsonl"), "--apply").returncode, 0)

    def test_a_missing_permission_names_the_same_command_for_root(self):
        done = run("routes", "restore", self.baseline, "--apply", "--confirm", "7",
                   prefix=("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"))
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"sudo vpndoctor routes restore {self.baseline} --apply --confirm 7", done.stderr)
        self.assertEqual(state(), self.crashed)

    def test_the_command_for_root_is_one_that_a_shell_reads(self):
        spaced = os.path.join(self.folder, "my base line.jsonl")
        shutil.copy(self.baseline, spaced)
        done = run("routes", "restore", spaced, "--apply",
                   prefix=("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"))
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"sudo vpndoctor routes restore '{spaced}' --apply", done.stderr)

    def test_a_plan_says_how_it_is_carried_out(self):
        done = self.restore()
        words = " ".join(done.stdout.replace("\\\n", " ").split())
        self.assertIn(f"sudo vpndoctor routes restore {self.baseline} --apply --confirm 30", words)

    def test_what_cannot_be_answered_is_not_ok(self):
        done = run("routes", "restore", "--infer", "--apply")
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("2 operations applied; more than that belongs to", " ".join(done.stdout.split()))
        done = run("routes", "restore", "--infer", "--json")
        data = self.assert_json(done.stdout)
        self.assertEqual((done.returncode, data["verdict"]), (3, "undetermined"), data)
        self.assertTrue(any("IPv4 default" in each for each in data["data"]["unanswered"]), data["data"])
        self.assertTrue(any("no configuration found for vd0" in each for each in data["data"]["notes"]), data["data"])

    def test_a_restore_of_which_nothing_is_possible_here_is_not_ok(self):
        ip("link add vdgone type veth peer name vdgone2")
        for name in ("vdgone", "vdgone2"):
            ip(f"link set {name} up")
        ip("address add 198.51.100.1/24 dev vdgone")
        ip("route add 10.44.0.0/16 via 198.51.100.2 dev vdgone src 198.51.100.1")
        try:
            self.assertEqual(run("routes", "save", self.baseline).returncode, 0)
        finally:
            ip("link del vdgone")
        data, code = self.data()
        self.assertEqual((code, data["pending"]), (3, 0))
        self.assertEqual({each["why_not"] for each in data["operations"]}, {"vdgone is not on this machine"})
        self.assertIn("UNDETERMINED: Nothing can be done here", self.restore().stdout)

    def test_secondary_addresses_of_a_dead_tunnel_go_and_nothing_is_lost(self):
        ip("tuntap add vdtun mode tun")
        try:
            ip("link set vdtun up")
            ip("address add 10.8.0.2/24 dev vdtun")
            ip("address add 10.8.0.3/24 dev vdtun")
            data, code = self.data("--apply", "--delete-addresses", prefix=OWN_PROCESSES)
            self.assertEqual((code, data["verified"]), (0, True), data)
            self.assertEqual(subprocess.run(["ip", "-4", "-o", "address", "show", "dev", "vdtun"], check=True,
                                            stdout=subprocess.PIPE).stdout, b"")
        finally:
            ip("link del vdtun")

    def test_a_tunnel_whose_holder_may_not_be_seen_is_not_dead(self):
        unknown = "the tunnel vdtun has no carrier, and whether a program holds it is not known"
        ip("tuntap add vdtun mode tun")
        try:
            ip("link set vdtun up")
            ip("address add 10.8.0.2/24 dev vdtun")
            ip("route add 10.99.0.0/16 dev vdtun")
            for prefix, is_known in ((OWN_PROCESSES, True), (BLIND, False)):
                plan, _ = self.data("--delete-addresses", prefix=prefix)
                self.assertEqual("address" in {each["object"] for each in plan["operations"]}, is_known, plan)
                self.assertNotEqual(any(unknown in each for each in plan["notes"]), is_known, plan["notes"])
                done = run("routes", "restore", "--infer", "--json", prefix=prefix)
                plan = self.assert_json(done.stdout)["data"]
                self.assertEqual("10.99.0.0/16" in done.stdout, is_known, plan)
                self.assertNotEqual(any(unknown in each for each in plan["unanswered"]), is_known, plan["unanswered"])
        finally:
            ip("link del vdtun")

    def test_a_routing_daemons_routes_need_force(self):
        ip("route add 10.99.0.0/16 via 192.0.2.2 dev vd0 proto bird")
        done = self.restore("--apply")
        self.assertEqual(done.returncode, 3)
        self.assertIn("BIRD", done.stderr)
        self.assertEqual(self.restore("--apply", "--force").returncode, 0)
        self.assertEqual(state(), self.before)

    def test_without_a_confirmation_everything_is_rolled_back(self):
        result, code = self.data("--apply", "--confirm", "1")
        self.assertEqual((code, result["applied"], result["rolled_back"]), (1, False, True))
        self.assertEqual(state(), self.crashed)

    def test_enter_keeps_it(self):
        tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "600")
        tool.wait_for("rolled back.")
        os.write(tool.master, b"\n")
        self.assertEqual(tool.end(), 0, tool.text)
        self.assertEqual(state(), self.before)

    def test_another_shell_keeps_it(self):
        tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "600")
        tool.wait_for("rolled back.")
        second = self.restore("--apply", "--confirm", "5")
        self.assertEqual(second.returncode, 0, "there is nothing to do for a second one")
        confirmed = run("routes", "restore", "--confirmed")
        self.assertEqual(confirmed.returncode, 0, confirmed.stderr)
        self.assertEqual(tool.end(), 0, tool.text)
        self.assertEqual(state(), self.before)
        self.assertEqual(run("routes", "restore", "--confirmed").returncode, 3)

    def test_an_interrupt_rolls_back_at_once(self):
        tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "600")
        tool.wait_for("rolled back.")
        os.write(tool.master, b"\x03")
        self.assertEqual(tool.end(), 130, tool.text)
        self.assertEqual(state(), self.crashed)

    def test_in_the_background_of_a_terminal_it_is_rolled_back_in_time(self):
        tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "1", background=True)
        tool.wait_for("rolled back.")
        os.write(tool.master, b"\n")
        self.assertEqual(tool.end(), 1, tool.text)
        self.assertEqual(state(), self.crashed)

    def test_a_stopped_program_is_rolled_back_in_time(self):
        with Watch() as watch:
            tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "2")
            tool.wait_for("rolled back.")
            watch.wait_for(f"Deleted {LEFTOVER}")
            tool.process.send_signal(signal.SIGSTOP)
            watch.wait_for(LEFTOVER)
            watch.wait_for("Deleted default")
        tool.process.send_signal(signal.SIGCONT)
        self.assertEqual(tool.end(), 1, tool.text)
        self.assertEqual(state(), self.crashed)

    def test_the_program_rolls_back_itself_when_its_guard_is_killed(self):
        tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "600")
        tool.wait_for("rolled back.")
        with open(f"/proc/{tool.process.pid}/task/{tool.process.pid}/children", encoding="ascii") as file:
            guard, = file.read().split()
        os.kill(int(guard), signal.SIGKILL)
        self.assertEqual(tool.end(), 1, tool.text)
        self.assertIn("is gone", tool.text)
        self.assertEqual(state(), self.crashed)

    def test_a_terminal_that_hangs_up_rolls_back_in_time(self):
        with Watch() as watch:
            tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "2")
            tool.wait_for("rolled back.")
            watch.wait_for(f"Deleted {LEFTOVER}")
            os.close(tool.master)
            self.assertEqual(tool.process.wait(PATIENCE), -signal.SIGHUP)
            watch.wait_for(LEFTOVER)
            watch.wait_for("Deleted default")
        self.assertEqual(state(), self.crashed)

    def test_a_killed_program_leaves_its_guard(self):
        tool = OnTerminal("routes", "restore", self.baseline, "--apply", "--confirm", "600")
        tool.wait_for("rolled back.")
        tool.process.kill()
        tool.end()
        self.assertEqual(state(), self.before)
        self.assertEqual(run("routes", "restore", "--confirmed").returncode, 0)
        self.assertEqual(state(), self.before)

    def test_the_files_of_this_machine_say_nothing_about_another(self):
        own = "/etc/network/interfaces"
        os.makedirs(os.path.dirname(own), exist_ok=True)
        kept = open(own, "rb").read() if os.path.exists(own) else b""
        with open(own, "w", encoding="ascii") as file:
            file.write("iface vd0 inet static\n  address 192.0.2.1/24\n  gateway 192.0.2.2\n")
        saved = os.path.join(self.folder, "crashed.jsonl")
        try:
            self.assertEqual(run("routes", "save", saved).returncode, 0)
            here = self.assert_json(run("routes", "restore", "--infer", "--json").stdout)["data"]
            there = self.assert_json(run("routes", "restore", "--infer", "--from", saved, "--json").stdout)["data"]
        finally:
            with open(own, "wb") as file:
                file.write(kept)
        self.assertIn("add", [each["action"] for each in here["operations"]])
        self.assertNotIn("add", [each["action"] for each in there["operations"]])
        self.assertTrue(any("saved state" in note for note in there["notes"]), there["notes"])

    def test_there_must_be_a_baseline(self):
        with tempfile.TemporaryDirectory() as home:
            done = run("routes", "restore", env={**os.environ, "XDG_STATE_HOME": home, "HOME": home})
        self.assertEqual(done.returncode, 3)
        self.assertIn("--infer", done.stderr)


if __name__ == "__main__":
    unittest.main()
