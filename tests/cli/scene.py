#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A machine in a namespace of its own, made by commands, and what the tool says of it. Run as a program inside the new
namespaces: reads a scene as JSON from standard input and prints the tool's standard output."""
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


def hold_tun(name):
    """Opens a tun device, so that it has a carrier as long as this program lives."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def wait_for_socket(process, path):
    """Waits until a connection is taken: what a bound path alone does not say."""
    while process.poll() is None:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(path) == 0:
                return
        os.sched_yield()
    sys.exit("wireguard-go does not run here")


def start_wireguard(name, endpoint, mark):
    """A real userspace WireGuard with one peer."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    process = subprocess.Popen(["wireguard-go", "--foreground", name], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=dict(os.environ, WG_PROCESS_FOREGROUND="1"))
    wait_for_socket(process, f"/run/wireguard/{name}.sock")
    key, peer_key = (subprocess.run(["wg", "genkey"], check=True, capture_output=True).stdout for _ in range(2))
    public = subprocess.run(["wg", "pubkey"], input=peer_key, check=True, capture_output=True).stdout.decode().strip()
    subprocess.run(["wg", "set", name, "fwmark", str(mark), "private-key", "/dev/stdin", "peer", public, "endpoint",
                    f"{endpoint}:51820", "allowed-ips", "0.0.0.0/0"], input=key, check=True)
    return process


def main():
    scene = json.load(sys.stdin)
    held = [hold_tun(name) for name in scene.get("tuns", [])]
    wireguard = start_wireguard(*scene["wireguard"]) if "wireguard" in scene else None
    try:
        for command in scene["commands"]:
            subprocess.run(command.split(), check=True)
        tool = subprocess.run(scene["tool"], stdout=subprocess.PIPE, check=False)
        sys.stdout.buffer.write(tool.stdout)
    finally:
        if wireguard:
            wireguard.terminate()
            wireguard.wait()
        for descriptor in held:
            os.close(descriptor)


if __name__ == "__main__":
    main()
