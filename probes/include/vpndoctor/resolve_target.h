// SPDX-License-Identifier: Apache-2.0
// Turns what the user typed into an address: literals (with zone), names, internationalised names.
#pragma once

#include <optional>
#include <string>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Resolves `host` with getaddrinfo; `wanted` restricts the family. The first address decides; an address of the other
/// family is kept in Target::other_family. kUsage for a multicast, broadcast or unspecified address, a zone that does
/// not exist or is missing on a link-local address, a name over 253 bytes or with characters that no name has;
/// kUnknownHost when it does not resolve. The message never contains more than 64 characters of `host`, control
/// characters escaped.
Result<Target> resolve_target(const std::string& host, std::optional<Family> wanted);

}  // namespace vpndoctor
