# SPDX-License-Identifier: Apache-2.0
# Runs every program on every path, each run in a lab of its own, and prints the tables. Called by tests/bench/run.
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import paths as path_list
import peers as peer_list
import tables

HERE = pathlib.Path(__file__).resolve().parent
NOT_ALLOWED = 77  # the lab: no network namespaces here
MISSED = 3  # not 1, which is what Python says of an error


@dataclasses.dataclass
class Run:
    answer: peer_list.Answer
    seconds: float
    packets: int
    first_probe_ms: float | None
    cut_off: bool
    output: str


class Lab:
    """Starts programs at the client's end of a path."""

    def __init__(self, program, folder, limit, keep):
        self.program, self.folder, self.limit, self.keep = program, folder, limit, keep

    def run(self, path, peer, seed):
        scenario = self.folder / f"{path.name}.json"
        result = self.folder / f"{path.name}.{peer.name.replace(' ', '')}.{seed}"
        command = [self.program, "run", scenario, "--seed", str(seed), "--", sys.executable, HERE / "inside.py", result,
                   str(self.limit), "{hop1}", "{target}", *peer.command]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not result.exists():
            sys.exit(done.returncode if done.returncode == NOT_ALLOWED else f"the lab failed: {done.stderr}")
        measured = json.loads(result.read_text())
        answer = peer.read(measured["output"])
        if self.keep and tables.size_is(path, answer) != "right":
            (self.keep / result.name).write_text(measured["output"])
        return Run(answer, measured["seconds"], measured["packets"], measured["first_probe_ms"],
                   measured["exit"] is None, measured["output"])


def repetitions(path, peer, quick):
    if peer.name.startswith("vpndoctor"):
        return path.runs
    if path.alone or (path.family == "inet6" and not peer.inet6):
        return 0
    if quick or peer.name.startswith("trace"):
        return 1
    if path.loss == 0:
        return 1 if peer.slow and not path.signalled else 3
    return 4 if peer.slow else 10


def waits(path, peer):
    """Programs that mostly wait are run side by side; what is fast, or computes, is run alone."""
    return not path.signalled and (peer.slow or peer.name.startswith("ping"))


def measure(lab, jobs):
    """jobs: (path, peer, seed). Returns the runs by names of path and program."""
    results = {}
    together = sorted((job for job in jobs if waits(*job[:2])), key=lambda job: not job[1].slow)
    alone = [job for job in jobs if not waits(*job[:2])]

    def note(job, run):
        results.setdefault((job[0].name, job[1].name), []).append(run)

    with concurrent.futures.ThreadPoolExecutor(max_workers=len(together) + 1) as pool:
        running = {}
        for job in together:
            running[pool.submit(lab.run, *job)] = job
            time.sleep(0.4)  # so that they do not all start at once
        for done in concurrent.futures.as_completed(running):
            note(running[done], done.result())
    say(f"the patient ones are done; {len(alone)} runs one after the other")
    for job in alone:
        note(job, lab.run(*job))
    return results


def say(text):
    print(f"tests/bench/run: {text}", file=sys.stderr, flush=True)


def machine():
    load, kernel = os.getloadavg(), platform.release().split("-")[0]
    return (f"{os.cpu_count()} cores, Linux {kernel}, load average before the runs "
            f"{load[0]:.1f} {load[1]:.1f} {load[2]:.1f}")


def print_section(title, lines):
    print(f"\n{title}\n", flush=True)
    for line in lines:
        print(line)


def start_to_first_probe(results, name):
    times = [run.first_probe_ms for run in results["hole", name] if run.first_probe_ms is not None]
    return (f"Program start to its first packet: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms "
            f"({len(times)} runs; target 10 ms).")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="few runs; slow programs are cut off after 20 s")
    parser.add_argument("--only", metavar="PATH", action="append", help="only these paths (" +
                        ", ".join(path.name for path in path_list.paths(True)) + ")")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="keep what was not right there")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    chosen = [path for path in path_list.paths(arguments.quick) if not arguments.only or path.name in arguments.only]
    programs = peer_list.peers(arguments.build / "bin/vpndoctor")
    vpndoctor = programs[-1]
    if arguments.without_peers:
        programs = [vpndoctor]
    programs = [peer for peer in programs if shutil.which(peer.command[0]) or say(f"{peer.command[0]} is not installed")]
    limit = 20 if arguments.quick else 180
    print(machine() + (f"; quick: few runs, cut off after {limit} s" if arguments.quick else ""))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
        for path in chosen:
            (folder / f"{path.name}.json").write_text(json.dumps(path.scenario()))
        lab = Lab(arguments.build / "bin/vpndoctor-lab", folder, limit, arguments.keep)
        jobs = [(path, peer, seed) for path in chosen for peer in programs
                for seed in range(1, 1 + repetitions(path, peer, arguments.quick))]
        say(f"{len(jobs)} runs; those of patient programs take {limit} s, side by side")
        results = measure(lab, jobs)
    if len(programs) > 1:
        print_section("Side by side: the size, the hop, the median time, the packets to the target.", tables.side_by_side(chosen, programs, results))
    print_section("vpndoctor mtu, every run counted.", tables.in_detail(chosen, vpndoctor.name, results))
    if chosen[0].name == "hole":
        print_section("In their own words, in the black hole:", tables.own_words(chosen[0], programs, results))
        print("\n" + start_to_first_probe(results, vpndoctor.name))
    sys.stdout.flush()
    misses = list(tables.missed(chosen, vpndoctor.name, results))
    for miss in misses:
        say(f"missed: {miss}")
    return MISSED if misses else 0


sys.exit(main())
