// SPDX-License-Identifier: Apache-2.0
// The words of the JSON contract for the enumerations of the path MTU measurement and diagnosis, and of odds.
#include <fmt/format.h>

#include <cmath>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor {

const char* method_name(Method method) {
  switch (method) {
    case Method::kEcho:
      return "icmp";
    case Method::kUdp:
      return "udp";
    case Method::kTcp:
      return "tcp";
  }
  return "";
}

const char* path_mtu_status_name(PathMtuStatus status) {
  switch (status) {
    case PathMtuStatus::kBlackHole:
      return "black_hole";
    case PathMtuStatus::kMisreported:
      return "misreported";
    case PathMtuStatus::kSignalled:
      return "signalled";
    case PathMtuStatus::kClear:
      return "clear";
    case PathMtuStatus::kUndetermined:
      return "undetermined";
  }
  return "";
}

const char* direction_name(Direction direction) {
  switch (direction) {
    case Direction::kForward:
      return "forward";
    case Direction::kReverse:
      return "reverse";
    case Direction::kBoth:
      return "both";
  }
  return "";
}

std::string odds_text(double probability) {
  constexpr double kImprobable = 1e-2;
  constexpr double kOneInAMillion = 1e-6;
  if (probability <= kOneInAMillion) return "below 1 in a million";
  if (probability > kImprobable) return fmt::format("about 1 in {:.0f}", std::floor(1 / probability));
  // One power of ten less where the odds are a power of ten themselves: 1 in 1,000 is not below 1 in 1,000.
  const auto magnitude = std::ceil(std::log10(1 / probability)) - 1;
  const auto one_in = static_cast<std::uint64_t>(std::pow(10.0, magnitude));
  return one_in < 1000 ? fmt::format("below 1 in {}", one_in)
                       : fmt::format("below 1 in {},{:03}", one_in / 1000, one_in % 1000);
}

}  // namespace vpndoctor
