// SPDX-License-Identifier: Apache-2.0
// Rounds numbers for a reader: three significant digits are enough everywhere.
#include "units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace vpndoctor {

std::string milliseconds_text(Milliseconds value) {
  const double ms = value.count();
  if (ms >= 1000) return fmt::format("{:.2f} s", ms / 1000);
  if (ms >= 100) return fmt::format("{:.0f} ms", ms);
  return ms >= 10 ? fmt::format("{:.1f} ms", ms) : fmt::format("{:.2f} ms", ms);
}

std::string bytes_sent_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  const double kilo = static_cast<double>(bytes) / 1000;
  if (kilo < 10) return fmt::format("{:.1f} kB", kilo);
  return kilo < 1000 ? fmt::format("{:.0f} kB", kilo) : fmt::format("{:.1f} MB", kilo / 1000);
}

std::string percent_text(double ratio) {
  const double percent = ratio * 100;
  if (percent > 0 && percent < 10) return fmt::format("{:.1f} %", percent);
  return fmt::format("{:.0f} %", percent);
}

std::string odds_text(double probability) {
  constexpr double kNotWorthSaying = 1e-6;
  if (!(probability > kNotWorthSaying)) return "below 1 in a million";
  const double one_in = 1 / probability;
  const double scale = std::pow(10.0, std::max(0.0, std::floor(std::log10(one_in)) - 2));
  const auto rounded = static_cast<std::uint64_t>(std::floor(one_in / scale) * scale);
  return rounded < 1000 ? fmt::format("1 in {}", rounded)
                        : fmt::format("1 in {},{:03}", rounded / 1000, rounded % 1000);
}

std::string size_or_dash(std::optional<std::uint32_t> bytes) { return bytes ? fmt::format("{}", *bytes) : "-"; }

std::string bounds_text(const SizeBounds& bounds) {
  if (bounds.exact()) return fmt::format("{} bytes", *bounds.at_least_bytes);
  if (bounds.at_least_bytes && bounds.at_most_bytes) {
    return fmt::format("{} to {} bytes", *bounds.at_least_bytes, *bounds.at_most_bytes);
  }
  if (bounds.at_least_bytes) return fmt::format("at least {} bytes", *bounds.at_least_bytes);
  return bounds.at_most_bytes ? fmt::format("at most {} bytes", *bounds.at_most_bytes) : "";
}

}  // namespace vpndoctor
