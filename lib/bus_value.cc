// SPDX-License-Identifier: Apache-2.0
// Access to D-Bus values of any form; see the header.
#include "vpndoctor/bus_value.h"

namespace vpndoctor {
namespace {

const BusValue kNothing;
const std::string kNoText;
const BusValue::List kNoItems;

}  // namespace

bool BusValue::truth() const {
  const bool* value = std::get_if<bool>(&content);
  return value != nullptr && *value;
}

std::int64_t BusValue::number() const {
  const auto* value = std::get_if<std::int64_t>(&content);
  return value == nullptr ? 0 : *value;
}

const std::string& BusValue::text() const {
  const auto* value = std::get_if<std::string>(&content);
  return value == nullptr ? kNoText : *value;
}

const BusValue::List& BusValue::items() const {
  const auto* value = std::get_if<List>(&content);
  return value == nullptr ? kNoItems : *value;
}

const BusValue& BusValue::item(std::size_t place) const {
  const List& list = items();
  return place < list.size() ? list[place] : kNothing;
}

const BusValue& BusValue::operator[](std::string_view key) const {
  for (const BusValue& entry : items()) {
    if (entry.items().size() == 2 && entry.item(0).text() == key) return entry.item(1);
  }
  return kNothing;
}

}  // namespace vpndoctor
