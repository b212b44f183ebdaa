// SPDX-License-Identifier: Apache-2.0
// What one direction of a TCP connection says about packet sizes: values in, verdict out.
#pragma once

#include "capture_flow_direction.h"
#include "vpndoctor/capture_flows.h"

namespace vpndoctor {

struct JudgedFlow {
  FlowMtu flow;
  CaptureTime lost_since;      ///< the first packet of the lost size; only for a black hole
  CaptureTime full_passed_at;  ///< when a packet of the largest acknowledged size was last sent
};

/// Judges a direction; `back` is the other one.
JudgedFlow judge_flow(const FlowHistory& history, const FlowHistory& back);

/// Returns the probability that chance lost all of `lost_large` packets, and of the smaller ones `lost_small` while
/// `passed_small` arrived, when size does not matter (Fisher's exact test, one-sided).
double chance_of_size_split(std::uint64_t lost_large, std::uint64_t passed_small, std::uint64_t lost_small);

}  // namespace vpndoctor
