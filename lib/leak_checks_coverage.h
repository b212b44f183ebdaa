// SPDX-License-Identifier: Apache-2.0
// What the coverage checks share: where sample packets go, what the packet filter does to them, how routes are quoted.
// One small function a code.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "leak_check_table.h"
#include "routing_checks.h"

namespace vpndoctor {

/// The same facts for what the routing checks share; without shares and claims.
RoutingFacts routing_facts(const LeakFacts& facts);

/// A packet of this machine to the address, TCP to port 443, unmarked and unbound, of the user who asks.
Flow packet_to(const LeakFacts& facts, const IpAddress& destination);

/// Public addresses all over the family's space.
const std::vector<IpAddress>& public_samples(Family family);
// What LeakContext remembers.
std::optional<IpAddress> find_tunnelled_sample(const LeakFacts& facts, Family family);
bool tunnels_take_most(const LeakFacts& facts, Family family);
std::set<std::string> find_uplinks(const Snapshot& snapshot);

/// What the packet filter does to a packet that leaves by the interface. Lowers the finding's confidence when that is
/// not known; false when it drops the packet.
bool passes_filter(const LeakContext& facts, const Flow& flow, std::string_view interface, Finding& finding);
/// The same for packets of that way of every kind (flow_kinds.h): the names of those that leave, or of those that may
/// where that is known of none; empty when it drops them all. Quotes what it drops when some leave.
std::vector<std::string> leaving_kinds(const LeakContext& facts, Flow flow, std::string_view interface,
                                       Finding& finding);

/// "wg0", "tun0 and wg0": the tunnels that carry something of the family.
std::string tunnel_words(const LeakContext& facts, Family family);
/// "a", "a and b", "a, b and 3 more". `count`: how many there are, where the words are the first ones of them.
std::string listed_words(const std::vector<std::string>& words);
std::string listed_words(const std::vector<std::string>& words, std::size_t count);
/// An interface within a name that `sysctl` takes: "eth0/7" for eth0.7 (sysctl(8)).
std::string sysctl_interface(std::string interface);

using LeakFindings = std::vector<Finding>;
void check_inet6_outside(const LeakContext& facts, LeakFindings& findings);
/// Why it is not known whether IPv6 leaves beside a tunnel of IPv4; empty when it is.
std::string inet6_outside_undecided(const LeakContext& facts);
void check_inet_outside(const LeakContext& facts, LeakFindings& findings);
void check_dhcp_routes(const LeakContext& facts, LeakFindings& findings);
void check_specific_routes(const LeakContext& facts, LeakFindings& findings);
void check_local_network(const LeakContext& facts, LeakFindings& findings);
void check_server_in_clear(const LeakContext& facts, LeakFindings& findings);
void check_resolver_beside(const LeakContext& facts, LeakFindings& findings);
/// Why it cannot be told which resolver is asked; empty when it can.
std::string resolver_beside_undecided(const LeakContext& facts);
/// Why there is nothing yet to pass by: all that carry are broken; empty when one works, or none carries.
std::string working_tunnel_undecided(const LeakContext& facts);
void check_bound_programs(const LeakContext& facts, LeakFindings& findings);
void check_rules_past(const LeakContext& facts, LeakFindings& findings);
void check_forwarded(const LeakContext& facts, LeakFindings& findings);
void check_linkdown(const LeakContext& facts, LeakFindings& findings);
void check_two_defaults(const LeakContext& facts, LeakFindings& findings);
void check_exposed_address(const LeakContext& facts, LeakFindings& findings);
std::string exposed_address_undecided(const LeakContext& facts);
void check_rerouted(const LeakContext& facts, LeakFindings& findings);
/// Why it is not known whether the packet filter sends packets past the tunnel; empty when it is.
std::string rerouted_undecided(const LeakContext& facts);

}  // namespace vpndoctor
