// SPDX-License-Identifier: Apache-2.0
// Packet filters drawn at random, in the words of nft(8) and iptables-restore(8). Knows the machine that they are for:
// the interfaces out0, alt0 and in0. Knows nothing of what the rules do.
#pragma once

#include <random>
#include <string>

namespace vpndoctor::testing_support {

struct RulesetWords {
  bool forwards = false;  ///< chains of forwarded packets rather than of this machine's own
};

/// Lines for `nft -i`, which empty the ruleset first. nft refuses some, and goes on with the next.
std::string random_nft_ruleset(std::mt19937_64& random, RulesetWords words);

/// One script for `iptables-nft-restore` or, for IPv6, `ip6tables-nft-restore`.
std::string random_iptables_ruleset(std::mt19937_64& random, RulesetWords words, bool is_inet6);

}  // namespace vpndoctor::testing_support
