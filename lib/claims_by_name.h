// SPDX-License-Identifier: Apache-2.0
// Which routes mean the addresses that they name, and which are a slice of everything.
#pragma once

#include "vpndoctor/prefix.h"

namespace vpndoctor {

/// True when a route to the prefix names a network: 10.0.0.0/8 and fd00::/8 are the largest that anybody has. What is
/// larger is a default route or a slice of one, which every network lies in.
inline bool claims_by_name(const IpPrefix& prefix) {
  constexpr unsigned kLargestNetwork = 8;
  return prefix.length >= kLargestNetwork;
}

}  // namespace vpndoctor
