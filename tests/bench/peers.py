# SPDX-License-Identifier: Apache-2.0
# The programs that are compared: how each is called and how its answer is read. An answer is what the program told
# its user, no more.
import dataclasses
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Answer:
    """What a program said: a range of sizes (equal ends: exact), and between which TTLs too-large packets end: the last
    that one reaches, the first that none does. None: it said nothing about that."""
    low: int | None = None
    high: int | None = None
    hop: tuple | None = None
    words: str = ""
    status: str | None = None  # the verdict, of programs that give one

    def text(self):
        if self.low is None:
            return "no size"
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


def exact(size, hop=None, words=""):
    return Answer(size, size, hop, words)


def first_smaller(rows):
    """Returns between which hops the size shrank below that of the device; rows are (ttl, size), by TTL."""
    for ttl, size in rows:
        if size < 1500:
            return ttl - 1, ttl
    return None


def last_lines(output, count=2):
    return " / ".join(line.strip() for line in output.strip().splitlines()[-count:])


def read_tracepath(output):
    sizes = [(int(ttl), int(size)) for ttl, size in re.findall(r"^ *(\d+)[?:].* pmtu (\d+)", output, re.M)]
    # The router that refuses is listed with the TTL of the probe that it refused, one more than its own.
    resume = re.search(r"pmtu (\d+)(?: hops.*)?$", last_lines(output, 1))
    if resume is None:
        return Answer(words=last_lines(output))
    return exact(int(resume[1]), first_smaller(sizes), last_lines(output, 2 if "Too many" in output else 1))


def read_traceroute(output):
    sizes = [(int(ttl), int(size)) for ttl, size in re.findall(r"^ *(\d+) .*F=(\d+)", output, re.M)]
    reached = re.match(r" *(\d+) .* ms", output.strip().splitlines()[-1]) if output.strip() else None
    words = " / ".join(line.strip() for line in output.splitlines() if "F=" in line)
    if not sizes or reached is None:
        return Answer(words=f"{words} / then {len(re.findall(r'^ *[0-9]+  [*] [*] [*]', output, re.M))} lines of * * *")
    return exact(sizes[-1][1], first_smaller(sizes), words)


def read_scamper(output):
    sizes = [(int(ttl), int(size)) for ttl, size in re.findall(r"^ *(\d+) .*\[\*?mtu: (\d+)\]", output, re.M)]
    if not sizes:
        return Answer(words=last_lines(output))
    return exact(sizes[-1][1], first_smaller(sizes), last_lines(output))


def read_nmap(output):
    line = re.search(r"path-mtu: (.*)", output)
    if line is None:
        return Answer(words="no output of the script")
    words = line[0]
    if one := re.search(r"PMTU == (\d+)", words):
        return exact(int(one[1]), None, words)
    if two := re.search(r"(\d+) <= PMTU < (\d+)", words):
        return Answer(int(two[1]), int(two[2]) - 1, None, words)
    return Answer(words=words)


def read_bisection(output):
    word = output.strip()
    return exact(int(word)) if word.isdigit() else Answer(words=word)


def read_vpndoctor(output):
    try:
        document = json.loads(output)
        data = document["data"]
    except (ValueError, KeyError, TypeError):
        return Answer(words=output[:200])
    found = data["constriction"]
    hop = found and (found["from_ttl"], found["to_ttl"])
    size = data["path_mtu_bytes"]
    low, high = data["path_mtu_at_least_bytes"], data["path_mtu_at_most_bytes"]
    words = document["findings"][0]["title"] if document["findings"] else data["status"]
    if found:
        words += f", behind hop {found['from_ttl']} ({found['from_address']})"
    return Answer(size or low, size or high, hop, words, data["status"])


@dataclasses.dataclass
class Peer:
    name: str
    command: list
    read: object
    slow: bool = False  # waits for tens of seconds where nothing tells it the size
    inet6: bool = True


def peers(vpndoctor):
    return [
        Peer("tracepath", ["tracepath", "-n", "{target}"], read_tracepath, slow=True),
        Peer("traceroute --mtu", ["traceroute", "-n", "--mtu", "{target}"], read_traceroute, slow=True),
        Peer("scamper", ["scamper", "-I", "trace -M {target}"], read_scamper, slow=True),
        Peer("scamper -w 1", ["scamper", "-I", "trace -M -w 1 {target}"], read_scamper, slow=True),
        Peer("nmap path-mtu", ["nmap", "-n", "-Pn", "-p", "22", "--script", "path-mtu", "{target}"], read_nmap,
             inet6=False),
        Peer("ping bisection", [str(HERE / "bisect_ping.sh"), "{target}"], read_bisection),
        Peer("vpndoctor mtu", [str(vpndoctor), "mtu", "--json", "{target}"], read_vpndoctor),
    ]
