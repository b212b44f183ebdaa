// SPDX-License-Identifier: Apache-2.0
// Sets of addresses as prefixes: exact union, fewest prefixes, shares of a range. Pure arithmetic.
#pragma once

#include <vector>

#include "vpndoctor/prefix.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// A range of addresses of one family, both ends included.
struct AddressRange {
  IpAddress first;
  IpAddress last;
  auto operator<=>(const AddressRange&) const = default;
};

/// Returns the fewest prefixes that cover exactly the range, ascending.
std::vector<IpPrefix> prefixes_of(const AddressRange& range);
/// Returns the fewest prefixes that cover exactly the same addresses, ascending, IPv4 before IPv6.
std::vector<IpPrefix> aggregate(std::vector<IpPrefix> prefixes);
/// Returns which share of the addresses of `whole` the range has, 0 to 1; exact up to double precision.
double share_of(const AddressRange& range, const IpPrefix& whole);

}  // namespace vpndoctor
