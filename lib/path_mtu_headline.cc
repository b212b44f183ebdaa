// SPDX-License-Identifier: Apache-2.0
// The one sentence that opens the text report. Adds nothing to what the diagnosis says.
#include <fmt/format.h>

#include <algorithm>

#include "path_mtu_findings.h"

namespace vpndoctor {
namespace {

std::string place(const PathMtuMeasurement& measurement) {
  const auto& constriction = measurement.constriction;
  if (!constriction) return "";
  if (constriction->from_ttl == 0) return ", before they reach the first hop";
  return fmt::format(", behind {}", hop_name(constriction->from_ttl, constriction->from_address));
}

std::string lost_sizes(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  if (!measurement.lost_bands.empty()) {
    const auto& band = measurement.lost_bands.front();
    return fmt::format("Packets of {} to {} bytes", band.from_bytes, band.to_bytes);
  }
  return fmt::format("Packets above {} bytes", diagnosis.path_mtu_at_most_bytes.value_or(0));
}

std::string hole_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const auto& host = measurement.target.host;
  const char* others = measurement.lost_bands.empty() ? "" : ", although smaller and larger ones pass";
  if (diagnosis.direction == Direction::kReverse) {
    if (!diagnosis.reverse_path_mtu_bytes)
      return fmt::format("Large packets from {} vanish in silence on the way back.", host);
    return fmt::format("Packets above {} bytes from {} vanish in silence on the way back.",
                       *diagnosis.reverse_path_mtu_bytes, host);
  }
  const std::string sizes = lost_sizes(measurement, diagnosis);
  if (diagnosis.direction == Direction::kBoth)
    return fmt::format("{} vanish in silence on the way to {}{}, and large ones on the way back too.", sizes, host,
                       place(measurement));
  if (!diagnosis.direction) return fmt::format("{} vanish in silence on the way to {} or back{}.", sizes, host, others);
  if (!measurement.too_big_not_delivered.empty())
    return fmt::format("{} to {} are lost: the path says so, but a firewall on this machine drops the message.", sizes,
                       host);
  return fmt::format("{} vanish in silence on the way to {}{}{}.", sizes, host, place(measurement), others);
}

std::string misreported_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const auto lie = std::ranges::find_if(
      diagnosis.findings, [](const Finding& finding) { return finding.code == "MTU002" || finding.code == "MTU003"; });
  const SizeBounds path{diagnosis.path_mtu_at_least_bytes, diagnosis.path_mtu_at_most_bytes};
  const std::string carried = fmt::format("The path to {} carries {}", measurement.target.host, size_range_text(path));
  return lie == diagnosis.findings.end() ? fmt::format("{}, but a router says otherwise.", carried)
                                         : fmt::format("{}, but a router is wrong about it: {}.", carried, lie->title);
}

std::string clear_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const auto& host = measurement.target.host;
  if (measurement.egress.is_local) return fmt::format("{} is this machine itself: there is no path to measure.", host);
  const std::uint32_t size = diagnosis.path_mtu_at_least_bytes.value_or(0);
  if (!diagnosis.path_mtu_bytes)
    return fmt::format("Packets of up to {} bytes, the largest size asked for, get through to {}.", size, host);
  return fmt::format("Full-size packets of {} bytes get through to {}: the path MTU is no problem here.", size, host);
}

}  // namespace

std::string path_mtu_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const SizeBounds path{diagnosis.path_mtu_at_least_bytes, diagnosis.path_mtu_at_most_bytes};
  switch (diagnosis.status) {
    case PathMtuStatus::kBlackHole:
      return hole_headline(measurement, diagnosis);
    case PathMtuStatus::kMisreported:
      return misreported_headline(measurement, diagnosis);
    case PathMtuStatus::kSignalled:
      return fmt::format("The path to {} carries {}, and a router says so correctly: nothing is broken.",
                         measurement.target.host, size_range_text(path));
    case PathMtuStatus::kClear:
      return clear_headline(measurement, diagnosis);
    case PathMtuStatus::kUndetermined:
      return fmt::format("The path MTU to {} could not be determined: {}.", measurement.target.host,
                         diagnosis.undetermined_because);
  }
  return "";
}

}  // namespace vpndoctor
