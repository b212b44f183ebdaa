// SPDX-License-Identifier: Apache-2.0
// Routes, rules and addresses in the words of iproute2, the way people read them and `ip` takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Returns what stands after `ip route add` for this route: {"default", "via", "192.0.2.1", "dev", "eth0", "proto",
/// "dhcp", "metric", "100"}. State (dead, linkdown, expiry) is left out; the table stands last unless it is main.
std::vector<std::string> route_words(const RouteTable& routes, const Route& route);

/// Returns what stands after `ip rule add`: {"not", "from", "all", "fwmark", "0xca6c", "lookup", "51820", "pref",
/// "32765"}.
std::vector<std::string> rule_words(const Rule& rule);

/// Returns what stands after `ip address add`: {"192.0.2.2/24", "brd", "+", "dev", "eth0"}.
std::vector<std::string> address_words(const Address& address);

/// Returns the names of the interfaces that the route goes through, in order: "eth0 and eth1"; empty: none.
std::string interfaces_text(const RouteTable& routes, const Route& route);

/// Joins words with spaces.
std::string joined(const std::vector<std::string>& words);

/// Returns the encapsulation as `ip route add ... encap` takes it, e.g. "mpls 100/200", "seg6 mode encap segs
/// 2001:db8::1"; "type N" for one that is not understood; empty for none.
std::string encapsulation_text(const Encapsulation& encapsulation);

}  // namespace vpndoctor
