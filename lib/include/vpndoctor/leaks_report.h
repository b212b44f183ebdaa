// SPDX-License-Identifier: Apache-2.0
// `data` of the leaks command.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/bypass_test.h"
#include "vpndoctor/coverage.h"
#include "vpndoctor/leak_capture.h"
#include "vpndoctor/leak_checks.h"
#include "vpndoctor/snapshot.h"
#include "vpndoctor/tunnel_state.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct LeaksReport {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<TunnelReport> tunnels;
  Coverage coverage;
  VpnExpectation expectation;
  std::optional<CaptureResult> capture;  ///< null: not asked for
  std::optional<BypassTest> bypass;      ///< null: not asked for
};

}  // namespace vpndoctor
