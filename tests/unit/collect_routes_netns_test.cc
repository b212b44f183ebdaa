// SPDX-License-Identifier: Apache-2.0
// Routes as they are collected, against iproute2's reading of the same tables: the same ones in the same order, for
// random set-ups with everything that a route can have.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "in_namespace.h"
#include "local_routes.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_event.h"
#include "vpndoctor/route_words.h"
#include "vpndoctor/snapshot_file.h"

namespace vpndoctor {
namespace {

using nlohmann::json;
using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;
using testing_support::wait_for_local_routes;

constexpr const char* kOuterDestination = "192.0.2.9";

Snapshot collected() {
  auto snapshot = collect_snapshot({.tunnels = false});
  EXPECT_TRUE(snapshot.has_value()) << (snapshot ? "" : snapshot.error().message);
  return snapshot ? std::move(*snapshot) : Snapshot{};
}

std::string flag_words(std::uint8_t flags) {
  std::string words;
  if ((flags & kNextHopDead) != 0) words += " dead";
  if ((flags & kNextHopOnLink) != 0) words += " onlink";
  if ((flags & kNextHopLinkDown) != 0) words += " linkdown";
  return words;
}

std::string words_of(const NextHop& hop) {
  return fmt::format(" [via {} dev {} weight {}{} encap {}]", hop.gateway ? hop.gateway->to_string() : "-",
                     hop.interface, hop.weight, flag_words(hop.flags), hop.encapsulation.type != 0);
}

std::string words_of(const Snapshot& snapshot, const Route& route) {
  const RouteAttributes& more = snapshot.routes->attributes(route);
  std::string text =
      fmt::format("{} from {} table {} tos {:#x} metric {} type {} proto {} scope {} src {} nhid {} pref {} realms {}",
                  route.destination, more.source ? more.source->to_string() : "all", route.table, route.tos,
                  route.metric, static_cast<int>(route.type), route.protocol, route.scope,
                  more.preferred_source ? more.preferred_source->to_string() : "-",
                  snapshot.routes->next_hop_sets[route.next_hops].object_id.value_or(0), more.preference, more.realms);
  for (const RouteMetric& metric : more.metrics) text += fmt::format(" {}={}", metric.kind, metric.value);
  if (!more.congestion_control.empty()) text += " cc=" + more.congestion_control;
  if (more.expires_seconds) text += " expires";
  for (const NextHop& hop : snapshot.routes->hops(route)) text += words_of(hop);
  return text;
}

/// A word, also where iproute2 prints a number.
std::string text_of(const json& object, const char* key, const std::string& absent) {
  if (!object.contains(key)) return absent;
  return object[key].is_string() ? object[key].get<std::string>() : object[key].dump();
}

std::string prefix_text(const std::string& text, Family family) {
  if (text == "default") return IpPrefix::everything(family).to_string();
  return text.find('/') == std::string::npos ? IpPrefix::host(IpAddress::parse(text).value_or(IpAddress{})).to_string()
                                             : text;
}

std::string leg_words(const json& leg, const json& flags, bool encapsulated) {
  std::string gateway = text_of(leg, "gateway", "-");
  if (leg.contains("via")) gateway = text_of(leg["via"], "host", "");
  std::string words;
  for (const char* flag : {"dead", "onlink", "linkdown"}) {
    if (std::ranges::find(flags, json(flag)) != flags.end()) words += std::string(" ") + flag;
  }
  return fmt::format(" [via {} dev {} weight {}{} encap {}]", gateway, text_of(leg, "dev", ""),
                     text_of(leg, "weight", "1"), words, encapsulated);
}

std::string metric_words(const json& route) {
  std::string words;
  if (!route.contains("metrics")) return words;
  const json& metrics = route["metrics"][0];
  const std::pair<const char*, int> kinds[] = {{"mtu", 2}, {"window", 3}, {"advmss", 8}, {"hoplimit", 10}};
  for (const auto& [name, kind] : kinds) {
    if (metrics.contains(name)) words += fmt::format(" {}={}", kind, text_of(metrics, name, ""));
  }
  if (metrics.contains("congestion")) words += " cc=" + text_of(metrics, "congestion", "");
  return words;
}

int preference_of(const json& route) {
  const std::string word = text_of(route, "pref", "medium");
  if (word == "high") return 1;
  return word == "low" ? 3 : 0;
}

std::string words_of(const json& route, Family family) {
  const std::string realms = route.contains("flow") ? text_of(route["flow"], "to", "0") : "0";
  // Inside the encapsulation iproute2 uses the key "dst" once more; the parser kept the last.
  const bool encapsulated = route.contains("encap");
  std::string text = fmt::format(
      "{} from {} table {} tos {:#x} metric {} type {} proto {} scope {} src {} nhid {} pref {} realms {}",
      prefix_text(text_of(route, "dst", ""), family),
      route.contains("from") ? prefix_text(text_of(route, "from", ""), family) : "all", text_of(route, "table", "254"),
      std::strtoul(text_of(route, "tos", "0").c_str(), nullptr, 0), text_of(route, "metric", "0"),
      text_of(route, "type", ""), text_of(route, "protocol", ""), text_of(route, "scope", ""),
      text_of(route, "prefsrc", "-"), text_of(route, "nhid", "0"), preference_of(route), realms);
  text += metric_words(route);
  if (route.contains("expires")) text += " expires";
  if (route.contains("nexthops")) {
    for (const json& leg : route["nexthops"]) text += leg_words(leg, leg["flags"], encapsulated);
  } else if (route.contains("dev") || route.contains("gateway")) {
    text += leg_words(route, route["flags"], encapsulated);
  }
  return text;
}

/// iproute2 prints "dst" of a route, and then "dst" of its encapsulation into the same object.
json parse_routes(std::string text) {
  const std::string inner = fmt::format(",\"dst\":\"{}\"", kOuterDestination);
  for (auto at = text.find(inner); at != std::string::npos; at = text.find(inner)) text.erase(at, inner.size());
  return json::parse(text, nullptr, false);
}

std::vector<std::string> oracle_routes(Family family) {
  const char* option = family == Family::kInet ? "-4" : "-6";
  std::vector<std::string> routes;
  for (const json& route : parse_routes(output_of(fmt::format("ip {} -N -d -j route show table all", option)))) {
    routes.push_back(words_of(route, family));
  }
  return routes;
}

void expect_as_iproute2() {
  const Snapshot snapshot = collected();
  ASSERT_TRUE(snapshot.routes.is_complete());
  for (const Family family : {Family::kInet, Family::kInet6}) {
    std::vector<std::string> routes;
    for (const Route& route : snapshot.routes->routes) {
      if (route.destination.family() == family) routes.push_back(words_of(snapshot, route));
      EXPECT_TRUE(snapshot.routes->attributes(route).not_understood.empty()) << words_of(snapshot, route);
    }
    EXPECT_EQ(routes, oracle_routes(family));
    EXPECT_GT(routes.size(), 6U);
  }
}

/// Random commands for `ip -force -batch`; those that the kernel refuses are no matter.
class RandomRoutes {
 public:
  explicit RandomRoutes(unsigned seed) : random_(seed) {}

  std::string commands(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (pick(3) == 0 ? inet6_route() : inet_route()) + "\n";
    return text;
  }

 private:
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_()) % count; }
  std::string one_of(std::initializer_list<const char*> words) {
    return words.begin()[pick(static_cast<unsigned>(words.size()))];
  }

  std::string key() {
    std::string text;
    if (pick(3) == 0) text += fmt::format(" table {}", one_of({"main", "100", "4000000000", "default", "local"}));
    if (pick(3) == 0) text += fmt::format(" metric {}", pick(3) * 7);
    if (pick(4) == 0) text += fmt::format(" proto {}", 3 + pick(200));
    return text;
  }

  std::string metrics() {
    std::string text;
    if (pick(4) == 0) text += fmt::format(" mtu {}", 1280 + pick(200));
    if (pick(6) == 0) text += fmt::format(" mtu lock {} advmss {}", 1280 + pick(200), 500 + pick(500));
    if (pick(6) == 0) text += fmt::format(" hoplimit {} window {}", 1 + pick(200), 1000 + pick(9));
    if (pick(8) == 0) text += " congctl cubic";
    return text;
  }

  std::string inet_leg() {
    switch (pick(4)) {
      case 0:
        return "dev " + one_of({"a0", "b0", "t0"});
      case 1:
        return "via 10.99.9.9 dev a0 onlink";
      case 2:
        return "via inet6 fe80::9 dev b0";
      default:
        return fmt::format("via 10.{}.0.{}", 1 + pick(2), 2 + pick(9));
    }
  }

  std::string inet_route() {
    const std::string prefix = fmt::format("10.{}.0.0/16", 20 + pick(6));
    const std::string how = "route " + one_of({"add", "append", "append", "prepend", "replace"}) + " ";
    const std::string tail = key() + metrics();
    const std::string tos = pick(5) == 0 ? fmt::format(" tos {:#x}", 4 * pick(8)) : "";
    switch (pick(7)) {
      case 0:
        return how + one_of({"blackhole ", "unreachable ", "prohibit ", "throw "}) + prefix + tos + key();
      case 1:
        return fmt::format("{}{} nexthop {} weight {} nexthop {} weight {}", how, prefix + tos + tail, inet_leg(),
                           1 + pick(256), inet_leg(), 1 + pick(9));
      case 2:
        return how + prefix + tos + tail + fmt::format(" nhid {}", 1 + pick(5));
      case 3:
        return how + prefix + tos + tail + fmt::format(" encap ip id 7 dst {} dev a0", kOuterDestination);
      case 4:
        return how + prefix + tos + tail + " src 10.1.0.1 realms 3 " + inet_leg();
      case 5:
        return how + one_of({"local ", "broadcast ", "multicast "}) + prefix + tos + key() + " dev a0";
      default:
        return how + prefix + tos + tail + " " + inet_leg();
    }
  }

  std::string inet6_leg() {
    return one_of({"via fe80::9 dev a0", "via fe80::9 dev b0", "via fe80::8 dev a0", "dev t0", "via 2001:db8:1::9",
                   "via 2001:db8:ff::9 dev b0 onlink"});
  }

  std::string inet6_route() {
    const std::string from = pick(3) == 0 ? fmt::format(" from 2001:db8:{}::/48", pick(3)) : "";
    const std::string head =
        fmt::format("route {} {}", one_of({"add", "append", "replace"}),
                    pick(6) == 0 ? one_of({"blackhole ", "unreachable ", "prohibit ", "throw "}) : "") +
        fmt::format("2001:db8:{}::/48", 20 + pick(4)) + from + key() + metrics();
    switch (pick(6)) {
      case 0:
        return fmt::format("{} nexthop {} weight 3 nexthop {}", head, inet6_leg(), inet6_leg());
      case 1:
        return fmt::format("{} nhid {}", head, 11 + pick(3));
      case 2:
        return head + " " + inet6_leg() + " pref " + one_of({"high", "low"});
      case 3:
        return head + " " + inet6_leg() + " expires 1000";
      case 4:
        return head + " encap seg6 mode encap segs 2001:db8::1 dev a0";
      default:
        return head + " " + inet6_leg();
    }
  }

  std::mt19937 random_;
};

void set_up_links() {
  run("for l in a b; do ip link add ${l}0 type veth peer name ${l}1; ip link set ${l}0 up; ip link set ${l}1 up; done");
  run("ip tuntap add t0 mode tun; ip link set t0 up");
  run("ip addr add 10.1.0.1/16 dev a0; ip addr add 10.2.0.1/16 dev b0; ip addr add 10.1.0.9/32 peer 10.7.0.1 dev t0");
  run("ip addr add 2001:db8:1::1/64 dev a0 nodad; ip addr add 2001:db8:2::1/64 dev b0 nodad");
  run("ip nexthop add id 1 via 10.1.0.2 dev a0; ip nexthop add id 2 via 10.2.0.2 dev b0; "
      "ip nexthop add id 3 group 1,5/2,250; ip nexthop add id 4 blackhole; ip nexthop add id 5 dev a0");
  run("ip -6 nexthop add id 11 via fe80::9 dev a0; ip -6 nexthop add id 12 via fe80::9 dev b0; "
      "ip nexthop add id 13 group 11/12");
  wait_for_local_routes();
}

void apply(const std::string& commands) {
  const std::string path = fmt::format("{}vpndoctor-collect-routes-{}", ::testing::TempDir(), ::getpid());
  std::ofstream(path) << commands;
  output_of("ip -force -batch " + path + " 2>&1");
  std::remove(path.c_str());
}

bool is_inet6(const Route& route) { return route.destination.family() == Family::kInet6; }

class CollectRoutesInNamespace : public ::testing::TestWithParam<unsigned> {};

TEST_P(CollectRoutesInNamespace, AreThoseOfIproute2InTheSameOrder) {
  in_network_namespace([] {
    set_up_links();
    apply(RandomRoutes(GetParam()).commands(150));
    const Snapshot before = collected();
    EXPECT_GT(std::ranges::count_if(before.routes->routes, is_inet6), 25);
    EXPECT_GT(before.routes->routes.size(), 100U);
    expect_as_iproute2();
    // Legs that are dead or whose link has no carrier are told so; the tables shrink.
    run("ip link set a1 down; ip link set b0 down");
    run("timeout 20 sh -c 'until ip route show dev a0 | grep -q linkdown && ip -6 route show dev b1 | grep -q "
        "linkdown; "
        "do :; done'");
    expect_as_iproute2();
  });
}

INSTANTIATE_TEST_SUITE_P(Seeds, CollectRoutesInNamespace, ::testing::Range(1U, 13U));

TEST(CollectRoutes, LegsComeFromTheObjectsWhereTheKernelTellsOnlyTheirId) {
  in_network_namespace([] {
    set_up_links();
    run("ip route add 10.50.0.0/16 nhid 3; ip -6 route add 2001:db8:50::/48 nhid 13; ip route add 10.51.0.0/16 nhid 4");
    const Snapshot with = collected();
    run("sysctl -qw net.ipv4.nexthop_compat_mode=0");
    const Snapshot without = collected();
    int compared = 0;
    for (std::size_t i = 0; i < with.routes->routes.size(); ++i) {
      const Route& route = without.routes->routes.at(i);
      if (!without.routes->next_hop_sets[route.next_hops].object_id || route.type == RouteType::kBlackhole) continue;
      EXPECT_EQ(words_of(with, with.routes->routes[i]), words_of(without, route));
      ++compared;
    }
    EXPECT_EQ(compared, 2);
  });
}

TEST(CollectRoutes, MetricsAndTheirLocksSurviveAFileAndACommand) {
  in_network_namespace([] {
    set_up_links();
    const std::string metrics =
        "mtu lock 1400 window 8192 rtt lock 300ms advmss 1200 hoplimit 5 initcwnd 20 features ecn quickack 1 congctl "
        "lock reno";
    run("ip route add 10.61.0.0/16 via 10.1.0.3 " + metrics);
    const Snapshot before = collected();
    const auto route_in = [](const Snapshot& snapshot) {
      return *std::ranges::find(snapshot.routes->routes, IpPrefix::parse("10.61.0.0/16").value(), &Route::destination);
    };
    const RouteAttributes attributes = before.routes->attributes(route_in(before));
    // The kernel keeps rtt in eighths of a millisecond.
    EXPECT_EQ(
        attributes.metrics,
        (std::vector<RouteMetric>{{2, 1400}, {3, 8192}, {4, 2400}, {8, 1200}, {10, 5}, {11, 20}, {12, 1}, {15, 1}}));
    EXPECT_EQ(attributes.locked_metrics, 1U << 2U | 1U << 4U | 1U << 16U);
    std::string text;
    write_snapshot(before, [&](std::string_view piece) {
      text += piece;
      return true;
    });
    const auto after = parse_snapshot(text);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(after->routes->attributes(route_in(*after)), attributes);
    EXPECT_TRUE(diff_snapshots(before, *after).is_equal());
    const std::string words = joined(route_words(*before.routes, route_in(before)));
    run("ip route del 10.61.0.0/16; ip route add " + words);
    EXPECT_TRUE(diff_snapshots(before, collected()).is_equal()) << words;
  });
}

TEST(CollectRoutes, WeightsOfGroupsAreThoseOfTheObjectWhereTheMessageHasOneByte) {
  in_network_namespace([] {
    set_up_links();
    run("ip nexthop add id 901 via 10.1.0.2 dev a0; ip nexthop add id 902 via 10.1.0.3 dev a0");
    // 1000 and 300: a kernel before 6.13 refuses them.
    if (std::system("ip nexthop add id 910 group 901,1000/902,300 2>/dev/null") != 0) {
      GTEST_SKIP() << "no weights above 256 here";
    }
    run("ip route add 10.50.0.0/16 nhid 910");
    const Snapshot snapshot = collected();
    const auto route =
        std::ranges::find(snapshot.routes->routes, IpPrefix::parse("10.50.0.0/16").value(), &Route::destination);
    ASSERT_NE(route, snapshot.routes->routes.end());
    ASSERT_EQ(snapshot.routes->hops(*route).size(), 2U);
    EXPECT_EQ(snapshot.routes->hops(*route)[0].weight, 1000);
    EXPECT_EQ(snapshot.routes->hops(*route)[1].weight, 300);
  });
}

/// The differences in routes, in words.
std::vector<std::string> route_changes(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> texts;
  for (const RouteEvent& event : events_between(before, after)) {
    if (event.object == "route") texts.push_back(event.text);
  }
  return texts;
}

TEST(CollectRoutes, CountersOfAnEncapsulationAreNoConfiguration) {
  in_network_namespace([] {
    set_up_links();
    run("sysctl -qw net.ipv6.conf.all.seg6_enabled=1; ip link set lo up; ip -6 addr add 2001:db8:77::1/64 dev a0 "
        "nodad");
    if (std::system("ip -6 route add 2001:db8:7::1/128 encap seg6local action End count dev a0 2>/dev/null") != 0) {
      GTEST_SKIP() << "no SRv6 here";
    }
    wait_for_local_routes();
    const Snapshot before = collected();
    // A packet without a segment routing header counts as an error.
    run("ping -6 -c1 -W1 2001:db8:7::1 >/dev/null 2>&1 || true");
    EXPECT_FALSE(output_of("ip -6 -s route show 2001:db8:7::1").empty());
    const Snapshot after = collected();
    EXPECT_EQ(route_changes(before, after), std::vector<std::string>{});
    const auto route =
        std::ranges::find(after.routes->routes, IpPrefix::parse("2001:db8:7::1/128").value(), &Route::destination);
    ASSERT_NE(route, after.routes->routes.end());
    EXPECT_GT(after.routes->hops(*route).front().encapsulation.attributes.size(), 30U);
  });
}

TEST(CollectRoutes, LockedMetricsAndOrderOfEqualKeysAreKept) {
  in_network_namespace([] {
    set_up_links();
    run("ip route append 10.60.0.0/16 via 10.1.0.3 mtu lock 1400; ip route append 10.60.0.0/16 via 10.2.0.3; "
        "ip route append 10.60.0.0/16 via 10.1.0.2");
    const Snapshot snapshot = collected();
    std::vector<std::string> gateways;
    for (const Route& route : snapshot.routes->routes) {
      if (route.destination != IpPrefix::parse("10.60.0.0/16").value()) continue;
      gateways.push_back(snapshot.routes->hops(route).front().gateway->to_string());
      if (gateways.size() == 1) {
        EXPECT_EQ(snapshot.routes->attributes(route).locked_metrics, 1U << 2U);
      }
    }
    EXPECT_EQ(gateways, (std::vector<std::string>{"10.1.0.3", "10.2.0.3", "10.1.0.2"}));
  });
}

}  // namespace
}  // namespace vpndoctor
