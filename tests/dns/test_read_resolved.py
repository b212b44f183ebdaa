# SPDX-License-Identifier: Apache-2.0
"""What is read of systemd-resolved, against the real one."""
import os
import socket
import threading
import unittest

import reader
import world
from links import batch

DNS, LLMNR4, LLMNR6 = 1, 2, 4


class Resolved(unittest.TestCase):
    """A machine with a LAN and a tunnel, and resolved in each state that it can be in."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0", "tun0", "eth9")
        cls.addClassCleanup(cls.machine.end)

    def setUp(self):
        self.addCleanup(self.machine.reset)

    def start_on_bus(self, **settings):
        self.machine.start_bus()
        self.machine.networkd("lan0", DNS="10.1.0.1 fd00:1::1", DOMAINS="home.lan")
        self.machine.networkd("tun0", DNS="10.2.0.1#dns.corp.example 10.2.0.9:5353 fe80::1", DOMAINS="vpn.example",
                              ROUTE_DOMAINS="corp.example 2.10.in-addr.arpa", DNS_DEFAULT_ROUTE="no")
        return self.machine.start_resolved(**settings)

    def read(self):
        return reader.value_of(reader.read()["resolved"])

    def test_scopes_come_with_servers_domains_and_default_route(self):
        self.start_on_bus(DNS="10.9.9.9 fe80::9%lan0", Domains="corp.test ~route.test", FallbackDNS="10.8.8.8")
        resolved = self.read()
        self.assertEqual((resolved["from"], resolved["version"], resolved["runs"], resolved["mode"], resolved["stub"],
                          resolved["foreign"]), ("dbus", 252, True, "stub", "yes", ""))
        self.assertEqual(resolved["namespace"], os.stat("/proc/self/ns/net").st_ino)
        self.assertEqual(resolved["fallback"], ["10.8.8.8"])
        everything = reader.scope_of(resolved, "")
        self.assertEqual(everything["servers"], ["10.9.9.9", "fe80::9%lan0"])
        self.assertEqual(everything["domains"], ["corp.test", "~route.test"])
        self.assertIsNone(everything["default_route"])
        lan, tunnel = reader.scope_of(resolved, "lan0"), reader.scope_of(resolved, "tun0")
        self.assertEqual((lan["servers"], lan["domains"], lan["default_route"], lan["live"]),
                         (["10.1.0.1", "fd00:1::1"], ["home.lan"], True, DNS))
        self.assertEqual(tunnel["servers"], ["10.2.0.1", "10.2.0.9:5353", "fe80::1%tun0"])
        self.assertEqual(tunnel["domains"], ["vpn.example", "~corp.example", "~2.10.in-addr.arpa"])
        self.assertEqual((tunnel["default_route"], tunnel["live"]), (False, DNS))

    def test_nobody_reads_the_same_but_the_namespace(self):
        self.start_on_bus()
        mine, theirs = self.read(), reader.value_of(reader.read_as_nobody()["resolved"])
        self.assertEqual(theirs.pop("namespace"), None)
        mine.pop("namespace")
        self.assertEqual(theirs, mine)

    def test_link_that_is_down_is_configured_and_not_live(self):
        resolved = self.start_on_bus()
        self.machine.links["tun0"].down()
        resolved.wait_for("Removing scope on link tun0, protocol dns")
        tunnel = reader.scope_of(self.read(), "tun0")
        self.assertEqual((tunnel["live"], tunnel["servers"][0], tunnel["domains"][1]), (0, "10.2.0.1", "~corp.example"))

    def test_server_in_use_is_told(self):
        self.start_on_bus()
        self.machine.ask("www.home.lan")
        self.assertEqual(reader.scope_of(self.read(), "lan0")["current"], "10.1.0.1")

    def test_llmnr_is_a_protocol_of_its_own(self):
        self.machine.start_bus()
        self.machine.networkd("lan0", DNS="10.1.0.1", LLMNR="yes")
        self.machine.start_resolved(LLMNR="yes").wait_for("New scope on link lan0, protocol llmnr, family AF_INET")
        lan = reader.scope_of(self.read(), "lan0")
        self.assertEqual((lan["live"] & (DNS | LLMNR4), lan["llmnr"]), (DNS | LLMNR4, "yes"))

    def test_every_mode_of_resolv_conf(self):
        self.start_on_bus()
        for mode, content in (("stub", "stub"), ("uplink", "uplink"), ("static", "static"), ("missing", "missing"),
                              ("foreign", "nameserver 10.1.0.1\n")):
            self.machine.use_resolv_conf(content)
            self.assertEqual(self.read()["mode"], mode)

    def test_without_a_bus_files_tell(self):
        self.machine.networkd("tun0", DNS="10.2.0.1", ROUTE_DOMAINS="corp.example")
        self.machine.start_resolved()
        facet = reader.read()["resolved"]
        resolved = reader.value_of(facet)
        self.assertEqual((resolved["from"], resolved["runs"], resolved["version"]), ("files", True, 252))
        self.assertTrue(any("MethodNotFound" in limit and "D-Bus" in limit for limit in facet["limits"]), facet)
        self.assertTrue(all(scope["live"] is None for scope in resolved["scopes"]))

    def test_stopped_daemon_is_missing_after_a_second(self):
        self.start_on_bus().stop()
        answer = reader.read()
        self.assertIn("did not answer within 1 s", answer["resolved"]["missing"])
        self.assertLess(answer["took_ms"], 5000)  # and not sd-bus's 25 s

    def test_stopped_bus_is_missing_after_a_second(self):
        bus = self.machine.start_bus()
        bus.stop()
        answer = reader.read()
        self.assertIn("D-Bus did not answer within 1 s", answer["network_manager"]["missing"])
        self.assertLess(answer["took_ms"], 10000)

    def test_no_daemon_is_missing(self):
        self.assertEqual(reader.read()["resolved"]["missing"], "systemd-resolved does not run")
        self.machine.start_bus()
        self.assertEqual(reader.read()["resolved"]["missing"], "systemd-resolved does not run")
        self.assertEqual(reader.read()["network_manager"]["missing"], "NetworkManager does not run")

    def test_bus_is_where_the_environment_says(self):
        self.start_on_bus()
        os.rename(world.BUS, "/run/elsewhere")
        self.assertEqual(self.read()["from"], "files")
        environment = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/run/elsewhere")
        self.assertEqual(reader.value_of(reader.read(env=environment)["resolved"])["from"], "dbus")

    def test_daemon_of_another_network_namespace_is_foreign(self):
        self.start_on_bus()
        there = ("ip", "netns", "exec", self.machine.links["lan0"].peer.namespace)
        by_process = reader.value_of(reader.read(*there)["resolved"])
        self.assertIn("network namespace", by_process["foreign"])
        self.assertEqual({scope["interface"] for scope in by_process["scopes"]}, {""})
        # Without the right to read its namespace, its interfaces tell.
        by_interfaces = reader.value_of(reader.read(*there, *reader.NOBODY)["resolved"])
        self.assertIsNone(by_interfaces["namespace"])
        self.assertIn("interface", by_interfaces["foreign"])

    def test_foreign_daemon_with_the_same_indexes_has_no_stub_here(self):
        self.start_on_bus()
        twin, third = (self.machine.links[name].peer.namespace for name in ("lan0", "tun0"))
        for index in (3, 4):  # lo is 1 and up0 is 2 there
            world.run("ip", "-n", twin, "link", "add", f"same{index}", "index", str(index), "type", "veth", "peer",
                      "name", f"far{index}", "index", str(index + 100), "netns", third)
        self.addCleanup(lambda: [world.run("ip", "-n", twin, "link", "del", f"same{index}") for index in (3, 4)])
        read = reader.value_of(reader.read("ip", "netns", "exec", twin, *reader.NOBODY)["resolved"])
        self.assertIn("127.0.0.53", read["foreign"])

    def test_every_link_of_many_is_read(self):
        batch(*[f"link add many{number} type veth peer name far{number}" for number in range(80)])
        self.addCleanup(lambda: batch(*[f"link del many{number}" for number in range(80)]))
        self.start_on_bus()
        self.assertEqual(len(self.read()["scopes"]), 1 + len(os.listdir("/proc/sys/net/ipv4/conf")) - 2)

    def test_names_with_control_characters_are_data(self):
        self.machine.start_bus()
        self.machine.start_resolved()
        # resolved takes "\001" as an escape of a byte in a label.
        world.run("busctl", "call", "org.freedesktop.resolve1", "/org/freedesktop/resolve1",
                  "org.freedesktop.resolve1.Manager", "SetLinkDomains", "ia(sb)", "2", "1", "a\\001b.example", "true")
        domains = reader.scope_of(self.read(), "lan0")["domains"]
        self.assertEqual(domains, ["~a\\001b.example"])


class HostileVarlink(unittest.TestCase):
    """A socket in the place of resolved's that says anything."""

    @classmethod
    def setUpClass(cls):
        cls.machine = world.Machine("lan0")
        cls.addClassCleanup(cls.machine.end)

    def setUp(self):
        self.addCleanup(self.machine.reset)

    def read_with_reply(self, *replies):
        os.makedirs("/run/systemd/resolve", exist_ok=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(world.RESOLVED_VARLINK)
            server.listen()

            def serve():
                client, _ = server.accept()
                with client:
                    for reply in replies:
                        client.recv(65536)
                        try:
                            client.sendall(reply)
                        except OSError:
                            return
            thread = threading.Thread(target=serve)
            thread.start()
            try:
                return reader.read()["resolved"]
            finally:
                thread.join()
                os.remove(world.RESOLVED_VARLINK)

    def assert_from_files(self, facet, why=""):
        """Something takes connections and does not tell the configuration: that is said, and nothing else is known."""
        self.assertEqual(reader.value_of(facet)["from"], "files")
        self.assertTrue(any("did not tell itself (" in limit and why in limit for limit in facet["limits"]), facet)

    def test_control_characters_survive_as_data(self):
        reply = (b'{"parameters":{"configuration":[{"resolvConfMode":"stub"},{"ifname":"lan0","ifindex":2,'
                 b'"searchDomains":[{"name":"a\\u001b[31m\\u0000b.example","routeOnly":true}]}]}}\0')
        resolved = reader.value_of(self.read_with_reply(reply, b'{"parameters":{"version":"systemd 259 (259.1)"}}\0'))
        self.assertEqual(resolved["from"], "varlink")
        self.assertEqual(resolved["version"], 259)
        self.assertEqual(reader.scope_of(resolved, "lan0")["domains"], ["~a\x1b[31m\x00b.example"])

    def test_nonsense_is_a_reason(self):
        for reply in (b"\0", b"[]\0", b"{\0", b'{"parameters":{}}\0', b'{"error":"x.Y"}\0', b"\xff\xfe\0",
                      b'{"parameters":{"configuration":[7]}}\0', b""):
            with self.subTest(reply=reply):
                self.assert_from_files(self.read_with_reply(reply))

    def test_reply_without_an_end_is_cut_off(self):
        self.assert_from_files(self.read_with_reply(b"x" * (9 << 20)), "no end")


if __name__ == "__main__":
    unittest.main()
