// SPDX-License-Identifier: Apache-2.0
// Sums ranges of equal answers up by where they lead, and counts routes by tunnel.
#include "vpndoctor/routes_overview.h"

#include <algorithm>
#include <map>
#include <utility>

#include "vpndoctor/prefix_set.h"

namespace vpndoctor {
namespace {

/// What is no destination of a packet that leaves: this machine's own addresses, those of many, and impossible ones.
bool is_no_way_out(FlowFate fate) {
  return fate == FlowFate::kLocal || fate == FlowFate::kBroadcast || fate == FlowFate::kMulticast ||
         fate == FlowFate::kAnycast || fate == FlowFate::kMartian;
}

/// Adds up shares; the ranges come one after the other, mostly with the answer of one before.
class WayCounter {
 public:
  explicit WayCounter(Family family) : everything_(IpPrefix::everything(family)) {}

  void add(const AddressRange& range, const FlowAnswer& answer) {
    if (is_no_way_out(answer.fate)) return;
    // An address of one link alone, whose interface is not told (macOS), says nothing of the ways out.
    const bool of_one_link = range.first.is_link_local() || range.first.is_multicast();
    if (of_one_link && !answer.uncertain.empty()) return;
    const double share = share_of(range, everything_);
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

  FamilyOverview take(const Snapshot& snapshot) {
    FamilyOverview overview{.family = everything_.family(), .ways = {}, .uncertain = std::move(uncertain_)};
    for (auto& [key, sum] : sums_) {
      sum.way.share_ratio /= total_;
      sum.way.is_tunnel = is_tunnel(snapshot, sum.way.interface);
      overview.ways.push_back(std::move(sum.way));
    }
    std::ranges::stable_sort(overview.ways, std::greater{}, &WayOut::share_ratio);
    return overview;
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

  IpPrefix everything_;
  std::map<std::pair<FlowFate, std::string>, Sum> sums_;
  Sum* last_ = nullptr;
  double total_ = 0;
  std::string uncertain_;
};

FamilyOverview overview_of(const Snapshot& snapshot, const Fib& fib, const Flow& flow) {
  const Family family = flow.destination.family;
  WayCounter counter(family);
  fib.for_each_range(flow, IpPrefix::everything(family),
                     [&counter](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
                       counter.add({first, last}, answer);
                     });
  return counter.take(snapshot);
}

/// Where each tunnel stands in the list.
using Places = std::map<std::string, std::size_t, std::less<>>;

TunnelOverview& find_or_add(std::vector<TunnelOverview>& tunnels, Places& places, const Snapshot& snapshot,
                            std::string_view name) {
  const auto [place, is_new] = places.try_emplace(std::string(name), tunnels.size());
  if (!is_new) return tunnels[place->second];
  const Link* link = snapshot.find_link(name);
  tunnels.push_back({.interface = std::string(name),
                     .state = link_state_name(link),
                     .owner = link == nullptr ? Owner{} : link_owner(snapshot, *link),
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

RoutesOverview routes_overview(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid) {
  RoutesOverview overview;
  Flow flow;
  flow.uid = uid;
  for (FamilyOverview* each : {&overview.inet, &overview.inet6}) {
    flow.destination = IpPrefix::everything(each == &overview.inet ? Family::kInet : Family::kInet6).address;
    each->family = flow.destination.family;
    if (snapshot.routes) *each = overview_of(snapshot, fib, flow);
  }
  overview.tunnels = tunnels_of(snapshot);
  return overview;
}

}  // namespace vpndoctor
