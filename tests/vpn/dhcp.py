# SPDX-License-Identifier: Apache-2.0
"""The real DHCP clients, each with its own way of being told that the work is done. Knows nothing of VPNs."""
import os
import subprocess

import machines
from machines import CLIENT, run

NETWORKD = "/lib/systemd/systemd-networkd"


def has_default():
    return bool(machines.dump("-4", "route", "show", "default"))


def has_default6():
    return bool(machines.dump("-6", "route", "show", "default"))


def wait_for_router_advertisement(changes):
    changes.until(has_default6, "a default route of a router advertisement")


def dhclient(world):
    """isc-dhcp-client with Debian's own script and hooks; returns when the lease is bound and the script has run. In
    the foreground: as a daemon it writes its process number only after its parent has gone."""
    changes = machines.Changes(CLIENT)
    run(CLIENT, "ip", "link", "set", "eth0", "up")
    world.run_until_end(machines.start(
        CLIENT, "dhclient", "-4", "-d", "-pf", "/run/crash/dhclient.pid", "-lf", "/var/lib/dhcp/dhclient.eth0.leases",
        "eth0", until="bound to "))
    wait_for_router_advertisement(changes)


def dhcpcd(world):
    """dhcpcd with Debian's configuration, without its wait for other holders of the address."""
    changes = machines.Changes(CLIENT)
    run(CLIENT, "ip", "link", "set", "eth0", "up")
    world.run_until_end(machines.start(
        CLIENT, "dhcpcd", "--nobackground", "--noarp", "--ipv4only", "eth0", until="leased "))
    changes.until(lambda: has_default() and has_default6(), "default routes by dhcpcd and a router advertisement")


def networkd(world):
    """systemd-networkd without D-Bus, as a DHCP client."""
    run_networkd(world, "[Network]\nDHCP=ipv4\n")


def networkd_static(world):
    """systemd-networkd with settings of its own instead of a lease."""
    run_networkd(world, "[Network]\nAddress=192.0.2.77/24\nAddress=2001:db8:1::77/64\nGateway=192.0.2.1\n"
                 "[Route]\nDestination=10.77.0.0/16\nGateway=192.0.2.3\nMetric=50\nPreferredSource=192.0.2.77\n"
                 "[Route]\nDestination=2001:db8:77::/48\nGateway=2001:db8:1::1\n")
    changes = machines.Changes(CLIENT)
    changes.until(lambda: any("2001:db8:77::/48" in line for line in machines.routes("-6", "route")), "the IPv6 route")


def run_networkd(world, settings):
    """Returns when the default routes are there. systemd-networkd waits for no udev when /sys is read-only."""
    os.makedirs("/etc/systemd/network", exist_ok=True)
    with open("/etc/systemd/network/10-eth0.network", "w", encoding="ascii") as file:
        file.write("[Match]\nName=eth0\n" + settings)
    for folder in ("/run/systemd/netif/leases", "/run/systemd/netif/links", "/run/systemd/netif/lldp"):
        os.makedirs(folder, exist_ok=True)
    subprocess.run(["chown", "-R", "systemd-network:systemd-network", "/run/systemd/netif"], check=True)
    changes = machines.Changes(CLIENT)
    world.run_until_end(machines.start(
        CLIENT, "sh", "-c", f"mount -o remount,ro /sys && exec {NETWORKD}", until="Enumeration completed"))
    changes.until(lambda: has_default() and has_default6(), "default routes by systemd-networkd")
