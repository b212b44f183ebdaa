// SPDX-License-Identifier: Apache-2.0
// The parts of the IPv4 lookup: one table, the choice among equals, the source address, an arriving packet.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "fib_lookup.h"

namespace vpndoctor {

/// IPv4 addresses as the kernel tests them; host byte order.
constexpr bool is_multicast_inet(std::uint32_t address) { return address >> 28U == 0xe; }
constexpr bool is_local_multicast(std::uint32_t address) { return address >> 8U == 0xe00000; }
constexpr bool is_zero_net(std::uint32_t address) { return address == 0; }  // since Linux 5.3 not all of 0.0.0.0/8
constexpr bool is_loopback_inet(std::uint32_t address) { return address >> 24U == 127; }
constexpr std::uint32_t kLimitedBroadcast = 0xffffffff;

/// How an IPv4 table is looked up.
struct InetLookup {
  bool ignore_linkstate = false;        ///< FIB_LOOKUP_IGNORE_LINKSTATE
  std::uint8_t scope = kScopeUniverse;  ///< routes of a wider scope are skipped: the flow's own
  bool merged = false;                  ///< local and main are one table
};

/// Walks the IPv4 rules and tables: fib_lookup().
FibResult look_up_inet_rules(const FibIndex& index, KernelFlow& flow, InetLookup how, FibTrace* trace);
/// Looks one table up: net/ipv4/fib_trie.c fib_table_lookup(). `arguments.context` is an InetLookup.
void look_up_inet_table(const LookupArguments& arguments, KernelFlow& flow, FibResult& result);
/// True when this flow may take the leg: net/ipv4/fib_trie.c fib_lookup_good_nhc().
bool is_usable(const FibIndex& index, const FibLeg& leg, const KernelFlow& flow, bool ignore_linkstate);

/// True when a packet may leave this way after all: what the kernel checks only when the choice is made.
using MayLeave = std::function<bool(const RouteKind&, const FibLeg&)>;

/// True when select_path() has something to choose; most routes have one way.
inline bool has_choice(const FibIndex& index, const RouteKind& kind) {
  return kind.is_default || index.legs_of(kind).count > 1;
}
/// Chooses among the legs of a multipath route or among equal defaults: net/ipv4/fib_semantics.c fib_select_path().
/// Fills depends_on and candidates, and puts the first choice in `result`. A candidate that may not leave has no
/// interface.
void select_path(const FibIndex& index, const KernelFlow& flow, const MayLeave& may_leave, FibResult& result,
                 FlowAnswer& answer);
/// Says what select_path() found, when that depends on something.
void note_choice(const FlowAnswer& answer, FibTrace* trace);

/// Returns the address that a packet through this leg gets: net/ipv4/fib_semantics.c fib_result_prefsrc(); 0: none.
std::uint32_t leg_source(const FibIndex& index, const RouteKind& kind, const FibLeg& leg);
/// True when leg_source() depends on what happened since the nexthop object was made.
bool is_source_of_another_time(const FibIndex& index, const RouteKind& kind, const FibLeg& leg);
/// net/ipv4/devinet.c inet_select_addr(); 0: none.
std::uint32_t select_address(const FibIndex& index, LinkId link, std::uint32_t near, std::uint8_t scope);
/// The gateway that the packet is sent to; null when the route's is this machine's own address, or there is none.
std::optional<IpAddress> gateway_of(const FibLeg& leg);
/// The interface that has the address, or that the table local gives: net/ipv4/devinet.c __ip_dev_find().
LinkId link_of_address(const FibIndex& index, std::uint32_t address, InetLookup how);

/// One setting of an interface, joined with that of "all": IN_DEV_ORCONF() and IN_DEV_MAXCONF().
int setting_max(const FibIndex& index, LinkId link, std::optional<int> InterfaceSettings::* setting);

/// Answers for a packet that arrives: net/ipv4/route.c ip_route_input_slow().
FlowAnswer look_up_inet_input(const FibIndex& index, const Flow& flow, InetLookup how, FibTrace* trace);

/// The flow with its interfaces resolved. kNoLink for one that does not exist.
KernelFlow kernel_flow(const FibIndex& index, const Flow& flow);
/// Why FibLeg::gateway_is_doubtful makes an answer uncertain.
inline constexpr std::string_view kDoubtfulGateway =
    "whether the gateway counts depends on what the tables held when its route was made";
inline IpAddress inet_address(std::uint32_t address) { return address_of<std::uint32_t>(address); }

}  // namespace vpndoctor
