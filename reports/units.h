// SPDX-License-Identifier: Apache-2.0
// Numbers with their units as the text reports word them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vpndoctor/number_text.h"
#include "vpndoctor/path_mtu.h"

namespace vpndoctor {

std::string milliseconds_text(Milliseconds value);  ///< "0.42 ms", "41.2 ms", "1.20 s"
std::string bytes_sent_text(std::uint64_t bytes);   ///< "842 bytes", "123 kB"
std::string percent_text(double ratio);             ///< "0 %", "0.4 %", "19 %"
/// A share of a whole, never rounded to all or to nothing where a part is missing: "less than 0.1 %", "19 %", "99.7 %",
/// "almost all", "100 %".
std::string share_text(double ratio);
/// "1 route", "12,345 routes".
std::string counted(std::size_t count, std::string_view thing);
/// RFC 3339 in UTC, with milliseconds.
std::string timestamp(std::chrono::system_clock::time_point at);
std::string size_or_dash(std::optional<std::uint32_t> bytes);
/// "1400 bytes", "1280 to 1399 bytes", "at least 1280 bytes", "at most 1399 bytes"; empty when nothing is known.
std::string bounds_text(const SizeBounds& bounds);

}  // namespace vpndoctor
