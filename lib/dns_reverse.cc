// SPDX-License-Identifier: Apache-2.0
// Names of the reverse zones as addresses; see the header.
#include "dns_reverse.h"

#include <charconv>

namespace vpndoctor {
namespace {

constexpr std::string_view kInetZone = ".in-addr.arpa";
constexpr std::string_view kInet6Zone = ".ip6.arpa";

/// Takes the last label off; empty when there is none.
std::string_view take_last(std::string_view& name) {
  const auto dot = name.rfind('.');
  const std::string_view label = dot == std::string_view::npos ? name : name.substr(dot + 1);
  name = dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
  return label;
}

std::optional<unsigned> number(std::string_view label, int base, std::size_t most_digits) {
  unsigned value = 0;
  if (label.empty() || label.size() > most_digits) return std::nullopt;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value, base);
  if (error != std::errc() || end != label.data() + label.size() || value > 255) return std::nullopt;
  return value;
}

/// Reads labels from the zone's end on; a label has `bits` bits.
std::optional<IpPrefix> prefix_of(std::string_view labels, Family family, unsigned bits) {
  IpAddress address{.family = family, .bytes = {}};
  unsigned length = 0;
  while (!labels.empty()) {
    const auto value = bits == 8 ? number(take_last(labels), 10, 3) : number(take_last(labels), 16, 1);
    if (!value || length >= address_bits(family)) return std::nullopt;
    const unsigned shift = 8 - bits - length % 8;
    address.bytes[length / 8] = static_cast<std::uint8_t>(address.bytes[length / 8] | (*value << shift));
    length += bits;
  }
  return IpPrefix::of(address, length);
}

}  // namespace

std::optional<IpPrefix> prefix_of_reverse_name(std::string_view name) {
  if (name.ends_with(kInetZone)) return prefix_of(name.substr(0, name.size() - kInetZone.size()), Family::kInet, 8);
  if (name.ends_with(kInet6Zone)) return prefix_of(name.substr(0, name.size() - kInet6Zone.size()), Family::kInet6, 4);
  return std::nullopt;
}

std::optional<IpAddress> address_of_reverse_name(std::string_view name) {
  const auto prefix = prefix_of_reverse_name(name);
  if (!prefix || !prefix->is_host()) return std::nullopt;
  return prefix->address;
}

}  // namespace vpndoctor
