// SPDX-License-Identifier: Apache-2.0
// Weighs the files of interface configuration against the machine's state, and turns what holds into routes. Which
// files there are, and what is to be done about missing routes, is elsewhere.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "vpndoctor/configured_state.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kNetworkdMetric = 1024;  // src/network/networkd-util.h DHCP_ROUTE_METRIC
constexpr std::uint32_t kDhcpcdMetric = 1000;    // src/if.h RTMETRIC_BASE, to which the interface's index is added
constexpr std::uint32_t kDhcpcdWireless = 2000;  // RTMETRIC_WIRELESS
constexpr std::uint32_t kNetworkManagerMetric = 100;
constexpr std::uint32_t kDefaultMetric6 = 1024;  // include/net/ip6_route.h IP6_RT_PRIO_USER

constexpr std::uint32_t kBridgeSeconds = 1800;  // RFC 4861 section 6.2.1: AdvDefaultLifetime, three times the interval

/// How the routes of one configuration are made.
struct Manner {
  std::uint8_t protocol = kProtocolBoot;
  std::uint32_t metric = 0;
  std::optional<IpAddress> preferred_source;
};

/// What the routes that are there tell of a configuration's manner.
struct RouteEvidence {
  std::optional<Manner> survivor;                 ///< of a route of the same configuration
  std::optional<std::uint32_t> connected_metric;  ///< of the interface's own network
};

class Weighing {
 public:
  Weighing(const Snapshot& now, std::span<const InterfaceConfiguration> all) : now_(now), all_(all) {}

  void weigh(const InterfaceConfiguration& configuration) {
    for (const std::string& place : configuration.not_understood) {
      refuse(configuration, fmt::format("{} is not understood", escape_controls(place)));
    }
    if (configuration.ways.empty()) return note_silent_lease(configuration);
    const std::string objection = objection_to(configuration);
    if (!objection.empty()) return refuse(configuration, objection);
    const InterfaceConfiguration* chosen = configuration.is_lease ? lease_of(configuration.interface) : &configuration;
    if (chosen != &configuration) {
      return refuse(configuration, fmt::format("the lease {} counts instead", escape_controls(chosen->source)));
    }
    const RouteEvidence evidence = evidence_of(configuration);
    for (const ConfiguredWay& way : configuration.ways) {
      if (!is_ignored(configuration, way)) add(configuration, way, evidence);
    }
  }

  ConfiguredState take() { return std::move(state_); }

 private:
  void note_silent_lease(const InterfaceConfiguration& configuration);
  std::string objection_to(const InterfaceConfiguration& configuration) const;
  bool has_its_address(const InterfaceConfiguration& configuration) const;
  bool is_ignored(const InterfaceConfiguration& lease, const ConfiguredWay& way) const;
  const InterfaceConfiguration* settings_of(const InterfaceConfiguration& lease) const;
  const InterfaceConfiguration* lease_of(const std::string& interface);
  bool is_shown(const InterfaceConfiguration& lease) const;
  Confidence confidence_of(const InterfaceConfiguration& configuration) const;
  Manner usual_manner(const InterfaceConfiguration& configuration, const ConfiguredWay& way) const;
  Manner manner(const InterfaceConfiguration& configuration, const ConfiguredWay& way,
                const RouteEvidence& evidence) const;
  RouteEvidence evidence_of(const InterfaceConfiguration& configuration) const;
  void add(const InterfaceConfiguration& configuration, const ConfiguredWay& way, const RouteEvidence& evidence);
  void refuse(const InterfaceConfiguration& configuration, const std::string& why) {
    state_.not_read.push_back(
        fmt::format("{}{}: {}", configuration.is_lease ? "lease " : "", escape_controls(configuration.source), why));
  }

  const Snapshot& now_;
  std::span<const InterfaceConfiguration> all_;
  std::map<std::string, const InterfaceConfiguration*> leases_;  ///< the one that counts, by interface
  ConfiguredState state_;
};

/// NetworkManager's internal client writes no routes down.
void Weighing::note_silent_lease(const InterfaceConfiguration& configuration) {
  if (!configuration.is_lease || configuration.manager != ConfigurationManager::kNetworkManager) return;
  refuse(configuration,
         fmt::format("NetworkManager keeps the routes of this lease in memory; `nmcli device reapply {}` "
                     "puts them back",
                     escape_controls(configuration.interface)));
}

/// Why nothing of it counts; empty: it counts.
std::string Weighing::objection_to(const InterfaceConfiguration& configuration) const {
  const std::string name = escape_controls(configuration.interface);
  if (configuration.interface.empty()) return "it names no interface";
  if (now_.find_link(configuration.interface) == nullptr) return fmt::format("there is no interface {}", name);
  if (!now_.addresses) return "the addresses of the interfaces are not known";
  if (configuration.is_lease && configuration.expires_at && *configuration.expires_at < now_.taken_at) {
    return "it has expired";
  }
  const bool needs_address = configuration.is_lease || !configuration.addresses.empty();
  if (needs_address && !has_its_address(configuration)) {
    return fmt::format("{} does not have its address", name);
  }
  return "";
}

bool Weighing::has_its_address(const InterfaceConfiguration& configuration) const {
  return std::ranges::any_of(configuration.addresses, [&](const ConfiguredAddress& wanted) {
    return std::ranges::any_of(*now_.addresses, [&](const Address& address) {
      return address.interface == configuration.interface && address.address == wanted.address;
    });
  });
}

/// The static settings of the interface that a lease is for, by the same program.
const InterfaceConfiguration* Weighing::settings_of(const InterfaceConfiguration& lease) const {
  const auto found = std::ranges::find_if(all_, [&](const InterfaceConfiguration& each) {
    return !each.is_lease && each.manager == lease.manager && each.interface == lease.interface;
  });
  return found == all_.end() ? nullptr : &*found;
}

/// True when a route is there that this lease asks for, made the way its program makes them.
bool Weighing::is_shown(const InterfaceConfiguration& lease) const {
  const RouteEvidence evidence = evidence_of(lease);
  return evidence.survivor && evidence.survivor->protocol == usual_manner(lease, lease.ways.front()).protocol;
}

/// An interface has one lease. Where several programs left one that could hold, the routes that are there tell which it
/// is; else the one that ends last, which is the newest.
const InterfaceConfiguration* Weighing::lease_of(const std::string& interface) {
  const auto known = leases_.find(interface);
  if (known != leases_.end()) return known->second;
  const auto rank = [&](const InterfaceConfiguration& lease) {
    const auto end = lease.never_expires ? std::chrono::system_clock::time_point::max()
                                         : lease.expires_at.value_or(std::chrono::system_clock::time_point::min());
    return std::pair(is_shown(lease), end);
  };
  const InterfaceConfiguration* best = nullptr;
  for (const InterfaceConfiguration& each : all_) {
    const bool could_hold = each.is_lease && each.interface == interface && !each.ways.empty();
    if (!could_hold || !objection_to(each).empty()) continue;
    if (best == nullptr || rank(*best) < rank(each)) best = &each;
  }
  return leases_[interface] = best;
}

bool Weighing::is_ignored(const InterfaceConfiguration& lease, const ConfiguredWay& way) const {
  const InterfaceConfiguration* settings = lease.is_lease ? settings_of(lease) : nullptr;
  if (settings == nullptr) return false;
  return way.destination.is_default() ? settings->ignores_lease_gateway : settings->ignores_lease_routes;
}

Confidence Weighing::confidence_of(const InterfaceConfiguration& configuration) const {
  const bool end_is_known = configuration.expires_at || configuration.never_expires;
  if (configuration.is_lease) return end_is_known ? Confidence::kProven : Confidence::kLikely;
  return configuration.addresses.empty() ? Confidence::kLikely : Confidence::kProven;
}

/// What the program gives to a new route of this configuration.
Manner Weighing::usual_manner(const InterfaceConfiguration& configuration, const ConfiguredWay& way) const {
  const Family family = way.destination.family();
  Manner manner;
  manner.metric = family == Family::kInet6 ? kDefaultMetric6 : 0;
  switch (configuration.manager) {
    case ConfigurationManager::kDhclient:
    case ConfigurationManager::kIfupdown:
      break;
    case ConfigurationManager::kDhcpcd: {
      const bool is_wireless = configuration.interface.starts_with("wl");
      manner.metric = kDhcpcdMetric + (is_wireless ? kDhcpcdWireless : 0) +
                      static_cast<std::uint32_t>(now_.find_link(configuration.interface)->index);
      break;
    }
    case ConfigurationManager::kNetworkd:
      if (configuration.is_lease) manner.metric = kNetworkdMetric;
      break;
    case ConfigurationManager::kNetworkManager:
      manner.metric = kNetworkManagerMetric;
      break;
  }
  const bool marks_leases = configuration.manager != ConfigurationManager::kDhclient;
  const bool is_booting = configuration.manager == ConfigurationManager::kIfupdown;
  if (configuration.is_lease && marks_leases) {
    manner.protocol = kProtocolDhcp;
    manner.preferred_source = configuration.addresses.front().address;
  } else if (!configuration.is_lease && !is_booting) {
    manner.protocol = kProtocolStatic;
  }
  return manner;
}

bool is_way(const Route& route, const NextHop& hop, const ConfiguredWay& way) {
  return route.table == way.table.value_or(kTableMain) && hop.gateway == way.gateway;
}

/// True for the route of the interface's own network: these programs give its metric to their other routes as well.
bool is_connected(const Route& route, const NextHop& hop, const InterfaceConfiguration& configuration) {
  return route.table == kTableMain && route.type == RouteType::kUnicast && route.metric != 0 && !hop.gateway &&
         !route.destination.is_host() && !configuration.addresses.empty() &&
         route.destination.contains(configuration.addresses.front().address);
}

RouteEvidence Weighing::evidence_of(const InterfaceConfiguration& configuration) const {
  RouteEvidence evidence;
  if (!now_.routes) return evidence;
  std::multimap<IpPrefix, const ConfiguredWay*> ways;
  for (const ConfiguredWay& way : configuration.ways) {
    if (!way.metric) ways.emplace(way.destination, &way);  // a metric of its own tells nothing of the others
  }
  for (const Route& route : now_.routes->routes) {
    const auto& hops = now_.routes->hops(route);
    if (hops.size() != 1 || hops[0].interface != configuration.interface) continue;
    if (is_connected(route, hops[0], configuration)) evidence.connected_metric = route.metric;
    const auto [first, last] = ways.equal_range(route.destination);
    const bool survived =
        std::any_of(first, last, [&](const auto& entry) { return is_way(route, hops[0], *entry.second); });
    if (survived && route.destination.family() == Family::kInet) {
      evidence.survivor = Manner{route.protocol, route.metric, now_.routes->attributes(route).preferred_source};
    }
  }
  return evidence;
}

Manner Weighing::manner(const InterfaceConfiguration& configuration, const ConfiguredWay& way,
                        const RouteEvidence& evidence) const {
  Manner manner = usual_manner(configuration, way);
  const InterfaceConfiguration* settings = configuration.is_lease ? settings_of(configuration) : nullptr;
  const bool shares_metric = configuration.is_lease || configuration.manager == ConfigurationManager::kNetworkManager;
  if (evidence.survivor && way.destination.family() == Family::kInet) {
    manner = *evidence.survivor;
  } else if (settings != nullptr && settings->metric) {
    manner.metric = *settings->metric;
  } else if (configuration.metric) {
    manner.metric = *configuration.metric;
  } else if (shares_metric) {
    manner.metric = evidence.connected_metric.value_or(manner.metric);
  }
  if (way.metric) manner.metric = *way.metric;
  if (way.preferred_source) manner.preferred_source = way.preferred_source;
  return manner;
}

void Weighing::add(const InterfaceConfiguration& configuration, const ConfiguredWay& way,
                   const RouteEvidence& evidence) {
  if (way.type != RouteType::kUnicast) {
    return refuse(configuration, fmt::format("{}: routes of this type are not put back", way.place));
  }
  const Manner manner = this->manner(configuration, way, evidence);
  ConfiguredRoute wished;
  Route& route = wished.route.route;
  route.destination = way.destination;
  route.protocol = manner.protocol;
  route.table = way.table.value_or(kTableMain);
  route.metric = manner.metric;
  const bool is_connected = way.destination.family() == Family::kInet && !way.gateway;
  route.scope = is_connected ? kScopeLink : kScopeUniverse;
  NextHop hop;
  hop.gateway = way.gateway;
  hop.interface = configuration.interface;
  hop.flags = way.on_link ? kNextHopOnLink : 0;
  wished.route.next_hops.hops.push_back(std::move(hop));
  if (manner.preferred_source && manner.preferred_source->family == way.destination.family()) {
    wished.route.attributes.preferred_source = manner.preferred_source;
  }
  wished.confidence = confidence_of(configuration);
  wished.source = fmt::format("{}{}, {}", configuration.is_lease ? "lease " : "", escape_controls(configuration.source),
                              escape_controls(way.place));
  const bool is_double = std::ranges::any_of(state_.routes, [&](const ConfiguredRoute& other) {
    return other.route.route.destination == route.destination && other.route.route.table == route.table &&
           other.route.next_hops == wished.route.next_hops;
  });
  if (!is_double) state_.routes.push_back(std::move(wished));
}

bool accepts_router_advertisements(const Snapshot& now, const std::string& interface) {
  if (!now.settings) return false;
  const auto found = now.settings->inet6.find(interface);
  if (found == now.settings->inet6.end()) return false;
  const int accepts = found->second.accept_router_advertisements.value_or(0);
  return accepts == 2 || (accepts == 1 && found->second.forwarding.value_or(0) == 0);
}

/// True when an address of the interface has a lifetime, as those from router advertisements do.
bool has_advertised_address(const Snapshot& now, const std::string& interface) {
  return now.addresses && std::ranges::any_of(*now.addresses, [&](const Address& each) {
           return each.interface == interface && each.address.family == Family::kInet6 &&
                  !each.address.is_link_local() && each.valid_seconds.has_value();
         });
}

bool has_default6(const Snapshot& now) {
  return !now.routes || std::ranges::any_of(now.routes->routes, [](const Route& route) {
    return route.destination == IpPrefix::everything(Family::kInet6) && route.type == RouteType::kUnicast;
  });
}

ConfiguredRoute bridge_through(const Neighbour& router) {
  ConfiguredRoute wished;
  wished.route.route.destination = IpPrefix::everything(Family::kInet6);
  wished.route.route.protocol = kProtocolBoot;
  // The kernel's own route has 1024. One of ours with that metric would keep it out (ip6_fib.c fib6_add_rt2node()).
  wished.route.route.metric = kDefaultMetric6 + 1;
  wished.route.attributes.expires_seconds = kBridgeSeconds;
  NextHop hop;
  hop.gateway = router.address;
  hop.interface = router.interface;
  wished.route.next_hops.hops.push_back(std::move(hop));
  wished.source = fmt::format("router {} on {}", router.address, escape_controls(router.interface));
  wished.confidence = Confidence::kSuspected;
  wished.is_bridge = true;
  return wished;
}

/// A router that is a neighbour need not be one for everything: its flag stays when it says that it is none.
void add_bridges(const Snapshot& now, ConfiguredState& state) {
  if (!now.neighbours || has_default6(now)) return;
  std::map<std::string, std::vector<const Neighbour*>> routers;
  for (const Neighbour& each : *now.neighbours) {
    const bool is_there = each.is_router && each.address.family == Family::kInet6 && each.address.is_link_local() &&
                          (each.state & (kNeighbourFailed | kNeighbourIncomplete)) == 0;
    if (is_there) routers[each.interface].push_back(&each);
  }
  for (const auto& [interface, found] : routers) {
    const bool takes = accepts_router_advertisements(now, interface) && has_advertised_address(now, interface);
    if (takes && found.size() == 1) state.routes.push_back(bridge_through(*found.front()));
  }
}

}  // namespace

ConfiguredState weigh_configuration(const Snapshot& now, std::span<const InterfaceConfiguration> configurations) {
  Weighing weighing(now, configurations);
  for (const InterfaceConfiguration& configuration : configurations) weighing.weigh(configuration);
  ConfiguredState state = weighing.take();
  add_bridges(now, state);
  for (const InterfaceConfiguration& each : configurations) {
    if (!each.interface.empty()) state.managers.emplace(each.interface, each.manager);
  }
  return state;
}

}  // namespace vpndoctor
