// SPDX-License-Identifier: Apache-2.0
// Where the traffic to "everywhere else" goes, for the summary of a comparison: the default route, or the halves that
// VPN clients put before it, of the first table whose rule an ordinary packet of this machine meets. No lookup of a
// flow: that is the Fib's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

struct DefaultWay {
  RouteType type = RouteType::kUnicast;
  std::vector<std::string> interfaces;  ///< ascending
  std::vector<IpAddress> gateways;      ///< ascending; empty: on the link
  bool operator==(const DefaultWay&) const = default;

  /// "eth0", "eth0 and eth1", or the route's type where it leads nowhere.
  std::string text() const;
};

/// The addresses that a default is for: all of IPv4; of IPv6 2000::/3, which has all of its global unicast addresses
/// (RFC 4291 section 2.4).
IpPrefix whole_of(Family family);

/// True when a packet of this machine without a mark or other traits meets the rule: it has no selector that most
/// packets do not meet, or it is negated and has one.
bool is_met_by_most(const Rule& rule);

/// Finds it for a family, a rule that refuses included; nullopt when there is none, or routes are not known.
std::optional<DefaultWay> default_way(const Snapshot& snapshot, Family family);

/// True for a prefix that takes part in a default: the default itself, halves and quarters of it, and the parts of
/// 2000::/3 (all of global IPv6) that OpenVPN sets.
bool is_default_part(const IpPrefix& prefix);

}  // namespace vpndoctor
