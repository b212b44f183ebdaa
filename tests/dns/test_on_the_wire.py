# SPDX-License-Identifier: Apache-2.0
"""`vpndoctor dns test` on a machine with a LAN and a tunnel: for each finding a network that has the fault, and one
that has not."""
import json
import os
import signal
import subprocess
import sys
import unittest

import world
from links import InNamespace
from scripted_server import ScriptedServer, reply

sys.path.append(os.path.join(world.SOURCE_DIR, "tests"))
try:
    import validate_json
    VALIDATOR = validate_json.load_validator(os.path.join(world.SOURCE_DIR, "reports/schema/report-1.schema.json"))
except SystemExit:
    VALIDATOR = None  # without python3-jsonschema documents are only parsed

LAN, TUN = "10.1.0.1", "10.2.0.1"
BIG = [f"--txt-record=big.corp.example,{letter * 200}" for letter in "abcdefghij"]  # an answer of 2.1 KB


class OnTheWire(unittest.TestCase):
    """One machine; every test configures it anew."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "tun0")
        cls.addClassCleanup(cls.machine.end)
        cls.lan, cls.tun = cls.machine.links["lan0"], cls.machine.links["tun0"]

    def setUp(self):
        self.addCleanup(self.machine.reset)

    def report(self, *words, timeout="1", code=None):
        """Runs the tool; returns its document, which the schema allows. What is not silent answers within the timeout
        also on a busy machine."""
        done = world.run(world.TOOL, "dns", "test", "--json", "--timeout", timeout, *words, check=False)
        if VALIDATOR:
            self.assertIsNone(validate_json.complaint(VALIDATOR, done.stdout), done.stdout[:3000] + done.stderr)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def codes(self, document):
        return {finding["code"] for finding in document["findings"]}

    def finding(self, document, code):
        found = [each for each in document["findings"] if each["code"] == code]
        self.assertEqual(len(found), 1, json.dumps(document["findings"], indent=1))
        self.assertTrue(found[0]["evidence"])
        self.assertTrue(found[0]["title"])
        return found[0]

    def server(self, document, address):
        return next(each for each in document["data"]["servers"] if each["server"] == address)

    def split_dns(self, **resolved):
        """The LAN for everything, the tunnel for corp.example."""
        self.machine.networkd("lan0", DNS=LAN, DNS_DEFAULT_ROUTE="yes")
        self.machine.networkd("tun0", DNS=TUN, ROUTE_DOMAINS="corp.example", DNS_DEFAULT_ROUTE="no")
        self.machine.start_resolved(**resolved)

    def restart_after(self, link, *options):
        link.peer.start_server(*options)
        self.addCleanup(link.peer.start_server)

    def firewall(self, rules, link=None):
        """Loads an nft chain on the machine, or at the far end of a link, for this test."""
        where = ["ip", "netns", "exec", link.peer.namespace] if link else []
        world.run(*where, "nft", "-f", "-", input=f"table ip t {{\n chain c {{\n {rules}\n }}\n}}\n", stdin=None)
        self.addCleanup(world.run, *where, "nft", "flush", "ruleset")

    def test_split_dns_that_works_is_no_disagreement(self):
        self.split_dns()
        document = self.report("www.corp.example", code=0)
        self.assertEqual(document["findings"], [])
        self.assertEqual(document["verdict"], "ok")
        ways = {way["way"]: way for way in document["data"]["names"][0]["ways"]}
        for way in ("libc", "stub", TUN):
            self.assertEqual(ways[way]["answers"], ["203.0.113.2"], way)
        self.assertEqual(ways[LAN]["answers"], ["203.0.113.1"])
        self.assertEqual(ways[LAN]["interface"], "lan0")
        tun = self.server(document, TUN)
        self.assertTrue(tun["bound"])
        self.assertTrue(tun["is_tunnel"])
        for how in ("udp", "udp_without_edns", "tcp"):
            self.assertEqual(tun[how]["outcome"], "answered", how)
        self.assertEqual(tun["udp"]["server_edns_bytes"], 4096)
        stub = self.server(document, "127.0.0.53")
        self.assertFalse(stub["bound"])
        self.assertIsNone(document["data"]["hijack"])

    def kinds_and_names(self, link):
        """What a link's server was asked for: {"SOA corp.example"}."""
        link.peer.questions()  # once this is over, its log is complete
        lines = [line.split(" query[", 1)[1] for line in link.peer.server.lines[link.peer.first_line:]
                 if " query[" in line and "barrier-" not in line]
        return {" ".join(line.split(" from ")[0].split("] ")) for line in lines}

    def test_without_a_name_each_server_sees_only_its_own_domains(self):
        self.split_dns()
        self.report(code=0)
        self.machine.relay.drain()
        self.assertEqual(self.kinds_and_names(self.lan), {"NS ."})
        self.assertEqual(self.kinds_and_names(self.tun), {"SOA corp.example"})

    def test_silent_server_of_a_scope(self):
        self.split_dns()
        self.assertEqual(self.report(code=0)["findings"], [])
        self.tun.peer.server.stop()
        self.addCleanup(self.tun.peer.server.continue_)
        finding = self.finding(self.report(code=1), "DNS031")
        self.assertEqual((finding["severity"], finding["subject"]["id"]), ("error", TUN))
        self.assertIn(["resolvectl", "revert", "tun0"], [command["argv"] for command in finding["remedy"]["commands"]])

    def test_dead_first_server_of_resolv_conf_costs_what_glibc_waits(self):
        world.write("/etc/nsswitch.conf", "hosts: files dns\n")
        self.machine.use_resolv_conf(f"nameserver {TUN}\nnameserver {LAN}\noptions timeout:3\n")
        self.assertEqual(self.report(code=0)["findings"], [])
        self.tun.peer.server.stop()
        self.addCleanup(self.tun.peer.server.continue_)
        finding = self.finding(self.report(code=0), "DNS031")
        self.assertEqual(finding["severity"], "warning")
        self.assertIn("3.0 s longer", finding["title"])

    def test_refused_port_costs_nothing(self):
        world.write("/etc/nsswitch.conf", "hosts: files dns\n")
        self.machine.use_resolv_conf(f"nameserver {TUN}\nnameserver {LAN}\n")
        self.tun.peer.server.end()
        self.addCleanup(self.tun.peer.start_server)
        document = self.report(code=0)
        self.assertNotIn("longer", self.finding(document, "DNS031")["title"])
        self.assertEqual(self.server(document, TUN)["udp"]["reason"], f"port unreachable, from {TUN}")
        self.assertEqual(self.server(document, TUN)["tcp"]["reason"], "connection refused")

    def drop_fragments(self):
        self.firewall("type filter hook prerouting priority -450; ip frag-off & 0x1fff != 0 drop")

    def test_lost_fragments(self):
        self.split_dns()
        self.restart_after(self.tun, *BIG)
        words = ("big.corp.example", "--type", "TXT")
        document = self.report(*words, code=0)
        self.assertNotIn("DNS032", self.codes(document))
        self.assertEqual(self.server(document, TUN)["largest_edns_bytes"], 4096)
        self.assertIn("has only", self.server(document, LAN)["edns_not_judged_because"])
        self.drop_fragments()
        document = self.report(*words)
        finding = self.finding(document, "DNS032")
        self.assertEqual(finding["subject"]["id"], TUN)
        self.assertEqual(finding["remedy"]["commands"][0]["argv"], ["vpndoctor", "mtu", TUN])
        tun = self.server(document, TUN)
        self.assertEqual([(rung["edns_bytes"], rung["outcome"], rung["sent"]) for rung in tun["edns_ladder"]],
                         [(4096, "silent", 2), (1452, "answered", 1), (1232, "answered", 1), (512, "answered", 1)])
        self.assertEqual(tun["largest_edns_bytes"], 1452)

    def test_small_answers_say_nothing_about_fragments(self):
        self.split_dns()
        self.drop_fragments()
        document = self.report("www.corp.example", code=0)
        self.assertEqual(document["findings"], [])
        self.assertIsNone(self.server(document, TUN)["largest_edns_bytes"])

    def intercept(self, link):
        self.firewall(f"type nat hook prerouting priority -100; udp dport 53 dnat to {link.server}", link)

    def test_interception_on_the_lan(self):
        self.split_dns()
        world.run("ip", "route", "add", "default", "via", LAN)
        self.addCleanup(world.run, "ip", "route", "del", "default")
        document = self.report("--hijack-test", code=0)
        self.assertNotIn("DNS033", self.codes(document))
        self.assertEqual([(probe["egress"], probe["intercepted"]) for probe in document["data"]["hijack"]],
                         [("lan0", None)])
        self.intercept(self.lan)
        document = self.report("--hijack-test", code=0)
        finding = self.finding(document, "DNS033")
        self.assertEqual((finding["severity"], finding["subject"]["id"]), ("warning", "lan0"))
        self.assertNotIn("DNS033", self.codes(self.report()))  # nothing is sent there unasked

    def test_interception_inside_the_tunnel_is_a_notice(self):
        self.split_dns()
        for half in ("0.0.0.0/1", "128.0.0.0/1"):
            world.run("ip", "route", "add", half, "dev", "tun0")
        self.addCleanup(world.run, "ip", "route", "del", "0.0.0.0/1")
        self.addCleanup(world.run, "ip", "route", "del", "128.0.0.0/1")
        self.intercept(self.tun)
        finding = self.finding(self.report("--hijack-test", code=0), "DNS033")
        self.assertEqual((finding["severity"], finding["subject"]["id"]), ("notice", "tun0"))

    def test_documentation_address_that_is_in_use_is_not_asked(self):
        self.split_dns()
        world.run("ip", "route", "add", "default", "via", LAN)
        world.run("ip", "route", "add", "198.51.100.0/24", "via", LAN)
        self.addCleanup(world.run, "ip", "route", "del", "default")
        self.addCleanup(world.run, "ip", "route", "del", "198.51.100.0/24")
        document = self.report("--hijack-test")
        self.assertEqual([probe["exchange"]["server"] for probe in document["data"]["hijack"]], ["203.0.113.177"])

    def test_injected_answers(self):
        self.split_dns()
        both = ("203.0.113.66", "203.0.113.2")
        with ScriptedServer(self.tun, lambda question: [reply(question, address) for address in both]):
            finding = self.finding(self.report("www.corp.example"), "DNS034")
        self.assertEqual(finding["subject"]["id"], TUN)
        self.assertTrue(any("203.0.113.66" in each["text"] for each in finding["evidence"]), finding["evidence"])
        self.assertTrue(any("203.0.113.2" in each["text"] for each in finding["evidence"]), finding["evidence"])
        with ScriptedServer(self.tun, lambda question: 2 * [reply(question, "203.0.113.2")]):
            document = self.report("www.corp.example")
        self.assertNotIn("DNS034", self.codes(document))

    def resolv_conf(self, *servers):
        world.write("/etc/nsswitch.conf", "hosts: files dns\n")
        self.machine.use_resolv_conf("".join(f"nameserver {server}\n" for server in servers))

    def test_first_server_hides_the_name(self):
        self.restart_after(self.lan, "--address=/corp.example/")
        self.resolv_conf(LAN, TUN)
        document = self.report("www.corp.example", code=1)
        finding = self.finding(document, "DNS035")
        self.assertEqual(self.codes(document), {"DNS035"})
        self.assertIn(LAN, finding["title"])
        self.assertIn(TUN, finding["title"])
        self.resolv_conf(TUN, LAN)
        self.assertNotIn("DNS035", self.codes(self.report("www.corp.example")))

    def test_first_server_hides_what_a_named_one_knows(self):
        self.restart_after(self.lan, "--address=/corp.example/")
        self.resolv_conf(LAN)
        document = self.report("www.corp.example", "--server", TUN, code=0)
        self.assertEqual(self.finding(document, "DNS035")["severity"], "warning")
        self.assertEqual(self.report("www.corp.example", code=0)["findings"], [])

    def test_tcp_that_is_blocked(self):
        self.split_dns()
        self.restart_after(self.tun, *BIG)
        self.firewall("type filter hook output priority 0; tcp dport 53 reject with tcp reset")
        document = self.report("big.corp.example", "--type", "TXT", code=1)
        finding = self.finding(document, "DNS036")
        self.assertEqual((finding["severity"], finding["subject"]["id"]), ("error", TUN))
        self.assertNotIn("DNS036", self.codes(self.report("www.corp.example")))  # a small answer needs no TCP

    def test_nslookup_works_but_ping_does_not(self):
        self.split_dns()
        world.write("/etc/nsswitch.conf", "hosts: files\n")
        finding = self.finding(self.report("www.corp.example", code=1), "DNS030")
        self.assertEqual((finding["severity"], finding["subject"]["id"]), ("error", "www.corp.example"))
        self.assertTrue(any("libc: EAI_NONAME" in each["text"] for each in finding["evidence"]), finding["evidence"])

    def test_name_of_the_hosts_file(self):
        self.split_dns()
        world.write("/etc/hosts", "127.0.0.1 localhost\n10.2.0.7 git.nx.example\n")
        self.assertEqual(self.finding(self.report("git.nx.example", code=0), "DNS030")["severity"], "notice")

    def test_private_addresses_that_differ(self):
        self.split_dns()
        world.write("/etc/hosts", "127.0.0.1 localhost\n10.2.0.7 www.corp.example\n")
        self.assertEqual(self.finding(self.report("www.corp.example", code=0), "DNS030")["severity"], "warning")

    def test_public_addresses_that_differ(self):
        self.split_dns()
        world.write("/etc/hosts", "127.0.0.1 localhost\n203.0.113.77 www.corp.example\n")
        self.assertEqual(self.finding(self.report("www.corp.example", code=0), "DNS030")["severity"], "notice")

    def test_scope_of_a_dead_link_is_not_asked(self):
        self.machine.networkd("tun0", DNS=TUN, ROUTE_DOMAINS="corp.example")
        self.tun.down()
        self.machine.start_resolved()
        tun = self.server(self.report(), TUN)
        self.assertEqual(tun["udp"]["outcome"], "not_asked")
        self.assertIn("not live", tun["udp"]["reason"])

    def test_interruption_tells_what_is_known(self):
        self.split_dns()
        self.tun.peer.server.stop()
        self.addCleanup(self.tun.peer.server.continue_)
        process = subprocess.Popen([world.TOOL, "dns", "test", "--json", "--timeout", "60"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        # It is at work as soon as it has sent its first question.
        self.lan.peer.server.wait_for(r" query\[", after=self.lan.peer.first_line)
        process.send_signal(signal.SIGINT)
        text, complaints = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, complaints)
        document = json.loads(text)
        self.assertTrue(document["incomplete"])
        self.assertEqual(self.server(document, TUN)["udp"]["reason"], "interrupted")
        self.assertNotIn("DNS031", self.codes(document))

    def test_the_headline_names_what_is_found_nowhere(self):
        self.split_dns()
        for name, words in (("a.nx.example", ", but a.nx.example is found on no way."), ("www.example.org", "answer.")):
            line = world.run(world.TOOL, "dns", "test", "--quiet", name, check=False).stdout
            self.assertIn(words, line)

    def test_text_shows_the_ways_side_by_side(self):
        self.split_dns()
        text = world.run(world.TOOL, "dns", "test", "www.corp.example", check=False).stdout
        self.assertRegex(text, r"(?m)^ *libc +203\.0\.113\.2 ")
        self.assertRegex(text, rf"(?m)^ *{TUN} +tun0 +203\.0\.113\.2 ")


if __name__ == "__main__":
    unittest.main()
