// SPDX-License-Identifier: Apache-2.0
// The fields of one record, taken by name into values of the model. Every fault is kept with the name of its field. A
// field that nobody takes is a fault too, unless the file is of a newer version; then it only has to be JSON.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flag_words.h"
#include "json_line.h"
#include "vpndoctor/ip.h"
#include "vpndoctor/prefix.h"

namespace vpndoctor {

/// The first thing that was wrong with a record.
struct RecordFault {
  std::string field;             ///< "nexthops[1].gateway"; empty: the record as a whole
  std::string what;              ///< a phrase that goes after the field; empty: nothing is wrong
  bool ignores_unknown = false;  ///< the record is of a newer version, which may have more fields

  explicit operator bool() const { return !what.empty(); }
};

/// A field that is absent or null leaves the value as it is. After a fault nothing more is taken.
class RecordFields {
 public:
  /// Uses one of `levels` for each level of nesting. `path` is where the object lies in its record.
  RecordFields(std::span<JsonLevel> levels, RecordFault& fault, std::string path = {})
      : levels_(levels), fault_(&fault), path_(std::move(path)) {}

  /// Parses the object; false, with the fault told, when it is none.
  bool parse(std::string_view text);
  /// Checks the fields that nobody took. False when there was a fault anywhere.
  bool done();

  /// True when no field is left that nobody took.
  bool all_are_taken() const { return taken_ == (members().size() == 64 ? ~0ULL : (1ULL << members().size()) - 1); }

  bool has(std::string_view name) { return find(name) != nullptr; }
  /// Tells a fault when there is no such field.
  RecordFields& required(std::string_view name);

  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  RecordFields& number(std::string_view name, T& out) {
    if (const auto value = unsigned_number(name, std::numeric_limits<T>::max())) out = static_cast<T>(*value);
    return *this;
  }
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  RecordFields& number(std::string_view name, std::optional<T>& out) {
    if (const auto value = unsigned_number(name, std::numeric_limits<T>::max())) out = static_cast<T>(*value);
    return *this;
  }
  RecordFields& number(std::string_view name, int& out);
  RecordFields& number(std::string_view name, std::optional<int>& out);
  RecordFields& truth(std::string_view name, bool& out);
  RecordFields& truth(std::string_view name, std::optional<bool>& out);
  RecordFields& text(std::string_view name, std::string& out);
  /// The name of a link, as the kernel takes it: short, without slashes, colons or white space.
  RecordFields& interface(std::string_view name, std::string& out);
  /// A name that the kernel does not check, an alternative one or one in a rule: short, without NUL.
  RecordFields& unchecked_interface(std::string_view name, std::string& out);
  RecordFields& address(std::string_view name, IpAddress& out);
  RecordFields& address(std::string_view name, std::optional<IpAddress>& out);
  RecordFields& prefix(std::string_view name, IpPrefix& out);
  RecordFields& prefix(std::string_view name, std::optional<IpPrefix>& out);
  RecordFields& family(std::string_view name, Family& out);
  RecordFields& flags(std::string_view name, std::uint32_t& out, std::span<const FlagWord> words);
  /// The text itself, valid as long as the line; empty when it is absent.
  std::string_view word(std::string_view name) {
    const std::string_view* found = find_text(name);
    return found == nullptr ? std::string_view() : *found;
  }
  /// A word that `to_value(std::string_view)` knows; it returns an optional.
  template <class T, class ToValue>
  RecordFields& word(std::string_view name, T& out, ToValue to_value) {
    const std::string_view* found = find_text(name);
    if (found == nullptr) return *this;
    const auto value = to_value(*found);
    if (!value) {
      not_known(name, *found);
    } else if constexpr (std::same_as<decltype(value), const T>) {
      out = value;
    } else {
      out = *value;
    }
    return *this;
  }
  template <std::unsigned_integral T>
  RecordFields& numbers(std::string_view name, std::vector<T>& out) {
    for_each_element(name, [&](const std::string& field, const JsonValue& value) {
      if (const auto number = to_number(field, value, std::numeric_limits<T>::max()))
        out.push_back(static_cast<T>(*number));
    });
    return *this;
  }
  RecordFields& texts(std::string_view name, std::vector<std::string>& out);
  RecordFields& unchecked_interfaces(std::string_view name, std::vector<std::string>& out);

  /// The JSON of a nested array or object as it stands in the line; empty when it is absent.
  std::string_view raw(std::string_view name);
  /// Calls `read(RecordFields&)` with the nested object.
  template <class Read>
  RecordFields& object(std::string_view name, Read read) {
    if (const JsonValue* value = find_of_kind(name, JsonKind::kObject)) {
      read_nested(levels_.subspan(1), field_path(name), *value, read);
    }
    return *this;
  }
  /// Calls `read(RecordFields&)` with each object of the nested array.
  template <class Read>
  RecordFields& objects(std::string_view name, Read read) {
    for_each_element(name, [&](const std::string& field, const JsonValue& value) {
      read_nested(levels_.subspan(2), field, value, read);
    });
    return *this;
  }
  /// Calls `read(name, number)` with each member of the nested object, all of which are numbers below 2^32; it returns
  /// false for a name that it does not know.
  template <class Read>
  RecordFields& number_map(std::string_view name, Read read) {
    return object(name, [&](RecordFields& nested) {
      for (const JsonMember& member : nested.members()) {
        const auto number = nested.to_number(nested.field_path(member.name), member.value, UINT32_MAX);
        if (number && !read(member.name, static_cast<std::uint32_t>(*number))) nested.not_known(name, member.name);
      }
      nested.all_taken();
    });
  }

  /// Tells a fault of this record, unless there was one before.
  void fail(std::string_view name, std::string what);
  bool failed() const { return static_cast<bool>(*fault_); }

 private:
  const std::vector<JsonMember>& members() const { return levels_.front().members(); }
  const JsonValue* find(std::string_view name);
  const JsonValue* find_of_kind(std::string_view name, JsonKind kind);
  const std::string_view* find_text(std::string_view name);
  std::optional<std::uint64_t> unsigned_number(std::string_view name, std::uint64_t most);
  std::optional<std::uint64_t> to_number(const std::string& field, const JsonValue& value, std::uint64_t most);
  void not_known(std::string_view name, std::string_view text);
  void all_taken() { taken_ = ~std::uint64_t{0}; }
  std::string field_path(std::string_view name) const;
  void fail_at(std::string field, std::string what);

  template <class Visit>
  void for_each_element(std::string_view name, Visit visit) {
    const JsonValue* value = find_of_kind(name, JsonKind::kArray);
    if (value == nullptr || !parse_array(name, *value)) return;
    const std::vector<JsonMember>& elements = levels_[1].members();
    for (std::size_t i = 0; i < elements.size() && !failed(); ++i) {
      visit(element_path(name, i), elements[i].value);
    }
  }
  bool parse_array(std::string_view name, const JsonValue& value);
  std::string element_path(std::string_view name, std::size_t index) const;

  template <class Read>
  void read_nested(std::span<JsonLevel> levels, const std::string& field, const JsonValue& value, Read read) {
    if (value.kind != JsonKind::kObject) return fail_at(field, "is no object");
    RecordFields nested(levels, *fault_, field);
    if (!nested.parse(value.text)) return;
    read(nested);
    nested.done();
  }

  std::span<JsonLevel> levels_;
  RecordFault* fault_;
  std::string path_;
  std::uint64_t taken_ = 0;  ///< a bit for each member that was asked for
  std::size_t next_ = 0;     ///< where the next field probably is
};

/// Makes the place for a record that a file has once at most; a second one is a fault.
template <class T>
T& only_one(RecordFields& in, std::vector<T>& list) {
  if (!list.empty()) in.fail("record", "is there twice");
  return list.emplace_back();
}

}  // namespace vpndoctor
