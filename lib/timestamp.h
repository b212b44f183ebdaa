// SPDX-License-Identifier: Apache-2.0
// Points in time as RFC 3339 text in UTC, to the nanosecond, without the C library's calendar and locale.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace vpndoctor {

/// Returns "2026-11-20T21:52:36.123456789Z"; trailing zeros of the fraction are left out.
std::string to_timestamp(std::chrono::system_clock::time_point time);

/// The inverse, for any number of digits of the fraction up to nine; nullopt for what is no such time, and for one that
/// the clock cannot hold (before 1678, after 2261).
std::optional<std::chrono::system_clock::time_point> parse_timestamp(std::string_view text);

}  // namespace vpndoctor
