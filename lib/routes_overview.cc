// SPDX-License-Identifier: Apache-2.0
// Sums ranges of equal answers up by where they lead, and counts routes by tunnel.
#include "vpndoctor/routes_overview.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "default_way.h"
#include "flow_fate.h"
#include "routing_checks.h"
#include "vpndoctor/prefix_set.h"

namespace vpndoctor {
namespace {

/// Why the interface carries nothing; empty when it may, or links are not known.
std::string dead_state(const Snapshot& snapshot, const std::string& interface) {
  if (interface.empty() || !snapshot.links.is_complete()) return {};
  const Link* link = snapshot.find_link(interface);
  return link != nullptr && link->is_running() ? "" : link_state_name(link);
}

/// Adds up shares; the ranges come one after the other, mostly with the answer of one before.
class WayCounter {
 public:
  /// `share` is the range's part of what is counted.
  void add(const AddressRange& range, double share, const FlowAnswer& answer) {
    if (share <= 0 || is_no_way_out(answer.fate)) return;
    // An address of one link alone, whose interface is not told (macOS), says nothing of the ways out.
    const bool of_one_link = range.first.is_link_local() || range.first.is_multicast();
    if (of_one_link && !answer.uncertain.empty()) return;
    Sum& sum = find(answer);
    sum.way.share_ratio += share;
    sum.way.depends = sum.way.depends || answer.depends_on != DependsOn::kNothing;
    total_ += share;
    // What becomes of a single address leaves the ways out as they are.
    if (uncertain_.empty() && range.first != range.last) uncertain_ = answer.uncertain;
    if (share <= sum.largest) return;
    sum.largest = share;
    sum.way.gateway = answer.gateway;
    sum.way.table = answer.table;
  }

  const std::string& uncertain() const { return uncertain_; }
  /// Returns the ways, largest share first.
  std::vector<WayOut> take(const Snapshot& snapshot) {
    std::vector<WayOut> ways;
    for (auto& [key, sum] : sums_) {
      sum.way.share_ratio /= total_;
      sum.way.is_tunnel = is_tunnel(snapshot, sum.way.interface);
      sum.way.dead = dead_state(snapshot, sum.way.interface);
      ways.push_back(std::move(sum.way));
    }
    std::ranges::stable_sort(ways, std::greater{}, &WayOut::share_ratio);
    return ways;
  }

 private:
  struct Sum {
    WayOut way;
    double largest = 0;
  };

  Sum& find(const FlowAnswer& answer) {
    if (last_ != nullptr && last_->way.fate == answer.fate && last_->way.interface == answer.interface) return *last_;
    Sum& sum = sums_[{answer.fate, std::string(answer.interface)}];
    sum.way.fate = answer.fate;
    sum.way.interface = answer.interface;
    last_ = &sum;
    return sum;
  }

  std::map<std::pair<FlowFate, std::string>, Sum> sums_;
  Sum* last_ = nullptr;
  double total_ = 0;
  std::string uncertain_;
};

FamilyOverview overview_of(const Snapshot& snapshot, const Fib& fib, const Flow& flow) {
  const Family family = flow.destination.family;
  const IpPrefix base = whole_of(family);
  const IpPrefix everything = IpPrefix::everything(family);
  const double base_share = share_of({base.address, base.last_address()}, everything);
  WayCounter ways;
  WayCounter beyond;
  fib.for_each_range(flow, everything, [&](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
    const AddressRange range{first, last};
    const double in_base = share_of(range, base);
    ways.add(range, in_base, answer);
    beyond.add(range, share_of(range, everything) - in_base * base_share, answer);
  });
  return {.family = family,
          .base = base,
          .ways = ways.take(snapshot),
          .beyond = beyond.take(snapshot),
          .uncertain = ways.uncertain()};
}

/// Where each tunnel stands in the list.
using Places = std::map<std::string, std::size_t, std::less<>>;

TunnelOverview& find_or_add(std::vector<TunnelOverview>& tunnels, Places& places, const Snapshot& snapshot,
                            std::string_view name) {
  const auto [place, is_new] = places.try_emplace(std::string(name), tunnels.size());
  if (!is_new) return tunnels[place->second];
  const Link* link = snapshot.find_link(name);
  const Tunnel* tunnel = snapshot.find_tunnel(name);
  tunnels.push_back({.interface = std::string(name),
                     .state = link_state_name(link),
                     .owner = link == nullptr ? Owner{} : link_owner(snapshot, *link),
                     .not_seen = tunnel == nullptr ? "" : tunnel->not_seen,
                     .routes_inet = 0,
                     .routes_inet6 = 0});
  return tunnels.back();
}

/// How many routes of each family use a set of next hops, beside those that the kernel makes of addresses.
std::vector<std::pair<std::size_t, std::size_t>> routes_by_hops(const RouteTable& table) {
  std::vector<std::pair<std::size_t, std::size_t>> counts(table.next_hop_sets.size());
  for (const Route& route : table.routes) {
    if (route.table == kTableLocal || route.protocol == kProtocolKernel) continue;
    auto& [inet, inet6] = counts[route.next_hops];
    ++(route.destination.family() == Family::kInet ? inet : inet6);
  }
  return counts;
}

std::vector<TunnelOverview> tunnels_of(const Snapshot& snapshot) {
  std::vector<TunnelOverview> tunnels;
  Places places;
  if (snapshot.links) {
    for (const Link& link : *snapshot.links) {
      if (is_tunnel(snapshot, link.name)) find_or_add(tunnels, places, snapshot, link.name);
    }
  }
  if (!snapshot.routes) return tunnels;
  const auto counts = routes_by_hops(*snapshot.routes);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto [inet, inet6] = counts[i];
    if (inet + inet6 == 0) continue;
    for (const NextHop& hop : snapshot.routes->next_hop_sets[i].hops) {
      if (!is_tunnel(snapshot, hop.interface)) continue;
      TunnelOverview& tunnel = find_or_add(tunnels, places, snapshot, hop.interface);
      tunnel.routes_inet += inet;
      tunnel.routes_inet6 += inet6;
    }
  }
  return tunnels;
}

}  // namespace

const char* link_state_name(const Link* link) {
  if (link == nullptr) return "not there";
  if (!link->is_up()) return "down";
  return link->is_running() ? "up" : "no carrier";
}

bool could_lead_out(const Snapshot& snapshot, const Link& link) {
  static constexpr auto kKinds = std::to_array<std::string_view>(
      {"", "veth", "vlan", "macvlan", "macvtap", "ipvlan", "bond", "team", "bridge", "netkit"});
  if (link.is_loopback() || std::ranges::count(kKinds, link.kind) == 0) return false;
  if (is_tunnel(snapshot, link.name) || is_container_bridge(snapshot, link.name)) return false;
  const Link* master = link.master.empty() ? nullptr : snapshot.find_link(link.master);
  return master == nullptr || master->is_vrf();
}

bool is_without_network(const Snapshot& snapshot) {
  if (!snapshot.links.is_complete()) return false;
  return std::ranges::all_of(*snapshot.links, [&snapshot](const Link& link) {
    return link.is_loopback() || (!link.is_running() && !could_lead_out(snapshot, link));
  });
}

RoutesOverview routes_overview(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid) {
  RoutesOverview overview;
  Flow flow;
  flow.uid = uid;
  for (FamilyOverview* each : {&overview.inet, &overview.inet6}) {
    flow.destination = IpPrefix::everything(each == &overview.inet ? Family::kInet : Family::kInet6).address;
    each->family = flow.destination.family;
    each->base = whole_of(each->family);
    if (snapshot.routes) *each = overview_of(snapshot, fib, flow);
  }
  overview.tunnels = tunnels_of(snapshot);
  overview.is_without_network = snapshot.platform == Platform::kLinux && is_without_network(snapshot);
  return overview;
}

}  // namespace vpndoctor
