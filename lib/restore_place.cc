// SPDX-License-Identifier: Apache-2.0
// Compares links and addresses of two moments; see the header.
#include "restore_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr int kHandledByKernel = 0;

void collect_addresses(const Snapshot& snapshot, std::map<std::string, std::set<IpPrefix>>& networks,
                       std::set<std::pair<std::string, IpPrefix>>& unmanaged) {
  if (!snapshot.addresses) return;
  for (const Address& address : *snapshot.addresses) {
    const IpPrefix prefix = address.on_link();
    if (!prefix.address.is_link_local()) networks[address.interface].insert(prefix);
    if ((address.flags & kAddressNoPrefixRoute) != 0) unmanaged.emplace(address.interface, prefix);
  }
}

bool has_network(const std::map<std::string, std::set<IpPrefix>>& networks, const std::string& interface,
                 const IpPrefix& prefix) {
  const auto found = networks.find(interface);
  return found != networks.end() && found->second.contains(prefix);
}

/// True when a router advertisement of that interface is handled by a manager instead of the kernel.
bool advertisement_has_manager(const Snapshot& snapshot, const std::string& interface) {
  if (!snapshot.settings) return false;
  const auto found = snapshot.settings->inet6.find(interface);
  return found != snapshot.settings->inet6.end() && found->second.accept_router_advertisements == kHandledByKernel;
}

std::string first_interface(const std::vector<NextHop>& hops) { return hops.empty() ? "" : hops.front().interface; }

bool sends_packets(RouteType type) {
  switch (type) {
    case RouteType::kBlackhole:
    case RouteType::kUnreachable:
    case RouteType::kProhibit:
    case RouteType::kThrow:
      return false;
    default:
      return true;
  }
}

}  // namespace

Place::Place(const Snapshot& now, const Snapshot& target, const RestoreOptions& options)
    : now_(&now),
      target_(&target),
      options_(options),
      now_machines_(machines_of(now)),
      target_machines_(machines_of(target)) {
  collect_addresses(now, now_networks_, now_unmanaged_);
  collect_addresses(target, target_networks_, target_unmanaged_);
  find_other_networks();
  find_own_addresses();
}

Place::Machines Place::machines_of(const Snapshot& snapshot) {
  Machines machines;
  if (!snapshot.neighbours) return machines;
  for (const Neighbour& each : *snapshot.neighbours) {
    // What somebody wrote down tells nothing of who answers.
    constexpr unsigned kNobody = kNeighbourFailed | kNeighbourIncomplete | kNeighbourPermanent | kNeighbourNoArp;
    const bool is_there = (each.state & kNobody) == 0;
    if (is_there && !each.hardware_address.empty()) machines[{each.interface, each.address}] = each.hardware_address;
  }
  return machines;
}

/// Two networks may have one prefix and one address for their router, but not one router.
void Place::find_other_networks() {
  if (!target_->routes || options_.is_return) return;
  for (const NextHopSet& set : target_->routes->next_hop_sets) {
    for (const NextHop& hop : set.hops) {
      if (!hop.gateway) continue;
      const auto then = target_machines_.find({hop.interface, *hop.gateway});
      const auto today = now_machines_.find({hop.interface, *hop.gateway});
      if (then == target_machines_.end() || today == now_machines_.end() || then->second == today->second) continue;
      other_networks_.emplace(hop.interface, *hop.gateway);
    }
  }
}

std::string Place::other_network(const std::string& interface) const {
  const auto found = other_networks_.find(interface);
  if (found == other_networks_.end()) return {};
  std::string objection = fmt::format("{} is another machine than when the state was saved: {} is on another network",
                                      found->second, interface);
  return unless_forced(std::move(objection));
}

std::string Place::unless_forced(std::string objection) const {
  if (!options_.force) {
    remarks_.insert("with --apply --force a gateway that is, or may be, another machine than then is no objection");
    return objection;
  }
  remarks_.insert(objection + "; passed over, as --force says");
  return {};
}

bool Place::is_answering(const NextHop& hop) const {
  return hop.gateway && now_machines_.contains({hop.interface, *hop.gateway}) && !is_tunnel(*now_, hop.interface);
}

std::string Place::stranger_objection(const NextHop& hop, const std::vector<IpAddress>& working) const {
  if (!hop.gateway || options_.is_return || is_tunnel(*now_, hop.interface)) return {};
  if (std::ranges::find(working, *hop.gateway) != working.end()) return {};
  const auto then = target_machines_.find({hop.interface, *hop.gateway});
  const auto today = now_machines_.find({hop.interface, *hop.gateway});
  const bool is_here = today != now_machines_.end();
  if (is_here && then != target_machines_.end() && then->second == today->second) return {};
  std::string objection =
      fmt::format("today's gateway {} answers; {}", working.front(),
                  is_here ? fmt::format("whether {} is the machine that it was is not known", *hop.gateway)
                          : fmt::format("{} has not been seen here", *hop.gateway));
  return unless_forced(std::move(objection));
}

/// The local table says what is this machine's own, with the kernel's word for broadcast and multicast addresses.
void Place::find_own_addresses() {
  if (!now_->routes) return;
  for (const Route& route : now_->routes->routes) {
    if (route.table != kTableLocal) continue;
    own_.emplace(route.destination, route.type);
    own_lengths_.emplace(route.destination.family(), route.destination.length);
  }
}

/// The kernel refuses a gateway that is no other machine (net/ipv4/fib_semantics.c fib_check_nh(), net/ipv6/route.c
/// ip6_validate_gw()), and one refused step takes the whole plan back.
std::string Place::gateway_objection(const IpAddress& gateway) const {
  for (const auto& [family, length] : own_lengths_ | std::views::reverse) {
    const auto found = family == gateway.family ? own_.find(IpPrefix::of(gateway, length)) : own_.end();
    if (found == own_.end()) continue;
    if (found->second == RouteType::kLocal) return fmt::format("the gateway {} is this machine's own address", gateway);
    if (found->second != RouteType::kUnicast)
      return fmt::format("the gateway {} is no single machine's address", gateway);
  }
  const bool is_nobody = gateway.is_multicast() || gateway.is_loopback() || gateway.is_unspecified();
  return is_nobody ? fmt::format("the gateway {} is no address of a machine on a network", gateway) : std::string();
}

bool Place::is_own_address(const IpAddress& address) const {
  return !now_->addresses ||
         std::ranges::any_of(*now_->addresses, [&](const Address& own) { return own.address == address; });
}

bool Place::has_moved(const std::string& interface, Family family) const {
  const auto then = target_networks_.find(interface);
  if (then == target_networks_.end()) return false;
  bool had_any = false;
  for (const IpPrefix& prefix : then->second) {
    if (prefix.family() != family) continue;
    if (has_network(now_networks_, interface, prefix)) return false;
    had_any = true;
  }
  return had_any && now_->addresses.is_known();
}

bool Place::is_on_network(const std::string& interface, const IpAddress& address) const {
  if (address.family == Family::kInet6 && address.is_link_local()) return true;
  const auto found = now_networks_.find(interface);
  return found != now_networks_.end() &&
         std::ranges::any_of(found->second, [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

bool Place::is_new(const std::string& interface) const {
  return target_->links.is_complete() && now_->find_link(interface) != nullptr &&
         target_->find_link(interface) == nullptr;
}

bool Place::is_kernel_made(const RouteTable& table, const Route& route, bool is_target) const {
  const std::string interface = first_interface(table.hops(route));
  if (route.protocol == kProtocolRedirect) return true;
  if (route.protocol == kProtocolRouterAdvertisement) {
    return !advertisement_has_manager(is_target ? *target_ : *now_, interface);
  }
  if (route.protocol != kProtocolKernel) return false;
  const OwnPrefixes& unmanaged = is_target ? target_unmanaged_ : now_unmanaged_;
  return route.type != RouteType::kUnicast || !unmanaged.contains({interface, route.destination});
}

bool Place::should_exist(const RouteTable& table, const Route& route) const {
  if (route.type != RouteType::kUnicast || route.protocol != kProtocolKernel) return false;
  // The route of an address that is gone has that address for its source.
  const auto& source = table.attributes(route).preferred_source;
  if (source && !is_own_address(*source)) return false;
  const std::string interface = first_interface(table.hops(route));
  const Link* link = now_->find_link(interface);
  return link != nullptr && link->is_up() && has_network(now_networks_, interface, route.destination) &&
         !now_unmanaged_.contains({interface, route.destination});
}

std::string Place::interface_objection(const std::string& interface) const {
  if (!now_->links) return {};
  const Link* link = now_->find_link(interface);
  if (link == nullptr) return fmt::format("{} is not on this machine", interface);
  if (!link->is_up()) return fmt::format("the interface {} is down", interface);
  // Of a Mac's captures the flag is not always told.
  const bool has_carrier = link->is_running() || now_->platform != Platform::kLinux || options_.is_return;
  return has_carrier ? std::string() : fmt::format("the interface {} has no carrier", interface);
}

std::string Place::leg_objection(const NextHop& hop, Family family) const {
  if (hop.interface.empty()) return "its interface was not known when the state was saved";
  std::string objection = interface_objection(hop.interface);
  if (objection.empty()) objection = other_network(hop.interface);
  if (objection.empty() && hop.gateway) objection = gateway_objection(*hop.gateway);
  if (!objection.empty()) return objection;
  if (hop.gateway) {
    const auto lost = lost_network(hop.interface, *hop.gateway);
    if (lost) {
      return fmt::format("{} has moved to another network: {}, where the gateway {} was, is not on it now",
                         hop.interface, *lost, *hop.gateway);
    }
  }
  if (!has_moved(hop.interface, hop.gateway ? hop.gateway->family : family)) return {};
  return fmt::format("{} has moved to another network: none of the prefixes that it had is on it now", hop.interface);
}

std::optional<IpPrefix> Place::lost_network(const std::string& interface, const IpAddress& gateway) const {
  const auto then = target_networks_.find(interface);
  if (then == target_networks_.end()) return std::nullopt;
  std::optional<IpPrefix> lost;
  for (const IpPrefix& prefix : then->second) {
    if (!prefix.contains(gateway)) continue;
    if (has_network(now_networks_, interface, prefix)) return std::nullopt;
    lost = prefix;
  }
  return lost;
}

std::string Place::objection(const StandaloneRoute& route) const {
  if (!route.attributes.not_understood.empty()) {
    return fmt::format("it has an attribute (number {}) that this version does not know",
                       route.attributes.not_understood.front());
  }
  const bool sends = sends_packets(route.route.type);
  if (sends && route.next_hops.hops.empty()) return "its next hops were not known when the state was saved";
  for (const NextHop& hop : sends ? route.next_hops.hops : std::vector<NextHop>{}) {
    std::string objection = leg_objection(hop, route.route.destination.family());
    if (!objection.empty()) return objection;
  }
  const auto& source = route.attributes.preferred_source;
  if (source && !is_own_address(*source)) {
    return fmt::format("its source address {} is not on this machine now", *source);
  }
  return {};
}

}  // namespace vpndoctor
