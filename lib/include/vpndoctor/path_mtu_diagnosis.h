// SPDX-License-Identifier: Apache-2.0
// The judgement of a path MTU measurement: status, direction, what to set, and the findings. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/finding.h"
#include "vpndoctor/path_mtu.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// The worst of both directions; see vpndoctor-mtu(1), STATUS.
enum class PathMtuStatus { kBlackHole, kMisreported, kSignalled, kClear, kUndetermined };
const char* path_mtu_status_name(PathMtuStatus status);

enum class Direction { kForward, kReverse, kBoth };
const char* direction_name(Direction direction);

/// Whether a tunnel's interface MTU fits the path that its packets take.
enum class TunnelMtuFit { kTooLarge, kExact, kCouldBeRaised };

/// One way to explain a path MTU number: "WireGuard over IPv6-capable Ethernet", 1420 = 1500 - 80.
struct EncapsulationMatch {
  std::string name;
  std::uint32_t underlay_bytes = 0;  ///< 0: a customary value, not arithmetic
  std::uint32_t overhead_bytes = 0;
  bool likely = false;  ///< the tunnel kind of the egress says so, not the number alone
};

/// The MTU that a tunnel over this path should have.
struct TunnelMtuAdvice {
  std::string name;  ///< "WireGuard over IPv4", "OpenVPN UDP, AES-GCM over IPv6", ...
  std::uint32_t overhead_bytes = 0;
  std::uint32_t interface_mtu_bytes = 0;
};

struct Advice {
  std::optional<std::uint32_t> interface_mtu_bytes;  ///< null when nothing is to be set or the outer path is not known
  std::optional<std::uint32_t> tcp_mss_bytes;        ///< for the measured family
  std::optional<std::uint32_t> tcp_mss_inet_bytes;   ///< path MTU - 40
  std::optional<std::uint32_t> tcp_mss_inet6_bytes;  ///< path MTU - 60; null below 1280
  std::string encapsulation;  ///< the most plausible explanation as one line, e.g. "1420 = 1500 - 80: WireGuard ...";
                              ///< may be empty
  std::vector<EncapsulationMatch> explanations;  ///< all that yield the measured number
  std::vector<TunnelMtuAdvice> tunnels;          ///< for tunnels that would run over this path
  std::optional<TunnelMtuFit> fit;               ///< with an outer measurement
  std::optional<std::int32_t> fit_bytes;  ///< interface MTU + overhead - outer path MTU; > 0: too large by that much
};

struct PathMtuDiagnosis {
  PathMtuStatus status = PathMtuStatus::kUndetermined;
  std::optional<Direction> direction;           ///< null when there is no hole or it is not known
  std::optional<std::uint32_t> path_mtu_bytes;  ///< forward; null unless exact
  std::optional<std::uint32_t> path_mtu_at_least_bytes;
  std::optional<std::uint32_t> path_mtu_at_most_bytes;
  std::optional<std::uint32_t> reverse_path_mtu_bytes;  ///< null when not measured
  std::optional<bool> meets_expectation;  ///< --expect-min: null when not asked or not decided by the proven range
  /// The peer's MSS is smaller than Ethernet and the link here allow; null when it was not seen.
  std::optional<bool> tcp_mss_clamped;
  /// Full-size segments get through both ways; false when one way loses them, null when not both were tested.
  std::optional<bool> tcp_carries_full_segments;
  std::string undetermined_because;    ///< one sentence when the status is undetermined
  std::vector<RemedyStep> next_steps;  ///< what would settle it when the status is undetermined
  Advice advice;
  std::vector<Finding> findings;  ///< most severe first
  std::vector<Skipped> skipped;
};

struct DiagnosisOptions {
  std::optional<std::uint32_t> expect_min_bytes;  ///< --expect-min
  const PathMtuMeasurement* outer = nullptr;      ///< with --outer: the path to the tunnel's endpoint; not owned
};

/// Judges a measurement. Never guesses: what is not proven stays null and the reason is said.
/// The wording of status and direction is DESIGN's table (RFC 8899 section 4.6 decides which too-big
/// messages count).
PathMtuDiagnosis diagnose_path_mtu(const PathMtuMeasurement& measurement, const DiagnosisOptions& options = {});

/// Picks the one-sentence verdict that opens the text report, e.g. "Packets above 1400 bytes vanish in silence
/// on the way to example.org, behind hop 3 (192.0.2.9)."
std::string path_mtu_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis);

/// Words how improbable chance is: "below 1 in 100,000" when it is, "about 1 in 50" when it is not improbable.
/// Rounded so that it never promises more than `probability` says.
std::string odds_text(double probability);

}  // namespace vpndoctor
