// SPDX-License-Identifier: Apache-2.0
// Packets that go another way than unmarked, unbound ones: those that a rule of policy routing, or an IPsec policy,
// picks by a trait. What a rule names is tried out with the route lookup; a rule that changes nothing is no exception.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/coverage.h"

namespace vpndoctor {

/// Destinations that stand for all: one that goes through a tunnel, one that goes outside. Null: there is none.
struct Samples {
  std::optional<IpAddress> in_tunnel;
  std::optional<IpAddress> outside;
};

/// A rule that some packets meet, and where they go.
struct RuleException {
  const Rule* rule = nullptr;
  Flow flow;  ///< a packet with the trait
  PacketWay way = PacketWay::kUnknown;
  PacketWay otherwise = PacketWay::kUnknown;  ///< without the trait
  std::string interface;
  std::string packets;  ///< "packets with the mark 0xca6c"
  /// "packets with the mark 0xca6c leave by eth0 (rule 32764)"
  std::string text() const;
};

/// Finds them for packets of the user; a few dozen at most, one for each trait.
std::vector<RuleException> find_rule_exceptions(const Snapshot& snapshot, const Fib& fib, Family family,
                                                std::uint32_t uid, const Samples& samples);

/// IPsec policies that pick packets by protocol, port or mark, in words; a few dozen at most.
std::vector<std::string> find_ipsec_exceptions(const Snapshot& snapshot, Family family);

}  // namespace vpndoctor
