// SPDX-License-Identifier: Apache-2.0
// Random routes, rules and addresses are given to `ip` in our words, and come back from the kernel equal. The names of
// numbers are compared with those that `ip` prints.
#include "vpndoctor/route_words.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "in_namespace.h"

namespace vpndoctor {
namespace {

using nlohmann::json;
using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;

/// Two links with addresses of both families, so that gateways are on link.
void make_links() {
  run("ip link add v0 type veth peer name v1 && ip link add d0 type veth peer name d1");
  run("for i in v0 v1 d0 d1; do ip link set $i up; done");
  run("ip address add 10.0.0.1/24 dev v0 && ip address add 10.0.1.1/24 dev v1");
  run("ip address add 2001:db8::1/64 dev v0 nodad && ip address add 2001:db8:0:1::1/64 dev v1 nodad");
}

/// Runs `ip` once a line; any refused line fails the test. Not -batch: there, iproute2 6.1 takes the last protocol that
/// was given as a number for a name that it has seen before.
void run_lines(const std::string& ip, const std::vector<std::string>& lines) {
  const std::string file = fmt::format("/tmp/vpndoctor-words-{}", ::getpid());
  std::ofstream script(file);
  for (const std::string& line : lines) script << ip << ' ' << line << " || exit 1\n";
  script.close();
  run("sh " + file);
  std::remove(file.c_str());
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

void random_selectors(std::mt19937& random, Rule& rule) {
  const auto pick = [&random](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
  const bool inet = rule.family == Family::kInet;
  if (pick(3) == 0) rule.source = IpPrefix::of(*IpAddress::parse(inet ? "10.1.2.3" : "2001:db8::7"), 1 + pick(32));
  if (pick(3) == 0)
    rule.destination = IpPrefix::of(*IpAddress::parse(inet ? "10.9.2.3" : "2001:db8:9::7"), 1 + pick(32));
  rule.inverted = pick(3) == 0;
  if (pick(2) == 0) {
    rule.mark = pick(4) == 0 ? 0 : pick(0xffffffff);
    rule.mark_mask = pick(2) == 0 ? 0xffffffff : pick(0xffffffff);
  }
  if (pick(4) == 0) rule.input_interface = "lo";
  if (pick(4) == 0) rule.output_interface = "v9";
  if (pick(4) == 0) rule.uids = NumberRange{pick(1000), 1000 + pick(1000)};
  if (pick(3) == 0) rule.ip_protocol = pick(2) == 0 ? 6 : 132;
  if (pick(4) == 0) rule.destination_ports = NumberRange{53, 53 + pick(2)};
  if (pick(4) == 0) rule.source_ports = NumberRange{1 + pick(1000), 2000 + pick(1000)};
  if (inet && pick(5) == 0) rule.tos = 0x10;
}

Rule random_rule(std::mt19937& random, Family family, std::uint32_t priority) {
  const auto pick = [&random](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
  constexpr std::array kActions = {RuleAction::kNop, RuleAction::kGoto, RuleAction::kBlackhole,
                                   RuleAction::kUnreachable, RuleAction::kProhibit};
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  random_selectors(random, rule);
  if (pick(3) == 0) rule.protocol = static_cast<std::uint8_t>(pick(256));
  if (pick(3) == 0) rule.action = kActions[pick(kActions.size())];
  if (rule.action == RuleAction::kGoto) rule.goto_priority = priority + 1 + pick(50);
  if (rule.action != RuleAction::kToTable) return rule;
  rule.table = pick(2) == 0 ? kTableMain : 1 + pick(100000);
  if (pick(3) == 0) rule.suppress_prefix_length = pick(33);
  if (pick(5) == 0) rule.suppress_interface_group = 1 + pick(60000);
  return rule;
}

/// What `ip -j rule` calls the prefix of a selector.
std::string selector_text(const json& entry, const std::string& name) {
  const std::string address = entry.value(name, "all");
  return entry.contains(name + "len") ? fmt::format("{}/{}", address, entry[name + "len"].get<int>()) : address;
}

std::string expected_selector(const std::optional<IpPrefix>& prefix) {
  if (!prefix) return "all";
  return prefix->is_host() ? prefix->address.to_string() : prefix->to_string();
}

std::uint32_t number_in(const json& entry, const char* name, std::uint32_t otherwise) {
  if (!entry.contains(name)) return otherwise;
  const json& value = entry[name];
  return value.is_number() ? value.get<std::uint32_t>()
                           : static_cast<std::uint32_t>(std::stoul(value.get<std::string>(), nullptr, 0));
}

void expect_rule_selectors(const Rule& rule, const json& entry, const std::string& words) {
  EXPECT_EQ(selector_text(entry, "src"), expected_selector(rule.source)) << words;
  EXPECT_EQ(selector_text(entry, "dst"), expected_selector(rule.destination)) << words;
  EXPECT_EQ(entry.contains("not"), rule.inverted) << words;
  EXPECT_EQ(number_in(entry, "fwmark", 0), rule.mark) << words;
  EXPECT_EQ(number_in(entry, "fwmask", entry.contains("fwmark") ? 0xffffffff : 0), rule.mark_mask) << words;
  EXPECT_EQ(entry.value("iif", ""), rule.input_interface) << words;
  EXPECT_EQ(entry.value("oif", ""), rule.output_interface) << words;
  EXPECT_EQ(number_in(entry, "uid_end", 0), rule.uids ? rule.uids->last : 0) << words;
  EXPECT_EQ(number_in(entry, "tos", 0), rule.tos) << words;
  EXPECT_EQ(entry.value("ipproto", ""), rule.ip_protocol == 0 ? "" : rule.ip_protocol == 6 ? "tcp" : "sctp") << words;
  const auto& ports = rule.destination_ports;
  EXPECT_EQ(number_in(entry, "dport_end", number_in(entry, "dport", 0)), ports ? ports->last : 0) << words;
  EXPECT_EQ(number_in(entry, "sport_start", 0), rule.source_ports ? rule.source_ports->first : 0) << words;
}

void expect_rule_action(const Rule& rule, const json& entry, const std::string& words) {
  EXPECT_EQ(entry.value("protocol", ""), route_protocol_name(rule.protocol)) << words;
  if (rule.action == RuleAction::kToTable) {
    EXPECT_EQ(entry.value("table", ""), table_name(rule.table)) << words;
    EXPECT_EQ(number_in(entry, "suppress_prefixlen", 999), rule.suppress_prefix_length.value_or(999)) << words;
    EXPECT_EQ(number_in(entry, "suppress_ifgroup", 0), rule.suppress_interface_group.value_or(0)) << words;
  } else if (rule.action == RuleAction::kGoto) {
    EXPECT_EQ(number_in(entry, "goto", 0), rule.goto_priority.value_or(0)) << words;
  } else if (rule.action != RuleAction::kNop) {  // which `ip -j` writes as a bare key
    EXPECT_EQ(entry.value("action", ""), rule_action_name(rule.action)) << words;
  }
}

void expect_rules_come_back(Family family, unsigned seed) {
  const std::string ip = family == Family::kInet ? "ip -4" : "ip -6";
  std::mt19937 random(seed);
  std::vector<Rule> rules;
  std::vector<std::string> lines;
  for (std::uint32_t i = 0; i < 300; ++i) {
    rules.push_back(random_rule(random, family, 100 + i));
    lines.push_back("rule add " + joined(rule_words(rules.back())));
  }
  run_lines(ip, lines);
  std::map<std::uint32_t, json> by_priority;
  for (const json& entry : json::parse(output_of(ip + " -j -d rule"))) by_priority[entry["priority"]] = entry;
  for (const Rule& rule : rules) {
    const json& entry = by_priority[rule.priority];
    const std::string words = joined(rule_words(rule)) + "\n" + entry.dump();
    expect_rule_selectors(rule, entry, words);
    expect_rule_action(rule, entry, words);
  }
}

TEST(RuleWords, RulesComeBackFromTheKernelEqual) {
  in_network_namespace([] {
    expect_rules_come_back(Family::kInet, 3);
    expect_rules_come_back(Family::kInet6, 4);
  });
}

TEST(RuleWords, ReadAsPeopleKnowThem) {
  Rule rule;
  rule.inverted = true;
  rule.mark = 0xca6c;
  rule.mark_mask = 0xffffffff;
  rule.table = 51820;
  rule.priority = 32765;
  EXPECT_EQ(joined(rule_words(rule)), "not from all fwmark 0xca6c lookup 51820 pref 32765");
}

Address address_of(const char* text, unsigned length) {
  Address address;
  address.interface = "d0";
  address.address = *IpAddress::parse(text);
  address.prefix_length = static_cast<std::uint8_t>(length);
  address.flags = kAddressPermanent;
  return address;
}

std::vector<Address> some_addresses() {
  std::vector<Address> all = {address_of("192.0.2.2", 24), address_of("192.0.3.2", 24), address_of("10.8.0.6", 32),
                              address_of("2001:db8:5::1", 64), address_of("192.0.4.2", 24)};
  all[0].broadcast = IpAddress::parse("192.0.2.255");
  all[1].broadcast = IpAddress::parse("192.0.3.0");
  all[1].scope = kScopeLink;
  all[1].label = "d0:home";
  all[2].peer = IpAddress::parse("10.8.0.5");
  all[3].flags |= kAddressNoPrefixRoute | kAddressNoDad;
  all[4].route_metric = 77;
  all[4].valid_seconds = 5000;
  all[4].preferred_seconds = 4000;
  return all;
}

void expect_address(const Address& address, const json& entry) {
  const std::string words = joined(address_words(address)) + "\n" + entry.dump();
  EXPECT_EQ(entry.value("local", ""), address.address.to_string()) << words;
  EXPECT_EQ(entry.value("prefixlen", 0U), address.prefix_length) << words;
  EXPECT_EQ(entry.value("address", ""), address.peer ? address.peer->to_string() : "") << words;
  EXPECT_EQ(entry.value("broadcast", ""), address.broadcast ? address.broadcast->to_string() : "") << words;
  EXPECT_EQ(entry.value("scope", ""), route_scope_name(address.scope)) << words;
  EXPECT_EQ(entry.value("metric", 0U), address.route_metric) << words;
  EXPECT_EQ(entry.value("noprefixroute", false), (address.flags & kAddressNoPrefixRoute) != 0) << words;
  EXPECT_EQ(entry.contains("dynamic"), address.valid_seconds.has_value()) << words;
  if (!address.label.empty()) {
    EXPECT_EQ(entry.value("label", ""), address.label) << words;
  }
}

TEST(AddressWords, AddressesComeBackFromTheKernelEqual) {
  in_network_namespace([] {
    run("ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up");
    std::map<std::string, json> by_address;
    for (const Address& address : some_addresses()) run("ip address add " + joined(address_words(address)));
    const json links = json::parse(output_of("ip -j -d address show dev d0"));
    for (const json& entry : links[0]["addr_info"]) by_address[entry.value("local", "")] = entry;
    for (const Address& address : some_addresses()) expect_address(address, by_address[address.address.to_string()]);
  });
}

TEST(NetworkNames, ProtocolsAreNamedAsIpNamesThem) {
  in_network_namespace([] {
    run("ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up");
    std::vector<std::string> lines;
    for (int i = 0; i < 256; ++i) lines.push_back(fmt::format("route add 10.9.0.{}/32 dev d0 proto {}", i, i));
    run_lines("ip", lines);
    for (const json& entry : json::parse(output_of("ip -j -d route"))) {
      const auto number = static_cast<std::uint8_t>(std::stoul(entry["dst"].get<std::string>().substr(7)));
      EXPECT_EQ(entry["protocol"], route_protocol_name(number));
    }
  });
}

TEST(NetworkNames, EveryNumberIsReadBackFromItsName) {
  for (unsigned i = 0; i < 256; ++i) {
    const auto number = static_cast<std::uint8_t>(i);
    EXPECT_EQ(parse_route_scope(route_scope_name(number)), number);
    EXPECT_EQ(parse_route_protocol(route_protocol_name(number)), number);
    EXPECT_EQ(parse_table(table_name(i)), i);
    EXPECT_EQ(parse_metric_name(metric_name(number)), number);
    if (i <= 10) {
      EXPECT_EQ(parse_route_type(route_type_name(RouteType{number})), RouteType{number});
    }
  }
}

TEST(NetworkNames, UnknownWordsAreNoNumbers) {
  for (const char* text : {"", "mane", "256x", "0x", "-1", "4294967296", " 5"}) {
    EXPECT_FALSE(parse_table(text)) << text;
    EXPECT_FALSE(parse_route_type(text)) << text;
    EXPECT_FALSE(parse_route_scope(text)) << text;
  }
  EXPECT_FALSE(parse_route_protocol("256"));
  EXPECT_FALSE(parse_route_type("11"));
  EXPECT_EQ(parse_table("0xca6c"), 51820U);
}

std::string attribute(std::uint16_t type, std::string payload) {
  const auto length = static_cast<std::uint16_t>(payload.size() + 4);
  std::string bytes(reinterpret_cast<const char*>(&length), 2);
  bytes.append(reinterpret_cast<const char*>(&type), 2).append(payload);
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

TEST(EncapsulationText, LabelStacksAreReadToTheBottom) {
  const std::string stack("\x00\x06\x40\x00\x00\x0c\x81\x00", 8);
  EXPECT_EQ(encapsulation_text({1, attribute(1, stack)}), "mpls 100/200");
  EXPECT_EQ(encapsulation_text({1, attribute(1, stack) + attribute(2, "\x09")}), "mpls 100/200 ttl 9");
}

TEST(EncapsulationText, CutBytesNeverReadBeyondTheirEnd) {
  const std::string stack("\x00\x06\x40\x00\x00\x0c\x81\x00", 8);
  const std::string whole = attribute(1, stack) + attribute(2, "\x09");
  for (std::uint16_t type = 1; type < 12; ++type) {
    for (std::size_t length = 0; length <= whole.size(); ++length) {
      const std::string copy(whole.data(), length);
      EXPECT_FALSE(encapsulation_text({type, copy}).empty());
    }
  }
}

}  // namespace
}  // namespace vpndoctor
