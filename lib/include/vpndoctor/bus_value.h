// SPDX-License-Identifier: Apache-2.0
// A value as D-Bus carries it, so that what a daemon answers can be understood without a bus. Knows no daemon.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace [[gnu::visibility("default")]] vpndoctor {

/// A D-Bus value without its exact type: every integer is one of 64 bits, a byte array ("ay") is a text, arrays and
/// structures are lists, a dictionary is a list of lists of two, and a variant is what it holds.
struct BusValue {
  using List = std::vector<BusValue>;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List> content;

  // Each gives an empty value when it is something else: what a daemon says has no fixed form.
  bool truth() const;
  std::int64_t number() const;
  const std::string& text() const;
  const List& items() const;
  /// The element of a list; an empty value beyond its end.
  const BusValue& item(std::size_t place) const;
  /// What a dictionary has for `key`; an empty value when there is none.
  const BusValue& operator[](std::string_view key) const;
  bool is_empty() const { return content.index() == 0; }
};

}  // namespace vpndoctor
