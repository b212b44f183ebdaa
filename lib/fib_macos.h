// SPDX-License-Identifier: Apache-2.0
// The routes of a Mac as its kernel searches them: those without a scope, and those scoped to one interface (flag I)
// apart for each. Knows nothing of the policies of network extensions: no capture shows them.
#pragma once

#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "fib_lookup.h"

namespace vpndoctor {

/// Built once with its FibIndex, then only read.
class MacosIndex {
 public:
  /// `index` must outlive this object; its snapshot is of macOS.
  explicit MacosIndex(const FibIndex& index);

  /// Returns the longest match among the routes scoped to an interface, or, for an empty `scope`, among those without a
  /// scope; null when there is none.
  const Route* match(std::string_view scope, const IpAddress& destination) const;
  /// Returns the default route without a scope, whose interface is the primary one; null when there is none.
  const Route* default_route(Family family) const { return defaults_[family == Family::kInet ? 0 : 1]; }
  /// Returns prefixes at whose edges answers may change.
  std::vector<IpPrefix> edges(Family family) const;

 private:
  template <class Key>
  using Tables = std::map<std::string_view, LongestPrefix<Key>>;

  template <class Key>
  void add_tables(Family family, Tables<Key>& tables);
  template <class Key>
  const Route* match_in(const Tables<Key>& tables, std::string_view scope, const IpAddress& destination) const;

  const FibIndex* index_;
  Tables<std::uint32_t> inet_;
  Tables<Uint128> inet6_;
  std::array<const Route*, 2> defaults_{};
};

/// True for fe80::/10 and the multicast groups of one interface or link: the interface is part of such a key, so all of
/// their routes belong to one (IN6_IS_SCOPE_EMBED).
bool is_of_one_link(const IpAddress& address);
/// What netstat shows of a route: its flags, its only next hop.
bool has_macos_flag(const FibIndex& index, const Route& route, char flag);
const NextHop* macos_hop(const FibIndex& index, const Route& route);
/// RTF_HOST: a host's route, which is another thing than a network's of full length.
bool is_macos_host_route(const FibIndex& index, const Route& route);
/// Returns where an address of this machine is: on `interface` if it is there too; null when it is none of this
/// machine.
const Address* own_address(const FibIndex& index, const IpAddress& address, std::string_view interface);

/// The answer for a flow on a Mac: xnu bsd/net/route.c rt_lookup_common(), then the source address.
FlowAnswer look_up_macos(const FibIndex& index, const Flow& flow, FibTrace* trace);

}  // namespace vpndoctor
