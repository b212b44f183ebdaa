#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures `vpndoctor leaks --capture` beside tcpdump at the same load, in one run. Prints Markdown.

Runs itself in a network namespace of its own. Exit code 3 when a target is missed, 77 where it cannot run.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

GIGABIT = 81_000  # frames of 1514 bytes that fill 1 Gbit/s, with preamble and gap
SNAP_BYTES = 128
BUFFER_KIB = 32768


def enter_namespace():
    if os.environ.get("VPNDOCTOR_BENCH_UNSHARE") != "1":
        os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv], dict(os.environ, VPNDOCTOR_BENCH_UNSHARE="1"))
    for words in ("link set lo up", "link add eth0 type veth peer name gw0", "link set gw0 up", "link set eth0 up",
                  "addr add 192.168.50.5/24 dev eth0", "route add default via 192.168.50.1",
                  "tuntap add tun0 mode tun", "link set tun0 up", "addr add 10.8.0.2/24 dev tun0",
                  "route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0"):
        subprocess.run(["ip", *words.split()], check=True)


class Load:
    """Packets on eth0 while a block runs, every one of them a leak."""

    def __init__(self, blaster, rate):
        self.process = subprocess.Popen([blaster, "eth0", "192.168.50.5", str(rate), "60"], stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def by_vpndoctor(tool, seconds):
    """Packets a second and the share that the kernel dropped."""
    done = subprocess.run([tool, "leaks", "--json", "--capture", str(seconds), "--interface", "eth0"],
                          capture_output=True, text=True, check=False)
    capture = json.loads(done.stdout)["data"]["capture"]
    return capture["packets"] / capture["seconds"], capture["dropped"] / max(1, capture["packets"] + capture["dropped"])


def by_tcpdump(seconds):
    done = subprocess.run(["timeout", "-s", "INT", str(seconds), "tcpdump", "-i", "eth0", "-n", "-Q", "out", "-s",
                           str(SNAP_BYTES), "-B", str(BUFFER_KIB), "-w", "/dev/null"], capture_output=True, text=True,
                          check=False)
    captured, dropped = (int(re.search(rf"(\d+) packets? {word}", done.stderr).group(1))
                         for word in ("captured", "dropped by kernel"))
    return captured / seconds, dropped / max(1, captured + dropped)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    missing = [program for program in ("ip", "tcpdump", "timeout", "unshare") if not shutil.which(program)]
    if missing or os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print(f"skipped: needs root, /dev/net/tun and {' '.join(missing) or 'no more'}", file=sys.stderr)
        sys.exit(77)
    enter_namespace()
    blaster = os.path.join(options.build, "bin", "vpndoctor-packet-blaster")
    tool = os.path.join(options.build, "bin", "vpndoctor")
    missed = []
    print("| load | program | packets a second | dropped | target |\n|---|---|---:|---:|---:|")
    for title, rate in ((f"{GIGABIT:,} packets a second", GIGABIT), ("as many as can be sent", 0)):
        results = {"vpndoctor": [], "tcpdump": []}
        for _ in range(options.runs):
            with Load(blaster, rate):
                results["vpndoctor"].append(by_vpndoctor(tool, options.seconds))
            with Load(blaster, rate):
                results["tcpdump"].append(by_tcpdump(options.seconds))
        for program, values in results.items():
            share = max(dropped for _, dropped in values)
            target = "0 dropped" if program == "vpndoctor" and rate else ""
            if target and share > 0:
                missed.append("drops at 1 Gbit/s")
            print(f"| {title} | `{program}` | {statistics.median(speed for speed, _ in values):,.0f} | {share:.2%} | {target} |")
        ratio = (statistics.median(speed for speed, _ in results["vpndoctor"])
                 / statistics.median(speed for speed, _ in results["tcpdump"]))
        print(f"| {title} | ratio to tcpdump | {ratio:.2f} | | |")
    for what in missed:
        print(f"missed: {what}", file=sys.stderr)
    sys.exit(3 if missed else 0)


if __name__ == "__main__":
    main()
