// SPDX-License-Identifier: Apache-2.0
// Random rules and addresses are given to `ip` in our words, and come back from the kernel equal. The names of numbers
// are compared with those that `ip` prints.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "in_namespace.h"
#include "ip_lines.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

using nlohmann::json;
using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;
using testing_support::run_lines;

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

/// `ip` names the protocols that the random rules have, and where /etc/protocols is missing it writes "ipproto-6".
std::uint8_t protocol_in(const json& entry) {
  const std::string text = entry.value("ipproto", "");
  if (text.empty()) return 0;
  return text == "tcp" || text == "ipproto-6" ? 6 : 132;
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
  EXPECT_EQ(protocol_in(entry), rule.ip_protocol) << words;
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
