# SPDX-License-Identifier: Apache-2.0
"""The real VPN programs at both ends, and how they crash. Knows nothing of vpndoctor."""
import os
import re
import subprocess

import machines
from machines import CLIENT, ROUTER, SERVER, kill, run

WIREGUARD = dict(os.environ, WG_QUICK_USERSPACE_IMPLEMENTATION="wireguard-go",
                 WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD="1")
OPENVPN = ("openvpn", "--disable-dco", "--verb", "3", "--proto", "udp4", "--dev-type", "tun")


def process_of(name, *arguments):
    """The process with this name and these arguments; None when there is none."""
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode().split("\0")
        except OSError:
            continue
        if os.path.basename(words[0]) == name and list(arguments) == words[1:1 + len(arguments)]:
            return int(entry)
    return None


def answered(address):
    """Returns once an echo through the tunnel was answered: the first may be lost while both ends still set up."""
    run(CLIENT, "ping", "-c", "1", "-w", str(machines.PATIENCE_S), address)


def is_userspace_wireguard_used():
    """True when wg-quick runs a program beneath its interface: the kernel has no WireGuard."""
    if subprocess.run(["ip", "link", "add", "wgprobe", "type", "wireguard"], capture_output=True, check=False).returncode:
        return True
    subprocess.run(["ip", "link", "delete", "wgprobe"], check=True)
    return False


class WgQuick:
    """wg0 on the client by wg-quick, a userspace WireGuard beneath it; the other end is on the machine `at`."""

    def __init__(self, at=ROUTER, allowed="0.0.0.0/0, ::/0"):
        keys = [subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout for _ in range(2)]
        public = [subprocess.run(["wg", "pubkey"], input=key, capture_output=True, text=True, check=True).stdout.strip()
                  for key in keys]
        with open("/run/crash/server.conf", "w", opener=private, encoding="ascii") as file:
            file.write(f"[Interface]\nPrivateKey = {keys[0].strip()}\nListenPort = 51820\n"
                       f"[Peer]\nPublicKey = {public[1]}\nAllowedIPs = 10.9.0.2/32, fd00:9::2/128\n")
        with open("/run/crash/wg0.conf", "w", opener=private, encoding="ascii") as file:
            file.write(f"[Interface]\nPrivateKey = {keys[1].strip()}\nAddress = 10.9.0.2/24, fd00:9::2/64\n"
                       f"[Peer]\nPublicKey = {public[0]}\nAllowedIPs = {allowed}\n"
                       f"Endpoint = {SERVER}:51820\n")
        run(at, "wireguard-go", "wgserver", env=WIREGUARD)
        for words in ("wg setconf wgserver /run/crash/server.conf", "ip address add 10.9.0.1/24 dev wgserver",
                      "ip link set wgserver up"):
            run(at, *words.split())

    def up(self):
        run(CLIENT, "wg-quick", "up", "/run/crash/wg0.conf", env=WIREGUARD)
        answered("10.9.0.1")

    def pid(self):
        """The process beneath wg0; None where the kernel has WireGuard."""
        return process_of("wireguard-go", "wg0")

    def crash(self):
        pid = self.pid()
        # Where the kernel has WireGuard there is no process to kill; the interface that goes leaves the same behind.
        kill(pid) if pid else run(CLIENT, "ip", "link", "delete", "wg0")


class OpenVpn:
    """tun0 on the client by OpenVPN with what the server on the machine `at` pushes, 172.30.0.0/16 inside."""

    def __init__(self, world, *pushed, at=ROUTER):
        self.world = world
        self.process = None
        self.prints = {name: certificate(name) for name in ("server", "client")}
        options = [word for option in pushed for word in ("--push", option)]
        self.server = world.run_until_end(machines.start(
            at, *OPENVPN, "--dev", "vpnserver", "--server", "172.30.0.0", "255.255.0.0", "--topology", "subnet",
            "--local", SERVER, "--dh", "none", *self.identity("server", "client"), *options,
            until="Initialization Sequence Completed"))

    def identity(self, own, other):
        return ("--cert", f"/run/crash/{own}.crt", "--key", f"/run/crash/{own}.key", "--peer-fingerprint",
                self.prints[other])

    def up(self):
        self.process = self.world.run_until_end(machines.start(
            CLIENT, *OPENVPN, "--dev", "tun0", "--client", "--nobind", "--remote", SERVER, "1194",
            *self.identity("client", "server"), until="Initialization Sequence Completed"))
        answered("172.30.0.1")

    def crash(self):
        # `ip netns exec` becomes the program that it runs, so this is OpenVPN itself.
        kill(self.process.pid)
        self.process.wait()


def private(path, flags):
    return os.open(path, flags, 0o600)


def certificate(name):
    """Makes a key with a certificate of its own; returns the certificate's fingerprint."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", f"/CN={name}", "-keyout", f"/run/crash/{name}.key", "-out",
                    f"/run/crash/{name}.crt"], check=True, stderr=subprocess.DEVNULL)
    printed = subprocess.run(["openssl", "x509", "-in", f"/run/crash/{name}.crt", "-noout", "-fingerprint", "-sha256"],
                             check=True, capture_output=True, text=True).stdout
    return re.search(r"=([0-9A-F:]+)", printed).group(1)
