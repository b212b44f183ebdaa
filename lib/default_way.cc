// SPDX-License-Identifier: Apache-2.0
// Walks the rules as an unmarked packet without further traits would, and looks for a default in each table.
#include "default_way.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace vpndoctor {
namespace {

constexpr unsigned kSplits = 2;  // halves and quarters

IpPrefix upper_half(const IpPrefix& prefix) {
  IpPrefix half{prefix.address, static_cast<std::uint8_t>(prefix.length + 1)};
  half.address.bytes[prefix.length / 8U] |= static_cast<std::uint8_t>(0x80U >> (prefix.length % 8U));
  return half;
}

IpPrefix lower_half(const IpPrefix& prefix) { return {prefix.address, static_cast<std::uint8_t>(prefix.length + 1)}; }

/// The default-like routes of one table, the best for each prefix.
using Candidates = std::map<IpPrefix, const Route*>;

bool is_usable(const RouteTable& table, const Route& route) {
  const std::vector<NextHop>& hops = table.hops(route);
  const auto is_dead = [](const NextHop& hop) { return (hop.flags & kNextHopDead) != 0; };
  return hops.empty() || !std::all_of(hops.begin(), hops.end(), is_dead);
}

std::map<std::uint32_t, Candidates> candidates_of(const RouteTable& table, Family family) {
  std::map<std::uint32_t, Candidates> by_table;
  for (const Route& route : table.routes) {
    if (route.destination.length > 3 + kSplits || route.destination.family() != family) continue;
    if (!is_default_part(route.destination) || route.tos != 0 || table.attributes(route).source) continue;
    if (table.attributes(route).macos_flags.find('I') != std::string::npos || !is_usable(table, route)) continue;
    const Route*& best = by_table[route.table][route.destination];
    if (best == nullptr || route.metric < best->metric) best = &route;
  }
  return by_table;
}

/// Routes that together cover `prefix`, the most specific first; empty when they do not.
std::vector<const Route*> cover(const Candidates& candidates, const IpPrefix& prefix, unsigned splits) {
  if (splits > 0) {
    std::vector<const Route*> routes = cover(candidates, lower_half(prefix), splits - 1);
    const std::vector<const Route*> others = cover(candidates, upper_half(prefix), splits - 1);
    if (!routes.empty() && !others.empty()) {
      routes.insert(routes.end(), others.begin(), others.end());
      return routes;
    }
  }
  const auto found = candidates.find(prefix);
  return found == candidates.end() ? std::vector<const Route*>{} : std::vector{found->second};
}

std::vector<const Route*> cover(const Candidates& candidates, Family family) {
  const IpPrefix whole = whole_of(family);
  std::vector<const Route*> routes = cover(candidates, whole, kSplits);
  for (unsigned length = whole.length; routes.empty() && length-- > 0;) {
    routes = cover(candidates, IpPrefix::of(whole.address, length), 0);
  }
  return routes;
}

void sort_unique(auto& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

DefaultWay way_of(const RouteTable& table, const std::vector<const Route*>& routes) {
  DefaultWay way;
  way.type = routes.front()->type;
  for (const Route* route : routes) {
    for (const NextHop& hop : table.hops(*route)) {
      if (route->type == RouteType::kUnicast) way.interfaces.push_back(hop.interface);
      if (route->type == RouteType::kUnicast && hop.gateway) way.gateways.push_back(*hop.gateway);
    }
  }
  sort_unique(way.interfaces);
  sort_unique(way.gateways);
  return way;
}

/// True when the rule has a selector that most packets do not meet.
bool is_narrow(const Rule& rule) {
  return rule.source || rule.destination || !rule.input_interface.empty() || !rule.output_interface.empty() ||
         (rule.mark & rule.mark_mask) != 0 || rule.tos != 0 || rule.dscp || rule.uids || rule.ip_protocol != 0 ||
         rule.source_ports || rule.destination_ports || rule.tunnel_id != 0 || rule.l3mdev ||
         rule.flow_label.value_or(0) != 0 || !rule.not_understood.empty();
}

/// How a rule refuses what it meets; nullopt when it does not.
std::optional<RouteType> refusal_of(const Rule& rule) {
  switch (rule.action) {
    case RuleAction::kBlackhole:
      return RouteType::kBlackhole;
    case RuleAction::kUnreachable:
      return RouteType::kUnreachable;
    case RuleAction::kProhibit:
      return RouteType::kProhibit;
    default:
      return std::nullopt;
  }
}

std::multimap<std::uint32_t, Rule> rules_met(const Snapshot& snapshot, Family family) {
  if (!snapshot.rules) {
    Rule to_main;
    to_main.table = kTableMain;
    return {{0, to_main}};
  }
  std::multimap<std::uint32_t, Rule> met;
  for (const Rule& rule : *snapshot.rules) {
    const bool decides = (rule.action == RuleAction::kToTable && rule.table != kTableLocal) || refusal_of(rule);
    if (rule.family == family && decides && is_met_by_most(rule)) met.emplace(rule.priority, rule);
  }
  return met;
}

}  // namespace

std::string DefaultWay::text() const {
  if (interfaces.empty()) return route_type_name(type);
  return fmt::format("{}", fmt::join(interfaces, " and "));
}

IpPrefix whole_of(Family family) {
  if (family == Family::kInet) return IpPrefix::everything(family);
  IpAddress global{.family = family, .bytes = {}};
  global.bytes[0] = 0x20;
  return IpPrefix::of(global, 3);
}

bool is_met_by_most(const Rule& rule) { return is_narrow(rule) == rule.inverted; }

std::optional<DefaultWay> default_way(const Snapshot& snapshot, Family family) {
  if (!snapshot.routes) return std::nullopt;
  auto by_table = candidates_of(*snapshot.routes, family);
  for (const auto& [priority, rule] : rules_met(snapshot, family)) {
    if (const auto refusal = refusal_of(rule)) return DefaultWay{.type = *refusal, .interfaces = {}, .gateways = {}};
    Candidates candidates = by_table[rule.table];
    if (rule.suppress_prefix_length) {
      std::erase_if(candidates, [&](const auto& each) { return each.first.length <= *rule.suppress_prefix_length; });
    }
    const std::vector<const Route*> routes = cover(candidates, family);
    if (routes.empty() || routes.front()->type == RouteType::kThrow) continue;
    return way_of(*snapshot.routes, routes);
  }
  return std::nullopt;
}

bool is_default_part(const IpPrefix& prefix) {
  if (prefix.family() == Family::kInet) return prefix.length <= kSplits;
  const IpPrefix whole = whole_of(Family::kInet6);
  return prefix.length <= 1 || (prefix.length <= whole.length + kSplits && whole.overlaps(prefix));
}

}  // namespace vpndoctor
