// SPDX-License-Identifier: Apache-2.0
// What to set: interface MTU, TCP MSS, the tunnel's fit, and the explanation of the number. Judges no evidence.
#pragma once

#include "path_mtu_judgement.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

/// The path to the tunnel's endpoint, both as measured and as judged; not owned.
struct OuterPath {
  const PathMtuMeasurement* measurement = nullptr;
  const PathMtuJudgement* judgement = nullptr;
};

/// Computes the advice. For a tunnel egress the interface MTU comes from the outer path alone.
Advice advise(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement, const OuterPath& outer);

/// True when large packets are lost on this path, so that something is to be set.
bool loses_packets(const PathMtuJudgement& judgement);

/// True when the tunnel is OpenVPN, which sends packets larger than its path in fragments and is limited by
/// `mssfix` rather than by its interface MTU.
bool fragments_outside(const Egress& egress);

}  // namespace vpndoctor
