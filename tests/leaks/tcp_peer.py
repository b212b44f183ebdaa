#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One end of a TCP connection: tcp_peer.py listen|connect ADDRESS PORT [SIZE...]

Sends writes of these sizes, the next one as soon as the last is on its way, then waits until all is acknowledged or the
kernel has sent one segment again five times in a row. Without sizes it reads until the other end closes. Prints "ready"
once it listens, and at the end "acknowledged", "stuck" or "read".
"""
import fcntl
import select
import socket
import struct
import sys
import time

SIOCOUTQ = 0x5411
TCPI_RETRANSMITS = 2  # the offset of tcpi_retransmits in struct tcp_info
STUCK_TIMES = 5
PATIENCE_S = 60


def is_acknowledged(connection):
    return struct.unpack("i", fcntl.ioctl(connection, SIOCOUTQ, bytes(4)))[0] == 0


def is_stuck(connection):
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[TCPI_RETRANSMITS] >= STUCK_TIMES


def wait_for_end(connection):
    """The kernel tells neither by an event: it is asked again every hundredth of a second."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if is_acknowledged(connection):
            return "acknowledged"
        if is_stuck(connection):
            return "stuck"
        select.select([], [], [], 0.01)
    return "unfinished"


def send(connection, sizes):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400000)  # so that no write waits for the other end
    for size in sizes:
        connection.sendall(bytes(size))
        select.select([], [], [], 0.02)  # so that the next write is a segment of its own
    print(wait_for_end(connection), flush=True)
    # A reset, so that the other end knows at once, whatever is still under way.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read(connection):
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    print("read", flush=True)


def main():
    role, address, port = sys.argv[1:4]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_STREAM)
    if role == "listen":
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        endpoint.bind((address, int(port)))
        endpoint.listen()
        print("ready", flush=True)
        connection, _ = endpoint.accept()
    else:
        endpoint.connect((address, int(port)))
        connection = endpoint
    sizes = [int(size) for size in sys.argv[4:]]
    if sizes:
        send(connection, sizes)
    else:
        read(connection)


if __name__ == "__main__":
    main()
