// SPDX-License-Identifier: Apache-2.0
// Sends probes with TTL 1 to 3 that are bound to physical interfaces: they die at the first routers, and whose answer
// comes proves that a program can pass the tunnel by.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/bypass_test.h"
#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct BypassOptions {
  std::string host;
  std::vector<std::string> interfaces;  ///< empty: every physical interface with a route of the host's family
  int interrupt_descriptor = -1;
};

/// `fib` is the snapshot's. kUnknownHost when the name does not resolve. What cannot be sent is an error of its probe.
Result<BypassTest> run_bypass_test(const BypassOptions& options, const Snapshot& snapshot, const Fib& fib);

}  // namespace vpndoctor
