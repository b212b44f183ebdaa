#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures `vpndoctor dns` beside resolvectl and iproute2 on a machine with many links and a real systemd-resolved, in
namespaces of its own. Prints Markdown. Exit codes: 3 when a target is missed, 77 when that is not possible here.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the sources may be read-only, and stay clean
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dns"))
import world  # noqa: E402

TARGET_MS = 50.0


def make_links(count):
    """A machine with a LAN, a tunnel, and as many further links with a server each."""
    machine = world.Machine("lan0", "tun0")
    for number in range(3, count + 1):
        for command in (f"link add vd{number} type veth peer name peer{number}", f"link set peer{number} up",
                        f"link set vd{number} up", f"addr add 10.{number}.0.2/24 dev vd{number}"):
            world.run("ip", *command.split())
    machine.start_bus()
    machine.start_resolved()
    world.run("resolvectl", "domain", "tun0", "~corp.example")
    for number, name in enumerate(["lan0", "tun0", *(f"vd{n}" for n in range(3, count + 1))], start=1):
        world.run("resolvectl", "dns", name, f"10.{number}.0.1", f"fd00:{number}::1")
        if number > 2:
            world.run("resolvectl", "domain", name, f"~net{number}.example", f"search{number}.example")
    return machine


def measure(argv):
    """How long a command takes that must succeed, and how much of that it computed, both in milliseconds."""
    start = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(argv)}: exit code {process.returncode}")
    return (time.monotonic() - start) * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def measure_all(commands, runs):
    """One after the other, again and again, so that what else the machine does meets all of them alike."""
    measured = {what: [] for what in commands}
    for run in range(runs + 1):
        for what, argv in commands.items():
            taken = measure(argv)
            if run > 0:  # the first one finds nothing in the caches
                measured[what].append(taken)
    return measured


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--links", type=int, default=20)
    parser.add_argument("--runs", type=int, default=31)
    options = parser.parse_args()
    os.environ.setdefault("BUILD_DIR", os.path.abspath(options.build))
    world.BUILD_DIR = os.environ["BUILD_DIR"]
    world.enter()
    machine = make_links(options.links)
    tool = os.path.join(os.environ["BUILD_DIR"], "bin", "vpndoctor")
    commands = {"`ip -j address`": ["ip", "-j", "address"], "`resolvectl status`": ["resolvectl", "status"],
                "`vpndoctor dns`": [tool, "dns"], "`vpndoctor dns --json`": [tool, "dns", "--json"],
                "`vpndoctor dns explain NAME`": [tool, "dns", "explain", "git.corp.example"]}
    measured = measure_all(commands, options.runs)
    machine.end()
    peer = [taken for taken, _ in measured["`resolvectl status`"]]
    print("| what | median | range | computing | of `resolvectl status` | target |\n|---|---:|---:|---:|---:|---:|")
    missed = []
    for what, runs in measured.items():
        taken, computed = zip(*runs)
        middle = statistics.median(taken)
        ratio = statistics.median(own / other for own, other in zip(taken, peer))
        is_ours = "vpndoctor" in what
        print(f"| {what} | {middle:.1f} ms | {min(taken):.1f} to {max(taken):.1f} ms | {statistics.median(computed):.0f} ms "
              f"| {ratio:.1f} | {f'{TARGET_MS:.0f} ms' if is_ours else ''} |")
        if is_ours and middle > TARGET_MS:
            missed.append(what)
    for what in missed:
        print(f"missed: {what}", file=sys.stderr)
    sys.exit(3 if missed else 0)


if __name__ == "__main__":
    main()
