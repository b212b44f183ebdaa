// SPDX-License-Identifier: Apache-2.0
// Checks and splits what the user typed as a host before anything is looked up: brackets, zone, the characters and
// lengths that a name may have. Pure.
#pragma once

#include <string>
#include <string_view>

#include "vpndoctor/ip.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// What a host text is: an address (with a zone, perhaps) or a name to look up.
struct HostText {
  std::optional<IpAddress> literal;
  std::string zone;  ///< of a literal; empty when none was written
  std::string name;  ///< when it is no literal
};

/// Splits `host`. kUsage when it is empty, longer than a name can be, in unbalanced brackets, or has a zone behind
/// something that is not an IPv6 address.
Result<HostText> split_host(std::string_view host);

/// Refuses what getaddrinfo might misread: empty labels, labels over 63 bytes, names over 253, characters that no
/// name has. Takes the ASCII form; a final dot is allowed, underscores too (they occur).
Result<void> check_ascii_name(std::string_view name, std::string_view shown);

/// Shows at most 64 characters of `host`, control characters escaped.
std::string shown_host(std::string_view host);

}  // namespace vpndoctor
