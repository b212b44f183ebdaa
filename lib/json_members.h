// SPDX-License-Identifier: Apache-2.0
// The members of a record's object. A report shows every one, null when there is nothing; a snapshot leaves out what
// has its usual value.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "flag_words.h"
#include "vpndoctor/json_writer.h"
#include "vpndoctor/network.h"

namespace vpndoctor {

class JsonMembers {
 public:
  JsonMembers(JsonWriter& json, bool terse) : json_(&json), terse_(terse) {}

  /// A number, truth value, word or prefix; left out of a snapshot when it has the usual value.
  template <class T>
  JsonMembers& value(std::string_view name, const T& content, const T& usual) {
    if (!terse_ || content != usual) json_->field(name, content);
    return *this;
  }
  JsonMembers& word(std::string_view name, std::string_view content, std::string_view usual) {
    if (!terse_ || content != usual) json_->field(name, content);
    return *this;
  }
  template <class T>
  JsonMembers& maybe(std::string_view name, const std::optional<T>& content) {
    if (!terse_ || content) json_->field(name, content);
    return *this;
  }
  /// A text; an empty one is null.
  JsonMembers& text(std::string_view name, std::string_view content) {
    if (!terse_ || !content.empty()) json_->field_or_null(name, content);
    return *this;
  }
  JsonMembers& range(std::string_view name, const std::optional<NumberRange>& content) {
    if (terse_ && !content) return *this;
    json_->key(name);
    if (!content) {
      json_->null();
    } else {
      json_->begin_object().field("first", content->first).field("last", content->last).end_object();
    }
    return *this;
  }
  JsonMembers& flags(std::string_view name, std::uint32_t content, std::span<const FlagWord> words) {
    if (terse_ && content == 0) return *this;
    json_->key(name).begin_array();
    for_each_flag(words, content, [this](const std::string& word) { json_->value(word); });
    json_->end_array();
    return *this;
  }
  template <class T>
  JsonMembers& list(std::string_view name, const std::vector<T>& content) {
    if (terse_ && content.empty()) return *this;
    json_->key(name).begin_array();
    for (const T& each : content) json_->value(each);
    json_->end_array();
    return *this;
  }

  bool terse() const { return terse_; }
  JsonWriter& json() { return *json_; }

 private:
  JsonWriter* json_;
  bool terse_;
};

}  // namespace vpndoctor
