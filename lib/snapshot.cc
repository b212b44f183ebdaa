// SPDX-License-Identifier: Apache-2.0
// Looks things up in a snapshot.
#include "vpndoctor/snapshot.h"

#include <algorithm>
#include <array>

#include "vpndoctor/ppp_use.h"

namespace vpndoctor {
namespace {

/// ARPHRD_* of tunnels that have no link kind of their own (include/uapi/linux/if_arp.h).
constexpr std::uint16_t kHardwareNone = 0xfffe;
constexpr std::uint8_t kTap = 2;

constexpr auto kTunnelKinds =
    std::to_array<std::string_view>({"wireguard", "amneziawg", "ovpn", "ovpn-dco", "ppp", "xfrm", "ipsec", "l2tpeth"});
/// Kinds that are a tunnel once they have an end; without one they are the system's (gre0, sit0, tunl0, ip_vti0).
constexpr auto kKindsWithEnds =
    std::to_array<std::string_view>({"gre", "gretap", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "sit", "vti", "vti6"});

/// Of a kind with ends. One that has none was made by its driver: a tunnel between anybody and anybody.
bool has_ends(const Link& link) {
  return std::ranges::count(kKindsWithEnds, link.kind) != 0 && (link.tunnel_remote || link.tunnel_local);
}

/// macOS itself makes utun interfaces that have link-local addresses alone; a VPN's has another, or a DNS server.
bool is_macos_tunnel(const Snapshot& snapshot, std::string_view interface) {
  if (!interface.starts_with("utun") && !interface.starts_with("ipsec") && !interface.starts_with("ppp")) return false;
  const bool has_address = snapshot.addresses && std::ranges::any_of(*snapshot.addresses, [&](const Address& each) {
                             return each.interface == interface && !each.address.is_link_local();
                           });
  if (has_address || !snapshot.dns.macos) return has_address;
  return std::ranges::any_of(snapshot.dns.macos->resolvers, [&](const MacosResolver& each) {
    return each.interface == interface && !each.servers.empty();
  });
}

}  // namespace

template <class T>
const T* NamePlaces::find(const std::vector<T>& list, std::string T::* name, std::string_view wanted) {
  constexpr std::size_t kShort = 64;
  if (list.size() <= kShort) {
    const auto found = std::ranges::find(list, wanted, name);
    return found == list.end() ? nullptr : &*found;
  }
  if (list_ != list.data() || size_ != list.size()) {
    places_.clear();
    for (std::size_t at = 0; at < list.size(); ++at) places_.try_emplace(list[at].*name, at);
    list_ = list.data();
    size_ = list.size();
  }
  const auto place = places_.find(wanted);
  return place == places_.end() ? nullptr : &list[place->second];
}

const Link* Snapshot::find_link(std::string_view name) const {
  return links ? link_places.find(*links, &Link::name, name) : nullptr;
}

const Tunnel* Snapshot::find_tunnel(std::string_view interface) const {
  return tunnels ? tunnel_places.find(*tunnels, &Tunnel::interface, interface) : nullptr;
}

std::string Snapshot::table_name(std::uint32_t table) const {
  if (names) {
    if (const auto found = names->tables.find(table); found != names->tables.end()) return found->second;
  }
  return vpndoctor::table_name(table);
}

bool is_systems_own(const Link& link) {
  // Android names it after the uplink: v4-wlan0.
  if (link.kind == "tun") return link.name.starts_with("clat") || link.name.starts_with("v4-");
  return std::ranges::count(kKindsWithEnds, link.kind) != 0 && !has_ends(link);
}

bool is_tunnel(const Snapshot& snapshot, std::string_view interface) {
  if (snapshot.platform == Platform::kMacos) return is_macos_tunnel(snapshot, interface);
  const Link* link = snapshot.find_link(interface);
  const Tunnel* tunnel = snapshot.find_tunnel(interface);
  if (tunnel != nullptr && is_uplink_kind(tunnel->kind)) return false;
  if (tunnel != nullptr && !tunnel->endpoints.empty()) return true;
  if (link != nullptr && is_systems_own(*link)) return false;
  if (tunnel != nullptr || link == nullptr) return tunnel != nullptr;
  if (link->kind == "tun") return link->tun_type != kTap && link->hardware_type == kHardwareNone;
  return has_ends(*link) || std::ranges::count(kTunnelKinds, link->kind) != 0 || link->hardware_type == kHardwarePpp;
}

}  // namespace vpndoctor
