# SPDX-License-Identifier: Apache-2.0
"""Two machines: a client on a LAN, and the router that is also DHCP server and VPN server. Knows no test and no VPN.

The LAN is 192.0.2.0/24 and 2001:db8:1::/64; the client's eth0 gets its configuration from a DHCP client and from router
advertisements. The VPN server's address, 198.51.100.9, lies behind the router 192.0.2.1.
"""
from machines import CLIENT, ROUTER, SERVER, Machines, pid_in, run

GATEWAY = "192.0.2.1"


class World(Machines):
    """The two machines and the cable between them. The client's eth0 is down and has no address."""

    def __init__(self):
        super().__init__(CLIENT, ROUTER)
        run(CLIENT, "ip", "link", "add", "eth0", "address", "02:00:00:00:00:50", "type", "veth", "peer", "name", "lan",
            "netns", ROUTER)
        for words in ("link set lan up", "addr add 192.0.2.1/24 dev lan", "addr add 2001:db8:1::1/64 dev lan",
                      f"addr add {SERVER}/32 dev lo"):
            run(ROUTER, "ip", *words.split())
        run(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def dhcp_server(self, *options):
        """Starts dnsmasq with DHCP options ("3,192.0.2.1"), and router advertisements."""
        words = [f"--dhcp-option={option}" for option in options]
        run(ROUTER, "dnsmasq", "--conf-file=/dev/null", "--port=0", "--no-resolv", "--no-hosts", "--interface=lan",
            "--bind-interfaces", "--user=root", "--dhcp-authoritative", "--no-ping", "--leasefile-ro",
            "--dhcp-range=192.0.2.50,192.0.2.90,255.255.255.0,1h", "--enable-ra",
            "--dhcp-range=2001:db8:1::,ra-only", "--pid-file=/run/crash/dnsmasq.pid", *words)
        self.processes.append(pid_in("/run/crash/dnsmasq.pid"))
