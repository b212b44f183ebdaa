#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how fast captures are read: `mtu --read` and `leaks --read` beside tshark and tcpdump. Prints Markdown.

The capture is drawn: 200 TCP connections that send full packets, each second one acknowledged, whole or cut at 96 bytes.
Exit code 77 where it cannot run.
"""
import argparse
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

CONNECTIONS = 200
FIRST_PORT = 20_000
PAYLOAD_BYTES = 1460
MAC_ADDRESSES = bytes.fromhex("020000000001" "020000000002")
HERE, THERE = bytes([192, 168, 50, 5]), bytes([203, 0, 113, 9])
SYN, ACK = 0x02, 0x10

SNAPSHOT_WORLD = """
ip link set lo up
ip link add eth0 address 02:00:00:00:00:02 type veth peer name gw0
ip link set gw0 up
ip link set eth0 up
ip addr add 192.168.50.5/24 dev eth0
ip route add default via 192.168.50.1
ip tuntap add tun0 mode tun
ip link set tun0 up
ip route add 0.0.0.0/1 dev tun0
ip route add 128.0.0.0/1 dev tun0
"""


class Capture:
    """A pcap file of Ethernet frames, each cut at a number of bytes."""

    def __init__(self, file, snap_bytes):
        self.file = file
        self.snap_bytes = snap_bytes
        self.packets = 0
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snap_bytes, 1))

    def add(self, port, sequence, acknowledged, flags, payload_bytes, is_answer=False):
        source, target = (THERE, HERE) if is_answer else (HERE, THERE)
        ports = (443, port) if is_answer else (port, 443)
        macs = MAC_ADDRESSES[6:] + MAC_ADDRESSES[:6] if is_answer else MAC_ADDRESSES
        frame = (macs + b"\x08\x00"
                 + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + payload_bytes, 0, 0x4000, 64, 6, 0, source, target)
                 + struct.pack("!HHIIBBHHH", *ports, sequence % 2**32, acknowledged % 2**32, 0x50, flags, 65535, 0, 0)
                 + bytes(payload_bytes))
        kept = frame[:self.snap_bytes]
        self.packets += 1
        self.file.write(struct.pack("<IIII", self.packets // 100_000, self.packets % 100_000 * 10, len(kept), len(frame)))
        self.file.write(kept)


def draw(path, segments, snap_bytes):
    """Returns the number of packets."""
    with open(path, "wb", buffering=1 << 20) as file:
        capture = Capture(file, snap_bytes)
        sent = [1] * CONNECTIONS
        for index in range(CONNECTIONS):
            capture.add(FIRST_PORT + index, 0, 0, SYN, 0)
            capture.add(FIRST_PORT + index, 0, 1, SYN | ACK, 0, is_answer=True)
        for segment in range(segments):
            index = segment % CONNECTIONS
            capture.add(FIRST_PORT + index, sent[index], 1, ACK, PAYLOAD_BYTES)
            sent[index] += PAYLOAD_BYTES
            if segment // CONNECTIONS % 2:
                capture.add(FIRST_PORT + index, 1, sent[index], ACK, 0, is_answer=True)
        return capture.packets


def save_snapshot(tool, path):
    script = f"set -e\n{SNAPSHOT_WORLD}{tool} routes save {path}"
    subprocess.run(["unshare", "-n", "sh", "-c", script], check=True, stdout=subprocess.DEVNULL)


def seconds_of(words, runs):
    taken = []
    for _ in range(runs):
        begin = time.monotonic()
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        taken.append(time.monotonic() - begin)
        if done.returncode not in (0, 1):
            sys.exit(f"{' '.join(words)}: {done.stderr}")
    return statistics.median(taken)


def measure(tool, folder, options, snap_bytes):
    path, snapshot = os.path.join(folder, "drawn.pcap"), os.path.join(folder, "snapshot")
    packets = draw(path, options.segments, snap_bytes)
    save_snapshot(tool, snapshot)
    commands = {"tshark -q -z conv,tcp": ["tshark", "-n", "-r", path, "-q", "-z", "conv,tcp"],
                "tcpdump -w /dev/null": ["tcpdump", "-n", "-r", path, "-w", "/dev/null"],
                "vpndoctor mtu --read": [tool, "mtu", "--read", path],
                "vpndoctor leaks --read": [tool, "leaks", "--read", path, "--from", snapshot]}
    peer = None
    for name, words in commands.items():
        seconds = seconds_of(words, options.runs)
        peer = peer or seconds
        print(f"| {os.path.getsize(path) / 1e6:,.0f} MB, {packets:,} packets | `{name}` | {seconds:.2f} s |"
              f" {packets / seconds / 1e6:.2f} million | {peer / seconds:.1f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--segments", type=int, default=500_000)
    options = parser.parse_args()
    missing = [program for program in ("ip", "tcpdump", "tshark", "unshare") if not shutil.which(program)]
    if missing or os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print(f"skipped: needs root, /dev/net/tun and {' '.join(missing) or 'no more'}", file=sys.stderr)
        sys.exit(77)
    tool = os.path.abspath(os.path.join(options.build, "bin", "vpndoctor"))
    print("| capture | program | time | packets a second | times as fast as tshark |\n|---|---|---:|---:|---:|")
    for snap_bytes in (262_144, 96):
        with tempfile.TemporaryDirectory() as folder:
            measure(tool, folder, options, snap_bytes)


if __name__ == "__main__":
    main()
