# SPDX-License-Identifier: Apache-2.0
"""A kill switch of each style, beside wg-quick with everything in the tunnel: what is said while the tunnel is up, and
whether packets leave when it is gone."""
import shutil
import unittest

import vpn
from machines import CLIENT, SERVER, run
from world import CONTAINER, PUBLIC, PUBLIC6, SERVER_MACHINE, World, codes, findings, leaks

NFT = f"""table inet guard {{
  chain output {{ type filter hook output priority 0; policy drop;
    oifname {{ "lo", "wg0" }} accept
    ip daddr {SERVER} udp dport 51820 accept
    icmpv6 type {{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }} accept
  }}
}}"""
EGRESS = f"""table netdev guard {{
  chain egress {{ type filter hook egress device "eth0" priority 0; policy drop;
    meta protocol arp accept
    ip daddr {SERVER} udp dport 51820 accept
    icmpv6 type {{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }} accept
  }}
}}"""
FORWARD = """table inet guard_forward {
  chain forward { type filter hook forward priority 0; policy drop; oifname "wg0" accept; }
}"""


def leaves(address):
    """True when an echo request gets out and is answered."""
    return run(CLIENT, "ping", "-n", "-c", "1", "-W", "1", address, check=False).returncode == 0


class KillSwitches(unittest.TestCase):
    longMessage = True

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)
        self.world.join_ipv6()
        self.vpn = vpn.WgQuick(at=SERVER_MACHINE)
        self.vpn.up()

    def load(self, ruleset):
        with open("/run/crash/ruleset", "w", encoding="ascii") as file:
            file.write(ruleset)
        run(CLIENT, "nft", "-f", "/run/crash/ruleset")

    def said(self):
        """The codes of the packet filter; nothing of it may be skipped."""
        report = leaks()
        self.assertEqual([entry for entry in report["skipped"] if entry["code"].startswith("FWL")], [])
        return {code: severity for code, severity in codes(report).items() if code.startswith("FWL")}

    def carry_out(self, finding):
        """Runs the commands of the remedy."""
        self.assertNotEqual(finding["remedy"]["commands"], [], finding)
        for command in finding["remedy"]["commands"]:
            run(CLIENT, *command["argv"])

    def assert_stops(self):
        """Nothing is said, and when the tunnel is gone nothing leaves."""
        self.assertEqual(self.said(), {})
        self.vpn.crash()
        self.assertFalse(leaves(PUBLIC))
        self.assertFalse(leaves(PUBLIC6))

    def test_none_is_a_notice(self):
        self.assertEqual(self.said(), {"FWL004": "notice"})
        self.vpn.crash()
        self.assertTrue(leaves(PUBLIC))

    def test_the_rules_that_are_advised_stop(self):
        self.carry_out(findings(leaks(), "FWL004")[0])
        self.assertTrue(leaves(PUBLIC), "the tunnel's own packets leave")
        self.assertNotIn("LEK007", codes(leaks()))
        self.assert_stops()

    def test_the_rules_that_are_advised_for_a_tunnel_without_a_mark_stop(self):
        run(CLIENT, "wg-quick", "down", "/run/crash/wg0.conf", env=vpn.WIREGUARD)
        self.vpn = vpn.OpenVpn(self.world, "redirect-gateway def1", at=SERVER_MACHINE)
        self.vpn.up()
        run(CLIENT, "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
        self.carry_out(findings(leaks(), "FWL004")[0])
        self.assertTrue(leaves(PUBLIC), "the tunnel's own packets leave")
        self.assertEqual(self.said(), {})
        self.vpn.crash()
        self.assertFalse(leaves(PUBLIC))

    def test_guard_of_wg_quick_that_is_left_behind_is_none(self):
        self.vpn.crash()
        self.assertEqual(self.said(), {})
        self.assertIn("stops spoofed packets, nothing that this machine sends",
                      str(findings(leaks(), "TUN007")[0]["evidence"]))
        self.assertTrue(leaves(PUBLIC))

    def test_policy_of_nftables_without_its_vpn_is_a_warning_that_its_command_mends(self):
        run(CLIENT, "wg-quick", "down", "/run/crash/wg0.conf", env=vpn.WIREGUARD)
        self.load(NFT)
        self.assertFalse(leaves(PUBLIC))
        report = leaks(status=0)
        self.assertEqual(codes(report, at_least="warning"), {"TUN007": "warning"}, report["findings"])
        self.carry_out(findings(report, "TUN007")[0])
        self.assertTrue(leaves(PUBLIC))

    def test_policy_of_nftables_stops(self):
        self.load(NFT)
        self.assert_stops()

    def test_egress_of_the_device_stops(self):
        self.load(EGRESS)
        self.assert_stops()

    def test_unreachable_default_stops(self):
        mark = run(CLIENT, "wg", "show", "wg0", "fwmark").stdout.strip()
        for family in ("-4", "-6"):
            run(CLIENT, "ip", family, "rule", "add", "not", "fwmark", mark, "table", "51821", "priority", "32765")
            run(CLIENT, "ip", family, "route", "add", "unreachable", "default", "table", "51821")
        self.assert_stops()

    def iptables(self, *programs):
        mark = run(CLIENT, "wg", "show", "wg0", "fwmark").stdout.strip()
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")
            run(CLIENT, program, "-I", "OUTPUT", "!", "-o", "wg0", "-m", "mark", "!", "--mark", mark, "-m", "addrtype",
                "!", "--dst-type", "LOCAL", "-j", "REJECT")

    def test_rules_that_wg_quick_documents_stop(self):
        self.iptables("iptables-nft", "ip6tables-nft")
        self.assert_stops()

    def test_one_family_alone_is_told_of(self):
        self.iptables("iptables-nft")
        self.assertEqual(self.said(), {"FWL002": "warning"})
        self.vpn.crash()
        self.assertFalse(leaves(PUBLIC))
        self.assertTrue(leaves(PUBLIC6))

    def test_rules_for_another_interface_are_told_of(self):
        self.load(NFT.replace("policy drop", "policy accept").replace("accept\n  }", 'accept\n    oifname "wlan0" drop\n  }'))
        self.assertEqual(self.said(), {"FWL001": "warning"})

    def test_forwarding_for_containers_is_told_of(self):
        self.world.container_network()
        self.load(NFT)
        report = leaks()
        self.assertEqual(codes(report).get("FWL003"), "warning")
        self.assertEqual(findings(report, "FWL003")[0]["subject"]["id"], "docker0")
        self.load(FORWARD)
        self.assertNotIn("FWL003", codes(leaks()))
        self.vpn.crash()
        self.assertEqual(run(CONTAINER, "ping", "-n", "-c", "1", "-W", "1", PUBLIC, check=False).returncode, 1)


if __name__ == "__main__":
    unittest.main()
