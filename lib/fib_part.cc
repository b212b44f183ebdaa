// SPDX-License-Identifier: Apache-2.0
// Sieves the routes; see the header. What else than the destinations decides in FibIndex and the lookups is kept too:
// local routes, what lies within a network of the table local, what gateways and own addresses are found by.
#include "fib_part.h"

#include <algorithm>
#include <utility>

#include "vpndoctor/fib.h"
#include "vpndoctor/route_table_builder.h"

namespace vpndoctor {
namespace {

class RouteSieve {
 public:
  RouteSieve(const Snapshot& snapshot, PartQuestion& question)
      : table_(*snapshot.routes), asked_(std::move(question.addresses)), left_out_(std::move(question.left_out)) {
    // A source address is chosen from these, and looked up in turn.
    if (snapshot.addresses) {
      for (const Address& own : *snapshot.addresses) asked_.push_back(own.address);
    }
    for (const NextHopSet& set : table_.next_hop_sets) {
      for (const NextHop& hop : set.hops) {
        if (hop.gateway) asked_.push_back(*hop.gateway);
      }
    }
    std::ranges::sort(asked_);
    asked_.erase(std::unique(asked_.begin(), asked_.end()), asked_.end());
    for (const Route& route : table_.routes) {
      const bool is_network = route.table == kTableLocal && !route.destination.is_host();
      if (is_network && route.destination.family() == Family::kInet) local_networks_.push_back(route.destination);
    }
  }

  RouteTable sieve() const {
    RouteTableBuilder builder;
    keep_realms(builder);
    auto skipped = left_out_.begin();
    for (std::uint32_t number = 0; number < table_.routes.size(); ++number) {
      if (skipped != left_out_.end() && *skipped == number) {
        ++skipped;
        continue;
      }
      Route route = table_.routes[number];
      if (!is_wanted(route)) continue;
      route.next_hops = builder.intern(table_.next_hop_sets[route.next_hops]);
      route.attributes = builder.intern(table_.attribute_sets[route.attributes]);
      builder.add(route);
    }
    return builder.take();
  }

 private:
  /// One realm anywhere makes the kernel check all sources in full.
  void keep_realms(RouteTableBuilder& builder) const {
    const auto has_realms = [](const RouteAttributes& set) { return set.realms != 0; };
    const auto found = std::ranges::find_if(table_.attribute_sets, has_realms);
    if (found != table_.attribute_sets.end()) builder.intern(*found);
  }

  bool is_wanted(const Route& route) const {
    if (route.table == kTableLocal || route.type == RouteType::kLocal) return true;
    const IpPrefix& prefix = route.destination;
    const auto first = std::ranges::lower_bound(asked_, prefix.address);
    if (first != asked_.end() && prefix.contains(*first)) return true;
    // Where the tables local and main are one, what lies within a network of local ends a lookup of it.
    return std::ranges::any_of(local_networks_, [&](const IpPrefix& each) { return each.contains(prefix.address); });
  }

  const RouteTable& table_;
  std::vector<IpAddress> asked_;
  std::vector<std::uint32_t> left_out_;
  std::vector<IpPrefix> local_networks_;
};

template <class T>
Observed<T> with_limits_of(T value, const Observed<T>& whole) {
  Observed<T> part(std::move(value), whole.source());
  for (const std::string& limit : whole.limits()) part.add_limit(limit);
  return part;
}

}  // namespace

Snapshot part_of(const Snapshot& snapshot, PartQuestion question) {
  Snapshot part;
  part.platform = snapshot.platform;
  part.kernel_release = snapshot.kernel_release;
  part.stable = snapshot.stable;
  part.links = snapshot.links;
  part.addresses = snapshot.addresses;
  part.rules = snapshot.rules;
  part.next_hop_objects = snapshot.next_hop_objects;
  part.neighbours = snapshot.neighbours;
  part.settings = snapshot.settings;
  part.names = snapshot.names;
  part.tunnels = snapshot.tunnels;
  const std::vector<std::string> without_links = std::move(question.without_links);
  if (snapshot.routes) {
    part.routes = with_limits_of(RouteSieve(snapshot, question).sieve(), snapshot.routes);
  } else {
    part.routes = Observed<RouteTable>::missing(snapshot.routes.why_missing());
  }
  take_links_away(part, without_links);
  return part;
}

}  // namespace vpndoctor
