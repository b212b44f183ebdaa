// SPDX-License-Identifier: Apache-2.0
// Compares links and addresses of two moments; see the header.
#include "restore_place.h"

#include <fmt/format.h>

#include <algorithm>

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

bool is_own_address(const Snapshot& snapshot, const IpAddress& address) {
  return !snapshot.addresses ||
         std::ranges::any_of(*snapshot.addresses, [&](const Address& own) { return own.address == address; });
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

Place::Place(const Snapshot& now, const Snapshot& target) : now_(&now), target_(&target) {
  collect_addresses(now, now_networks_, now_unmanaged_);
  collect_addresses(target, target_networks_, target_unmanaged_);
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
  const std::string interface = first_interface(table.hops(route));
  const Link* link = now_->find_link(interface);
  return link != nullptr && link->is_up() && has_network(now_networks_, interface, route.destination) &&
         !now_unmanaged_.contains({interface, route.destination});
}

std::string Place::interface_objection(const std::string& interface) const {
  if (!now_->links) return {};
  const Link* link = now_->find_link(interface);
  if (link == nullptr) return fmt::format("the interface {} does not exist now", interface);
  return link->is_up() ? std::string() : fmt::format("the interface {} is down", interface);
}

std::string Place::leg_objection(const NextHop& hop, Family family) const {
  if (hop.interface.empty()) return "its interface was not known when the state was saved";
  std::string objection = interface_objection(hop.interface);
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
  const auto& source = route.attributes.preferred_source;
  if (source && !is_own_address(*now_, *source)) {
    return fmt::format("its source address {} is not on this machine now", *source);
  }
  if (!sends_packets(route.route.type)) return {};
  if (route.next_hops.hops.empty()) return "its next hops were not known when the state was saved";
  for (const NextHop& hop : route.next_hops.hops) {
    std::string objection = leg_objection(hop, route.route.destination.family());
    if (!objection.empty()) return objection;
  }
  return {};
}

}  // namespace vpndoctor
