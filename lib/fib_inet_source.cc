// SPDX-License-Identifier: Apache-2.0
// Which address of this machine an IPv4 packet gets, and what the kernel asks about addresses and interfaces on the
// way: net/ipv4/devinet.c, net/ipv4/fib_semantics.c.
#include <algorithm>

#include "fib_inet.h"

namespace vpndoctor {
namespace {

bool on_its_subnet(const Address& address, std::uint32_t other) {
  const auto base = key_of<std::uint32_t>(address.peer ? *address.peer : address.address);
  const unsigned host_bits = address.prefix_length >= 32 ? 0U : 32U - address.prefix_length;
  return host_bits == 32 || (base ^ other) >> host_bits == 0;
}

// in_dev_select_addr()
std::uint32_t any_address(const FibLink& link, std::uint8_t scope) {
  for (const Address* address : link.inet_addresses) {
    if ((address->flags & kAddressSecondary) != 0) continue;
    if (address->scope != kScopeLink && address->scope <= scope) return key_of<std::uint32_t>(address->address);
  }
  return 0;
}

std::uint32_t own_address(const FibIndex& index, LinkId link, std::uint32_t near, std::uint8_t scope) {
  const bool localnet = setting_max(index, link, &InterfaceSettings::route_localnet) != 0;
  const std::uint8_t local_scope = localnet ? kScopeLink : kScopeHost;
  std::uint32_t first = 0;
  for (const Address* address : index.links[link].inet_addresses) {
    if ((address->flags & kAddressSecondary) != 0) continue;
    if (std::min(address->scope, local_scope) > scope) continue;
    if (near == 0 || on_its_subnet(*address, near)) return key_of<std::uint32_t>(address->address);
    if (first == 0) first = key_of<std::uint32_t>(address->address);
  }
  return first;
}

// The interface of the local route to an address; kNoLink when there is none, or none through `link` when one is given.
LinkId local_through(const FibIndex& index, LinkId link, const IpAddress& address, InetLookup how) {
  KernelFlow flow;
  flow.destination = address;
  flow.output = link;
  FibResult result;
  const Rule none;
  // Where local and main are one, looking main up finds both.
  const std::uint32_t table = how.merged ? kTableMain : kTableLocal;
  look_up_inet_table({.index = index, .rule = none, .table = table, .trace = nullptr, .context = &how}, flow, result);
  const bool local = result.verdict == FibVerdict::kRoute && result.kind.type == RouteType::kLocal;
  return local ? result.leg->link : kNoLink;
}

// Of an IPv6 gateway the kernel takes the first four bytes for an address, too: they share their place.
std::uint32_t near_of(const FibLeg& leg) { return leg.hop->gateway ? key_of<std::uint32_t>(*leg.hop->gateway) : 0; }

// net/ipv4/nexthop.c nh_create_ipv4()
std::uint8_t object_scope(const FibLeg& leg) { return leg.hop->gateway ? kScopeLink - 1 : kScopeLink; }

}  // namespace

std::uint32_t select_address(const FibIndex& index, LinkId link, std::uint32_t near, std::uint8_t scope) {
  if (const std::uint32_t own = own_address(index, link, near, scope); own != 0) return own;
  const LinkId vrf = index.links[link].l3mdev;
  if (vrf != kNoLink) {
    if (const std::uint32_t of_vrf = any_address(index.links[vrf], scope); of_vrf != 0) return of_vrf;
  }
  for (const FibLink& other : index.links) {  // those without an address are quickly passed
    if (other.inet_addresses.empty() || other.l3mdev != vrf) continue;
    if (const std::uint32_t found = any_address(other, scope); found != 0) return found;
  }
  return 0;
}

std::uint32_t leg_source(const FibIndex& index, const RouteKind& kind, const FibLeg& leg) {
  const std::optional<IpAddress>& preferred = index.routes->attribute_sets[kind.attributes].preferred_source;
  if (preferred) return key_of<std::uint32_t>(*preferred);
  return select_address(index, leg.link, near_of(leg), index.legs_of(kind).object ? object_scope(leg) : kind.scope);
}

// A nexthop object chooses with its own scope when it is made; once an address or an interface has changed, the next
// route that is used chooses for all with that route's scope: fib_info_update_nhc_saddr(). What is the same for the
// narrowest and the widest scope is the same for all between.
bool is_source_of_another_time(const FibIndex& index, const RouteKind& kind, const FibLeg& leg) {
  if (!index.legs_of(kind).object || index.routes->attribute_sets[kind.attributes].preferred_source) return false;
  const std::uint32_t near = near_of(leg);
  return select_address(index, leg.link, near, kScopeUniverse) != select_address(index, leg.link, near, kScopeLink);
}

std::optional<IpAddress> gateway_of(const FibLeg& leg) { return leg.gateway_is_own ? std::nullopt : leg.hop->gateway; }

LinkId link_of_address(const FibIndex& index, std::uint32_t address, InetLookup how) {
  const auto found = index.inet_local.find(address);
  return found != index.inet_local.end() ? found->second : local_through(index, kNoLink, inet_address(address), how);
}

int setting_max(const FibIndex& index, LinkId link, std::optional<int> InterfaceSettings::* setting) {
  const InterfaceSettings* own = index.links[link].inet;
  const int here = own != nullptr ? (own->*setting).value_or(0) : 0;
  return std::max(here, index.inet_all != nullptr ? (index.inet_all->*setting).value_or(0) : 0);
}

KernelFlow kernel_flow(const FibIndex& index, const Flow& flow) {
  KernelFlow kernel;
  kernel.destination = flow.destination;
  kernel.source = flow.source.value_or(IpAddress{});
  kernel.input = flow.input_interface.empty() ? index.loopback : index.find(flow.input_interface);
  kernel.output = flow.output_interface.empty() ? kNoLink : index.find(flow.output_interface);
  kernel.mark = flow.mark;
  kernel.uid = flow.input_interface.empty() ? flow.uid : 0;  // an arriving packet is the namespace's root's
  kernel.tos = flow.tos;
  kernel.ip_protocol = flow.ip_protocol == 0 ? 17 : flow.ip_protocol;  // inet_rtm_getroute(): UDP
  kernel.source_port = flow.source_port;
  kernel.destination_port = flow.destination_port;
  return kernel;
}

}  // namespace vpndoctor
