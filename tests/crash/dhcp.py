# SPDX-License-Identifier: Apache-2.0
"""The real DHCP clients, each with its own way of being told that the work is done. Knows nothing of VPNs."""
import glob
import os
import subprocess

import world
from world import CLIENT, run

NETWORKD = "/lib/systemd/systemd-networkd"


def has_default():
    return bool(world.dump("-4", "route", "show", "default"))


def has_default6():
    return bool(world.dump("-6", "route", "show", "default"))


def wait_for_router_advertisement(changes):
    changes.until(has_default6, "a default route of a router advertisement")


def dhclient(machines):
    """isc-dhcp-client with Debian's own script and hooks; returns when the lease is bound and the script has run."""
    changes = world.Changes(CLIENT)
    run(CLIENT, "ip", "link", "set", "eth0", "up")
    run(CLIENT, "dhclient", "-4", "-1", "-pf", "/run/work/dhclient.pid", "-lf", "/var/lib/dhcp/dhclient.eth0.leases",
        "eth0")
    machines.run_until_end(world.pid_in("/run/work/dhclient.pid"))
    wait_for_router_advertisement(changes)


def dhcpcd(machines):
    """dhcpcd with Debian's configuration, without its wait for other holders of the address; returns when the address is there."""
    changes = world.Changes(CLIENT)
    run(CLIENT, "ip", "link", "set", "eth0", "up")
    run(CLIENT, "dhcpcd", "--noarp", "--waitip=4", "--ipv4only", "eth0")
    for path in glob.glob("/run/dhcpcd/*.pid") + glob.glob("/run/dhcpcd*.pid"):
        machines.run_until_end(world.pid_in(path))
    changes.until(lambda: has_default() and has_default6(), "default routes by dhcpcd and a router advertisement")


def networkd(machines):
    """systemd-networkd without D-Bus; returns when the routes are there. It waits for no udev when /sys is read-only."""
    os.makedirs("/etc/systemd/network", exist_ok=True)
    with open("/etc/systemd/network/10-eth0.network", "w", encoding="ascii") as file:
        file.write("[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n")
    for folder in ("/run/systemd/netif/leases", "/run/systemd/netif/links", "/run/systemd/netif/lldp"):
        os.makedirs(folder, exist_ok=True)
    subprocess.run(["chown", "-R", "systemd-network:systemd-network", "/run/systemd/netif"], check=True)
    changes = world.Changes(CLIENT)
    machines.run_until_end(world.start(
        CLIENT, "sh", "-c", f"mount -o remount,ro /sys && exec {NETWORKD}", until="Enumeration completed"))
    changes.until(lambda: has_default() and has_default6(), "default routes by systemd-networkd")
