// SPDX-License-Identifier: Apache-2.0
// Comparisons, arithmetic and sets (nft_cmp.c, nft_range.c, nft_bitwise.c, nft_byteorder.c, nft_lookup.c,
// nft_set_{hash,rbtree,pipapo}.c). See firewall_step.h.
#include <algorithm>
#include <cstring>
#include <optional>

#include "firewall_step.h"

namespace vpndoctor {
namespace {

enum CompareOperation : std::uint32_t { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
enum BitwiseOperation : std::uint32_t { kMaskXor, kLeftShift, kRightShift, kAnd, kOr, kXor };
constexpr std::size_t kLargestValue = 64;

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

using Value = Bits<kLargestValue>;

Value masked_value(BitsView source, const FirewallExpression& expression) {
  Value out;
  for (std::size_t i = 0; i < source.value.size(); ++i) {
    const Masked byte =
        mask_xor(source.value[i], source.known[i], byte_at(expression.data, i), byte_at(expression.second_data, i));
    out.value[i] = byte.value;
    out.known[i] = byte.known;
  }
  return out;
}

Value combined_value(BitsView left, BitsView right, std::uint32_t operation) {
  Value out;
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

Value shifted_value(const FirewallStepContext& context, BitsView source, const FirewallExpression& expression) {
  Value out;
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

const FirewallSet* find_set(const FirewallTable& table, std::string_view name) {
  const auto found = std::ranges::find(table.sets, name, &FirewallSet::name);
  return found == table.sets.end() ? nullptr : &*found;
}

/// nft_pipapo: every field is within its own range.
Truth within_fields(BitsView key, const FirewallSet& set, const FirewallElement& element) {
  Truth all = Truth::kYes;
  std::size_t offset = 0;
  const std::vector<std::uint32_t> whole = {set.key_bytes};
  for (const std::uint32_t bytes : set.field_bytes.empty() ? whole : set.field_bytes) {
    const std::size_t end = std::min({offset + bytes, element.key.size(), element.key_end.size(), key.value.size()});
    if (offset >= end) break;
    const auto from = std::string_view(element.key).substr(offset, end - offset);
    const auto to = std::string_view(element.key_end).substr(offset, end - offset);
    const BitsView field{key.value.subspan(offset, end - offset), key.known.subspan(offset, end - offset)};
    all = !either(!all, !within(field, from, to));
    offset += (bytes + std::size_t{3}) / 4 * 4;
  }
  return all;
}

/// The elements that the key may be, and whether it is one for certain.
struct Found {
  std::vector<const FirewallElement*> elements;
  Truth is_found = Truth::kNo;
};

void add(Found& found, const FirewallElement& element, Truth truth) {
  if (truth == Truth::kNo) return;
  if (truth == Truth::kYes) found.elements.clear();
  found.elements.push_back(&element);
  found.is_found = truth;
}

/// nft_set_rbtree.c: the interval that begins last at or before the key, unless an end comes after that.
void find_interval(BitsView key, std::vector<const FirewallElement*>& bounds, Found& found) {
  const auto order = [](const FirewallElement* left, const FirewallElement* right) {
    if (left->key != right->key)
      return std::memcmp(left->key.data(), right->key.data(), std::min(left->key.size(), right->key.size())) < 0;
    return left->is_interval_end && !right->is_interval_end;
  };
  if (!std::ranges::is_sorted(bounds, order)) std::ranges::stable_sort(bounds, order);
  const std::string last(key.value.size(), '\xff');
  for (std::size_t i = 0; i < bounds.size() && found.is_found != Truth::kYes; ++i) {
    if (bounds[i]->is_interval_end) continue;
    const bool has_end = i + 1 < bounds.size();
    const Truth from = within(key, bounds[i]->key, last);
    const Truth beyond = has_end ? within(key, bounds[i + 1]->key, last) : Truth::kNo;
    add(found, *bounds[i], !either(!from, beyond));
  }
}

Found find_elements(BitsView key, const FirewallSet& set) {
  Found found;
  std::vector<const FirewallElement*> bounds;
  const FirewallElement* catch_all = nullptr;
  for (const FirewallElement& element : set.elements) {
    if (element.is_catch_all) {
      catch_all = &element;
    } else if (!element.key_end.empty()) {
      add(found, element, within_fields(key, set, element));
    } else if ((set.flags & kFirewallSetInterval) != 0 && set.field_bytes.size() < 2) {
      bounds.push_back(&element);
    } else {
      add(found, element, equals(key, element.key));
    }
    if (found.is_found == Truth::kYes) return found;
  }
  find_interval(key, bounds, found);
  if (catch_all != nullptr && found.is_found != Truth::kYes) {
    found.elements.push_back(catch_all);
    found.is_found = Truth::kYes;
  }
  return found;
}

/// A map's data; where several elements are possible, what they agree on.
void load_data(const FirewallStepContext& context, const FirewallExpression& expression, const Found& found,
               std::string_view doubt) {
  Value joined;
  std::size_t size = 0;
  for (const FirewallElement* element : found.elements) {
    Value value;
    value.set(0, octets_of(element->data));
    size = std::max(size, std::min<std::size_t>(element->data.size(), kLargestValue));
    if (element == found.elements.front()) joined = value;
    joined.join(value);
  }
  context.registers.write(expression.destination, joined.view(0, size), joined.view(0, size).is_known() ? "" : doubt);
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
  Value out;
  std::string_view doubt = source.is_known() ? "" : context.registers.doubt(expression.source, length);
  if (expression.operation == kMaskXor) {
    out = masked_value(source, expression);
  } else if (expression.operation == kLeftShift || expression.operation == kRightShift) {
    out = shifted_value(context, source, expression);
  } else if (expression.operation <= kXor) {
    Value constant;
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
  Value out;
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

FirewallStep lookup_step(const FirewallStepContext& context, const FirewallExpression& expression) {
  const FirewallSet* set = find_set(context.table, expression.subject);
  if (set == nullptr) return {.passes = Truth::kMaybe, .doubt = "a set that is not there", .decisions = {}};
  const BitsView key = context.registers.read(expression.source, set->key_bytes);
  const bool decides = (set->flags & kFirewallSetDecides) != 0;
  const bool may_change = decides || set->is_cut || (set->flags & kFirewallSetDynamic) != 0;
  const std::string_view doubt =
      may_change ? "what a set holds" : context.registers.doubt(expression.source, set->key_bytes);
  Found found = key.value.empty() ? Found{{}, Truth::kMaybe} : find_elements(key, *set);
  if (may_change && found.is_found == Truth::kNo) found.is_found = Truth::kMaybe;
  if (decides) found.is_found = Truth::kMaybe;
  FirewallStep step{.passes = found.is_found, .doubt = doubt, .decisions = {}};
  if ((expression.flags & 1U) != 0) step.passes = !step.passes;
  if (found.is_found == Truth::kNo || (set->flags & kFirewallSetMap) == 0) return step;
  if (expression.destination == 0) {
    for (const FirewallElement* element : found.elements) {
      const bool is_new = std::ranges::none_of(
          step.decisions, [&](const FirewallDecision* each) { return *each == element->decision; });
      if (is_new && element->decision.action != FirewallAction::kNone) step.decisions.push_back(&element->decision);
    }
  } else {
    load_data(context, expression, found, doubt);
  }
  return step;
}

}  // namespace vpndoctor
