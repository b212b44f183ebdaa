// SPDX-License-Identifier: Apache-2.0
// What the formats of interface configuration have in common: addresses with lengths, prefixes with host bits, files of
// sections and settings.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/lines.h"
#include "vpndoctor/interface_configuration.h"

namespace vpndoctor {

/// How many routes of one file are read; what comes after them is said not to be understood.
inline constexpr std::size_t kMostWays = 512;

/// Reads "192.0.2.1/24" or "192.0.2.1".
std::optional<ConfiguredAddress> parse_configured_address(std::string_view text);
/// Reads a prefix, whose host bits are dropped as these programs do, or "default" where that is allowed by `family`.
std::optional<IpPrefix> parse_destination(std::string_view text, std::optional<Family> family = std::nullopt);
/// The length of a network mask; nullopt when its bits are not in one piece.
std::optional<std::uint8_t> mask_length(const IpAddress& mask);
/// Decodes the value of DHCP option 121 (RFC 3442): the length of a prefix, its significant octets, the router; again
/// and again. A router of 0.0.0.0 means the link itself. Every way gets `place`. kUsage with the fault when any part is
/// wrong.
Result<std::vector<ConfiguredWay>> parse_classless_routes(std::span<const std::byte> value, const std::string& place);
/// "line 7".
std::string line_place(std::size_t line);
/// Remembers a way, or that there were too many.
void add_way(InterfaceConfiguration& configuration, ConfiguredWay way);
/// Remembers a place that was not understood; only the first few.
void add_not_understood(InterfaceConfiguration& configuration, std::string place);
/// True for the words that mean yes in files of settings.
bool is_truth(std::string_view text);

/// One line "key=value" of a file of sections; both without blanks at their ends.
struct Setting {
  std::string_view section;      ///< of "[section]"
  std::size_t section_line = 0;  ///< where it begins: the same section can come again
  std::size_t line = 0;
  std::string_view key;
  std::string_view value;
};

/// Calls `take(setting)` for each; comments and what is no setting are left out.
template <class Take>
void for_each_setting(std::string_view text, Take take) {
  Setting setting;
  for_each_line(text, [&](std::size_t number, std::string_view raw) {
    const std::string_view line = trimmed(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') return;
    if (line[0] == '[') {
      setting.section = trimmed(line.substr(1, line.find(']') == std::string_view::npos ? 0 : line.find(']') - 1));
      setting.section_line = number;
      return;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return;
    setting.line = number;
    setting.key = trimmed(line.substr(0, equals));
    setting.value = trimmed(line.substr(equals + 1));
    take(setting);
  });
}

}  // namespace vpndoctor
