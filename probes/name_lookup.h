// SPDX-License-Identifier: Apache-2.0
// Looks a host name up with the system's resolver, internationalised names included. Chooses none of the addresses.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/ip.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// An address as getaddrinfo gives it, with the interface index of a link-local one, else 0.
struct ResolvedAddress {
  IpAddress address;
  unsigned scope = 0;
};

/// Returns all addresses in getaddrinfo's order, at least one. kUsage when `name` can be no name, kUnknownHost when
/// it does not resolve; errors show `shown`. Waits as long as the system's resolver does.
Result<std::vector<ResolvedAddress>> look_up_name(const std::string& name, const std::string& shown);

}  // namespace vpndoctor
