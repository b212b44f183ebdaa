// SPDX-License-Identifier: Apache-2.0
// Whether names that belong into a tunnel are asked outside of it: by the scopes' configuration, live or not, and by
// where the routes lead.
#pragma once

#include "dns_ground.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

/// Fills `leaks_to` of a path: the servers that are asked outside every tunnel for names that a tunnel claims. Leaves a
/// path alone that says already why it is not known.
void find_dns_leaks(const DnsGround& ground, DnsPath& path);

}  // namespace vpndoctor
