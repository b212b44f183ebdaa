// SPDX-License-Identifier: Apache-2.0
// What differs between two lists of links, addresses or rules by what identifies each of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/network.h"
#include "vpndoctor/route_diff.h"

namespace vpndoctor {

/// An entry of a list: what identifies it and what it holds beyond that, as bytes.
struct Identified {
  std::string key;
  std::string content;
};

/// Compares two lists; an entry without a value is left out. A key that each side has once with another content is
/// changed; else equal entries are paired and the rest came or went.
FacetDiff diff_lists(const std::vector<std::optional<Identified>>& before,
                     const std::vector<std::optional<Identified>>& after);

/// Links by name and kind.
FacetDiff diff_links(const std::vector<Link>& before, const std::vector<Link>& after);
/// Addresses by interface, prefix and peer. Temporary and kernel-made link-local IPv6 addresses come and go by
/// themselves: only whether an interface has one of a prefix counts.
FacetDiff diff_addresses(const std::vector<Address>& before, const std::vector<Address>& after);
/// Rules by everything that they say, and by their order among those of their family and priority.
FacetDiff diff_rules(const std::vector<Rule>& before, const std::vector<Rule>& after);

/// True for an address whose lower bits the kernel draws anew by itself: a temporary one (RFC 8981), or a link-local
/// one that it made.
bool is_wandering(const Address& address);
/// True when the hardware address tells nothing: none, or locally administered, as the kernel draws for a new veth.
bool is_drawn_hardware_address(const std::string& hardware_address);

}  // namespace vpndoctor
