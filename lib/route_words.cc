// SPDX-License-Identifier: Apache-2.0
// Routes and addresses as arguments of `ip`. The words are complete: an equal entry comes of them. Nexthop objects are
// written as the legs they resolve to, since their numbers mean nothing on another day.
#include "vpndoctor/route_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "word_list.h"

namespace vpndoctor {
namespace {

/// As iproute2 prints a prefix: a host without its length, everything as "default".
std::string prefix_word(const IpPrefix& prefix) {
  if (prefix.is_default()) return "default";
  return prefix.is_host() ? prefix.address.to_string() : prefix.to_string();
}

void add_encapsulation(Words& words, const Encapsulation& encapsulation) {
  const std::string text = encapsulation_text(encapsulation);
  if (text.empty()) return;
  words.emplace_back("encap");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, space - at));
    at = space + 1;
  }
}

void add_hop(Words& words, const NextHop& hop, Family family) {
  add_encapsulation(words, hop.encapsulation);
  if (hop.gateway) {
    words.emplace_back("via");
    if (hop.gateway->family != family) words.emplace_back(family_name(hop.gateway->family));
    words.push_back(hop.gateway->to_string());
  }
  if (!hop.interface.empty()) add(words, "dev", hop.interface);
}

/// The scope that `ip route add` takes by itself would differ, or `ip route show` names it.
bool needs_scope(const RouteTable& routes, const Route& route) {
  if (route.destination.family() == Family::kInet6) return false;
  if (route.scope != kScopeUniverse) return true;
  switch (route.type) {
    case RouteType::kUnicast: {
      const auto& hops = routes.hops(route);
      return hops.size() == 1 && !hops.front().gateway;
    }
    case RouteType::kLocal:
    case RouteType::kBroadcast:
    case RouteType::kAnycast:
    case RouteType::kMulticast:
      return true;
    default:
      return false;
  }
}

/// RTAX_RTT counts eighths and RTAX_RTTVAR quarters of a millisecond; without a unit `ip` takes the kernel's number.
std::string metric_value(const RouteMetric& metric) {
  constexpr std::uint16_t kFeatures = 12;
  constexpr std::uint16_t kRtoMin = 13;
  constexpr std::uint32_t kFeatureEcn = 1;
  if (metric.kind == kFeatures && metric.value == kFeatureEcn) return "ecn";
  if (metric.kind == kRtoMin) return fmt::format("{}ms", metric.value);
  return std::to_string(metric.value);
}

void add_metric(Words& words, const RouteAttributes& attributes, std::uint16_t kind, std::string value) {
  constexpr std::uint16_t kRtoMin = 13;  // `ip` locks it without being told
  words.push_back(metric_name(kind));
  const bool locked = kind < 32 && (attributes.locked_metrics >> kind & 1U) != 0;
  if (locked && kind != kRtoMin) words.emplace_back("lock");
  words.push_back(std::move(value));
}

void add_attributes(Words& words, const RouteAttributes& attributes) {
  constexpr std::uint16_t kCongestionControl = 16;
  constexpr std::array kPreferences = {"medium", "high", "", "low"};
  if (attributes.preferred_source) add(words, "src", attributes.preferred_source->to_string());
  if (attributes.realms != 0) add(words, "realms", realms_text(attributes.realms));
  for (const RouteMetric& metric : attributes.metrics) {
    add_metric(words, attributes, metric.kind, metric_value(metric));
  }
  if (!attributes.congestion_control.empty()) {
    add_metric(words, attributes, kCongestionControl, attributes.congestion_control);
  }
  if (attributes.ttl_propagate) {
    add(words, "ttl-propagate", *attributes.ttl_propagate != 0 ? "enabled" : "disabled");
  }
  if (attributes.preference == 1 || attributes.preference == 3) add(words, "pref", kPreferences[attributes.preference]);
}

/// True for the types that `ip route add` puts into the local table unless told otherwise.
bool belongs_to_local(RouteType type) {
  return type == RouteType::kLocal || type == RouteType::kBroadcast || type == RouteType::kAnycast ||
         type == RouteType::kNat;
}

void add_table(Words& words, const Route& route) {
  if (route.table != kTableMain || belongs_to_local(route.type)) add(words, "table", table_name(route.table));
}

void add_legs(Words& words, const RouteTable& routes, const Route& route) {
  for (const NextHop& hop : routes.hops(route)) {
    words.emplace_back("nexthop");
    add_hop(words, hop, route.destination.family());
    if (hop.weight != 1) add(words, "weight", std::to_string(hop.weight));
    if ((hop.flags & kNextHopOnLink) != 0) words.emplace_back("onlink");
  }
}

void add_single_hop(Words& words, const RouteTable& routes, const Route& route) {
  const auto& hops = routes.hops(route);
  if (hops.size() == 1) add_hop(words, hops.front(), route.destination.family());
}

}  // namespace

std::vector<std::string> route_words(const RouteTable& routes, const Route& route) {
  const RouteAttributes& attributes = routes.attributes(route);
  const auto& hops = routes.hops(route);
  Words words;
  if (route.type != RouteType::kUnicast) words.push_back(route_type_name(route.type));
  words.push_back(prefix_word(route.destination));
  if (attributes.source) add(words, "from", prefix_word(*attributes.source));
  if (route.tos != 0) add(words, "tos", fmt::format("{:#x}", route.tos));
  add_single_hop(words, routes, route);
  const bool is_linux = attributes.macos_flags.empty();  // macOS has neither protocols nor such scopes
  if (is_linux && route.protocol != kProtocolBoot) add(words, "proto", route_protocol_name(route.protocol));
  if (is_linux && needs_scope(routes, route)) add(words, "scope", route_scope_name(route.scope));
  if (route.metric != 0) add(words, "metric", std::to_string(route.metric));
  add_attributes(words, attributes);
  if (hops.size() == 1 && (hops.front().flags & kNextHopOnLink) != 0) words.emplace_back("onlink");
  add_table(words, route);
  if (hops.size() > 1) add_legs(words, routes, route);
  return words;
}

std::vector<std::string> address_words(const Address& address) {
  Words words;
  if (address.peer) {
    words = {address.address.to_string(), "peer", fmt::format("{}/{}", *address.peer, address.prefix_length)};
  } else {
    words = {fmt::format("{}/{}", address.address, address.prefix_length)};
  }
  if (address.broadcast) {
    add(words, "brd", *address.broadcast == address.on_link().last_address() ? "+" : address.broadcast->to_string());
  }
  add(words, "dev", address.interface);
  const bool is_inet = address.address.family == Family::kInet;
  if (is_inet && address.scope != kScopeUniverse) add(words, "scope", route_scope_name(address.scope));
  if (!address.label.empty() && address.label != address.interface) add(words, "label", address.label);
  if (address.route_metric != 0) add(words, "metric", std::to_string(address.route_metric));
  if (!is_inet && (address.flags & kAddressHome) != 0) words.emplace_back("home");
  if (!is_inet && (address.flags & kAddressNoDad) != 0) words.emplace_back("nodad");
  if (!is_inet && (address.flags & kAddressManageTemporary) != 0) words.emplace_back("mngtmpaddr");
  if ((address.flags & kAddressNoPrefixRoute) != 0) words.emplace_back("noprefixroute");
  if (address.valid_seconds) add(words, "valid_lft", std::to_string(*address.valid_seconds));
  if (address.preferred_seconds) add(words, "preferred_lft", std::to_string(*address.preferred_seconds));
  return words;
}

std::string interfaces_text(const RouteTable& routes, const Route& route) {
  std::set<std::string_view> names;
  for (const NextHop& hop : routes.hops(route)) {
    if (!hop.interface.empty()) names.insert(hop.interface);
  }
  return fmt::format("{}", fmt::join(names, " and "));
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

}  // namespace vpndoctor
