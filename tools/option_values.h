// SPDX-License-Identifier: Apache-2.0
// Reads the values of options: numbers, durations, endpoints. Knows no option by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "vpndoctor/result.h"
#include "vpndoctor/tunnel_endpoint.h"

namespace vpndoctor {

/// The whole numbers that an option takes, both ends included.
struct WholeNumbers {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

/// Returns what is wrong with `text`, or nothing; then `text` has become plain decimal digits. Takes decimal digits
/// and, after 0x, hexadecimal ones; a leading zero means nothing.
std::string check_whole_number(std::string& text, WholeNumbers range);

/// Returns what is wrong with `text` as a number of seconds from `from` to `to`, or nothing.
std::string check_seconds(const std::string& text, double from, double to);

/// Returns what is wrong with `name` as a domain name in ASCII, a dot at its end allowed, or nothing. An address is
/// none.
std::optional<Error> check_dns_name(const std::string& name);

/// Takes ADDR, ADDR:PORT, [ADDR6] or [ADDR6]:PORT. kUsage when it is anything else.
Result<TunnelEndpoint> parse_endpoint(const std::string& text);

}  // namespace vpndoctor
