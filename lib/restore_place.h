// SPDX-License-Identifier: Apache-2.0
// Where the machine is today, compared with where it was: which interfaces are still there, which moved to another
// network, what is on link. Says why a route of the past would not work here; plans nothing.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vpndoctor/restore_plan.h"

namespace vpndoctor {

class Place {
 public:
  Place(const Snapshot& now, const Snapshot& target, const RestoreOptions& options = {});

  /// Why the route cannot be added or would do harm here, apart from whether its gateways are on link; empty: no
  /// objection.
  std::string objection(const StandaloneRoute& route) const;

  /// True when the interface had addresses of that family and none of their prefixes is left on it.
  bool has_moved(const std::string& interface, Family family) const;
  /// Why the interface is on another network than then, although it may have the same prefix: a gateway there is
  /// another machine now. Empty: nothing tells so.
  std::string other_network(const std::string& interface) const;
  /// True when the leg's gateway is a neighbour with a hardware address, on a link that is no tunnel.
  bool is_answering(const NextHop& hop) const;
  /// Why the leg must not take the place of a default through one of `working`, which answer: its gateway is not known
  /// to be the one of then. Empty: it is, it is the other end of a tunnel, or whoever asks insists.
  std::string stranger_objection(const NextHop& hop, const std::vector<IpAddress>& working) const;
  /// Which objections were passed over because whoever asks insists, or could be.
  std::vector<std::string> remarks() const { return {remarks_.begin(), remarks_.end()}; }

  /// True when an address of the interface has this one in its network now, and for an IPv6 link-local one.
  bool is_on_network(const std::string& interface, const IpAddress& address) const;
  /// True when the interface is there now and was not when the target was saved.
  bool is_new(const std::string& interface) const;

  /// True for what the kernel makes and removes by itself: with an address, a link, a router advertisement. `is_target`
  /// tells which of the two states the route is of.
  bool is_kernel_made(const RouteTable& table, const Route& route, bool is_target) const;
  /// True when the kernel made such a route for an address that is there now, on a link that is up: if it is missing,
  /// somebody deleted it, and the kernel will not make it again.
  bool should_exist(const RouteTable& table, const Route& route) const;

 private:
  using Networks = std::map<std::string, std::set<IpPrefix>>;
  using OwnPrefixes = std::set<std::pair<std::string, IpPrefix>>;

  /// Hardware addresses by interface and address, of neighbours that are there.
  using Machines = std::map<std::pair<std::string, IpAddress>, std::string>;

  static Machines machines_of(const Snapshot& snapshot);
  void find_other_networks();
  void find_own_addresses();
  std::string unless_forced(std::string objection) const;
  std::string gateway_objection(const IpAddress& gateway) const;
  bool is_own_address(const IpAddress& address) const;
  std::string interface_objection(const std::string& interface) const;
  std::optional<IpPrefix> lost_network(const std::string& interface, const IpAddress& gateway) const;
  std::string leg_objection(const NextHop& hop, Family family) const;

  const Snapshot* now_;
  const Snapshot* target_;
  Networks now_networks_;  ///< by interface, without link-local prefixes
  Networks target_networks_;
  OwnPrefixes now_unmanaged_;  ///< prefixes whose route the kernel does not make (IFA_F_NOPREFIXROUTE)
  OwnPrefixes target_unmanaged_;
  RestoreOptions options_;
  Machines now_machines_;
  Machines target_machines_;
  std::map<std::string, IpAddress> other_networks_;  ///< interfaces, and the gateway that tells
  std::map<IpPrefix, RouteType> own_;                ///< what the local table keeps for this machine itself
  std::set<std::pair<Family, std::uint8_t>> own_lengths_;
  mutable std::set<std::string> remarks_;
};

/// The prefixes that are on link, as routes tell it: what a gateway must be in. Only those that matter for the given
/// gateways are kept.
class OnLink {
 public:
  OnLink(const Snapshot& now, std::vector<IpAddress> gateways);

  /// Takes a route that is going to be there.
  void add(const StandaloneRoute& route);
  /// Takes away the route that stands at this index of the snapshot's table.
  void remove(std::size_t route);
  /// True when the longest matching route through the leg's interface has the gateway on link
  /// (net/ipv4/fib_semantics.c fib_check_nh_v4_gw(), net/ipv6/route.c ip6_route_check_nh()).
  bool reaches(const NextHop& hop, std::uint32_t table) const;

 private:
  static constexpr std::size_t kAdded = static_cast<std::size_t>(-1);
  struct Entry {
    IpPrefix prefix;
    std::uint32_t table = 0;
    std::string interface;
    bool on_link = false;
    std::size_t index = kAdded;
  };

  bool matters(const IpPrefix& prefix) const;
  void add(const Route& route, const std::vector<NextHop>& hops, std::size_t index);
  const Entry* longest(const NextHop& hop, std::uint32_t table) const;

  std::vector<IpAddress> gateways_;  ///< in order
  std::vector<Entry> entries_;
};

}  // namespace vpndoctor
