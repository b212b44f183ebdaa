# SPDX-License-Identifier: Apache-2.0
# What the measurements amount to, as Markdown. Knows the truth of each path; runs nothing.
import statistics

from paths import LAST_HOP_REACHED


def size_is(path, answer):
    """"right": the exact byte and, where one was given, the right verdict; "wrong": excludes the truth; "open": a range
    around it, or nothing."""
    if answer.status not in (None, "undetermined", "signalled" if path.signalled else "black_hole"):
        return "wrong"
    if answer.low is not None and answer.low == answer.high == path.mtu:
        return "right"
    low = 0 if answer.low is None else answer.low
    high = 65535 if answer.high is None else answer.high
    return "open" if low <= path.mtu <= high and low != high else "wrong"


def hop_is(answer):
    if answer.hop is None:
        return "open"
    if answer.hop == (LAST_HOP_REACHED, LAST_HOP_REACHED + 1):
        return "right"
    return "open" if answer.hop[0] <= LAST_HOP_REACHED < answer.hop[1] else "wrong"


def seconds(value):
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def said(path, runs):
    """In words, what all these runs said of the size and of the hop."""
    sizes = [size_is(path, run.answer) for run in runs]
    if len(set(sizes)) == 1:
        text = {"right": "right", "wrong": "wrong: " + runs[0].answer.text(), "open": runs[0].answer.text()}[sizes[0]]
    else:
        text = f"{sizes.count('right')} of {len(runs)} right"
        text += f", {sizes.count('wrong')} wrong" if "wrong" in sizes else ""
    hops = [hop_is(run.answer) for run in runs]
    if "wrong" in hops:
        text += f", hop wrong {hops.count('wrong')} of {len(runs)}"
    elif "right" in hops:
        text += ", hop too" if "open" not in hops else f", hop {hops.count('right')} of {len(runs)}"
    return text


def cell(path, runs):
    if not runs:
        return "no IPv6" if path.family == "inet6" else "-"
    if any(run.cut_off for run in runs):
        return f"{said(path, runs)}, cut off at {seconds(max(run.seconds for run in runs))}"
    packets = statistics.median(run.packets for run in runs)
    return f"{said(path, runs)}, {seconds(statistics.median(run.seconds for run in runs))}, {packets:.0f} packets"


def side_by_side(paths, peers, results):
    """One row a path, one column a program; times and packets are medians."""
    compared = [path for path in paths if not path.alone]
    yield "| path | " + " | ".join(peer.name for peer in peers) + " |"
    yield "|---" * (len(peers) + 1) + "|"
    for path in compared:
        cells = [cell(path, results.get((path.name, peer.name), [])) for peer in peers]
        yield f"| {path.title} | " + " | ".join(cells) + " |"


def counts(values):
    return " / ".join(str(values.count(kind)) for kind in ("right", "open", "wrong"))


def in_detail(paths, name, results):
    """One row a path for one program: every run counted."""
    yield "| path | runs | size right / open / wrong | hop right / open / wrong | median | target | longest | packets |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for path in paths:
        runs = results[path.name, name]
        times = [run.seconds for run in runs]
        target = seconds(path.median_target) if path.median_target else ""
        yield (f"| {path.title} | {len(runs)} | {counts([size_is(path, run.answer) for run in runs])} "
               f"| {counts([hop_is(run.answer) for run in runs])} | {seconds(statistics.median(times))} | {target} "
               f"| {seconds(max(times))} | {statistics.median(run.packets for run in runs):.0f} |")


def own_words(path, peers, results):
    """What each program printed for this path, in short."""
    for peer in peers:
        runs = results.get((path.name, peer.name), [])
        if runs:
            yield f"- `{peer.name}`: {runs[0].answer.words or runs[0].answer.text()}"


def missed(paths, name, results):
    """The targets that were not reached, one sentence each."""
    for path in paths:
        runs = results[path.name, name]
        median = statistics.median(run.seconds for run in runs)
        sizes, hops = [size_is(path, run.answer) for run in runs], [hop_is(run.answer) for run in runs]
        if path.median_target and median > path.median_target:
            yield f"{path.title}: median {median:.3f} s, target {path.median_target:.2f} s"
        if "wrong" in sizes or (path.loss < 0.3 and "open" in sizes):
            yield f"{path.title}: size right / open / wrong {counts(sizes)}"
        if "wrong" in hops or (not path.loss and not path.rate_limits and "open" in hops):
            yield f"{path.title}: hop right / open / wrong {counts(hops)}"
