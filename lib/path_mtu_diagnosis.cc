// SPDX-License-Identifier: Apache-2.0
// Puts the diagnosis together: judgement, TCP, expectation, advice, findings.
#include "vpndoctor/path_mtu_diagnosis.h"

#include <fmt/format.h>

#include <algorithm>

#include "path_mtu_advice.h"
#include "path_mtu_findings.h"
#include "path_mtu_judgement.h"
#include "path_mtu_steps.h"

namespace vpndoctor {
namespace {

/// An ordinary peer announces what Ethernet allows, also when the link here carries jumbo frames.
std::optional<bool> mss_clamped(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  constexpr std::uint32_t kEthernetBytes = 1500;
  if (!measurement.tcp || !measurement.tcp->peer_mss_bytes) return std::nullopt;
  const std::uint32_t packet =
      *measurement.tcp->peer_mss_bytes + ip_header_bytes(measurement.target.address.family) + 20;
  return packet < std::min(judgement.link_bytes, kEthernetBytes);
}

std::optional<bool> carries_full_segments(const PathMtuMeasurement& measurement) {
  if (!measurement.tcp) return std::nullopt;
  const auto& tcp = *measurement.tcp;
  if (tcp.forward_lost_bytes || tcp.reverse_lost_bytes) return false;
  if (!tcp.forward_full_bytes || !tcp.reverse_full_bytes) return std::nullopt;
  return true;
}

std::optional<bool> meets(const SizeBounds& path, std::uint32_t expected_bytes) {
  if (path.at_least_bytes && *path.at_least_bytes >= expected_bytes) return true;
  if (path.at_most_bytes && *path.at_most_bytes < expected_bytes) return false;
  return std::nullopt;
}

void copy_judgement(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement,
                    PathMtuDiagnosis& diagnosis) {
  diagnosis.status = judgement.status;
  diagnosis.direction = judgement.direction;
  diagnosis.path_mtu_at_least_bytes = judgement.forward.at_least_bytes;
  diagnosis.path_mtu_at_most_bytes = judgement.forward.at_most_bytes;
  if (judgement.forward.exact()) diagnosis.path_mtu_bytes = judgement.forward.at_least_bytes;
  diagnosis.reverse_path_mtu_bytes = judgement.reverse_bytes;
  diagnosis.undetermined_because = judgement.undetermined_because;
  diagnosis.tcp_mss_clamped = mss_clamped(measurement, judgement);
  diagnosis.tcp_carries_full_segments = carries_full_segments(measurement);
}

void check_expectation(const DiagnosisOptions& options, const PathMtuJudgement& judgement,
                       PathMtuDiagnosis& diagnosis) {
  if (!options.expect_min_bytes) return;
  diagnosis.meets_expectation = meets(judgement.forward, *options.expect_min_bytes);
  if (!diagnosis.meets_expectation && diagnosis.undetermined_because.empty())
    diagnosis.undetermined_because = fmt::format("the path carries {}, which does not decide whether {} bytes pass",
                                                 size_range_text(judgement.forward), *options.expect_min_bytes);
}

}  // namespace

PathMtuDiagnosis diagnose_path_mtu(const PathMtuMeasurement& measurement, const DiagnosisOptions& options) {
  const PathMtuJudgement judgement = judge_path_mtu(measurement);
  const PathMtuJudgement outer_judgement = options.outer ? judge_path_mtu(*options.outer) : PathMtuJudgement{};
  const OuterPath outer{options.outer, options.outer ? &outer_judgement : nullptr};

  PathMtuDiagnosis diagnosis;
  copy_judgement(measurement, judgement, diagnosis);
  check_expectation(options, judgement, diagnosis);
  diagnosis.next_steps = next_steps(measurement, judgement);
  diagnosis.advice = advise(measurement, judgement, outer);
  find_path_mtu_problems({measurement, judgement, diagnosis, options, outer}, diagnosis);
  return diagnosis;
}

}  // namespace vpndoctor
