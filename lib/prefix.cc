// SPDX-License-Identifier: Apache-2.0
// Text and containment of prefixes.
#include "vpndoctor/prefix.h"

#include <algorithm>
#include <charconv>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr unsigned kBitsPerByte = 8;

/// The bits of byte `index` that belong to a network part of `length` bits.
std::uint8_t network_mask(std::size_t index, unsigned length) {
  const unsigned before = static_cast<unsigned>(index) * kBitsPerByte;
  if (length >= before + kBitsPerByte) return 0xff;
  if (length <= before) return 0;
  return static_cast<std::uint8_t>(0xff << (kBitsPerByte - (length - before)));
}

std::unexpected<Error> not_a_prefix(std::string_view text, const char* what) {
  return failure(ErrorKind::kUsage, fmt::format("{} {}", in_quotes(std::string(text)), what));
}

}  // namespace

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return not_a_prefix(text, "is not an address or a prefix");
  if (slash == std::string_view::npos) return host(*address);
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return not_a_prefix(text, "has no number as its prefix length");
  }
  if (length > address_bits(address->family)) return not_a_prefix(text, "has a prefix length beyond its address");
  const IpPrefix prefix = of(*address, length);
  if (prefix.address == *address) return prefix;
  return failure(ErrorKind::kUsage, fmt::format("{} has host bits set", in_quotes(std::string(text))),
                 fmt::format("{} is the prefix of that address", prefix));
}

IpPrefix IpPrefix::of(const IpAddress& address, unsigned length) {
  const unsigned bits = std::min(length, address_bits(address.family));
  IpPrefix prefix{address, static_cast<std::uint8_t>(bits)};
  for (std::size_t i = 0; i < prefix.address.bytes.size(); ++i) prefix.address.bytes[i] &= network_mask(i, bits);
  return prefix;
}

bool IpPrefix::contains(const IpAddress& other) const {
  if (address.family != other.family) return false;
  const std::size_t whole = length / kBitsPerByte;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, other.bytes.begin())) return false;
  return length % kBitsPerByte == 0 || ((address.bytes[whole] ^ other.bytes[whole]) & network_mask(whole, length)) == 0;
}

bool IpPrefix::contains(const IpPrefix& other) const { return length <= other.length && contains(other.address); }

IpAddress IpPrefix::last_address() const {
  IpAddress last = address;
  const std::size_t size = address.octets().size();
  for (std::size_t i = 0; i < size; ++i) last.bytes[i] |= static_cast<std::uint8_t>(~network_mask(i, length));
  return last;
}

std::string IpPrefix::to_string() const {
  std::string text;
  append_to(text);
  return text;
}

void IpPrefix::append_to(std::string& out) const {
  address.append_to(out);
  std::array<char, 4> digits{'/'};
  const auto end = std::to_chars(digits.data() + 1, digits.data() + digits.size(), static_cast<unsigned>(length)).ptr;
  out.append(digits.data(), end);
}

}  // namespace vpndoctor
