// SPDX-License-Identifier: Apache-2.0
// Where to look for an interception of port 53: documentation addresses (RFC 5737, RFC 3849, RFC 9637), where nobody
// can be, over each interface by which a default route leads there.
#pragma once

#include <cstdint>
#include <vector>

#include "dns_ground.h"
#include "vpndoctor/dns_test.h"

namespace vpndoctor {

/// At most one question for each family and interface. An address that a more specific route covers is passed over: it
/// is in use here.
std::vector<DnsHijackProbe> plan_hijack_probes(const DnsGround& ground, std::uint32_t uid);

}  // namespace vpndoctor
