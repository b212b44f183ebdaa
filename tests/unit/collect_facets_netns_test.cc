// SPDX-License-Identifier: Apache-2.0
// Links, addresses, rules, nexthop objects, neighbours and settings as they are collected, against iproute2 and sysctl.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <nlohmann/json.hpp>
#include <random>

#include "in_namespace.h"
#include "local_routes.h"
#include "netlink.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/snapshot_file.h"

namespace vpndoctor {
namespace {

using nlohmann::json;
using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::PeerNamespace;
using testing_support::run;
using testing_support::wait_for_local_routes;

Snapshot collected() {
  auto snapshot = collect_snapshot({.tunnels = false});
  EXPECT_TRUE(snapshot.has_value()) << (snapshot ? "" : snapshot.error().message);
  return snapshot ? std::move(*snapshot) : Snapshot{};
}

json oracle(const std::string& command) { return json::parse(output_of(command), nullptr, false); }

/// A word, also where iproute2 prints a number.
std::string text_of(const json& object, const char* key, const std::string& absent = {}) {
  if (!object.contains(key)) return absent;
  return object[key].is_string() ? object[key].get<std::string>() : object[key].dump();
}

std::uint32_t number_of(const json& object, const char* key, const char* absent = "0") {
  std::string text = text_of(object, key, absent);
  if (text.starts_with("ipproto-")) text.erase(0, 8);
  return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 0));
}

std::string range_text(const json& rule, const std::string& name) {
  if (rule.contains(name)) return fmt::format("{0}-{0}", number_of(rule, name.c_str()));
  if (!rule.contains(name + "_start")) return "-";
  return fmt::format("{}-{}", number_of(rule, (name + "_start").c_str()), number_of(rule, (name + "_end").c_str()));
}

std::string range_text(const std::optional<NumberRange>& range) {
  return range ? fmt::format("{}-{}", range->first, range->last) : "-";
}

std::string prefix_text(const json& rule, const char* key, const char* length, unsigned bits) {
  const std::string address = text_of(rule, key, "all");
  return address == "all" || address == "0.0.0.0" ? "-" : fmt::format("{}/{}", address, rule.value(length, bits));
}

std::string words_of(const json& rule, Family family) {
  const unsigned bits = address_bits(family);
  return fmt::format(
      "{} not {} from {} to {} iif {}{} oif {}{} mark {:#x}/{:#x} tos {} uid {} proto {} sport {} dport {} tun {} "
      "l3mdev {} "
      "table {} goto {}{} suppress {} {} realms {} by {}",
      number_of(rule, "priority"), rule.contains("not"), prefix_text(rule, "src", "srclen", bits),
      prefix_text(rule, "dst", "dstlen", bits), text_of(rule, "iif"), rule.contains("iif_detached"),
      text_of(rule, "oif"), rule.contains("oif_detached"), number_of(rule, "fwmark"),
      rule.contains("fwmark") ? number_of(rule, "fwmask", "0xffffffff") : 0U, number_of(rule, "tos"),
      range_text(rule, "uid"), number_of(rule, "ipproto"), range_text(rule, "sport"), range_text(rule, "dport"),
      number_of(rule, "tun_id"), rule.contains("l3mdev"), number_of(rule, "table"), text_of(rule, "goto", "-"),
      rule.contains("unresolved"), text_of(rule, "suppress_prefixlen", "-"), text_of(rule, "suppress_ifgroup", "-"),
      number_of(rule, "flow_to"), number_of(rule, "protocol"));
}

template <class T>
std::string number_or_dash(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

std::string words_of(const Rule& rule) {
  return fmt::format(
      "{} not {} from {} to {} iif {}{} oif {}{} mark {:#x}/{:#x} tos {} uid {} proto {} sport {} dport {} tun {} "
      "l3mdev {} "
      "table {} goto {}{} suppress {} {} realms {} by {}",
      rule.priority, rule.inverted, rule.source ? rule.source->to_string() : "-",
      rule.destination ? rule.destination->to_string() : "-", rule.input_interface, rule.input_interface_detached,
      rule.output_interface, rule.output_interface_detached, rule.mark, rule.mark_mask, rule.tos, range_text(rule.uids),
      rule.ip_protocol, range_text(rule.source_ports), range_text(rule.destination_ports), rule.tunnel_id, rule.l3mdev,
      rule.table, number_or_dash(rule.goto_priority), rule.goto_unresolved, number_or_dash(rule.suppress_prefix_length),
      number_or_dash(rule.suppress_interface_group), rule.realms, rule.protocol);
}

std::string random_rule(std::mt19937& random, bool inet6) {
  const auto maybe = [&](const std::string& words) { return random() % 3 == 0 ? words + " " : std::string(); };
  std::string rule = "rule add ";
  rule += maybe("not");
  rule +=
      maybe(inet6 ? "from 2001:db8::/32" : "from 10.0.0.0/8") + maybe(inet6 ? "to 2001:db8:1::1" : "to 10.1.0.0/16");
  rule += maybe("fwmark 0x10/0xff") + maybe("fwmark 0x7") + maybe("iif v0") + maybe("oif nosuch") + maybe("tos 0x10");
  rule += maybe("ipproto 17") + maybe("sport 10-20") + maybe("dport 53") + maybe("uidrange 0-99");
  rule += fmt::format("pref {} ", random() % 5);
  const unsigned action = static_cast<unsigned>(random()) % 6;
  if (action == 0) return rule + "goto 3";
  if (action == 1) return rule + "unreachable";
  if (action == 2) return rule + "l3mdev protocol 9";
  return rule + maybe("suppress_prefixlength 0") + maybe("suppress_ifgroup 7") + maybe("realms 3") +
         maybe("protocol 77") + fmt::format("lookup {}", random() % 1000);
}

TEST(CollectFacets, RulesAreThoseOfIproute2InTheSameOrder) {
  in_network_namespace([] {
    run("ip link add v0 type veth peer name v1");
    std::mt19937 random(7);
    for (const bool inet6 : {false, true}) {
      std::string batch;
      for (int i = 0; i < 100; ++i) batch += random_rule(random, inet6) + "\n";
      output_of(fmt::format("printf '{}' | ip -{} -force -batch - 2>&1", batch, inet6 ? 6 : 4));
    }
    const Snapshot snapshot = collected();
    for (const Family family : {Family::kInet, Family::kInet6}) {
      std::vector<std::string> rules;
      for (const Rule& rule : *snapshot.rules) {
        if (rule.family == family) rules.push_back(words_of(rule));
        EXPECT_TRUE(rule.not_understood.empty());
      }
      std::vector<std::string> expected;
      for (const json& rule : oracle(fmt::format("ip -N -d -j -{} rule", family == Family::kInet ? 4 : 6))) {
        expected.push_back(words_of(rule, family));
      }
      EXPECT_EQ(rules, expected);
      EXPECT_GT(rules.size(), 30U);
    }
  });
}

/// One attribute of a rule that iproute2 of Debian 12 does not know.
struct RecentAttribute {
  int type = 0;
  std::vector<std::uint8_t> bytes;
};

/// Adds the rule; false when this kernel does not know the attributes.
bool add_rule(Family family, std::uint32_t priority, const std::vector<RecentAttribute>& attributes) {
  constexpr std::uint16_t kNewRule = 32;  // RTM_NEWRULE
  const NlMessage message = netlink_message(kNewRule, NLM_F_CREATE | NLM_F_EXCL);
  // struct fib_rule_hdr: family, lengths, TOS, table, two reserved bytes, action, flags.
  const std::uint8_t header[12] = {
      static_cast<std::uint8_t>(family == Family::kInet ? AF_INET : AF_INET6), 0, 0, 0, 100, 0, 0, 1};
  nlmsg_append(message.get(), const_cast<std::uint8_t*>(header), sizeof header, NLMSG_ALIGNTO);
  nla_put_u32(message.get(), 6, priority);  // FRA_PRIORITY
  for (const RecentAttribute& each : attributes) {
    nla_put(message.get(), each.type, static_cast<int>(each.bytes.size()), each.bytes.data());
  }
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  return reply && reply->error_number == 0;
}

const Rule* rule_at(const Snapshot& snapshot, Family family, std::uint32_t priority) {
  for (const Rule& rule : *snapshot.rules) {
    if (rule.family == family && rule.priority == priority) return &rule;
  }
  return nullptr;
}

TEST(CollectFacets, SelectorsNewerThanTheHeadersAreUnderstood) {
  in_network_namespace([] {
    const std::vector<std::uint8_t> port80 = {80, 0, 80, 0};  // fib_rule_port_range, host order
    if (!add_rule(Family::kInet, 10, {{25, {0x10}}, {30, {0x30}}}) ||
        !add_rule(Family::kInet, 11, {{23, port80}, {28, {0xf0, 0xff}}}) ||
        !add_rule(Family::kInet6, 12, {{26, {0, 1, 0x23, 0x45}}, {27, {0, 0x0f, 0xff, 0xff}}})) {
      GTEST_LOG_(INFO) << "this kernel has no FRA_DSCP_MASK";
      return;
    }
    EXPECT_TRUE(add_rule(Family::kInet, 13, {{25, {0x10}}}) && add_rule(Family::kInet, 14, {{23, port80}}));
    const Snapshot snapshot = collected();
    EXPECT_EQ(rule_at(snapshot, Family::kInet, 10)->dscp, 0x10);
    EXPECT_EQ(rule_at(snapshot, Family::kInet, 10)->dscp_mask, 0x30);
    EXPECT_EQ(rule_at(snapshot, Family::kInet, 11)->source_port_mask, 0xfff0U);
    EXPECT_EQ(rule_at(snapshot, Family::kInet6, 12)->flow_label, 0x12345U);
    EXPECT_EQ(rule_at(snapshot, Family::kInet6, 12)->flow_label_mask, 0xfffffU);
    // What covers everything says nothing: the same rule of an older kernel has none.
    EXPECT_EQ(rule_at(snapshot, Family::kInet, 13)->dscp_mask, std::nullopt);
    EXPECT_EQ(rule_at(snapshot, Family::kInet, 14)->source_port_mask, std::nullopt);
  });
}

std::string words_of(const Address& address) {
  return fmt::format("{} {}/{} peer {} brd {} scope {} label {} metric {} valid {} tentative {}", address.interface,
                     address.address, address.prefix_length, address.peer ? address.peer->to_string() : "-",
                     address.broadcast ? address.broadcast->to_string() : "-", address.scope, address.label,
                     address.route_metric, address.valid_seconds.has_value(), (address.flags & kAddressTentative) != 0);
}

std::string words_of(const json& link, const json& address) {
  const std::string label = text_of(address, "label");
  return fmt::format("{} {}/{} peer {} brd {} scope {} label {} metric {} valid {} tentative {}",
                     text_of(link, "ifname"), text_of(address, "local"), number_of(address, "prefixlen"),
                     text_of(address, "address", "-"), text_of(address, "broadcast", "-"), number_of(address, "scope"),
                     label == text_of(link, "ifname") ? "" : label, number_of(address, "metric"),
                     number_of(address, "valid_life_time") != 0xffffffff, address.contains("tentative"));
}

TEST(CollectFacets, AddressesAreThoseOfIproute2) {
  in_network_namespace([] {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip tuntap add t0 mode tun; "
        "ip link set t0 up; timeout 20 sh -c 'while ip -6 addr show | grep -q tentative; do :; done'");
    run("ip addr add 10.1.0.1/24 brd + dev v0 label v0:x; ip addr add 10.1.0.2/24 dev v0 metric 77; "
        "ip addr add 10.9.0.1 peer 10.9.0.2 dev t0; ip addr add 10.4.0.1/8 dev v1 valid_lft 1000 preferred_lft 500");
    run("ip addr add 2001:db8::1/64 dev v0 nodad; ip addr add 2001:db8::5 peer 2001:db8::6/128 dev t0 nodad; "
        "ip addr add 2001:db8:1::1/64 dev v1 nodad valid_lft 1000 preferred_lft 0 noprefixroute");
    wait_for_local_routes();  // until then an address is tentative, also with `nodad`
    const Snapshot snapshot = collected();
    std::vector<std::string> addresses;
    for (const Address& address : *snapshot.addresses) addresses.push_back(words_of(address));
    std::vector<std::string> expected;
    for (const json& link : oracle("ip -N -d -j addr")) {
      for (const json& address : link["addr_info"]) expected.push_back(words_of(link, address));
    }
    EXPECT_EQ(std::multiset(addresses.begin(), addresses.end()), std::multiset(expected.begin(), expected.end()));
    EXPECT_GT(addresses.size(), 10U);
  });
}

TEST(CollectFacets, LinksAreThoseOfIproute2) {
  in_network_namespace([] {
    const PeerNamespace peer;
    run("ip link add v0 type veth peer name v1; ip link set v0 up mtu 1380 group 9; ip link property add dev v0 "
        "altname "
        "other; ip tuntap add t0 mode tun; ip tuntap add t1 mode tap; ip link add w0 type veth peer name w1");
    run(fmt::format("ip link set w1 netns {}", peer.pid()));
    const Snapshot snapshot = collected();
    const json links = oracle("ip -N -d -j link");
    ASSERT_EQ(snapshot.links->size(), links.size());
    for (std::size_t i = 0; i < links.size(); ++i) {
      const Link& link = (*snapshot.links)[i];
      SCOPED_TRACE(links[i].dump());
      EXPECT_EQ(link.name, text_of(links[i], "ifname"));
      EXPECT_EQ(static_cast<std::uint32_t>(link.index), number_of(links[i], "ifindex"));
      EXPECT_EQ(link.mtu_bytes, number_of(links[i], "mtu"));
      EXPECT_EQ(link.group, number_of(links[i], "group"));
      EXPECT_EQ(link.hardware_address, text_of(links[i], "address"));
      EXPECT_EQ(link.kind, links[i].contains("linkinfo") ? text_of(links[i]["linkinfo"], "info_kind") : "");
      EXPECT_EQ(link.lower_is_elsewhere, links[i].contains("link_netnsid"));
      EXPECT_EQ(link.lower, text_of(links[i], "link"));
      EXPECT_EQ(link.alternative_names.size(), links[i].contains("altnames") ? 1U : 0U);
      EXPECT_EQ(link.is_up(), links[i]["flags"].dump().find("\"UP\"") != std::string::npos);
    }
    EXPECT_EQ(snapshot.find_link("t0")->tun_type, 1);
    EXPECT_EQ(snapshot.find_link("t1")->tun_type, 2);
    EXPECT_EQ(snapshot.find_link("t1")->tun_persistent, true);
  });
}

TEST(CollectFacets, NexthopObjectsAndNeighboursAreThoseOfIproute2) {
  in_network_namespace([] {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 10.1.0.1/24 dev v0");
    run("ip nexthop add id 1 via 10.1.0.2 dev v0 proto 77; ip nexthop add id 2 blackhole; "
        "ip -6 nexthop add id 3 via fe80::9 dev v0; ip nexthop add id 4 dev v0; ip nexthop add id 5 group 1,256/4");
    run("ip neigh add 10.1.0.7 dev v0 lladdr 02:00:00:00:00:07 nud permanent; "
        "ip neigh add fe80::7 dev v0 lladdr 02:00:00:00:00:08 nud stale router");
    const Snapshot snapshot = collected();
    const json objects = oracle("ip -j nexthop");
    ASSERT_EQ(snapshot.next_hop_objects->size(), objects.size());
    for (std::size_t i = 0; i < objects.size(); ++i) {
      const NextHopObject& object = (*snapshot.next_hop_objects)[i];
      EXPECT_EQ(object.id, number_of(objects[i], "id"));
      EXPECT_EQ(object.blackhole, objects[i].contains("blackhole"));
      EXPECT_EQ(object.hop.interface, text_of(objects[i], "dev"));
      EXPECT_EQ(object.hop.gateway ? object.hop.gateway->to_string() : "", text_of(objects[i], "gateway"));
    }
    EXPECT_EQ(snapshot.next_hop_objects->front().protocol, 77);
    EXPECT_EQ(snapshot.next_hop_objects->back().group, (std::vector<NextHopObject::Member>{{1, 256}, {4, 1}}));
    const Neighbour expected{"v0", IpAddress::parse("fe80::7").value(), "02:00:00:00:00:08", kNeighbourStale, true};
    EXPECT_NE(std::ranges::find(*snapshot.neighbours, expected), snapshot.neighbours->end());
    const auto is_permanent = [](const Neighbour& each) { return each.state == kNeighbourPermanent; };
    EXPECT_EQ(std::ranges::count_if(*snapshot.neighbours, is_permanent), 1);
  });
}

/// What the kernel takes without a look at it, and iproute2 would not send.
void add_alternative_name(int index, const std::string& name) {
  constexpr std::uint16_t kNewLinkProperty = 108;  // RTM_NEWLINKPROP
  constexpr int kPropertyList = 52;                // IFLA_PROP_LIST
  constexpr int kAlternativeName = 53;             // IFLA_ALT_IFNAME
  const NlMessage message = netlink_message(kNewLinkProperty, NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg header{};
  header.ifi_index = index;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nlattr* list = nla_nest_start(message.get(), kPropertyList);
  nla_put_string(message.get(), kAlternativeName, name.c_str());
  nla_nest_end(message.get(), list);
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error_number, 0) << name;
}

void add_rule_of_interface(const std::string& name) {
  const NlMessage message = netlink_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
  fib_rule_hdr header{};
  header.family = AF_INET;
  header.table = RT_TABLE_MAIN;
  header.action = FR_ACT_TO_TBL;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nla_put_string(message.get(), FRA_IIFNAME, name.c_str());
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error_number, 0) << name;
}

/// The snapshot after it was written and read.
Result<Snapshot> reloaded(const Snapshot& snapshot) {
  std::string text;
  write_snapshot(snapshot, [&](std::string_view piece) {
    text += piece;
    return true;
  });
  return parse_snapshot(text);
}

TEST(CollectFacets, WhateverNamesTheKernelTakesASavedStateCanBeRead) {
  in_network_namespace([] {
    run("ip link add d0 type veth peer name d1");
    const int index = std::stoi(output_of("ip -o link show d0"));
    for (const char* name : {"my lan", "a/b", "a:b", ".", "\x1b[31mred", "new\nline"}) {
      add_alternative_name(index, name);
    }
    for (const char* name : {"a b", "a/b", "\x1b[31m"}) add_rule_of_interface(name);
    run("ip link set d1 name $(printf 'x\\033[31m')");
    const Snapshot before = collected();
    EXPECT_EQ(before.find_link("d0")->alternative_names.size(), 6U);
    const auto after = reloaded(before);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(before.rules->size(), after->rules->size());
    EXPECT_EQ((*after->links)[1].alternative_names.size() + (*after->links)[2].alternative_names.size(), 6U);
    EXPECT_TRUE(diff_snapshots(before, *after).is_equal());
  });
}

TEST(CollectFacets, ResilientGroupsThatDifferInTheirTimersAreKeptApart) {
  in_network_namespace([] {
    run("ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up; ip addr add 192.0.2.1/24 dev d0");
    run("ip nexthop add id 1 via 192.0.2.2 dev d0; ip nexthop add id 2 via 192.0.2.3 dev d0");
    run("ip nexthop add id 10 group 1/2 type resilient buckets 32 idle_timer 60 unbalanced_timer 300");
    run("ip nexthop add id 11 group 1/2 type resilient buckets 64 idle_timer 60 unbalanced_timer 300");
    const Snapshot snapshot = collected();
    const auto group = std::ranges::find(*snapshot.next_hop_objects, 10U, &NextHopObject::id);
    auto other = std::ranges::find(*snapshot.next_hop_objects, 11U, &NextHopObject::id);
    ASSERT_NE(group, snapshot.next_hop_objects->end());
    ASSERT_NE(other, snapshot.next_hop_objects->end());
    EXPECT_EQ(group->resilient, (ResilientGroup{32, 6000, 30000}));
    EXPECT_EQ(other->resilient, (ResilientGroup{64, 6000, 30000}));
    const auto after = reloaded(snapshot);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(*after->next_hop_objects, *snapshot.next_hop_objects);
  });
}

TEST(CollectFacets, SettingsAreThoseOfThisNamespace) {
  in_network_namespace([] {
    run("ip link add v0 type veth peer name v1; sysctl -qw net.ipv4.conf.v0.rp_filter=2 net.ipv4.conf.v0.forwarding=1 "
        "net.ipv6.conf.v0.disable_ipv6=1 net.ipv4.conf.v0.src_valid_mark=1 net.ipv4.fib_multipath_hash_policy=1");
    const Snapshot snapshot = collected();
    const InterfaceSettings& inet = snapshot.settings->inet.at("v0");
    EXPECT_EQ(inet.reverse_path_filter, 2);
    EXPECT_EQ(inet.forwarding, 1);
    EXPECT_EQ(inet.source_valid_mark, 1);
    EXPECT_EQ(inet.accept_router_advertisements, std::nullopt);
    EXPECT_EQ(snapshot.settings->inet6.at("v0").disabled, 1);
    EXPECT_EQ(snapshot.settings->multipath_hash_policy, 1);
    EXPECT_EQ(snapshot.settings->inet.at("v1").reverse_path_filter,
              std::stoi(output_of("sysctl -n net.ipv4.conf.v1.rp_filter")));
    EXPECT_EQ(std::to_string(snapshot.namespace_inode.value_or(0)),
              output_of("stat -L -c %i /proc/self/ns/net | tr -d '\\n'"));
    EXPECT_EQ(snapshot.kernel_release + "\n", output_of("uname -r"));
  });
}

}  // namespace
}  // namespace vpndoctor
