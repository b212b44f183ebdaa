# SPDX-License-Identifier: Apache-2.0
"""`vpndoctor mtu --read` on captures of real TCP connections: through a hole, a signalled narrow link, plain loss, and
nothing of the kind; at both ends, with and without offload. tshark is the oracle for what was sent again."""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

import machines
from machines import Machines, run, start

SOURCE_DIR = os.environ.get("SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(1, os.path.join(SOURCE_DIR, "tests"))
import validate_json  # noqa: E402

SENDER, ROUTER, RECEIVER = "sender", "router", "receiver"
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tcp_peer.py")
SCHEMA = os.path.join(SOURCE_DIR, "reports", "schema", "report-1.schema.json")
ADDRESSES = {4: ("192.0.2.2", "198.51.100.2"), 6: ("2001:db8:1::2", "2001:db8:2::2")}
NARROW = 1400
# Small writes that are acknowledged, a large one, and small ones behind it.
CHAT = [100] * 12 + [3000] + [100] * 6
BULK = [200, 100000]
DROP_TOO_BIG = ("table inet hole { chain out { type filter hook output priority 0; icmp type 3 drop; "
                "icmpv6 type packet-too-big drop; }\n}")
IGNORE_TOO_BIG = ("table inet deaf { chain in { type filter hook input priority 0; icmp type 3 drop; "
                  "icmpv6 type packet-too-big drop; }\n}")


class Path(Machines):
    """A sender and a receiver with a router between them, whose link to the receiver may be narrow."""

    def __init__(self, mtu=1500, offload=False):
        super().__init__(SENDER, ROUTER, RECEIVER)
        run(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for number, machine in enumerate((SENDER, RECEIVER), 1):
            run(machine, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", machine, "netns", ROUTER)
            four, six = (".".join(ADDRESSES[4][number - 1].split(".")[:3]), f"2001:db8:{number}::")
            for place, device, last in ((machine, "eth0", 2), (ROUTER, machine, 1)):
                run(place, "ip", "link", "set", device, "up")
                run(place, "ip", "addr", "add", f"{four}.{last}/24", "dev", device)
                run(place, "ip", "addr", "add", f"{six}{last}/64", "dev", device)
                if not offload:
                    run(place, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off")
            run(machine, "ip", "route", "add", "default", "via", f"{four}.1")
            run(machine, "ip", "route", "add", "default", "via", f"{six}1")
        run(ROUTER, "ip", "link", "set", RECEIVER, "mtu", str(mtu))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def nft(self, machine, rules):
        run(machine, "nft", rules)

    def lose(self, percent):
        self.nft(ROUTER, "table inet loss { chain f { type filter hook forward priority 0; "
                         f"numgen random mod 100 < {percent} drop; }}\n}}")

    def transfer(self, sizes, family=4, snap=262144):
        """Sends, with tcpdump at both ends; what the sender said at last."""
        dumps = {machine: start(machine, "tcpdump", "-n", "-i", "eth0", "-s", str(snap), "-U", "--immediate-mode", "-w",
                                f"/run/{machine}.pcap", until="listening on") for machine in (SENDER, RECEIVER)}
        address = ADDRESSES[family][1]
        listener = start(RECEIVER, sys.executable, PEER, "listen", address, "4000", until="ready")
        said = run(SENDER, sys.executable, PEER, "connect", address, "4000", *map(str, sizes)).stdout.strip()
        machines.kill(listener.pid)  # it waits for ever where the sender's reset was lost
        listener.stdout.close()
        listener.wait()
        for dump in dumps.values():
            dump.send_signal(signal.SIGTERM)
            dump.wait()
            dump.stdout.close()
        return said


def read(machine):
    """The report on the capture of a machine, and the flow that carries the sender's data."""
    done = subprocess.run([machines.TOOL, "mtu", "--json", "--read", f"/run/{machine}.pcap"], capture_output=True,
                          text=True, check=False)
    complaint = validate_json.complaint(validate_json.load_validator(SCHEMA), done.stdout)
    assert complaint is None, f"{complaint}\n{done.stdout[:4000]}{done.stderr}"
    report = json.loads(done.stdout)
    sent = [flow for flow in report["data"]["flows"] if flow["destination_port"] == 4000]
    return report, sent[0] if sent else None


def retransmissions(machine):
    """What tshark counts as sent again by the sender. Within 3 ms of another packet it calls that out of order, which
    beside the sender nothing is."""
    wanted = "(tcp.analysis.retransmission || tcp.analysis.out_of_order) && tcp.dstport == 4000 && tcp.len > 0"
    words = ["tshark", "-r", f"/run/{machine}.pcap", "-Y", wanted, "-T", "fields", "-e", "frame.number"]
    return len(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


@unittest.skipUnless(all(shutil.which(program) for program in ("tcpdump", "ethtool", "tshark", "nft")),
                     "tcpdump, ethtool, tshark and nft are needed")
class CaptureMtu(unittest.TestCase):
    def assert_flow(self, flow, **expected):
        self.assertEqual({key: flow[key] for key in expected}, expected, flow)

    def test_a_hole_is_proven_where_smaller_packets_pass_beside_it(self):
        for family, offload in ((4, False), (4, True), (6, False)):
            with self.subTest(family=family, offload=offload):
                with Path(mtu=NARROW, offload=offload) as path:
                    path.nft(ROUTER, DROP_TOO_BIG)
                    said = path.transfer(CHAT, family)
                    report, flow = read(SENDER)
                    oracle = retransmissions(SENDER)
                    _, far = read(RECEIVER)
                self.assertEqual(said, "stuck")
                self.assert_flow(flow, status="black_hole", confidence="proven", smallest_lost_bytes=1500,
                                 announced_mss_bytes=1460 if family == 4 else 1440, too_big_mtu_bytes=None)
                self.assertLess(flow["largest_acknowledged_bytes"], NARROW)
                self.assertEqual(report["verdict"], "problem")
                self.assertEqual([finding["code"] for finding in report["findings"]], ["MTU001"])
                self.assertEqual(flow["retransmitted"], oracle)
                # The far side sees a gap that nothing fills: likely, and no more.
                self.assert_flow(far, status="black_hole", confidence="likely", smallest_lost_bytes=1500)

    def test_a_download_that_hangs_is_no_more_than_likely(self):
        with Path(mtu=NARROW, offload=True) as path:
            path.nft(ROUTER, DROP_TOO_BIG)
            self.assertEqual(path.transfer(BULK), "stuck")
            _, flow = read(SENDER)
            self.assert_flow(flow, status="black_hole", smallest_lost_bytes=1500)
            self.assertNotEqual(flow["confidence"], "proven")
            self.assertGreater(flow["offloaded"], 0)

    def test_a_sender_that_tries_smaller_packets_gets_through(self):
        for offload in (False, True):
            with self.subTest(offload=offload):
                with Path(mtu=NARROW, offload=offload) as path:
                    path.nft(ROUTER, DROP_TOO_BIG)
                    run(SENDER, "sysctl", "-qw", "net.ipv4.tcp_mtu_probing=1")
                    said = path.transfer(BULK)
                    _, flow = read(SENDER)
                self.assertEqual(said, "acknowledged")
                self.assert_flow(flow, status="black_hole", smallest_lost_bytes=1500, got_through_smaller=True)
                self.assertLessEqual(flow["largest_acknowledged_bytes"], NARROW)

    def test_a_narrow_link_that_says_so_is_no_hole(self):
        for family, offload in ((4, False), (4, True), (6, True)):
            with self.subTest(family=family, offload=offload):
                with Path(mtu=NARROW, offload=offload) as path:
                    said = path.transfer(BULK, family)
                    report, flow = read(SENDER)
                self.assertEqual(said, "acknowledged")
                self.assert_flow(flow, status="signalled", too_big_mtu_bytes=NARROW, too_big_ignored=False,
                                 too_big_from="192.0.2.1" if family == 4 else "2001:db8:1::1")
                self.assertEqual([finding["code"] for finding in report["findings"]], ["MTU004"])

    def test_a_sender_that_does_not_listen_is_told_apart(self):
        with Path(mtu=NARROW) as path:
            path.nft(SENDER, IGNORE_TOO_BIG)
            self.assertEqual(path.transfer(BULK), "stuck")
            report, flow = read(SENDER)
            self.assert_flow(flow, status="black_hole", too_big_ignored=True, too_big_mtu_bytes=NARROW)
            self.assertEqual([finding["code"] for finding in report["findings"]], ["MTU017"])

    def test_a_healthy_path_is_clear_at_both_ends(self):
        for family, offload, snap in ((4, False, 262144), (4, True, 262144), (6, True, 128)):
            with self.subTest(family=family, offload=offload):
                with Path(offload=offload) as path:
                    said = path.transfer(BULK, family, snap)
                    reports = [read(machine) for machine in (SENDER, RECEIVER)]
                self.assertEqual(said, "acknowledged")
                for report, flow in reports:
                    self.assert_flow(flow, status="clear", largest_acknowledged_bytes=1500, smallest_lost_bytes=None)
                    self.assertEqual((report["verdict"], report["findings"]), ("ok", []))

    def test_plain_loss_is_no_hole(self):
        for percent in (10, 30):
            with self.subTest(percent=percent):
                with Path() as path:
                    path.lose(percent)
                    path.transfer([100] * 10 + [60000])
                    for machine in (SENDER, RECEIVER):
                        report, flow = read(machine)
                        self.assertIn(flow["status"], ("lossy", "clear", "undetermined"), flow)
                        self.assertNotIn("MTU001", [finding["code"] for finding in report["findings"]])
                    _, flow = read(SENDER)
                    oracle = retransmissions(SENDER)
                self.assertEqual(flow["retransmitted"], oracle, flow)


if __name__ == "__main__":
    unittest.main()
