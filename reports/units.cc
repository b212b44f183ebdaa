// SPDX-License-Identifier: Apache-2.0
// Rounds numbers for a reader: three significant digits are enough everywhere.
#include "units.h"

#include <fmt/format.h>

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

std::string share_text(double ratio) {
  constexpr double kSmallest = 0.0005;
  constexpr double kNearlyAll = 0.99;
  if (ratio < kSmallest) return "less than 0.1 %";
  if (ratio < 1 && ratio > 1 - kSmallest) return "almost all";
  return ratio < 1 && ratio > kNearlyAll ? fmt::format("{:.1f} %", ratio * 100) : percent_text(ratio);
}

std::string counted(std::size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", grouped(count), thing, count == 1 ? "" : "s");
}

std::string timestamp(std::chrono::system_clock::time_point at) {
  using namespace std::chrono;
  const auto days_since = floor<days>(at);
  const year_month_day date(days_since);
  const hh_mm_ss time(floor<milliseconds>(at - days_since));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), time.subseconds().count());
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
