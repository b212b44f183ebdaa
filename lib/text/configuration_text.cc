// SPDX-License-Identifier: Apache-2.0
// The pieces of interface configuration that several formats share; see the header.
#include "text/configuration_text.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

namespace vpndoctor {
namespace {

constexpr std::size_t kMostNotUnderstood = 8;

}  // namespace

std::optional<ConfiguredAddress> parse_configured_address(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return ConfiguredAddress{*address, std::nullopt};
  const auto length = parse_number<std::uint8_t>(text.substr(slash + 1));
  if (!length || *length > address_bits(address->family)) return std::nullopt;
  return ConfiguredAddress{*address, length};
}

std::optional<IpPrefix> parse_destination(std::string_view text, std::optional<Family> family) {
  if (text == "default" && family) return IpPrefix::everything(*family);
  const auto parsed = parse_configured_address(text);
  if (!parsed || (family && parsed->address.family != *family)) return std::nullopt;
  return IpPrefix::of(parsed->address,
                      parsed->prefix_length.value_or(static_cast<std::uint8_t>(address_bits(parsed->address.family))));
}

std::optional<std::uint8_t> mask_length(const IpAddress& mask) {
  if (mask.family != Family::kInet) return std::nullopt;
  std::uint32_t bits = 0;
  for (const std::uint8_t octet : mask.octets()) bits = bits << 8U | octet;
  const int ones = std::countl_one(bits);
  if (std::popcount(bits) != ones) return std::nullopt;
  return static_cast<std::uint8_t>(ones);
}

std::string line_place(std::size_t line) { return fmt::format("line {}", line); }

void add_way(InterfaceConfiguration& configuration, ConfiguredWay way) {
  if (configuration.ways.size() < kMostWays) {
    configuration.ways.push_back(std::move(way));
  } else {
    add_not_understood(configuration, fmt::format("{}: more than {} routes", way.place, kMostWays));
  }
}

void add_not_understood(InterfaceConfiguration& configuration, std::string place) {
  if (configuration.not_understood.size() < kMostNotUnderstood) {
    configuration.not_understood.push_back(std::move(place));
  }
}

bool is_truth(std::string_view text) {
  return text == "yes" || text == "true" || text == "1" || text == "on" || text == "y" || text == "t";
}

}  // namespace vpndoctor
