// SPDX-License-Identifier: Apache-2.0
// One object or array of JSON text as a flat list of its members; what is nested in it stays text until it is asked
// for. Strict: what it lets through is JSON. Knows no record and no field by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace vpndoctor {

/// What must be readable behind a text that is parsed; its content does not matter.
constexpr std::size_t kJsonPadding = 64;

enum class JsonKind : std::uint8_t { kNull, kBoolean, kUnsigned, kNegative, kFraction, kText, kArray, kObject };

struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  bool truth = false;
  std::uint64_t number = 0;  ///< kUnsigned; kNegative as two's complement
  std::string_view text;     ///< kText without its quotes and escapes; an array's or object's own JSON
};

struct JsonMember {
  std::string_view name;  ///< empty in an array
  JsonValue value;
};

/// Parses one level of nesting at a time. What it returned is valid until its next use.
class JsonLevel {
 public:
  static constexpr std::size_t kMostMembers = 64;        ///< of an object
  static constexpr std::size_t kMostElements = 100'000;  ///< of an array

  JsonLevel();
  ~JsonLevel();
  JsonLevel(JsonLevel&&) noexcept;
  JsonLevel& operator=(JsonLevel&&) noexcept;

  /// Parse `text`, behind which kJsonPadding bytes are readable. Return what is wrong with it, a phrase that goes after
  /// a subject; null when nothing is. Members that came before the fault are there.
  const char* parse_object(std::string_view text);
  const char* parse_array(std::string_view text);
  const std::vector<JsonMember>& members() const { return members_; }
  /// After a fault: the name of the member that has it; empty when it is none of a member's.
  std::string_view faulty_member() const { return faulty_member_; }

 private:
  struct Parser;
  const char* parse(std::string_view text, JsonKind kind);
  std::unique_ptr<Parser> parser_;
  std::vector<JsonMember> members_;
  std::string_view faulty_member_;
};

/// Returns what is wrong with a nested array or object, whatever is in it; null when nothing is. Uses one of `levels`
/// for each level of nesting, and refuses more.
const char* check_json(const JsonValue& value, std::span<JsonLevel> levels);

}  // namespace vpndoctor
