// SPDX-License-Identifier: Apache-2.0
// Writes JSON text piece by piece into a string, so that a million records need no tree in memory. ASCII only: other
// characters are escaped, bytes that are no UTF-8 become U+FFFD. The caller keeps braces in balance.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vpndoctor/ip.h"
#include "vpndoctor/prefix.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Appends to a string that the caller owns. Commas are set by themselves:
/// `json.begin_object().field("id", 3).key("hops").begin_array()...`.
class JsonWriter {
 public:
  /// Takes what has been written so far out of the string.
  using Drain = std::function<void(std::string&)>;

  explicit JsonWriter(std::string& out) : out_(&out) {}
  /// Calls `drain` between two elements whenever the string has become large, so that it never holds a document.
  JsonWriter(std::string& out, Drain drain) : out_(&out), drain_(std::move(drain)) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);  ///< `name` is plain ASCII without quotes

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(double number);  ///< null when it is not finite
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  JsonWriter& value(Integer number) {
    if constexpr (std::signed_integral<Integer>) {
      return signed_value(number);
    } else {
      return unsigned_value(number);
    }
  }
  JsonWriter& value(const IpAddress& address);
  JsonWriter& value(const IpPrefix& prefix);
  JsonWriter& value(std::span<const std::string> texts);
  JsonWriter& null();
  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  /// Puts text that is JSON already in a value's place.
  JsonWriter& raw(std::string_view json);

  template <class T>
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  /// Writes null for an empty text.
  JsonWriter& field_or_null(std::string_view name, std::string_view text);
  /// Starts a new line, for a reader's eye, between two elements; no change of meaning. What is before it may be
  /// drained.
  JsonWriter& new_line();

 private:
  JsonWriter& signed_value(std::int64_t number);
  JsonWriter& unsigned_value(std::uint64_t number);
  void separate();

  std::string* out_;
  Drain drain_;
  bool needs_comma_ = false;
};

}  // namespace vpndoctor
