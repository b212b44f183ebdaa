// SPDX-License-Identifier: Apache-2.0
// The words that the leaks command's sections share.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "leaks_text_parts.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {

std::string names_text(const std::vector<std::string>& names, std::size_t most) {
  if (names.size() > most) {
    return fmt::format("{} and {} more",
                       fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(most - 1), ", "),
                       names.size() - most + 1);
  }
  if (names.size() < 2) return names.empty() ? "" : names.front();
  return fmt::format("{} and {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

std::string cell_text(const std::string& name, std::size_t columns) {
  return name.empty() ? "-" : shorten(escape_non_ascii(name), columns);
}

std::string age_text(std::chrono::seconds age) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  const std::int64_t seconds = std::max<std::int64_t>(age.count(), 0);
  // Rounded down, and to the smaller unit while that is what rules go by: WireGuard's are of 180 s.
  if (seconds < 5 * kMinute) return fmt::format("{} s", seconds);
  if (seconds < 2 * kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{} h", seconds / kHour);
  return fmt::format("{} days", seconds / kDay);
}

std::string seconds_text(double seconds) {
  constexpr double kWhole = 10;
  if (!std::isfinite(seconds)) return "not known";
  if (seconds >= kWhole || seconds == std::floor(seconds)) return fmt::format("{:.0f} s", seconds);
  return fmt::format("{:.1f} s", seconds);
}

std::string endpoint_text(const IpAddress& address, std::uint16_t port) {
  if (port == 0) return address.to_string();
  return address.family == Family::kInet6 ? fmt::format("[{}]:{}", address.to_string(), port)
                                          : fmt::format("{}:{}", address.to_string(), port);
}

std::string process_text(std::uint32_t pid, const std::string& name) {
  return name.empty() ? fmt::format("process {}", pid) : fmt::format("{} ({})", name, pid);
}

}  // namespace vpndoctor
