// SPDX-License-Identifier: Apache-2.0
// Bytes of which some bits are not known: what a register, a mark or a header may hold. Knows no meaning of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vpndoctor {

enum class Truth : std::uint8_t { kNo, kYes, kMaybe };

constexpr Truth operator!(Truth truth) {
  if (truth == Truth::kMaybe) return truth;
  return truth == Truth::kYes ? Truth::kNo : Truth::kYes;
}
constexpr Truth either(Truth left, Truth right) {
  if (left == Truth::kYes || right == Truth::kYes) return Truth::kYes;
  return left == Truth::kMaybe || right == Truth::kMaybe ? Truth::kMaybe : Truth::kNo;
}

/// A piece of bytes with their known bits; a bit that is not known has the value 0.
struct BitsView {
  std::span<const std::uint8_t> value;
  std::span<const std::uint8_t> known;

  bool is_known() const {
    return std::ranges::all_of(known, [](std::uint8_t each) { return each == 0xff; });
  }
};

template <std::size_t kSize>
struct Bits {
  std::array<std::uint8_t, kSize> value{};
  std::array<std::uint8_t, kSize> known{};

  /// Sets bytes; what does not fit is left out.
  void set(std::size_t offset, std::span<const std::uint8_t> bytes) {
    for (std::size_t i = 0; i < bytes.size() && offset + i < kSize; ++i) {
      value[offset + i] = bytes[i];
      known[offset + i] = 0xff;
    }
  }
  void set(std::size_t offset, BitsView bits) {
    for (std::size_t i = 0; i < bits.value.size() && offset + i < kSize; ++i) {
      value[offset + i] = bits.value[i];
      known[offset + i] = bits.known[i];
    }
  }
  void forget(std::size_t offset, std::size_t length) {
    for (std::size_t i = offset; i < kSize && i - offset < length; ++i) value[i] = known[i] = 0;
  }
  void forget() { forget(0, kSize); }
  /// Keeps what both agree on.
  void join(const Bits& other) {
    for (std::size_t i = 0; i < kSize; ++i) {
      known[i] &= static_cast<std::uint8_t>(other.known[i] & ~(value[i] ^ other.value[i]));
      value[i] &= known[i];
    }
  }
  /// A piece; empty when it does not fit.
  BitsView view(std::size_t offset, std::size_t length) const {
    if (offset > kSize || kSize - offset < length) return {};
    return {std::span(value).subspan(offset, length), std::span(known).subspan(offset, length)};
  }
  BitsView view() const { return view(0, kSize); }
  bool is_known() const { return view().is_known(); }
  bool operator==(const Bits&) const = default;
};

/// What a register takes of an expression, and the longest key of a set.
inline constexpr std::size_t kLargestValue = 64;
using FirewallValue = Bits<kLargestValue>;

/// Whether the bits are exactly these bytes; a length that differs is compared up to the shorter one.
Truth equals(BitsView bits, std::string_view bytes);
/// Whether the bits, as a number whose first byte is the most significant, are within the bounds, both included.
Truth within(BitsView bits, std::string_view from, std::string_view to);

}  // namespace vpndoctor
