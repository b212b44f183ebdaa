# SPDX-License-Identifier: Apache-2.0
"""`dns show` beside the real daemons: resolvectl says the same, NetworkManager's dnsmasq is recognised, what has stopped
is told from what runs."""
import json
import random
import re
import unittest

import world


def show(*arguments):
    done = world.run(world.TOOL, "dns", "show", "--json", *arguments, check=False)
    document = json.loads(done.stdout)
    assert done.returncode == {"ok": 0, "problem": 1, "undetermined": 3}[document["verdict"]], done.stdout
    return document


def scopes_of(document):
    return {scope["id"]: scope for scope in document["data"]["scopes"]}


def told(what, link):
    """What `resolvectl dns LINK` and the like print behind the colon, as words."""
    return world.run("resolvectl", what, link).stdout.partition("): ")[2].split()


MACHINE = None


def setUpModule():
    global MACHINE
    MACHINE = world.Machine("lan0", "tun0", "vpn0")
    unittest.addModuleCleanup(MACHINE.end)


class Resolved(unittest.TestCase):
    """systemd-resolved on a bus."""

    def setUp(self):
        self.machine = MACHINE
        self.machine.reset()
        self.machine.start_bus()
        self.machine.start_resolved()

    def configure(self, draw, link):
        number = self.machine.links[link].number
        servers = draw.sample([f"10.{number}.0.1", f"fd00:{number}::1", f"10.{number}.0.9"], draw.randrange(4))
        domains = draw.sample(["~corp.example", "home.lan", "~.", "~10.in-addr.arpa", "a.b.example"], draw.randrange(4))
        world.run("resolvectl", "dns", link, *(servers or [""]))
        world.run("resolvectl", "domain", link, *(domains or [""]))
        if draw.randrange(2):
            world.run("resolvectl", "default-route", link, draw.choice(["yes", "no"]))

    def test_resolvectl_says_the_same(self):
        draw = random.Random(4)
        for round_ in range(12):
            for link in self.machine.links:
                self.configure(draw, link)
            document = show("--fail-on", "never")
            self.assertEqual(document["data"]["model"], "systemd-resolved")
            scopes = scopes_of(document)
            for link in self.machine.links:
                with self.subTest(round=round_, link=link):
                    servers, domains = told("dns", link), told("domain", link)
                    if not servers and not domains:
                        self.assertNotIn(link, scopes)
                        continue
                    scope = scopes[link]
                    self.assertEqual(scope["servers"], servers)
                    self.assertEqual([("~" if domain["route_only"] else "") + domain["name"]
                                      for domain in scope["domains"]], domains)
                    self.assertEqual(["yes" if scope["default_route"] else "no"], told("default-route", link))
                    status = world.run("resolvectl", "status", link).stdout
                    live = re.search(r"Current Scopes: (.*)", status).group(1).split()
                    self.assertEqual(scope["live"], "DNS" in live if servers else live != ["none"], status)
                    self.assertEqual(scope["is_tunnel"], link == "tun0")
            world.run("resolvectl", "revert", draw.choice(list(self.machine.links)))

    def test_a_tunnel_that_is_down_is_configured_and_not_live(self):
        world.run("resolvectl", "dns", "lan0", "10.1.0.1")
        world.run("resolvectl", "dns", "tun0", "10.2.0.1")
        world.run("resolvectl", "domain", "tun0", "~corp.example")
        self.assertEqual(scopes_of(show())["tun0"]["live"], True)
        self.machine.links["tun0"].down()
        self.machine.resolved.wait_for("Removing scope on link tun0")
        document = show()
        tunnel = scopes_of(document)["tun0"]
        self.assertEqual((tunnel["live"], tunnel["servers"]), (False, ["10.2.0.1"]))
        self.assertIn("is down", tunnel["why_not_live"])
        self.assertIn("DNS001", [finding["code"] for finding in document["findings"]])
        text = world.run(world.TOOL, "dns", check=False).stdout
        self.assertRegex(text, r"tun0 +tunnel, NOT live: ")

    def test_a_daemon_that_does_not_answer_is_waited_for_a_second_only(self):
        self.machine.resolved.stop()
        self.addCleanup(self.machine.resolved.continue_)
        document = show()
        self.assertLess(document["duration_ms"], 10_000)
        source, = (each for each in document["data"]["sources"] if each["name"] == "systemd_resolved")
        self.assertTrue(source["why_missing"] or source["limits"], source)
        # libc asks it first, so that nobody can say who answers.
        self.assertEqual((document["verdict"], document["data"]["model"]), ("undetermined", "unknown"))
        self.assertIn("did not answer", document["data"]["unknown_because"])
        done = world.run(world.TOOL, "dns", "explain", "--json", "www.example.org", check=False)
        libc, stub, _ = json.loads(done.stdout)["data"]["paths"]
        self.assertFalse(libc["certain"], libc)
        self.assertEqual(libc["asked"][0]["only_if"], "resolve is not there")
        self.assertEqual((stub["why_none"], stub["certain"], stub["leaks_to"]), (None, False, None), stub)

    def test_a_daemon_that_does_not_run_is_not_started(self):
        self.machine.reset()
        self.machine.start_bus()
        document = show()
        source, = (each for each in document["data"]["sources"] if each["name"] == "systemd_resolved")
        self.assertFalse(source["known"])
        self.assertEqual(document["data"]["model"], "resolv.conf")
        self.assertNotIn("org.freedesktop.resolve1", world.run("busctl", "list", "--no-pager", "--acquired").stdout)


class NetworkManager(unittest.TestCase):
    def test_its_dnsmasq_is_the_model(self):
        machine = MACHINE
        machine.reset()
        machine.use_resolv_conf("missing")
        machine.start_bus()
        machine.start_network_manager(machine.profile("lan0", gateway="10.1.0.1"),
                                      machine.profile("vpn0", dns_search="~corp.example"))
        document = show("--fail-on", "never")
        self.assertEqual(document["data"]["model"], "networkmanager-dnsmasq")
        self.assertEqual(document["data"]["network_manager"]["mode"], "dnsmasq")
        scopes = scopes_of(document)
        self.assertEqual(scopes["vpn0"]["servers"], ["10.3.0.1"])
        self.assertEqual([domain["name"] for domain in scopes["vpn0"]["domains"] if domain["name"][0] not in "0123456789"],
                         ["corp.example"])
        self.assertEqual({name: scopes[name]["live"] for name in ("lan0", "vpn0")}, {"lan0": True, "vpn0": True})
        self.assertEqual({name: scopes[name]["default_route"] for name in ("lan0", "vpn0")},
                         {"lan0": True, "vpn0": False})


if __name__ == "__main__":
    unittest.main()
