// SPDX-License-Identifier: Apache-2.0
// Compares bytes of which some bits are not known; see the header.
#include "firewall_bits.h"

namespace vpndoctor {
namespace {

std::uint8_t byte_of(char text) { return static_cast<std::uint8_t>(text); }

/// Compares the smallest, or largest, number that the bits may be with a bound: below 0, 0, above 0.
int compare(BitsView bits, bool largest, std::string_view bound) {
  const std::size_t size = std::min(bits.value.size(), bound.size());
  for (std::size_t i = 0; i < size; ++i) {
    const auto unknown = static_cast<std::uint8_t>(~bits.known[i]);
    const int byte = largest ? bits.value[i] | unknown : bits.value[i];
    const int difference = byte - byte_of(bound[i]);
    if (difference != 0) return difference;
  }
  return 0;
}

}  // namespace

Truth equals(BitsView bits, std::string_view bytes) {
  Truth truth = Truth::kYes;
  const std::size_t size = std::min(bits.value.size(), bytes.size());
  for (std::size_t i = 0; i < size; ++i) {
    if (((bits.value[i] ^ byte_of(bytes[i])) & bits.known[i]) != 0) return Truth::kNo;
    if (bits.known[i] != 0xff) truth = Truth::kMaybe;
  }
  return truth;
}

Truth within(BitsView bits, std::string_view from, std::string_view to) {
  if (compare(bits, true, from) < 0 || compare(bits, false, to) > 0) return Truth::kNo;
  const bool surely = compare(bits, false, from) >= 0 && compare(bits, true, to) <= 0;
  return surely ? Truth::kYes : Truth::kMaybe;
}

}  // namespace vpndoctor
