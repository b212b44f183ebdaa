// SPDX-License-Identifier: Apache-2.0
// Asks all leak checks about a machine whose coverage is at hand, found or made up.
#pragma once

#include "vpndoctor/leak_checks.h"

namespace vpndoctor::testing_support {

inline CheckResults judge_leaks(const Snapshot& snapshot, const Coverage& coverage,
                                const VpnExpectation& expectation = {}, const Snapshot* before = nullptr) {
  const Fib fib(snapshot);
  const auto tunnels = judge_tunnels(snapshot);
  return check_leaks({.snapshot = snapshot,
                      .fib = fib,
                      .uid = 0,
                      .tunnels = tunnels,
                      .coverage = coverage,
                      .expectation = expectation,
                      .before = before});
}

}  // namespace vpndoctor::testing_support
