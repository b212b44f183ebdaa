// SPDX-License-Identifier: Apache-2.0
// The proleptic Gregorian calendar comes from <chrono>.
#include "timestamp.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace vpndoctor {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr std::size_t kFractionDigits = 9;
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;

/// Takes exactly `digits` decimal digits and what must follow them.
std::optional<unsigned> take(std::string_view& text, std::size_t digits, std::string_view then) {
  if (text.size() < digits || text.substr(0, digits).find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + digits, value);
  text.remove_prefix(digits);
  if (!text.starts_with(then)) return std::nullopt;
  text.remove_prefix(then.size());
  return value;
}

/// ".5Z" or "Z": the rest of a time after its seconds.
std::optional<nanoseconds> take_fraction(std::string_view text) {
  if (text == "Z") return nanoseconds{0};
  if (!text.starts_with('.') || !text.ends_with('Z')) return std::nullopt;
  std::string digits(text.substr(1, text.size() - 2));
  if (digits.empty() || digits.size() > kFractionDigits) return std::nullopt;
  digits.resize(kFractionDigits, '0');
  std::string_view rest = digits;
  const auto value = take(rest, kFractionDigits, "");
  if (!value) return std::nullopt;
  return nanoseconds{*value};
}

}  // namespace

std::string to_timestamp(system_clock::time_point time) {
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::duration_cast<nanoseconds>(time - day));
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) {
    text += fmt::format(".{:09}", clock.subseconds().count());
    text.resize(text.find_last_not_of('0') + 1);
  }
  return text += 'Z';
}

std::optional<system_clock::time_point> parse_timestamp(std::string_view text) {
  const auto year = take(text, 4, "-");
  const auto month = take(text, 2, "-");
  const auto day = take(text, 2, "T");
  const auto hour = take(text, 2, ":");
  const auto minute = take(text, 2, ":");
  const auto second = take(text, 2, "");
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const auto fraction = take_fraction(text);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  const auto years = static_cast<int>(*year);
  if (!fraction || !date.ok() || years < kFirstYear || years > kLastYear) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const auto since_midnight = std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(*second) + *fraction;
  return std::chrono::sys_days(date) + std::chrono::duration_cast<system_clock::duration>(since_midnight);
}

}  // namespace vpndoctor
