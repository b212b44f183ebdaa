// SPDX-License-Identifier: Apache-2.0
// Random routes are given to `ip` in our words, and come back from the kernel equal.
#include "vpndoctor/route_words.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "in_namespace.h"
#include "ip_lines.h"

namespace vpndoctor {
namespace {

using nlohmann::json;
using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;
using testing_support::run_lines;

/// Two links with addresses of both families, so that gateways are on link.
void make_links() {
  run("ip link add v0 type veth peer name v1 && ip link add d0 type veth peer name d1");
  run("for i in v0 v1 d0 d1; do ip link set $i up; done");
  run("ip address add 10.0.0.1/24 dev v0 && ip address add 10.0.1.1/24 dev v1");
  run("ip address add 2001:db8::1/64 dev v0 nodad && ip address add 2001:db8:0:1::1/64 dev v1 nodad");
}

class RandomRoutes {
 public:
  explicit RandomRoutes(unsigned seed) : random_(seed) {}

  /// A route to a destination of its own.
  std::pair<RouteTable, Route> next(Family family, std::uint32_t number) {
    RouteTable table;
    Route route;
    route.destination = destination(family, number);
    route.type = type();
    route.protocol = static_cast<std::uint8_t>(pick(256));
    route.metric = pick(3) == 0 ? pick(100000) + 1 : 0;
    route.table = pick(3) == 0 ? 100 + pick(1000000) : kTableMain;
    if (family == Family::kInet && pick(4) == 0) route.tos = static_cast<std::uint8_t>(4 * (pick(7) + 1));
    NextHopSet hops;
    if (route.type == RouteType::kUnicast) hops = legs(family, route);
    RouteAttributes attributes = random_attributes(family, route, hops);
    if (family == Family::kInet6 && route.metric == 0) route.metric = 1024;
    if (family == Family::kInet6 && route.protocol == kProtocolUnspecified) route.protocol = kProtocolBoot;
    table.next_hop_sets.push_back(std::move(hops));
    table.attribute_sets.push_back(std::move(attributes));
    table.routes.push_back(route);
    return {std::move(table), route};
  }

  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

 private:
  static IpPrefix destination(Family family, std::uint32_t number) {
    const std::string text = family == Family::kInet ? fmt::format("100.{}.{}.0", number / 256, number % 256)
                                                     : fmt::format("2001:db8:{:x}::", 0x1000 + number);
    return IpPrefix::of(*IpAddress::parse(text), family == Family::kInet ? 24 : 48);
  }

  RouteType type() {
    constexpr std::array kOthers = {RouteType::kBlackhole, RouteType::kUnreachable, RouteType::kProhibit,
                                    RouteType::kThrow};
    return pick(5) == 0 ? kOthers[pick(kOthers.size())] : RouteType::kUnicast;
  }

  NextHop hop(Family family, unsigned link, unsigned host) {
    NextHop hop;
    hop.interface = fmt::format("v{}", link);
    hop.gateway = IpAddress::parse(family == Family::kInet ? fmt::format("10.0.{}.{}", link, host)
                                                           : fmt::format("2001:db8:0:{:x}::{:x}", link, host));
    if (pick(5) == 0) hop.flags = kNextHopOnLink;
    if (family == Family::kInet && pick(6) == 0) hop.gateway = IpAddress::parse(fmt::format("fe80::{:x}", host));
    return hop;
  }

  NextHopSet legs(Family family, Route& route) {
    NextHopSet set;
    const unsigned kind = pick(3);
    if (kind == 0) {
      set.hops.push_back(NextHop{.gateway = {}, .interface = "d0", .weight = 1, .flags = 0, .encapsulation = {}});
      if (family == Family::kInet && pick(2) == 0) route.scope = kScopeLink;
      return set;
    }
    for (unsigned i = 0; i < (kind == 1 ? 1 : 2 + pick(3)); ++i) {
      set.hops.push_back(hop(family, pick(2), 2 + i));
      if (kind == 2) set.hops.back().weight = static_cast<std::uint16_t>(pick(256) + 1);
    }
    return set;
  }

  RouteAttributes random_attributes(Family family, const Route& route, const NextHopSet& hops) {
    RouteAttributes attributes;
    if (route.type != RouteType::kUnicast) return attributes;
    if (pick(3) == 0) attributes.metrics.push_back({2, 1280 + pick(200)});
    if (pick(4) == 0) attributes.metrics.push_back({8, 500 + pick(900)});
    if (pick(5) == 0) attributes.metrics.push_back({10, 1 + pick(255)});
    if (!attributes.metrics.empty() && pick(2) == 0) attributes.locked_metrics = 1U << attributes.metrics[0].kind;
    if (pick(4) == 0)
      attributes.preferred_source = IpAddress::parse(family == Family::kInet ? "10.0.0.1" : "2001:db8::1");
    if (family == Family::kInet6 && hops.hops.size() == 1 && pick(3) == 0) attributes.preference = pick(2) == 0 ? 1 : 3;
    if (family == Family::kInet6 && hops.hops.size() == 1 && pick(4) == 0) {
      attributes.source = IpPrefix::of(*IpAddress::parse("2001:db8:aa00::"), 40);
    }
    return attributes;
  }

  std::mt19937 random_;
};

std::string gateway_of(const json& entry) {
  if (entry.contains("via")) return entry["via"]["host"].get<std::string>();
  return entry.value("gateway", "");
}

bool is_on_link(const json& entry) {
  const auto flags = entry.value("flags", std::vector<std::string>{});
  return std::ranges::find(flags, "onlink") != flags.end();
}

void expect_leg(const NextHop& hop, const json& entry, const std::string& words) {
  EXPECT_EQ(entry.value("dev", ""), hop.interface) << words;
  EXPECT_EQ(gateway_of(entry), hop.gateway ? hop.gateway->to_string() : "") << words;
  EXPECT_EQ(is_on_link(entry), (hop.flags & kNextHopOnLink) != 0) << words;
}

void expect_legs(const std::vector<NextHop>& hops, const json& entry, const std::string& words) {
  if (hops.size() == 1) return expect_leg(hops[0], entry, words);
  if (hops.empty()) return;
  ASSERT_TRUE(entry.contains("nexthops")) << words;
  const json& legs = entry["nexthops"];
  ASSERT_EQ(legs.size(), hops.size()) << words;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    expect_leg(hops[i], legs[i], words);
    EXPECT_EQ(legs[i].value("weight", 0), hops[i].weight) << words;
  }
}

void expect_attributes(const RouteAttributes& attributes, const json& entry, const std::string& words) {
  EXPECT_EQ(entry.value("prefsrc", ""), attributes.preferred_source ? attributes.preferred_source->to_string() : "");
  EXPECT_EQ(entry.value("from", ""), attributes.source ? attributes.source->to_string() : "") << words;
  constexpr std::array kPreferences = {"medium", "high", "", "low"};
  EXPECT_EQ(entry.value("pref", "medium"), kPreferences[attributes.preference]) << words;
  for (const RouteMetric& metric : attributes.metrics) {
    EXPECT_EQ(entry["metrics"][0].value(metric_name(metric.kind), 0U), metric.value) << words;
  }
}

void expect_equal(const RouteTable& table, const Route& route, const json& entry) {
  const std::string words = joined(route_words(table, route)) + "\n" + entry.dump();
  EXPECT_EQ(entry.value("type", ""), route_type_name(route.type)) << words;
  EXPECT_EQ(entry.value("protocol", ""), route_protocol_name(route.protocol)) << words;
  EXPECT_EQ(entry.value("scope", ""), route_scope_name(route.scope)) << words;
  EXPECT_EQ(entry.value("metric", 0U), route.metric) << words;
  EXPECT_EQ(entry.value("table", "main"), table_name(route.table)) << words;
  EXPECT_EQ(std::stoul(entry.value("tos", "0"), nullptr, 0), route.tos) << words;
  expect_legs(table.hops(route), entry, words);
  expect_attributes(table.attributes(route), entry, words);
}

void expect_routes_come_back(Family family, unsigned seed) {
  const std::string ip = family == Family::kInet ? "ip -4" : "ip -6";
  RandomRoutes random(seed);
  std::vector<std::pair<RouteTable, Route>> routes;
  std::vector<std::string> lines;
  for (std::uint32_t i = 0; i < 400; ++i) {
    routes.push_back(random.next(family, i));
    lines.push_back("route add " + joined(route_words(routes.back().first, routes.back().second)));
  }
  run_lines(ip, lines);
  std::map<std::string, json> by_destination;
  for (const json& entry : json::parse(output_of(ip + " -j -d route show table all"))) {
    by_destination[entry.value("dst", "")] = entry;
  }
  for (const auto& [table, route] : routes) {
    const auto found = by_destination.find(route.destination.to_string());
    ASSERT_NE(found, by_destination.end()) << joined(route_words(table, route));
    expect_equal(table, route, found->second);
  }
}

TEST(RouteWords, Ipv4RoutesComeBackFromTheKernelEqual) {
  in_network_namespace([] {
    make_links();
    expect_routes_come_back(Family::kInet, 1);
  });
}

TEST(RouteWords, Ipv6RoutesComeBackFromTheKernelEqual) {
  in_network_namespace([] {
    make_links();
    expect_routes_come_back(Family::kInet6, 2);
  });
}

}  // namespace
}  // namespace vpndoctor
