// SPDX-License-Identifier: Apache-2.0
// The findings of a judged path: one small function for each code, each with its evidence and its remedy.
// Decides nothing that the judgement has not decided.
#pragma once

#include <string>
#include <vector>

#include "finding_parts.h"
#include "path_mtu_advice.h"
#include "path_mtu_judgement.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

/// All that a finding may speak of; nothing is owned.
struct FindingContext {
  const PathMtuMeasurement& measurement;
  const PathMtuJudgement& judgement;
  const PathMtuDiagnosis& diagnosis;  ///< its advice, bounds and TCP verdicts are complete
  const DiagnosisOptions& options;
  OuterPath outer;
};

/// Appends every finding, most severe first, and the checks that could not be made.
void find_path_mtu_problems(const FindingContext& context, PathMtuDiagnosis& diagnosis);

/// "hop 3 (192.0.2.9)", "hop 3 (silent)", "this machine".
std::string hop_name(std::uint8_t ttl, const std::optional<IpAddress>& address);
/// "1400 bytes", or "between 1380 and 1400 bytes".
std::string size_range_text(const SizeBounds& bounds);

Subject path_subject(const PathMtuMeasurement& measurement);

/// Returns the proof that large packets are lost: counts by size, odds, place, messages, TCP, way back.
std::vector<Evidence> loss_evidence(const FindingContext& context);

/// The findings about lost packets and messages (MTU001, 002, 003, 004, 006).
std::vector<Finding> find_losses(const FindingContext& context);
/// The findings about this machine's own settings (MTU005, 011, 012, 016).
std::vector<Finding> find_settings(const FindingContext& context);
/// The findings about the rest of the path (MTU007, 008, 009, 010, 013, 014, 015).
std::vector<Finding> find_path_traits(const FindingContext& context);

}  // namespace vpndoctor
