// SPDX-License-Identifier: Apache-2.0
// Finds them by the routes that need no router; see the header.
#include "guests.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "address_classes.h"
#include "finding_parts.h"
#include "routing_checks.h"

namespace vpndoctor {
namespace {

/// IPv6 forwards for all interfaces or none (net/ipv6/ip6_output.c ip6_forward()).
bool forwards_for(const Snapshot& snapshot, Family family, const std::string& interface) {
  if (!snapshot.settings) return false;
  const auto& settings = family == Family::kInet ? snapshot.settings->inet : snapshot.settings->inet6;
  const auto found = settings.find(family == Family::kInet ? interface : "all");
  return found != settings.end() && found->second.forwarding.value_or(0) != 0;
}

/// True for what others may be behind, as far as the link tells.
bool may_have_guests(const Snapshot& snapshot, const Link& link) {
  const bool leads_somewhere = link.is_up() && !link.is_loopback() && link.kind != "dummy";
  return leads_somewhere && !is_tunnel(snapshot, link.name);
}

bool is_virtual_cable(const Link& link) {
  constexpr std::array<std::string_view, 4> kCables = {"veth", "tun", "macvtap", "netkit"};
  return std::ranges::find(kCables, link.kind) != kCables.end();
}

/// A virtual cable, or a bridge of such: by its name, or by what is in it.
bool leads_to_virtual(const Snapshot& snapshot, const Link& link) {
  if (link.kind != "bridge") return is_virtual_cable(link);
  if (is_container_bridge(snapshot, link.name)) return true;
  bool has_port = false;
  for (const Link& port : *snapshot.links) {
    if (port.master != link.name) continue;
    if (!is_virtual_cable(port)) return false;
    has_port = true;
  }
  return has_port;
}

/// True for a route that this machine's packets to the world take.
bool is_to_world(const Route& route, bool has_gateway) {
  constexpr unsigned kHalf = 1;
  if (route.destination.length <= kHalf) return true;
  return has_gateway && is_public_class(registered_class(route.destination.address));
}

class GuestFinder {
 public:
  explicit GuestFinder(const Snapshot& snapshot) : snapshot_(snapshot) {
    for (const Link& link : *snapshot.links) {
      if (may_have_guests(snapshot, link)) places_[link.name].link = &link;
    }
  }

  std::vector<Guests> find() {
    const bool is_asked = std::ranges::any_of(places_, [&](const auto& each) {
      return std::ranges::any_of(
          kFamilies, [&](Family family) { return forwards_for(snapshot_, family, each.second.link->name); });
    });
    if (is_asked) look_at_routes();
    std::vector<Guests> found;
    for (const Link& link : *snapshot_.links) {
      const auto place = places_.find(link.name);
      if (place != places_.end() && !place->second.is_uplink) add(place->second, found);
    }
    return found;
  }

 private:
  struct Place {
    const Link* link = nullptr;
    bool is_uplink = false;
    std::array<std::optional<IpAddress>, 2> guest = {};  ///< by Family
  };

  /// A leg of a next hop set that leads to one of the places.
  struct Leg {
    Place* place;
    bool has_gateway;
  };

  /// By the number of the set: a million routes share few of them.
  std::vector<std::vector<Leg>> legs() {
    std::vector<std::vector<Leg>> found;
    for (const NextHopSet& set : snapshot_.routes->next_hop_sets) {
      std::vector<Leg>& of_set = found.emplace_back();
      for (const NextHop& hop : set.hops) {
        const auto place = places_.find(hop.interface);
        if (place != places_.end()) of_set.push_back({&place->second, hop.gateway.has_value()});
      }
    }
    return found;
  }

  void look_at_routes() {
    const auto legs_of = legs();
    for (const Route& route : snapshot_.routes->routes) {
      if (route.type != RouteType::kUnicast || route.table == kTableLocal) continue;
      for (const auto& [place, has_gateway] : legs_of[route.next_hops]) {
        if (place->is_uplink) continue;
        auto& guest = place->guest[static_cast<std::size_t>(route.destination.family())];
        place->is_uplink = is_to_world(route, has_gateway);
        if (!has_gateway && !guest) guest = guest_of(route.destination);
      }
    }
  }

  /// One of the last addresses of the network, since the first ones are often routers', and the last the broadcast.
  std::optional<IpAddress> guest_of(const IpPrefix& network) const {
    if (network.address.is_multicast() || network.address.is_link_local()) return std::nullopt;
    for (const unsigned back : {1U, 2U, 0U}) {
      IpAddress guest = network.last_address();
      std::uint8_t& last = guest.bytes[guest.octets().size() - 1];
      if (last < back) continue;
      last = static_cast<std::uint8_t>(last - back);
      if (network.contains(guest) && !is_own(guest)) return guest;
    }
    return std::nullopt;
  }

  bool is_own(const IpAddress& address) const {
    return std::ranges::find(*snapshot_.addresses, address, &Address::address) != snapshot_.addresses->end();
  }

  void add(const Place& place, std::vector<Guests>& found) const {
    for (const Family family : kFamilies) {
      const auto& guest = place.guest[static_cast<std::size_t>(family)];
      if (!guest || !forwards_for(snapshot_, family, place.link->name)) continue;
      found.push_back({place.link, *guest, leads_to_virtual(snapshot_, *place.link)});
    }
  }

  const Snapshot& snapshot_;
  std::map<std::string_view, Place> places_;
};

}  // namespace

std::vector<Guests> find_guests(const Snapshot& snapshot) { return GuestFinder(snapshot).find(); }

}  // namespace vpndoctor
