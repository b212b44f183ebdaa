// SPDX-License-Identifier: Apache-2.0
// The one sentence that opens the text report. Adds nothing to what the diagnosis says.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "path_mtu_findings.h"

namespace vpndoctor {
namespace {

const Finding* finding_of(const PathMtuDiagnosis& diagnosis, std::string_view code) {
  const auto found = std::ranges::find(diagnosis.findings, code, &Finding::code);
  return found == diagnosis.findings.end() ? nullptr : &*found;
}

std::string place(const PathMtuMeasurement& measurement) {
  const auto& constriction = measurement.constriction;
  if (!constriction) return "";
  if (constriction->from_ttl > 0)
    return fmt::format(", behind {}", hop_name(constriction->from_ttl, constriction->from_address));
  return measurement.egress.is_tunnel ? fmt::format(", inside the tunnel {}", measurement.egress.interface)
                                      : ", before they reach the first hop";
}

/// The sizes that vanish, as the subject of a sentence.
std::string lost_sizes(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  if (!measurement.lost_bands.empty()) {
    const auto& band = measurement.lost_bands.front();
    return fmt::format("Packets of {} to {} bytes", band.from_bytes, band.to_bytes);
  }
  const std::uint32_t limit = diagnosis.path_mtu_at_most_bytes.value_or(0);
  if (diagnosis.path_mtu_bytes || !diagnosis.path_mtu_at_least_bytes)
    return fmt::format("Packets above {} bytes", limit);
  return fmt::format("Packets of {} bytes, and perhaps all above {},", limit + 1, *diagnosis.path_mtu_at_least_bytes);
}

std::string reverse_hole_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const auto& host = measurement.target.host;
  if (!diagnosis.reverse_path_mtu_bytes)
    return fmt::format("Large packets from {} vanish in silence on the way back.", host);
  return fmt::format("Packets above {} bytes from {} vanish in silence on the way back.",
                     *diagnosis.reverse_path_mtu_bytes, host);
}

std::string both_ways_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const auto& host = measurement.target.host;
  const std::string sizes = lost_sizes(measurement, diagnosis);
  const auto& back = diagnosis.reverse_path_mtu_bytes;
  if (back && back == diagnosis.path_mtu_bytes && measurement.lost_bands.empty())
    return fmt::format("{} vanish in silence in both directions between here and {}{}.", sizes, host,
                       place(measurement));
  // Of a band of lost sizes on the way back only the way there says the bounds.
  const bool names_size =
      back && measurement.lost_bands.empty() && *back < measurement.egress.link_mtu_bytes.value_or(~0U);
  const std::string others = names_size ? fmt::format("so do those above {} bytes", *back) : "so do large ones";
  return fmt::format("{} vanish in silence on the way to {}{}; {} on the way back.", sizes, host, place(measurement),
                     others);
}

std::string hole_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const auto& host = measurement.target.host;
  const char* others = measurement.lost_bands.empty() ? "" : ", although smaller and larger ones pass";
  if (diagnosis.direction == Direction::kReverse) return reverse_hole_headline(measurement, diagnosis);
  const std::string sizes = lost_sizes(measurement, diagnosis);
  if (!measurement.too_big_not_delivered.empty())
    return fmt::format("{} to {} are lost: the path says so, but a firewall on this machine drops the message.", sizes,
                       host);
  if (diagnosis.direction == Direction::kBoth) return both_ways_headline(measurement, diagnosis);
  if (!diagnosis.direction) return fmt::format("{} vanish in silence on the way to {} or back{}.", sizes, host, others);
  return fmt::format("{} vanish in silence on the way to {}{}{}.", sizes, host, place(measurement), others);
}

/// A tunnel whose MTU is known to be too large is the cause that the user can remove, so it comes first.
std::string black_hole_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  std::string hole = hole_headline(measurement, diagnosis);
  const Finding* tunnel = finding_of(diagnosis, "MTU011");
  if (tunnel == nullptr) return hole;
  if (hole[0] >= 'A' && hole[0] <= 'Z') hole[0] = static_cast<char>(hole[0] - 'A' + 'a');
  return fmt::format("{}: {}", tunnel->title, hole);
}

std::string misreported_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const SizeBounds path{diagnosis.path_mtu_at_least_bytes, diagnosis.path_mtu_at_most_bytes};
  const std::string carried = size_range_text(path);
  if (const Finding* lie = finding_of(diagnosis, "MTU002"))
    return fmt::format(
        "Packets above {} bytes to {} are lost, because router {} claims a larger MTU than its link has.",
        diagnosis.path_mtu_at_most_bytes.value_or(0), measurement.target.host, lie->subject.id);
  if (const Finding* lie = finding_of(diagnosis, "MTU003"))
    return fmt::format("The path to {} carries {}, but router {} claims that it is less.", measurement.target.host,
                       carried, lie->subject.id);
  return fmt::format("The path to {} carries {}, but a router says otherwise.", measurement.target.host, carried);
}

std::string signalled_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const SizeBounds path{diagnosis.path_mtu_at_least_bytes, diagnosis.path_mtu_at_most_bytes};
  const bool names_size = std::ranges::any_of(
      measurement.too_big, [](const TooBigMessage& message) { return message.accepted && message.mtu_bytes > 0; });
  return fmt::format("The path to {} carries {}, and a router says {}: nothing is broken.", measurement.target.host,
                     size_range_text(path), names_size ? "so correctly" : "when a packet is too big");
}

std::string clear_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  const auto& host = measurement.target.host;
  if (measurement.egress.is_local) return fmt::format("{} is this machine itself: there is no path to measure.", host);
  const std::uint32_t size = diagnosis.path_mtu_at_least_bytes.value_or(0);
  if (!diagnosis.path_mtu_bytes)
    return fmt::format("Packets of up to {} bytes, the largest size asked for, get through to {}.", size, host);
  if (finding_of(diagnosis, "MTU014"))
    return fmt::format("Full-size packets of {} bytes get through to {}; the way back is narrower.", size, host);
  const bool back_was_seen = measurement.round_trip.at_least_bytes >= size || measurement.reverse ||
                             (measurement.tcp && measurement.tcp->reverse_full_bytes >= size);
  if (!back_was_seen)
    return fmt::format("Full-size packets of {} bytes get through to {}; the way back could not be tested.", size,
                       host);
  return fmt::format("Full-size packets of {} bytes get through to {}: the path MTU is no problem here.", size, host);
}

/// What is wrong although the path itself is in order: the most severe finding, unless it is a mere notice.
const Finding* main_complaint(const PathMtuDiagnosis& diagnosis) {
  if (diagnosis.findings.empty() || diagnosis.findings.front().severity == Severity::kNotice) return nullptr;
  return &diagnosis.findings.front();
}

}  // namespace

std::string path_mtu_headline(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis) {
  switch (diagnosis.status) {
    case PathMtuStatus::kBlackHole:
      return black_hole_headline(measurement, diagnosis);
    case PathMtuStatus::kMisreported:
      return misreported_headline(measurement, diagnosis);
    case PathMtuStatus::kUndetermined:
      return fmt::format("The path MTU to {} could not be determined: {}.", measurement.target.host,
                         diagnosis.undetermined_because);
    case PathMtuStatus::kSignalled:
    case PathMtuStatus::kClear:
      break;
  }
  if (const Finding* complaint = main_complaint(diagnosis)) return complaint->title + ".";
  if (!diagnosis.undetermined_because.empty())
    return fmt::format("The question to {} is not answered: {}.", measurement.target.host,
                       diagnosis.undetermined_because);
  return diagnosis.status == PathMtuStatus::kClear ? clear_headline(measurement, diagnosis)
                                                   : signalled_headline(measurement, diagnosis);
}

}  // namespace vpndoctor
