// SPDX-License-Identifier: Apache-2.0
// `data` of the leaks command.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vpndoctor/bypass_test.h"
#include "vpndoctor/coverage.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/leak_capture.h"
#include "vpndoctor/leak_checks.h"
#include "vpndoctor/snapshot.h"
#include "vpndoctor/tunnel_state.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Where nothing is tunnelled, and the packet filter stops what the tables send out.
struct StoppedTraffic {
  std::vector<Family> families = {};  ///< of which every packet to a public address is stopped
  std::string why = {};               ///< a phrase: the rule or policy that does it
};
/// Lets packets of this machine meet its packet filter; what is not known is not among the families.
StoppedTraffic find_stopped_traffic(const LeakFacts& facts);

struct LeaksReport {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<TunnelReport> tunnels;
  Coverage coverage;
  VpnExpectation expectation;
  std::optional<CaptureResult> capture;  ///< null: not asked for
  std::optional<BypassTest> bypass;      ///< null: not asked for
  StoppedTraffic stopped = {};
  std::string state_name = {};     ///< the file that the snapshot is from; empty: this machine, now
  std::string before_name = {};    ///< what growth was measured against; empty: nothing
  std::string why_no_before = {};  ///< why a saved state that is there was not used, a phrase; empty: nothing
};

/// True when all that was asked for has an answer: what the tables let out and, where something was expected of it, for
/// both families, and whether it is so; what a capture saw, which is nothing without a control; whether the tunnel can
/// be passed by. `skipped`: the checks that were not made or not decided.
bool leaks_are_answered(const LeaksReport& report, std::span<const Skipped> skipped = {});

}  // namespace vpndoctor
