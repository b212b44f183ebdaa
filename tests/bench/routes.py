#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the routing engine beside iproute2, a million routes, all in one run. Prints Markdown.

Runs itself in a network namespace of its own. Exit code 3 when a target is missed.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

MEGABYTE = 1e6
FLOWS = 100_000


def enter_namespace():
    if os.environ.get("VPNDOCTOR_BENCH_UNSHARE") != "1":
        os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv], dict(os.environ, VPNDOCTOR_BENCH_UNSHARE="1"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def timed(argv, **streams):
    """Returns the seconds and the peak memory in bytes of a command that must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(argv, **streams)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(argv)}: exit code {process.returncode}")
    return time.monotonic() - start, usage.ru_maxrss * 1024


class Table:
    """Rows of a measurement, its figure and its target."""

    def __init__(self):
        self.rows = []
        self.missed = []

    def add(self, what, figure, target=None, is_met=True, memory=None):
        size = "" if memory is None else f"{memory / MEGABYTE:.0f} MB"
        self.rows.append(f"| {what} | {figure} | {size} | {target or ''} |")
        if not is_met:
            self.missed.append(what)

    def seconds(self, what, values, target=None, memory=None):
        middle = statistics.median(values)
        text = f"{middle:.2f} s" + (f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else "")
        self.add(what, text, target and f"{target:.2f} s", target is None or middle <= target, memory)

    def print(self):
        print("| what | median | memory | target |\n|---|---:|---:|---:|")
        print("\n".join(self.rows))


def judge_leaks(table, tool, inside, folder, bench, runs):
    """`vpndoctor leaks` on drawn machines, beside `routes explain` of one address on the same file: what each command has
    to do is to read the file and to index it."""
    for subject, what in (("draw-full", "a million routes and 150,000 of IPv6 beside wg-quick's rules"),
                          ("draw-halves", "100,000 longer routes beside a tunnel of two halves")):
        path = os.path.join(folder, subject + ".jsonl")
        subprocess.run([bench, subject, path], check=True, stdout=subprocess.DEVNULL)
        table.add(f"**{what}**", "")
        explained, judged = [], []
        for _ in range(runs):  # in turns, so that load meets both alike
            explained.append(timed([tool, "routes", "explain", "9.9.9.9", "--from", path], stdout=subprocess.DEVNULL))
            judged.append(timed([tool, "leaks", "--from", path], stdout=subprocess.DEVNULL))
        times = [[result[0] for result in results] for results in (explained, judged)]
        memories = [max(result[1] for result in results) for results in (explained, judged)]
        table.seconds("`vpndoctor routes explain --from FILE`", times[0], memory=memories[0])
        table.seconds("`vpndoctor leaks --from FILE`", times[1], memory=memories[1])
        ratio = statistics.median(times[1]) / statistics.median(times[0])
        table.add("times as long", f"{ratio:.2f}", "2.5", ratio <= 2.5)
        ratio = memories[1] / memories[0]
        table.add("times the memory", f"{ratio:.2f}", "1.5", ratio <= 1.5)
        steps = inside("leaks", path)
        for key, step in (("read", "reading"), ("index", "index"), ("coverage", "coverage"), ("checks", "checks")):
            table.seconds(f"of it: {step}", [result[key + "_seconds"] for result in steps])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--routes", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    enter_namespace()
    bench = os.path.join(options.build, "bin", "vpndoctor-routes-bench")
    tool = os.path.join(options.build, "bin", "vpndoctor")
    table = Table()

    def inside(subject, argument="", runs=options.runs):
        return [json.loads(subprocess.run([bench, subject, argument], check=True, capture_output=True).stdout)
                for _ in range(runs)]

    def each(results, key):
        return [result[key] for result in results]

    def peer(what, argv):
        results = [timed(argv, stdout=subprocess.DEVNULL) for _ in range(options.runs)]
        table.seconds(what, each(results, 0), memory=max(each(results, 1)))

    with tempfile.TemporaryDirectory(prefix="vpndoctor-bench-") as folder:
        first = os.path.join(folder, "first.jsonl")
        subprocess.run([bench, "install", str(options.routes)], check=True)
        table.seconds("bare receive loop, thrown away", each(inside("bare"), "seconds"))
        peer("`ip route show`", ["ip", "route", "show"])
        peer("`ip -j route show`", ["ip", "-j", "route", "show"])
        with open(os.path.join(folder, "saved.bin"), "wb") as saved:
            results = [timed(["ip", "route", "save"], stdout=saved) for _ in range(options.runs)]
        table.seconds("`ip route save`", each(results, 0), memory=max(each(results, 1)))

        collected = inside("collect")
        memory = max(each(collected, "memory_bytes"))
        table.seconds("read into the model", each(collected, "seconds"), 0.75, memory)
        table.add("its memory above the start", f"{memory / MEGABYTE:.0f} MB", "100 MB", memory <= 100 * MEGABYTE)
        results = [timed([tool, "routes", "save", first], stdout=subprocess.DEVNULL) for _ in range(options.runs)]
        table.seconds("`vpndoctor routes save FILE`", each(results, 0), 1.5, max(each(results, 1)))
        loaded = inside("read", first)
        table.seconds("loaded from the file", each(loaded, "seconds"), 1.5, max(each(loaded, "memory_bytes")))
        differences = inside("diff", first)
        if not all(each(differences, "equal")):
            sys.exit("a state differs from itself")
        table.seconds("two of them compared, 1 % different", each(differences, "seconds"), 1.0)
        table.seconds("two of them compared, equal", each(differences, "equal_seconds"), 1.0)
        lookups = inside("lookup", first)
        for key, what in (("lookups_per_second", "random destinations of the routes"),
                          ("anywhere_per_second", "of all addresses")):
            rate = statistics.median(each(lookups, key))
            table.add(f"lookups a second, many at once, {what}", f"{rate / 1e6:.1f} million", "5 million", rate >= 5e6)
        rate = statistics.median(each(lookups, "single_per_second"))
        table.add("the same one by one, of the routes", f"{rate / 1e6:.1f} million")
        table.seconds("index for lookups", each(lookups, "index_seconds"))
        table.seconds("100,000 CIDRs audited, index included", each(inside("audit", first), "seconds"), 1.0)
        results = [timed([tool, "routes", "diff", first, first], stdout=subprocess.DEVNULL) for _ in range(3)]
        table.seconds("`vpndoctor routes diff FILE FILE`, all in all", each(results, 0), memory=max(each(results, 1)))
        results = [timed([tool, "routes", "show"], stdout=subprocess.DEVNULL) for _ in range(3)]
        table.seconds("`vpndoctor routes`, checks included", each(results, 0), memory=max(each(results, 1)))

        subprocess.run(["ip", "route", "flush", "table", "main"], check=True)
        for k in range(20):
            subprocess.run(["ip", "route", "add", f"10.{k}.0.0/16", "dev", "big0"], check=True)
        flows = os.path.join(folder, "flows")
        with open(flows, "w", encoding="ascii") as file:
            file.writelines(f"10.{k % 32}.{k >> 8 & 255}.{k & 255} mark {k % 3}\n" for k in range(FLOWS))
        results = [timed([tool, "routes", "explain", "--flows", flows], stdout=subprocess.DEVNULL)
                   for _ in range(options.runs)]
        table.seconds("`vpndoctor routes explain --flows`, 100,000 flows", each(results, 0), 1.0)
        batch = os.path.join(folder, "batch")
        with open(batch, "w", encoding="ascii") as file:
            file.writelines(f"route get 10.{k % 20}.{k >> 8 & 255}.{k & 255} mark {k % 3}\n" for k in range(FLOWS))
        results = [timed(["ip", "-batch", batch], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for _ in range(options.runs)]
        table.seconds("`ip -batch`, 100,000 times `route get`", each(results, 0))
        judge_leaks(table, tool, inside, folder, bench, options.runs)
    table.print()
    for what in table.missed:
        print(f"missed: {what}", file=sys.stderr)
    sys.exit(3 if table.missed else 0)


if __name__ == "__main__":
    main()
