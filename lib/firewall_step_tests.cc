// SPDX-License-Identifier: Apache-2.0
// Comparisons and arithmetic (nft_cmp.c, nft_range.c, nft_bitwise.c, nft_byteorder.c). See firewall_step.h.
#include <algorithm>

#include "firewall_step.h"

namespace vpndoctor {
namespace {

enum CompareOperation : std::uint32_t { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
enum BitwiseOperation : std::uint32_t { kMaskXor, kLeftShift, kRightShift, kAnd, kOr, kXor };

FirewallStep step(const FirewallStepContext& context, Truth truth, const FirewallExpression& expression,
                  std::size_t length) {
  return {.passes = truth, .doubt = context.registers.doubt(expression.source, length), .decisions = {}};
}

Truth compare(BitsView bits, std::uint32_t operation, std::string_view data) {
  const std::string lowest(data.size(), '\0');
  const std::string highest(data.size(), '\xff');
  switch (operation) {
    case kEqual:
      return equals(bits, data);
    case kNotEqual:
      return !equals(bits, data);
    case kLess:
      return !within(bits, data, highest);
    case kLessOrEqual:
      return within(bits, lowest, data);
    case kGreater:
      return !within(bits, lowest, data);
    case kGreaterOrEqual:
      return within(bits, data, highest);
    default:
      return Truth::kMaybe;
  }
}

/// Bits after an operation with constants on both sides of the exclusive or.
struct Masked {
  std::uint8_t value;
  std::uint8_t known;
};
Masked mask_xor(std::uint8_t value, std::uint8_t known, std::uint8_t mask, std::uint8_t flip) {
  const auto sure = static_cast<std::uint8_t>(known | ~mask);
  return {static_cast<std::uint8_t>(((value & mask) ^ flip) & sure), sure};
}

Masked combine(std::uint32_t operation, Masked left, Masked right) {
  const unsigned both = left.known & right.known;
  const auto masked = [](unsigned value, unsigned known) {
    return Masked{static_cast<std::uint8_t>(value & known), static_cast<std::uint8_t>(known)};
  };
  if (operation == kAnd) {
    const unsigned zero = (left.known & ~left.value) | (right.known & ~right.value);
    return masked(left.value & right.value, both | zero);
  }
  if (operation == kOr) return masked(left.value | right.value, both | left.value | right.value);
  return masked(left.value ^ right.value, both);
}

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
}

FirewallValue masked_value(BitsView source, const FirewallExpression& expression) {
  FirewallValue out;
  for (std::size_t i = 0; i < source.value.size(); ++i) {
    const Masked byte =
        mask_xor(source.value[i], source.known[i], byte_at(expression.data, i), byte_at(expression.second_data, i));
    out.value[i] = byte.value;
    out.known[i] = byte.known;
  }
  return out;
}

FirewallValue combined_value(BitsView left, BitsView right, std::uint32_t operation) {
  FirewallValue out;
  for (std::size_t i = 0; i < left.value.size() && i < right.value.size(); ++i) {
    const Masked byte = combine(operation, {left.value[i], left.known[i]}, {right.value[i], right.known[i]});
    out.value[i] = byte.value;
    out.known[i] = byte.known;
  }
  return out;
}

/// A shift of words of the ruleset's byte order whose carry goes from the last one to the first, or back
/// (nft_bitwise_eval_lshift(), nft_bitwise_eval_rshift()).
std::array<std::uint8_t, kLargestValue> shifted(std::span<const std::uint8_t> bytes, const Firewall& firewall,
                                                bool left, unsigned shift) {
  std::array<std::uint8_t, kLargestValue> out{};
  const std::size_t words = bytes.size() / 4;
  std::uint32_t carry = 0;
  for (std::size_t n = 0; n < words; ++n) {
    const std::size_t i = left ? words - 1 - n : n;
    Bits<4> word;
    word.set(0, bytes.subspan(4 * i, 4));
    const std::uint32_t number = native_number(firewall, word);
    const std::uint32_t moved = (left ? number << shift : number >> shift) | carry;
    carry = shift == 0 ? 0 : left ? number >> (32 - shift) : number << (32 - shift);
    std::ranges::copy(native_bytes(firewall, moved), out.begin() + static_cast<std::ptrdiff_t>(4 * i));
  }
  return out;
}

FirewallValue shifted_value(const FirewallStepContext& context, BitsView source, const FirewallExpression& expression) {
  FirewallValue out;
  Bits<4> count;
  count.set(0, octets_of(expression.data).first(std::min<std::size_t>(4, expression.data.size())));
  const std::uint32_t shift = native_number(context.place.firewall, count);
  if (shift >= 32 || source.value.size() % 4 != 0) return out;
  const bool left = expression.operation == kLeftShift;
  const Firewall& firewall = context.place.firewall;
  out.value = shifted(source.value, firewall, left, shift);
  std::array<std::uint8_t, kLargestValue> unknown{};
  for (std::size_t i = 0; i < source.known.size(); ++i) unknown[i] = static_cast<std::uint8_t>(~source.known[i]);
  const auto moved = shifted(std::span(unknown).first(source.known.size()), firewall, left, shift);
  for (std::size_t i = 0; i < source.known.size(); ++i) out.known[i] = static_cast<std::uint8_t>(~moved[i]);
  return out;
}

}  // namespace

FirewallStep compare_step(const FirewallStepContext& context, const FirewallExpression& expression) {
  const std::size_t length = expression.data.size();
  const BitsView bits = context.registers.read(expression.source, length);
  const Truth truth =
      bits.value.size() == length ? compare(bits, expression.operation, expression.data) : Truth::kMaybe;
  return step(context, truth, expression, length);
}

FirewallStep range_step(const FirewallStepContext& context, const FirewallExpression& expression) {
  const std::size_t length = expression.data.size();
  const BitsView bits = context.registers.read(expression.source, length);
  if (bits.value.size() != length) return step(context, Truth::kMaybe, expression, length);
  const Truth truth = within(bits, expression.data, expression.second_data);
  return step(context, expression.operation == 0 ? truth : !truth, expression, length);
}

FirewallStep among_step(const FirewallStepContext& context, const FirewallExpression& expression) {
  const std::size_t length = expression.length;
  Truth truth = Truth::kNo;
  for (const std::uint32_t word : {expression.source, expression.second_source}) {
    const BitsView bits = context.registers.read(word, length);
    if (word == 0 || length == 0 || bits.value.size() != length) continue;
    const std::string_view ranges = expression.data;
    for (std::size_t at = 0; at + 2 * length <= ranges.size(); at += 2 * length) {
      truth = either(truth, within(bits, ranges.substr(at, length), ranges.substr(at + length, length)));
    }
  }
  return step(context, expression.operation == 0 ? truth : !truth, expression, length);
}

FirewallStep bitwise_step(const FirewallStepContext& context, const FirewallExpression& expression) {
  const std::size_t length = std::min<std::size_t>(expression.length, kLargestValue);
  const BitsView source = context.registers.read(expression.source, length);
  if (source.value.empty()) return step(context, Truth::kMaybe, expression, length);
  FirewallValue out;
  std::string_view doubt = source.is_known() ? "" : context.registers.doubt(expression.source, length);
  if (expression.operation == kMaskXor) {
    out = masked_value(source, expression);
  } else if (expression.operation == kLeftShift || expression.operation == kRightShift) {
    out = shifted_value(context, source, expression);
  } else if (expression.operation <= kXor) {
    FirewallValue constant;
    constant.set(0, octets_of(expression.data));
    const bool has_second = expression.second_source != 0;
    const BitsView second =
        has_second ? context.registers.read(expression.second_source, length) : constant.view(0, length);
    if (has_second && doubt.empty() && !second.is_known())
      doubt = context.registers.doubt(expression.second_source, length);
    out = combined_value(source, second, expression.operation);
  } else {
    doubt = "an operation that is not modelled";
  }
  context.registers.write(expression.destination, out.view(0, length), doubt);
  return {};
}

FirewallStep byteorder_step(const FirewallStepContext& context, const FirewallExpression& expression) {
  const std::size_t length = std::min<std::size_t>(expression.length, kLargestValue);
  const BitsView source = context.registers.read(expression.source, length);
  const std::size_t size = expression.flags;
  if (source.value.empty() || size < 2 || size > 8) return step(context, Truth::kMaybe, expression, length);
  const std::string_view doubt = source.is_known() ? "" : context.registers.doubt(expression.source, length);
  FirewallValue out;
  out.set(0, source);
  if (!context.place.firewall.is_big_endian) {
    for (std::size_t at = 0; at + size <= length; at += size) {
      const auto from = static_cast<std::ptrdiff_t>(at);
      const auto to = static_cast<std::ptrdiff_t>(at + size);
      std::reverse(out.value.begin() + from, out.value.begin() + to);
      std::reverse(out.known.begin() + from, out.known.begin() + to);
    }
  }
  context.registers.write(expression.destination, out.view(0, length), doubt);
  return {};
}

}  // namespace vpndoctor
