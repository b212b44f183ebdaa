// SPDX-License-Identifier: Apache-2.0
// Groups routes by everything but their destination, in one pass over a table of a million. Of the destination it
// counts only whether it is a tunnel's other end, since that says whose the route is.
#include "vpndoctor/route_folding.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "vpndoctor/prefix_set.h"

namespace vpndoctor {
namespace {

/// Everything that routes of one group share.
struct GroupKey {
  std::uint32_t table = 0;
  std::uint32_t metric = 0;
  std::uint32_t next_hops = 0;
  std::uint32_t attributes = 0;
  Family family = Family::kInet;
  RoutePurpose purpose = RoutePurpose::kOther;
  RouteType type = RouteType::kUnicast;
  std::uint8_t protocol = 0;
  std::uint8_t scope = 0;
  std::uint8_t tos = 0;
  bool to_endpoint = false;  ///< a host route to the other end of a tunnel, which is the VPN's own
  bool operator==(const GroupKey&) const = default;
};

struct GroupKeyHash {
  std::size_t operator()(const GroupKey& key) const {
    std::uint64_t hash = 0;
    const auto mix = [&hash](std::uint64_t value) {
      constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
      hash = (hash ^ value) * kOdd;
      hash ^= hash >> 29U;
    };
    mix(static_cast<std::uint64_t>(key.table) << 32U | key.metric);
    mix(static_cast<std::uint64_t>(key.next_hops) << 32U | key.attributes);
    mix(static_cast<std::uint64_t>(key.family) << 40U | static_cast<std::uint64_t>(key.purpose) << 32U |
        static_cast<std::uint64_t>(key.type) << 24U | static_cast<std::uint64_t>(key.protocol) << 16U |
        static_cast<std::uint64_t>(key.scope) << 8U | key.tos);
    mix(key.to_endpoint ? 1 : 0);
    return hash;
  }
};

bool is_local(const Route& route) {
  switch (route.type) {
    case RouteType::kLocal:
    case RouteType::kBroadcast:
    case RouteType::kAnycast:
    case RouteType::kMulticast:
      return true;
    default:
      return route.table == kTableLocal || route.destination.address.is_link_local() ||
             route.destination.address.is_multicast();
  }
}

/// Everything, a half of it, or the part of IPv6 that is given out (2000::/3): what VPN clients lay over a default.
bool is_like_default(const IpPrefix& destination) {
  constexpr std::uint8_t kGlobalUnicast = 0x20;
  if (destination.length <= 1) return true;
  return destination.family() == Family::kInet6 && destination.length == 3 &&
         destination.address.bytes[0] == kGlobalUnicast;
}

/// macOS keeps its neighbours and own addresses in the routing table: RTF_LLINFO (flag L), and what was cloned from
/// another route for one host (RTF_WASCLONED, flag W).
bool is_macos_neighbour(const RouteAttributes& attributes) {
  return attributes.macos_flags.find_first_of("LW") != std::string::npos;
}

/// Finds out what routes are for; what a set of next hops leads to is looked up once.
class Purposes {
 public:
  explicit Purposes(const Snapshot& snapshot) : routes_(*snapshot.routes) {
    for (const RouteAttributes& each : routes_.attribute_sets) is_neighbour_.push_back(is_macos_neighbour(each));
    for (const NextHopSet& set : routes_.next_hop_sets) by_hops_.push_back(purpose_of(snapshot, set.hops));
  }

  RoutePurpose of(const Route& route) const {
    if (is_local(route) || is_neighbour_[route.attributes]) return RoutePurpose::kLocal;
    if (is_like_default(route.destination)) return RoutePurpose::kDefault;
    if (route.type != RouteType::kUnicast) return RoutePurpose::kOther;
    return by_hops_[route.next_hops];
  }

 private:
  RoutePurpose purpose_of(const Snapshot& snapshot, const std::vector<NextHop>& hops) {
    bool on_link = !hops.empty();
    for (const NextHop& hop : hops) {
      if (is_tunnel_here(snapshot, hop.interface)) return RoutePurpose::kTunnel;
      on_link = on_link && !hop.gateway;
    }
    return on_link ? RoutePurpose::kLink : RoutePurpose::kOther;
  }

  bool is_tunnel_here(const Snapshot& snapshot, const std::string& interface) {
    const auto [known, is_new] = tunnels_.try_emplace(interface, false);
    if (is_new) known->second = is_tunnel(snapshot, interface);
    return known->second;
  }

  const RouteTable& routes_;
  std::vector<RoutePurpose> by_hops_;
  std::vector<bool> is_neighbour_;  ///< by attributes
  std::unordered_map<std::string, bool> tunnels_;
};

class Folder {
 public:
  explicit Folder(const Snapshot& snapshot) : purposes_(snapshot) {
    if (!snapshot.tunnels) return;
    for (const Tunnel& tunnel : *snapshot.tunnels) {
      for (const OuterEndpoint& endpoint : tunnel.endpoints) endpoints_.insert(endpoint.address);
    }
  }

  void add(const Route& route, std::uint32_t index) {
    const GroupKey key{.table = route.table,
                       .metric = route.metric,
                       .next_hops = route.next_hops,
                       .attributes = route.attributes,
                       .family = route.destination.family(),
                       .purpose = purposes_.of(route),
                       .type = route.type,
                       .protocol = route.protocol,
                       .scope = route.scope,
                       .tos = route.tos,
                       .to_endpoint = route.destination.is_host() && endpoints_.contains(route.destination.address)};
    if (groups_.empty() || key != last_key_) {
      last_key_ = key;
      last_ = find_or_add(key);
    }
    groups_[last_].routes.push_back(index);
  }

  std::vector<RouteGroup> take() { return std::move(groups_); }

 private:
  std::size_t find_or_add(const GroupKey& key) {
    const auto [found, is_new] = by_key_.try_emplace(key, groups_.size());
    if (is_new) {
      groups_.push_back({.table = key.table,
                         .family = key.family,
                         .purpose = key.purpose,
                         .owner = {},
                         .routes = {},
                         .aggregate = {}});
    }
    return found->second;
  }

  Purposes purposes_;
  std::set<IpAddress> endpoints_;
  std::vector<RouteGroup> groups_;
  std::unordered_map<GroupKey, std::size_t, GroupKeyHash> by_key_;
  GroupKey last_key_;
  std::size_t last_ = 0;
};

/// Main first and local last; the tables between by number.
std::uint64_t table_rank(std::uint32_t table) {
  if (table == kTableMain) return 0;
  constexpr std::uint64_t kAfterAll = std::uint64_t{1} << 32U;
  return table == kTableLocal ? kAfterAll : std::uint64_t{1} + table;
}

bool comes_before(const RouteGroup& left, const RouteGroup& right) {
  const auto rank = [](const RouteGroup& group) {
    return std::tuple(table_rank(group.table), group.family, group.purpose,
                      -static_cast<std::int64_t>(group.routes.size()), group.routes.front());
  };
  return rank(left) < rank(right);
}

void finish(const Snapshot& snapshot, RouteGroup& group) {
  const RouteTable& table = *snapshot.routes;
  std::vector<IpPrefix> destinations;
  destinations.reserve(group.routes.size());
  for (const std::uint32_t index : group.routes) destinations.push_back(table.routes[index].destination);
  group.aggregate = aggregate(std::move(destinations));
  group.owner = route_owner(snapshot, table.routes[group.routes.front()]);
}

}  // namespace

const char* route_purpose_name(RoutePurpose purpose) {
  switch (purpose) {
    case RoutePurpose::kDefault:
      return "default";
    case RoutePurpose::kTunnel:
      return "tunnel";
    case RoutePurpose::kOther:
      return "other";
    case RoutePurpose::kLink:
      return "link";
    case RoutePurpose::kLocal:
      break;
  }
  return "local";
}

std::vector<RouteGroup> fold_routes(const Snapshot& snapshot) {
  if (!snapshot.routes) return {};
  Folder folder(snapshot);
  std::uint32_t index = 0;
  for (const Route& route : snapshot.routes->routes) folder.add(route, index++);
  std::vector<RouteGroup> groups = folder.take();
  std::ranges::sort(groups, comes_before);
  for (RouteGroup& group : groups) finish(snapshot, group);
  return groups;
}

double share_of_family(const std::vector<IpPrefix>& prefixes) {
  double share = 0;
  for (const IpPrefix& prefix : prefixes) share += std::ldexp(1.0, -static_cast<int>(prefix.length));
  return share;
}

}  // namespace vpndoctor
