// SPDX-License-Identifier: Apache-2.0
// Saved snapshots: what is written is read again, and nothing else is. Damage of every kind is refused with its place.
#include "vpndoctor/snapshot_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "unit/random_snapshot.h"
#include "unit/snapshot_difference.h"

namespace vpndoctor {
namespace {

using testing_support::difference;
using testing_support::random_snapshot;

std::string text_of(const Snapshot& snapshot) {
  std::string text;
  write_snapshot(snapshot, [&](std::string_view piece) {
    text += piece;
    return true;
  });
  return text;
}

bool has_firewall_records(const Snapshot& snapshot) {
  if (!snapshot.firewall || snapshot.firewall->tables.empty()) return false;
  const FirewallTable& table = snapshot.firewall->tables.front();
  return !table.chains.empty() && !table.chains.front().rules.empty() && !table.sets.empty() &&
         !table.sets.front().elements.empty();
}

bool has_peers(const Snapshot& snapshot) {
  if (!snapshot.tunnels || snapshot.tunnels->empty()) return false;
  const Tunnel& tunnel = snapshot.tunnels->front();
  return tunnel.peers && !tunnel.peers->empty();
}

bool has_activity(const Snapshot& snapshot) {
  if (!snapshot.activity || snapshot.activity->interfaces.empty()) return false;
  const InterfaceActivity& moved = snapshot.activity->interfaces.front();
  return !moved.first_peers.empty() && !moved.last_peers.empty();
}

bool has_ipsec(const Snapshot& snapshot) {
  return snapshot.xfrm && !snapshot.xfrm->policies.empty() && !snapshot.xfrm->states.empty();
}

/// Takes the facets of the leak detector from whichever drawn snapshot has them: one that has all is hardly ever drawn.
void fill_leak_facets(Snapshot& snapshot, std::mt19937_64& random) {
  const auto is_full = [](const Snapshot& each) {
    return has_peers(each) && has_activity(each) && has_ipsec(each) && has_firewall_records(each) && each.leases &&
           !each.leases->empty() && each.vpn_signs && !each.vpn_signs->empty();
  };
  while (!is_full(snapshot)) {
    const Snapshot other = random_snapshot(random);
    if (has_peers(other)) snapshot.tunnels = other.tunnels;
    if (has_activity(other)) snapshot.activity = other.activity;
    if (has_ipsec(other)) snapshot.xfrm = other.xfrm;
    if (has_firewall_records(other)) snapshot.firewall = other.firewall;
    if (other.leases && !other.leases->empty()) snapshot.leases = other.leases;
    if (other.vpn_signs && !other.vpn_signs->empty()) snapshot.vpn_signs = other.vpn_signs;
  }
}

/// A snapshot with a record of every kind and most fields.
Snapshot full_snapshot() {
  std::mt19937_64 random(4);
  while (true) {
    Snapshot snapshot = random_snapshot(random);
    const bool is_full = snapshot.links && snapshot.addresses && snapshot.routes && snapshot.rules && snapshot.names &&
                         snapshot.next_hop_objects && snapshot.neighbours && snapshot.settings && snapshot.tunnels;
    const DnsConfiguration& dns = snapshot.dns;
    const bool has_dns = dns.resolv_conf && dns.name_service_switch && dns.resolved && !dns.resolved->scopes.empty() &&
                         dns.network_manager && dns.dnsmasq && !dns.dnsmasq->empty() && dns.macos;
    if (is_full && has_dns && !snapshot.links->empty() && !snapshot.addresses->empty() &&
        snapshot.routes->routes.size() > 4 && !snapshot.rules->empty() && !snapshot.next_hop_objects->empty()) {
      fill_leak_facets(snapshot, random);
      return snapshot;
    }
  }
}

/// The text of a snapshot of one route, whose line is `route`.
std::string with_route_line(const std::string& route) {
  Snapshot snapshot;
  snapshot.routes = Observed<RouteTable>(RouteTable{{Route{}}, {NextHopSet{}}, {RouteAttributes{}}}, "test");
  std::string text = text_of(snapshot);
  const std::size_t at = text.find(R"({"record":"route")");
  return text.replace(at, text.find('\n', at) - at, route);
}

/// The text of a snapshot of one link, whose line is `link`.
std::string with_link_line(const std::string& link) {
  Snapshot snapshot;
  snapshot.links = Observed<std::vector<Link>>(std::vector<Link>(1), "test");
  std::string text = text_of(snapshot);
  const std::size_t at = text.find(R"({"record":"link")");
  return text.replace(at, text.find('\n', at) - at, link);
}

std::string replaced(std::string text, std::string_view old_text, std::string_view new_text) {
  const std::size_t at = text.find(old_text);
  EXPECT_NE(at, std::string::npos) << old_text;
  return at == std::string::npos ? text : text.replace(at, old_text.size(), new_text);
}

std::string fault_of(std::string_view text) {
  const auto snapshot = parse_snapshot(text);
  if (snapshot) return "none";
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kUsage);
  EXPECT_FALSE(snapshot.error().hint.empty());
  EXPECT_LT(snapshot.error().message.size(), 300U);
  for (const char c : snapshot.error().message) EXPECT_FALSE(c >= 0 && c < ' ') << snapshot.error().message;
  return snapshot.error().message;
}

std::string fault_of_route(const std::string& members) {
  return fault_of(with_route_line(R"({"record":"route",)" + members + "}"));
}

TEST(SnapshotFile, WhatWasWrittenIsReadAgain) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    const Snapshot snapshot = random_snapshot(random);
    const std::string text = text_of(snapshot);
    const auto read = parse_snapshot(text);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(difference(snapshot, *read), "") << text.substr(0, 5000);
  }
}

TEST(SnapshotFile, TheSizeOfThePiecesDoesNotMatter) {
  std::mt19937_64 random(2);
  const Snapshot snapshot = full_snapshot();
  const std::string text = text_of(snapshot);
  for (std::size_t most = 1; most < 300; ++most) {
    SnapshotReader reader;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % most, text.size() - at);
      const std::vector<char> exact(text.begin() + static_cast<std::ptrdiff_t>(at),
                                    text.begin() + static_cast<std::ptrdiff_t>(at + size));
      ASSERT_FALSE(reader.feed({exact.data(), exact.size()}));
      at += size;
    }
    const auto read = reader.finish();
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(difference(snapshot, *read), "");
  }
}

TEST(SnapshotFile, ASinkThatStopsEndsTheWriting) {
  RouteTable table{{}, {NextHopSet{}}, {RouteAttributes{}}};
  table.routes.resize(100'000);
  Snapshot snapshot;
  snapshot.routes = Observed<RouteTable>(std::move(table), "test");
  int pieces = 0;
  EXPECT_FALSE(write_snapshot(snapshot, [&](std::string_view piece) {
    EXPECT_LT(piece.size(), 200'000U);
    EXPECT_TRUE(piece.ends_with('\n'));
    return ++pieces < 3;
  }));
  EXPECT_EQ(pieces, 3);
}

TEST(SnapshotFile, EveryCutIsNoticed) {
  const std::string text = text_of(full_snapshot());
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    const std::string fault = fault_of(text.substr(0, size));
    ASSERT_NE(fault.find(size == 0 ? "it is empty" : "it was cut off"), std::string::npos) << fault;
  }
  EXPECT_EQ(fault_of(text.substr(0, text.size() - 1)), "none");  // all is there but the last end of line
}

TEST(SnapshotFile, ALostOrDoubledLineIsNoticed) {
  const std::string text = text_of(full_snapshot());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = text.find('\n', at) + 1 - at;
    ASSERT_NE(fault_of(std::string(text).erase(at, size)), "none") << text.substr(at, size);
    ASSERT_NE(fault_of(std::string(text).insert(at, text.substr(at, size))), "none") << text.substr(at, size);
    at += size;
  }
}

TEST(SnapshotFile, ADamagedByteIsRefusedOrReadAsWhatItSays) {
  std::mt19937_64 random(3);
  const std::string text = text_of(full_snapshot());
  for (int round = 0; round < 5'000; ++round) {
    std::string damaged = text;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto read = parse_snapshot(damaged);
    if (read) {
      ASSERT_EQ(difference(*read, *parse_snapshot(text_of(*read))), "");
    } else {
      ASSERT_FALSE(fault_of(damaged).empty());
    }
  }
}

TEST(SnapshotFile, FaultsNameLineAndField) {
  EXPECT_EQ(fault_of_route(R"("destination":"10.0.0.1/8")"), "line 5: destination '10.0.0.1/8' has host bits set");
  EXPECT_EQ(fault_of_route(R"("destination":"10.0.0.0/33")"),
            "line 5: destination '10.0.0.0/33' has a prefix length beyond its address");
  EXPECT_EQ(fault_of_route(R"("destination":7)"), "line 5: destination is no text");
  EXPECT_EQ(fault_of_route(R"("table":1)"), "line 5: destination is missing");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metric":4294967296)"), "line 5: metric is out of range");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metric":-1)"), "line 5: metric is out of range");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metric":1.5)"), "line 5: metric is no whole number");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metric":"1")"), "line 5: metric is no number");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metric":1e999)"),
            "line 5: metric has a number that is none or out of range");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metric":1,"metric":1)"), "line 5: metric is there twice");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","d\u0065stination":"::/0")"), "line 5: destination is there twice");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","type":"fast")"), "line 5: type 'fast' is not known");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","colour":1)"), "line 5: colour is no field that is known");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","nexthops":[{},{"gateway":"x"}])"),
            "line 5: nexthops[1].gateway 'x' is no address");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","nexthops":[{"encap":{"type":1,"payload":"0x"}}])"),
            "line 5: nexthops[0].encap.payload is not hexadecimal");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","preferred_source":"10.0.0.1")"),
            "line 5: preferred_source is not of the route's family");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metrics":{"mtu":"x"})"), "line 5: metrics.mtu is no number");
}

TEST(SnapshotFile, NamesOfInterfacesAreNames) {
  for (const char* name : {"a/b", "a b", "a:b", "", ".", "..", R"(a\nb)", R"(\u0000)"}) {
    const std::string fault = fault_of(with_link_line(R"({"record":"link","name":")" + std::string(name) + R"("})"));
    EXPECT_NE(fault.find("line 3: name '"), std::string::npos) << fault;
  }
  const std::string longer(128, 'x');
  EXPECT_NE(fault_of(with_link_line(R"({"record":"link","name":")" + longer + R"("})")), "none");
  // The kernel takes these.
  for (const char* name : {"wg0", R"(a\u0007b)", R"(\u001b[31m)", R"(\u202e)", "...", "a@b"}) {
    EXPECT_EQ(fault_of(with_link_line(R"({"record":"link","name":")" + std::string(name) + R"("})")), "none") << name;
  }
}

TEST(SnapshotFile, ANumberHasOneSpelling) {
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","metrics":{"mtu":5})"), "none");
  EXPECT_NE(fault_of_route(R"("destination":"::/0","metrics":{"mtu":5,"2":6})"), "none");
  EXPECT_NE(fault_of_route(R"("destination":"::/0","metrics":{"0x2":6})"), "none");
  EXPECT_NE(fault_of_route(R"("destination":"::/0","locked_metrics":["2"])"), "none");
  EXPECT_EQ(fault_of_route(R"("destination":"::/0","table":0)"), "none");
  EXPECT_NE(fault_of_route(R"("destination":"::/0","table":-0)"), "none");
}

TEST(SnapshotFile, NamesThatTheKernelDoesNotCheckAreAnyText) {
  const auto fault_of_name = [](const std::string& name) {
    return fault_of(with_link_line(R"({"record":"link","name":"wg0","alternative_names":[")" + name + R"("]})"));
  };
  for (const char* name : {"my lan", "a/b", "a:b", ".", R"(\u001b[31mred)", R"(a\nb)"}) {
    EXPECT_EQ(fault_of_name(name), "none") << name;
  }
  EXPECT_EQ(fault_of_name(std::string(127, 'x')), "none");
  for (const std::string& name : {std::string(), std::string(R"(a\u0000b)"), std::string(400, 'x')}) {
    EXPECT_NE(fault_of_name(name), "none") << name;
  }
}

TEST(SnapshotFile, WhatIsNoJsonIsRefused) {
  EXPECT_EQ(fault_of(with_route_line(std::string("{\"record\":\"route\0", 17))).substr(0, 6), "line 5");
  EXPECT_EQ(fault_of_route("\"destination\":\"::/0\",\"scope\":\"\xff\""), "line 5 is not UTF-8");
  EXPECT_EQ(fault_of(with_route_line("")), "line 5 is empty");
  EXPECT_EQ(fault_of(with_route_line("[]")), "line 5 is no JSON object");
  EXPECT_EQ(fault_of(with_route_line("nul")), "line 5 is no JSON object");
  EXPECT_EQ(fault_of(with_route_line("{} {}")), "line 5 has more behind its end");
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_NE(fault_of_route(R"("destination":"::/0","nexthops":)" + deep), "none");
  EXPECT_NE(fault_of_route(R"("destination":"::/0","nexthops":[}])"), "none");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "\"f" + std::to_string(i) + "\":1,";
  EXPECT_NE(fault_of_route(many + R"("destination":"::/0")").find("has too many fields"), std::string::npos);
}

TEST(SnapshotFile, WhatIsNoSnapshotIsSaidAtOnce) {
  for (const char* text : {"x", "\x1f\x8b\x08", "\n{}", "[1]", "PK\x03\x04"}) {
    SnapshotReader reader;
    EXPECT_TRUE(reader.feed(text)) << text;
  }
  SnapshotReader zeros;
  EXPECT_TRUE(zeros.feed(std::string_view("\0\0", 2)));
  EXPECT_EQ(fault_of(""), "it is empty");
  EXPECT_EQ(fault_of("{}\n"), "line 1: format is missing");
  EXPECT_EQ(fault_of(R"({"schema_version":"1.0","tool":{}})"
                     "\n"),
            "line 1: format is missing");
  SnapshotReader endless;
  const std::string spaces = "{" + std::string(1 << 20U, ' ');
  EXPECT_FALSE(endless.feed(spaces));
  int pieces = 1;
  while (!endless.feed(spaces)) ASSERT_LT(++pieces, 10);
}

TEST(SnapshotFile, VersionsDecideWhatIsRead) {
  const std::string text = text_of(full_snapshot());
  const auto of_version = [&](const char* version) {
    return replaced(text, R"("version":"1.3")", std::string(R"("version":")") + version + "\"");
  };
  EXPECT_EQ(fault_of(of_version("2.0")), "the snapshot is of version 2.0; this vpndoctor reads version 1");
  EXPECT_EQ(parse_snapshot(of_version("2.0")).error().hint, "a newer vpndoctor is needed");
  for (const char* version : {"0.9", "1", "1.", ".1", "1.0x", "-1.0", "99999999999.0", ""}) {
    EXPECT_NE(fault_of(of_version(version)), "none") << version;
  }
  EXPECT_EQ(fault_of(of_version("1.7")), "none");
}

TEST(SnapshotFile, WhatANewerMinorVersionAddsIsIgnored) {
  const Snapshot snapshot = full_snapshot();
  std::string text = replaced(text_of(snapshot), R"("version":"1.3")", R"("version":"1.4")");
  for (std::size_t at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 1)) {
    text.insert(text.find('\n', at + 1) - 1, R"(,"new":[{"deep":[1,"x",null,{"er":-1.5e3}]}])");
  }
  text.insert(text.find('\n') + 1, R"({"record":"facet","facet":"dns","source":"x"})"
                                   "\n"
                                   R"({"record":"server"})"
                                   "\n");
  const auto read = parse_snapshot(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(difference(snapshot, *read), "");
  EXPECT_NE(fault_of(replaced(text, "1.5e3}]}]", "1.5e3}}]]")), "none");
}

TEST(SnapshotFile, RecordsBelongToFacetsThatAreKnown) {
  const std::string text = text_of(full_snapshot());
  EXPECT_NE(fault_of(replaced(text, R"("facet":"routes")", R"("facet":"roots")")), "none");
  Snapshot snapshot;
  snapshot.routes = Observed<RouteTable>::missing("it was not allowed");
  EXPECT_EQ(parse_snapshot(text_of(snapshot))->routes.why_missing(), "it was not allowed");
  const std::string stray = R"({"record":"route","destination":"::/0"})";
  EXPECT_NE(fault_of(replaced(text_of(snapshot), R"({"record":"facet","facet":"rules")",
                              stray + "\n"
                                      R"({"record":"facet","facet":"rules")")),
            "none");
}

TEST(SnapshotFile, WhatTheMachineHasNotIsNotWhatCouldNotBeRead) {
  Snapshot snapshot;
  snapshot.dns.resolved = Observed<ResolvedState>::absent("it does not run");
  snapshot.dns.network_manager = Observed<NetworkManagerDns>::missing("it does not answer");
  const auto read = parse_snapshot(text_of(snapshot));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->dns.resolved.is_absent());
  EXPECT_EQ(read->dns.resolved.why_missing(), "it does not run");
  EXPECT_FALSE(read->dns.network_manager.is_absent());
  EXPECT_NE(fault_of(replaced(text_of(snapshot), R"("missing":"it does not run")", R"("source":"bus")")), "none");
}

TEST(SnapshotFile, OlderFilesSayInWordsWhatTheMachineHasNot) {
  Snapshot snapshot;
  snapshot.dns.resolved = Observed<ResolvedState>::missing("systemd-resolved does not run");
  snapshot.dns.network_manager = Observed<NetworkManagerDns>::missing("systemd-resolved does not answer");
  const auto is_absent = [&](const char* version) {
    const auto read = parse_snapshot(replaced(text_of(snapshot), R"("version":"1.3")", version));
    EXPECT_TRUE(read && !read->dns.network_manager.is_absent());
    return read && read->dns.resolved.is_absent();
  };
  EXPECT_TRUE(is_absent(R"("version":"1.1")"));
  EXPECT_TRUE(is_absent(R"("version":"1.2")"));
  EXPECT_FALSE(is_absent(R"("version":"1.3")"));
}

/// The text of a snapshot whose resolver facets are known and empty, with `line` in place of the only record of `kind`.
std::string with_dns_line(const std::string& kind, const std::string& members) {
  Snapshot snapshot;
  DnsConfiguration& dns = snapshot.dns;
  dns.resolv_conf = Observed<ResolvConf>(ResolvConf(), "test");
  dns.name_service_switch = Observed<NameServiceSwitch>(NameServiceSwitch(), "test");
  dns.hosts = Observed<std::vector<HostsEntry>>(std::vector<HostsEntry>(1), "test");
  ResolvedState resolved;
  resolved.scopes.resize(1);
  dns.resolved = Observed<ResolvedState>(resolved, "test");
  dns.dnsmasq = Observed<std::vector<DnsmasqInstance>>(std::vector<DnsmasqInstance>(1), "test");
  MacosDns macos;
  macos.resolvers.resize(1);
  dns.macos = Observed<MacosDns>(macos, "test");
  std::string text = text_of(snapshot);
  const std::size_t at = text.find("{\"record\":\"" + kind + "\"");
  return text.replace(at, text.find('\n', at) - at, "{\"record\":\"" + kind + "\"" + members + "}");
}

TEST(SnapshotFile, HostileResolverRecordsAreRefusedWithTheirField) {
  const auto fault = [](const std::string& kind, const std::string& members) {
    const std::string whole = fault_of(with_dns_line(kind, members));
    const std::size_t colon = whole.find(": ");
    return colon == std::string::npos ? whole : whole.substr(colon + 2);
  };
  EXPECT_EQ(fault("resolv_conf", ""), "none");
  EXPECT_EQ(fault("resolv_conf", R"(,"ndots":16)"), "ndots is out of range");
  EXPECT_EQ(fault("resolv_conf", R"(,"timeout_seconds":31)"), "timeout_seconds is out of range");
  EXPECT_EQ(fault("resolv_conf", R"(,"attempts":-1)"), "attempts is out of range");
  EXPECT_EQ(fault("resolv_conf", R"(,"rotate":1)"), "rotate is neither true nor false");
  EXPECT_EQ(fault("resolv_conf", R"(,"nameservers":[{"address":"10.0.0.1"},{"address":"10.1"}])"),
            "nameservers[1].address '10.1' is no address");
  EXPECT_EQ(fault("resolv_conf", R"(,"nameservers":[{"address":"10.0.0.1","port":65536}])"),
            "nameservers[0].port is out of range");
  EXPECT_EQ(fault("resolv_conf", R"(,"nameservers":[{}])"), "nameservers[0].address is missing");
  EXPECT_EQ(fault("resolv_conf", R"(,"search":["a",7])"), "search[1] is no text");
  EXPECT_EQ(fault("resolv_conf", R"(,"colour":"red")"), "colour is no field that is known");
  EXPECT_EQ(fault("name_service_switch", R"(,"hosts":[{"return_on_success":true}])"), "hosts[0].name is missing");
  EXPECT_EQ(fault("host", R"(,"address":"\u001b[2J")"), R"(address '\x1b[2J' is no address)");
  EXPECT_EQ(fault("resolved", R"(,"source":"gossip")"), "source 'gossip' is not known");
  EXPECT_EQ(fault("resolved", ""), "source is missing");
  EXPECT_EQ(fault("resolved_scope", R"(,"kind":"both")"), "kind 'both' is not known");
  EXPECT_EQ(fault("resolved_scope", R"(,"kind":"link","domains":[{"name":7}])"), "domains[0].name is no text");
  EXPECT_EQ(fault("resolved_scope", R"(,"kind":"link","live_protocols":-1)"), "live_protocols is out of range");
  EXPECT_EQ(fault("dnsmasq", R"(,"listens_on":{"address":"::1"},"upstreams":{})"), "upstreams.source is missing");
  EXPECT_EQ(fault("dnsmasq", R"(,"listens_on":{"address":"::1"},"upstreams":{"source":"x","servers":[{"server":7}]})"),
            "upstreams.servers[0].server is no object");
  EXPECT_EQ(fault("macos_resolver", R"(,"section":"unscoped","order":4294967296)"), "order is out of range");
}

TEST(SnapshotFile, WhatThereIsOnceIsNotThereTwice) {
  std::string text = with_dns_line("resolv_conf", "");
  text = replaced(text, R"({"record":"resolv_conf"})", "{\"record\":\"resolv_conf\"}\n{\"record\":\"resolv_conf\"}");
  EXPECT_NE(fault_of(text).find("record is there twice"), std::string::npos) << fault_of(text);
}

bool is_of_version_2(const std::string& line) {
  return std::ranges::any_of(std::array{"activity", "xfrm", "firewall", "leases", "vpn_signs"}, [&](const char* facet) {
    return line.find(R"("facet":")" + std::string(facet)) != std::string::npos;
  });
}

TEST(SnapshotFile, AnOlderFileHasNoResolverConfiguration) {
  std::string old;
  for (std::string text = text_of(Snapshot()); !text.empty(); text.erase(0, text.find('\n') + 1)) {
    const std::string line = text.substr(0, text.find('\n') + 1);
    const bool is_new = line.find(R"("facet":"resolv)") != std::string::npos || line.find("dns") != std::string::npos ||
                        line.find(R"("facet":"name_)") != std::string::npos ||
                        line.find(R"("facet":"hosts")") != std::string::npos ||
                        line.find(R"("facet":"network_)") != std::string::npos || is_of_version_2(line);
    if (!is_new || line.find(R"("record":"end")") != std::string::npos) old += line;
  }
  const std::size_t counts = old.find(R"(,"resolv_conf":0)");
  ASSERT_NE(counts, std::string::npos);
  old.erase(counts, old.find('}', counts) - counts);
  EXPECT_NE(fault_of(old), "none");  // of version 1.3 it would be cut
  const auto read = parse_snapshot(replaced(old, R"("version":"1.3")", R"("version":"1.0")"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->dns.resolv_conf.why_missing(), "the file is of an older version, which does not hold it");
  EXPECT_EQ(read->dns.macos.why_missing(), "the file is of an older version, which does not hold it");
  EXPECT_EQ(read->links.why_missing(), "it was not collected");
}

TEST(SnapshotFile, AFileOfTheVersionBeforeHasNoIpsec) {
  std::string old;
  for (std::string text = text_of(Snapshot()); !text.empty(); text.erase(0, text.find('\n') + 1)) {
    const std::string line = text.substr(0, text.find('\n') + 1);
    if (!is_of_version_2(line)) old += line;
  }
  const std::size_t counts = old.find(R"(,"activity":0)");
  ASSERT_NE(counts, std::string::npos);
  old.erase(counts, old.find('}', counts) - counts);
  EXPECT_NE(fault_of(old), "none");  // of version 1.3 it would be cut
  const auto read = parse_snapshot(replaced(old, R"("version":"1.3")", R"("version":"1.1")"));
  ASSERT_TRUE(read) << read.error().message;
  for (const std::string& why : {read->xfrm.why_missing(), read->firewall.why_missing(), read->activity.why_missing(),
                                 read->leases.why_missing(), read->vpn_signs.why_missing()}) {
    EXPECT_EQ(why, "the file is of an older version, which does not hold it");
  }
  EXPECT_EQ(read->dns.macos.why_missing(), "it was not collected");
}

TEST(SnapshotFile, ListsOfAnyLengthAreSaved) {
  Snapshot snapshot;
  Tunnel tunnel;
  tunnel.endpoints.resize(2500, {*IpAddress::parse("192.0.2.1"), 51820});
  tunnel.outer_sockets.resize(1001);
  tunnel.outer_sockets.back().local_port = 7;
  tunnel.peers.emplace(2);
  tunnel.peers->front().allowed_ips.resize(250'000, {*IpAddress::parse("10.0.0.0"), 8});
  tunnel.peers->front().allowed_ips.back().prefix_length = 9;
  InterfaceActivity activity;
  activity.first_peers = *tunnel.peers;
  activity.last_peers = {tunnel.peers->back(), tunnel.peers->front()};
  InterfaceConfiguration lease;
  lease.ways.resize(3001);
  lease.ways.back().place = "option 121";
  snapshot.tunnels = Observed<std::vector<Tunnel>>({tunnel, Tunnel()}, "test");
  snapshot.activity = Observed<TunnelActivity>({{}, {}, {activity}}, "test");
  snapshot.leases = Observed<std::vector<InterfaceConfiguration>>({lease}, "test");
  const auto read = parse_snapshot(text_of(snapshot));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(difference(snapshot, *read), "");
}

/// The text of a snapshot with one record of each new kind, where `line` stands in place of the first of `kind`.
std::string with_leak_line(const std::string& kind, const std::string& members) {
  Snapshot snapshot;
  Tunnel tunnel;
  tunnel.peers.emplace(1);
  InterfaceActivity activity;
  activity.first_peers.resize(1);
  snapshot.tunnels = Observed<std::vector<Tunnel>>({tunnel}, "test");
  snapshot.activity = Observed<TunnelActivity>({{}, {}, {activity}}, "test");
  Xfrm xfrm;
  xfrm.policies.resize(1);
  xfrm.states.resize(1);
  snapshot.xfrm = Observed<Xfrm>(xfrm, "test");
  snapshot.leases = Observed<std::vector<InterfaceConfiguration>>(std::vector<InterfaceConfiguration>(1), "test");
  snapshot.vpn_signs = Observed<std::vector<VpnSign>>(std::vector<VpnSign>(1), "test");
  std::string text = text_of(snapshot);
  const std::size_t at = text.find("{\"record\":\"" + kind + "\"");
  return text.replace(at, text.find('\n', at) - at, "{\"record\":\"" + kind + "\"" + members + "}");
}

TEST(SnapshotFile, HostileRecordsOfTunnelsAndIpsecAreRefusedWithTheirField) {
  const auto fault = [](const std::string& kind, const std::string& members) {
    const std::string whole = fault_of(with_leak_line(kind, members));
    const std::size_t colon = whole.find(": ");
    return colon == std::string::npos ? whole : whole.substr(colon + 2);
  };
  EXPECT_EQ(fault("tunnel", R"(,"has_peers":true,"holder_state":"T")"), "none");
  EXPECT_EQ(fault("tunnel", ""), "record belongs to no tunnel with peers");
  EXPECT_EQ(fault("tunnel", R"(,"has_peers":true,"holder_state":"TT")"), "holder_state 'TT' is not known");
  EXPECT_EQ(fault("tunnel", R"(,"has_peers":true,"holder_state":"\u001b")"), R"(holder_state '\x1b' is not known)");
  EXPECT_EQ(fault("tunnel", R"(,"has_peers":true,"outer_sockets":[{"ip_protocol":256,"local":"::"}])"),
            "outer_sockets[0].ip_protocol is out of range");
  EXPECT_EQ(fault("tunnel_peer", R"(,"allowed_ips":[{"address":"10.0.0.0","prefix_length":33}])"),
            "allowed_ips[0].prefix_length is out of range");
  EXPECT_EQ(fault("tunnel_peer", R"(,"private_key":"x")"), "private_key is no field that is known");
  EXPECT_EQ(fault("tunnel_peer", R"(,"last_handshake":"yesterday")"), "last_handshake 'yesterday' is not known");
  EXPECT_EQ(fault("activity", R"(,"interval_ms":-1,"ended_at":"1970-01-01T00:00:00Z")"), "interval_ms is out of range");
  EXPECT_EQ(fault("interface_activity", R"(,"first":{},"last":7)"), "last is no object");
  EXPECT_EQ(fault("activity_peer", R"(,"look":"second")"), "look 'second' is not known");
  EXPECT_EQ(fault("activity_peer", ""), "look is missing");
  EXPECT_EQ(fault("xfrm_policy", R"(,"direction":"out","family":"inet6","source":"10.0.0.0/8","destination":"::/0")"),
            "family is not that of the policy's prefixes");
  EXPECT_EQ(fault("xfrm_policy", R"(,"direction":"up","family":"inet","source":"0.0.0.0/0","destination":"0.0.0.0/0")"),
            "direction 'up' is not known");
  EXPECT_EQ(fault("xfrm_state", R"(,"source":"::1","destination":"::2","spi":4294967296)"), "spi is out of range");
  EXPECT_EQ(fault("xfrm_state", R"(,"source":"::1","destination":"::2","key":"00")"), "key is no field that is known");
  EXPECT_EQ(fault("lease", R"(,"manager":"udhcpc")"), "manager 'udhcpc' is not known");
  EXPECT_EQ(fault("lease", R"(,"manager":"dhclient","ways":[{"destination":"10.0.0.1/8"}])"),
            "ways[0].destination '10.0.0.1/8' has host bits set");
  EXPECT_EQ(fault("vpn_sign", R"(,"kind":"rumour")"), "kind 'rumour' is not known");
}

TEST(SnapshotFile, RecordsOfThePacketFilterNeedWhatTheyBelongTo) {
  Snapshot snapshot;
  Firewall firewall;
  firewall.tables = {{.family = "inet", .name = "t"}};
  firewall.tables[0].chains = {{.name = "c"}};
  firewall.tables[0].chains[0].rules.resize(1);
  firewall.tables[0].sets = {{.name = "s"}};
  firewall.tables[0].sets[0].elements.resize(1);
  snapshot.firewall = Observed<Firewall>(firewall, "test");
  const std::string text = text_of(snapshot);
  EXPECT_EQ(fault_of(text), "none");
  for (const char* kind : {"firewall", "firewall_table", "firewall_chain", "firewall_set"}) {
    const std::size_t at = text.find("{\"record\":\"" + std::string(kind) + "\"");
    ASSERT_NE(at, std::string::npos) << kind;
    std::string without = text;
    without.erase(at, text.find('\n', at) + 1 - at);
    EXPECT_NE(fault_of(without), "none") << kind;
  }
}

TEST(SnapshotFile, RecordsThatGoOnNeedWhatTheyGoOnWith) {
  for (const char* kind : {"tunnel_more", "tunnel_peer", "tunnel_peer_more"}) {
    EXPECT_NE(fault_of(with_leak_line("tunnel", "}\n{\"record\":\"" + std::string(kind) + "\"")), "none") << kind;
  }
  EXPECT_NE(fault_of(replaced(with_leak_line("xfrm", ""),
                              R"({"record":"xfrm"})"
                              "\n",
                              "")),
            "none");
  EXPECT_NE(fault_of(replaced(with_leak_line("interface_activity", ""),
                              R"({"record":"interface_activity"})"
                              "\n",
                              "")),
            "none");
}

TEST(SnapshotFile, CountsOfTheLastLineAreChecked) {
  const std::string text = with_route_line(R"({"record":"route","destination":"::/0"})");
  EXPECT_EQ(fault_of(text), "none");
  EXPECT_EQ(fault_of(replaced(text, R"("routes":1)", R"("routes":2)")), "line 28: routes is 2, but there are 1");
  EXPECT_NE(fault_of(text + "\n"), "none");
  EXPECT_EQ(fault_of(text + R"({"record":"route","destination":"::/0"})"
                            "\n"),
            "line 29 stands behind the last record");
}

}  // namespace
}  // namespace vpndoctor
