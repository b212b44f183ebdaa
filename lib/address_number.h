// SPDX-License-Identifier: Apache-2.0
// An address as a 128-bit number, for arithmetic. Knows no families: an IPv4 address is a number below 2^32.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <cstdint>

#include "vpndoctor/ip.h"

namespace vpndoctor {

struct AddressNumber {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static AddressNumber of(const IpAddress& address) {
    AddressNumber number;
    for (const std::uint8_t byte : address.octets()) {
      number.high = number.high << 8U | number.low >> 56U;
      number.low = number.low << 8U | byte;
    }
    return number;
  }

  IpAddress to_address(Family family) const {
    IpAddress address{.family = family, .bytes = {}};
    const std::size_t size = address.octets().size();
    AddressNumber rest = *this;
    for (std::size_t i = size; i-- > 0;) {
      address.bytes[i] = static_cast<std::uint8_t>(rest.low & 0xffU);
      rest.low = rest.low >> 8U | rest.high << 56U;
      rest.high >>= 8U;
    }
    return address;
  }

  /// Wraps to 0 after the last number.
  AddressNumber next() const { return {low == UINT64_MAX ? high + 1 : high, low + 1}; }

  /// 128 for 0.
  unsigned trailing_zeros() const {
    const int zeros = low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(high);
    return static_cast<unsigned>(zeros);
  }

  /// The number with its lowest `count` bits set: the last address of a prefix that has as many host bits.
  AddressNumber with_host_bits(unsigned count) const {
    constexpr unsigned kHalf = 64;
    const auto ones = [](unsigned bits) { return bits >= kHalf ? UINT64_MAX : (std::uint64_t{1} << bits) - 1; };
    return {high | (count > kHalf ? ones(count - kHalf) : 0), low | ones(count)};
  }

  AddressNumber operator-(const AddressNumber& other) const {
    return {high - other.high - (low < other.low ? 1U : 0U), low - other.low};
  }

  auto operator<=>(const AddressNumber&) const = default;

  /// How many numbers there are from this one to `last`, both included, rounded to a double.
  double count_to(const AddressNumber& last) const {
    constexpr int kHighBits = 64;
    const AddressNumber difference = last - *this;
    return std::ldexp(static_cast<double>(difference.high), kHighBits) + static_cast<double>(difference.low) + 1;
  }
};

/// Returns how many host bits the widest prefix has that begins at `first` and does not go beyond `last`.
inline unsigned widest_host_bits(const AddressNumber& first, const AddressNumber& last, unsigned bits) {
  unsigned host_bits = std::min(first.trailing_zeros(), bits);
  while (host_bits > 0 && first.with_host_bits(host_bits) > last) --host_bits;
  return host_bits;
}

/// Calls `visit(first, host_bits)` for the fewest prefixes that cover the numbers from `first` to `last`, ascending;
/// `bits`: how many an address of the family has.
template <class Visit>
void for_each_block(AddressNumber first, const AddressNumber& last, unsigned bits, Visit visit) {
  while (true) {
    const unsigned host_bits = widest_host_bits(first, last, bits);
    visit(first, host_bits);
    first = first.with_host_bits(host_bits);
    if (first == last) return;
    first = first.next();
  }
}

}  // namespace vpndoctor
