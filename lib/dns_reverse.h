// SPDX-License-Identifier: Apache-2.0
// Names of the reverse zones (RFC 1035 section 3.5, RFC 3596 section 2.5) as addresses.
#pragma once

#include <optional>
#include <string_view>

#include "vpndoctor/prefix.h"

namespace vpndoctor {

/// The addresses that a canonical name of a reverse zone stands for ("0.10.in-addr.arpa": 10.0.0.0/16); nullopt when it
/// is none, or a zone's apex.
std::optional<IpPrefix> prefix_of_reverse_name(std::string_view name);
/// The same for a name that has all labels.
std::optional<IpAddress> address_of_reverse_name(std::string_view name);

}  // namespace vpndoctor
