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

Result<std::vector<ConfiguredWay>> parse_classless_routes(std::span<const std::byte> value, const std::string& place) {
  constexpr std::size_t kRouterBytes = 4;
  std::vector<ConfiguredWay> ways;
  while (!value.empty()) {
    const auto length = std::to_integer<unsigned>(value[0]);
    const std::size_t significant = (length + 7) / 8;
    if (length > 32) return failure(ErrorKind::kUsage, fmt::format("option 121 has a prefix of {} bits", length));
    if (value.size() < 1 + significant + kRouterBytes) return failure(ErrorKind::kUsage, "option 121 is cut off");
    IpAddress network;
    for (std::size_t i = 0; i < significant; ++i) network.bytes.at(i) = std::to_integer<std::uint8_t>(value[1 + i]);
    const auto router = IpAddress::from_bytes(value.subspan(1 + significant, kRouterBytes));
    ConfiguredWay way;
    way.destination = IpPrefix::of(network, length);
    if (router && !router->is_unspecified()) way.gateway = router;
    way.place = place;
    ways.push_back(std::move(way));
    value = value.subspan(1 + significant + kRouterBytes);
  }
  return ways;
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
