// SPDX-License-Identifier: Apache-2.0
// The state of one network namespace at one moment, whoever read it: the kernel, a saved file, a capture of another
// machine. What every analysis of routing takes. Plain values; knows neither how they were read nor how they are shown.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/dns_configuration.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/interface_configuration.h"
#include "vpndoctor/network.h"
#include "vpndoctor/observed.h"
#include "vpndoctor/tunnel.h"
#include "vpndoctor/vpn_sign.h"
#include "vpndoctor/xfrm.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class Platform : std::uint8_t { kLinux, kMacos };

/// sysctls of one interface that decide where packets go; null: the file was not there.
struct InterfaceSettings {
  std::optional<int> forwarding;                    ///< net.ipvX.conf.IF.forwarding
  std::optional<int> ignore_routes_with_linkdown;   ///< net.ipvX.conf.IF.ignore_routes_with_linkdown
  std::optional<int> reverse_path_filter;           ///< net.ipv4.conf.IF.rp_filter: 0 off, 1 strict, 2 loose
  std::optional<int> source_valid_mark;             ///< net.ipv4.conf.IF.src_valid_mark
  std::optional<int> accept_local;                  ///< net.ipv4.conf.IF.accept_local
  std::optional<int> route_localnet;                ///< net.ipv4.conf.IF.route_localnet
  std::optional<int> accept_source_route;           ///< net.ipv4.conf.IF.accept_source_route
  std::optional<int> accept_router_advertisements;  ///< net.ipv6.conf.IF.accept_ra
  std::optional<int> disabled;                      ///< net.ipv6.conf.IF.disable_ipv6
  std::optional<int> use_temporary_addresses;       ///< net.ipv6.conf.IF.use_tempaddr
  bool operator==(const InterfaceSettings&) const = default;
};

/// sysctls of the namespace. The interfaces "all" and "default" are entries of the maps.
struct RoutingSettings {
  std::optional<int> multipath_hash_policy;     ///< net.ipv4.fib_multipath_hash_policy
  std::optional<int> multipath_use_neighbours;  ///< net.ipv4.fib_multipath_use_neigh
  std::optional<int> multipath_hash_policy6;    ///< net.ipv6.fib_multipath_hash_policy
  std::map<std::string, InterfaceSettings> inet;
  std::map<std::string, InterfaceSettings> inet6;
};

/// Names that the machine gives to numbers (/etc/iproute2/rt_tables, rt_protos, group), beyond the kernel's own.
struct NumberNames {
  std::map<std::uint32_t, std::string> tables;
  std::map<std::uint32_t, std::string> protocols;
  std::map<std::uint32_t, std::string> groups;
};

/// Where names stand in a list that is too long to be searched each time. Made anew when the list is another one; a
/// copy begins without. Names of a long list that are changed in place after a look-up are not noticed.
class NamePlaces {
 public:
  NamePlaces() = default;
  NamePlaces(const NamePlaces& /*other*/) {}
  NamePlaces& operator=(const NamePlaces& other) {
    if (this == &other) return *this;
    list_ = nullptr;
    places_.clear();
    return *this;
  }
  ~NamePlaces() = default;

  /// The first element whose `name` is the wanted one; null when there is none.
  template <class T>
  const T* find(const std::vector<T>& list, std::string T::* name, std::string_view wanted);

 private:
  const void* list_ = nullptr;
  std::size_t size_ = 0;
  std::map<std::string, std::size_t, std::less<>> places_;
};

struct Snapshot {
  Platform platform = Platform::kLinux;
  std::chrono::system_clock::time_point taken_at;
  std::string tool_version;                      ///< of the vpndoctor that took it
  std::string kernel_release;                    ///< "6.1.0-18-amd64"; empty: not known
  std::string host_name;                         ///< empty: not known
  std::optional<std::uint64_t> namespace_inode;  ///< of the network namespace
  /// True when nothing changed while it was read; null when that is not known (a capture of text).
  std::optional<bool> stable;

  Observed<std::vector<Link>> links;
  Observed<std::vector<Address>> addresses;
  Observed<RouteTable> routes;
  Observed<std::vector<Rule>> rules;
  Observed<std::vector<NextHopObject>> next_hop_objects;
  Observed<std::vector<Neighbour>> neighbours;
  Observed<RoutingSettings> settings;
  Observed<std::vector<Tunnel>> tunnels;
  Observed<NumberNames> names;
  DnsConfiguration dns;  ///< a facet for each source
  Observed<TunnelActivity> activity;
  Observed<Xfrm> xfrm;
  Observed<Firewall> firewall;
  Observed<std::vector<InterfaceConfiguration>> leases;  ///< of DHCP, with their option 121; only those that are leases
  Observed<std::vector<VpnSign>> vpn_signs;

  // Both remember where names stand in long lists: one snapshot is asked by one thread at a time.
  /// Finds a link by name; null when there is none or links are not known.
  const Link* find_link(std::string_view name) const;
  /// Finds what is known of a tunnel by its interface; null when it is none or tunnels are not known.
  const Tunnel* find_tunnel(std::string_view interface) const;
  /// The name of a table: the machine's own, else the kernel's, else its number.
  std::string table_name(std::uint32_t table) const;

  mutable NamePlaces link_places;    ///< find_link()'s own
  mutable NamePlaces tunnel_places;  ///< find_tunnel()'s own
};

/// True for a tunnel interface that the system has without any VPN: what a driver makes by itself in every network
/// namespace (gre0, sit0, tunl0, ip_vti0: of a kind with ends, and without any), and clat, which translates IPv4 on a
/// network of IPv6 alone (RFC 6877).
bool is_systems_own(const Link& link);

/// True when the interface is a VPN tunnel by its kind, its name's convention or the tunnels facet (wireguard, tun that
/// is no tap, ppp, ipsec/xfrm, vti, gre and IP-in-IP with an end of their own; macOS utun, ipsec or ppp that has an
/// address other than a link-local one, or to which scutil gives a DNS server). Bridges, VXLAN, veth, taps of virtual
/// machines, clat, and what a driver makes by itself (gre0, sit0, tunl0) are not.
bool is_tunnel(const Snapshot& snapshot, std::string_view interface);

}  // namespace vpndoctor
