# SPDX-License-Identifier: Apache-2.0
# Runs at the client's end of the lab: starts one program, measures it, writes what was measured as JSON. Knows nothing
# of what the program says. `inside.py RESULT LIMIT-SECONDS GATEWAY TARGET PROGRAM ARGS...`
import ipaddress
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
ETH_P_ALL = 3


def open_tap():
    """A packet socket that stamps, with the kernel's clock, what leaves by the client's only device."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    tap.setblocking(False)
    return tap


def packets_to(tap, target):
    """Returns when, in nanoseconds, each packet to the target left."""
    packed = ipaddress.ip_address(target).packed
    where = slice(30, 34) if len(packed) == 4 else slice(38, 54)  # behind 14 bytes of Ethernet
    times = []
    while True:
        try:
            frame, ancillary, _, address = tap.recvmsg(128, 256)
        except BlockingIOError:
            return times
        if address[2] == socket.PACKET_OUTGOING and frame[where] == packed:
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            times.append(seconds * 10**9 + nanoseconds)


def run(command, limit):
    """Runs the program; returns its exit code (None when it was cut off) and what it printed."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                             text=True, errors="replace", start_new_session=True)
    try:
        output, _ = child.communicate(timeout=limit)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return None, child.communicate()[0]


def main():
    result, limit, gateway, target = sys.argv[1:5]
    # The first packet of all waits for the gateway's link address; on a machine in use that is known.
    subprocess.run(["ping", "-n", "-c1", "-W2", gateway], stdout=subprocess.DEVNULL, check=False)
    tap = open_tap()
    begin, clock = time.time_ns(), time.monotonic()
    code, output = run(sys.argv[5:], float(limit))
    seconds = time.monotonic() - clock
    times = packets_to(tap, target)
    measured = {"seconds": seconds, "exit": code, "output": output, "packets": len(times),
                "first_probe_ms": (times[0] - begin) / 1e6 if times else None}
    with open(result, "w", encoding="utf-8") as file:
        json.dump(measured, file)


main()
