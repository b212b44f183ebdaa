// SPDX-License-Identifier: Apache-2.0
// Gives each tried size its fate and joins neighbours.
#include "size_groups.h"

#include <algorithm>

namespace vpndoctor {
namespace {

bool refused(const PathMtuMeasurement& measurement, std::uint32_t size) {
  return std::ranges::any_of(measurement.too_big, [size](const TooBigMessage& message) {
    if (!message.accepted) return false;
    // Routers older than RFC 1191 claim 0: only the sizes of the packets they sent back are known.
    return message.mtu_bytes > 0 ? message.mtu_bytes < size : message.probe_bytes.value_or(size + 1) <= size;
  });
}

bool in_lost_band(const PathMtuMeasurement& measurement, std::uint32_t size) {
  return std::ranges::any_of(measurement.lost_bands,
                             [size](const LostBand& band) { return band.from_bytes <= size && size <= band.to_bytes; });
}

class FateOfSizes {
 public:
  FateOfSizes(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis, bool condensed)
      : measurement_(measurement), diagnosis_(diagnosis), condensed_(condensed) {}

  SizeFate operator()(const SizeCount& count) const {
    // Methods with small answers, UDP and TCP, may have been answered where the large reply of an echo was not.
    const bool arrives = count.size_bytes <= diagnosis_.path_mtu_at_least_bytes.value_or(0);
    if (arrives && count.answered < count.sent && answer_is_lost(count.size_bytes)) return SizeFate::kOneWay;
    const bool loss_counts = !condensed_ || measurement_.size_dependent_loss;
    if (count.answered > 0) {
      return loss_counts && count.answered < count.sent ? SizeFate::kPartly : SizeFate::kPasses;
    }
    if (arrives && condensed_) return SizeFate::kPasses;
    if (refused(measurement_, count.size_bytes)) return SizeFate::kRefused;
    return shown_lost(count.size_bytes) ? SizeFate::kVanishes : SizeFate::kUnanswered;
  }

 private:
  bool shown_lost(std::uint32_t size) const {
    if (in_lost_band(measurement_, size)) return true;
    return diagnosis_.status == PathMtuStatus::kBlackHole &&
           (above(diagnosis_.path_mtu_at_most_bytes, size) || answer_is_lost(size));
  }

  bool answer_is_lost(std::uint32_t size) const {
    return above(measurement_.round_trip.at_most_bytes, size) || above(diagnosis_.reverse_path_mtu_bytes, size);
  }

  static bool above(const std::optional<std::uint32_t>& bound, std::uint32_t size) { return bound && size > *bound; }

  const PathMtuMeasurement& measurement_;
  const PathMtuDiagnosis& diagnosis_;
  bool condensed_;
};

}  // namespace

std::vector<SizeGroup> group_sizes(const PathMtuMeasurement& measurement, const PathMtuDiagnosis& diagnosis,
                                   bool condensed) {
  std::vector<SizeGroup> groups;
  const FateOfSizes fate_of(measurement, diagnosis, condensed);
  for (const SizeCount& count : measurement.sizes) {
    if (count.sent == 0) continue;
    const SizeFate fate = fate_of(count);
    if (!condensed || groups.empty() || groups.back().fate != fate) {
      groups.push_back({count.size_bytes, count.size_bytes, 0, 0, 0, fate});
    }
    SizeGroup& group = groups.back();
    group.to_bytes = count.size_bytes;
    group.sizes += 1;
    group.sent += count.sent;
    group.answered += count.answered;
  }
  return groups;
}

}  // namespace vpndoctor
