// SPDX-License-Identifier: Apache-2.0
// Compares two snapshots field by field; see the header.
#include "unit/snapshot_difference.h"

#include <algorithm>

#include "unit/facet_difference.h"

namespace vpndoctor::testing_support {
namespace {

template <class T>
bool are_equal(const T& left, const T& right) {
  return left == right;
}

bool same_routes(const RouteTable& left, const RouteTable& right) {
  return std::equal(left.routes.begin(), left.routes.end(), right.routes.begin(), right.routes.end(),
                    [&](const Route& a, const Route& b) {
                      return a.destination == b.destination && a.tos == b.tos && a.type == b.type &&
                             a.protocol == b.protocol && a.scope == b.scope && a.table == b.table &&
                             a.metric == b.metric &&
                             left.next_hop_sets[a.next_hops] == right.next_hop_sets[b.next_hops] &&
                             left.attributes(a) == right.attributes(b);
                    });
}

bool same_settings(const RoutingSettings& left, const RoutingSettings& right) {
  return left.multipath_hash_policy == right.multipath_hash_policy &&
         left.multipath_use_neighbours == right.multipath_use_neighbours &&
         left.multipath_hash_policy6 == right.multipath_hash_policy6 && left.inet == right.inet &&
         left.inet6 == right.inet6;
}

bool same_names(const NumberNames& left, const NumberNames& right) {
  return left.tables == right.tables && left.protocols == right.protocols && left.groups == right.groups;
}

}  // namespace

std::string difference(const Snapshot& left, const Snapshot& right) {
  if (left.platform != right.platform) return "platform";
  if (left.taken_at != right.taken_at) return "taken_at";
  if (left.tool_version != right.tool_version) return "tool_version";
  if (left.kernel_release != right.kernel_release) return "kernel_release";
  if (left.host_name != right.host_name) return "host_name";
  if (left.namespace_inode != right.namespace_inode) return "namespace_inode";
  if (left.stable != right.stable) return "stable";
  for (const std::string& each :
       {facet_difference("links", left.links, right.links, are_equal<std::vector<Link>>),
        facet_difference("addresses", left.addresses, right.addresses, are_equal<std::vector<Address>>),
        facet_difference("routes", left.routes, right.routes, same_routes),
        facet_difference("rules", left.rules, right.rules, are_equal<std::vector<Rule>>),
        facet_difference("nexthops", left.next_hop_objects, right.next_hop_objects,
                         are_equal<std::vector<NextHopObject>>),
        facet_difference("neighbours", left.neighbours, right.neighbours, are_equal<std::vector<Neighbour>>),
        facet_difference("settings", left.settings, right.settings, same_settings),
        facet_difference("tunnels", left.tunnels, right.tunnels, are_equal<std::vector<Tunnel>>),
        facet_difference("names", left.names, right.names, same_names), dns_difference(left.dns, right.dns),
        facet_difference("activity", left.activity, right.activity, are_equal<TunnelActivity>),
        facet_difference("xfrm", left.xfrm, right.xfrm, are_equal<Xfrm>),
        facet_difference("firewall", left.firewall, right.firewall, are_equal<Firewall>),
        facet_difference("leases", left.leases, right.leases, are_equal<std::vector<InterfaceConfiguration>>),
        facet_difference("vpn_signs", left.vpn_signs, right.vpn_signs, are_equal<std::vector<VpnSign>>)}) {
    if (!each.empty()) return each;
  }
  return {};
}

}  // namespace vpndoctor::testing_support
