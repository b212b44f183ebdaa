// SPDX-License-Identifier: Apache-2.0
// Sets and maps: which elements a key may be (nft_lookup.c, nft_set_{hash,rbtree,pipapo}.c). See firewall_step.h.
#include <algorithm>
#include <cstring>

#include "firewall_step.h"

namespace vpndoctor {
namespace {

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
  FirewallValue joined;
  std::size_t size = 0;
  for (const FirewallElement* element : found.elements) {
    FirewallValue value;
    value.set(0, octets_of(element->data));
    size = std::max(size, std::min<std::size_t>(element->data.size(), kLargestValue));
    if (element == found.elements.front()) joined = value;
    joined.join(value);
  }
  context.registers.write(expression.destination, joined.view(0, size), joined.view(0, size).is_known() ? "" : doubt);
}

}  // namespace

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
