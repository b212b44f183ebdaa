// SPDX-License-Identifier: Apache-2.0
// Draws IPsec policies that overlap often, with the words by which ip-xfrm(8) makes them: what the kernel then has is
// known without reading it back.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "vpndoctor/xfrm.h"

namespace vpndoctor::testing_support {

/// A policy and the arguments of `ip xfrm policy add` for it.
struct DrawnPolicy {
  XfrmPolicy policy;
  std::string words;
};

/// Draws up to `most` policies, no two of which the kernel would take for the same; the oldest first. Their addresses
/// are of a few neighbours in 198.51.100.0/24 and 2001:db8::/64, their interfaces d0 and d1.
std::vector<DrawnPolicy> random_policies(std::mt19937_64& random, std::size_t most);

/// An address of those that the policies are about.
IpAddress random_peer(std::mt19937_64& random, Family family);

/// Makes them in this network namespace, after flushing what was there.
void make_policies(const std::vector<DrawnPolicy>& policies);

}  // namespace vpndoctor::testing_support
