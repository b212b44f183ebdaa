// SPDX-License-Identifier: Apache-2.0
// The checks of name resolution: what is wrong with the configuration as a whole. The table is in dns_checks.cc.
#pragma once

#include <cstdint>

#include "vpndoctor/fib.h"
#include "vpndoctor/routing_checks.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Judges the resolver configuration of a snapshot for the user `uid`.
CheckResults check_dns(const Snapshot& snapshot, std::uint32_t uid);
/// The same with the index of the snapshot's routes that the caller has.
CheckResults check_dns(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid);

}  // namespace vpndoctor
