// SPDX-License-Identifier: Apache-2.0
// The one file that includes simdjson: its On-Demand interface, one small document at a time.
#include "json_line.h"

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <algorithm>

namespace vpndoctor {
namespace {

namespace ondemand = simdjson::ondemand;
static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

const char* phrase(simdjson::error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return "is not UTF-8";
    case simdjson::UNESCAPED_CHARS:
      return "has a control character in a text";
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
      return "has a number that is none or out of range";
    case simdjson::STRING_ERROR:
    case simdjson::UNCLOSED_STRING:
      return "has a damaged text";
    case simdjson::EMPTY:
      return "is empty";
    default:
      return "is not JSON";
  }
}

simdjson::error_code read_number(ondemand::value& from, JsonValue& value) {
  ondemand::number number;
  const bool has_minus = from.raw_json_token().front() == '-';
  if (const auto error = from.get_number().get(number)) return error;
  switch (number.get_number_type()) {
    case ondemand::number_type::unsigned_integer:
      value.kind = JsonKind::kUnsigned;
      value.number = number.get_uint64();
      break;
    case ondemand::number_type::signed_integer:
      value.kind = number.get_int64() < 0 ? JsonKind::kNegative : JsonKind::kUnsigned;
      // -0 is not 0: nobody writes it for a table.
      if (has_minus && number.get_int64() == 0) value.kind = JsonKind::kFraction;
      value.number = static_cast<std::uint64_t>(number.get_int64());
      break;
    default:
      value.kind = JsonKind::kFraction;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code read_nested(ondemand::value& from, JsonKind kind, JsonValue& value) {
  value.kind = kind;
  if (kind == JsonKind::kArray) {
    ondemand::array array;
    if (const auto error = from.get_array().get(array)) return error;
    return array.raw_json().get(value.text);
  }
  ondemand::object object;
  if (const auto error = from.get_object().get(object)) return error;
  return object.raw_json().get(value.text);
}

simdjson::error_code read_value(ondemand::value& from, JsonValue& value) {
  ondemand::json_type type{};
  if (const auto error = from.type().get(type)) return error;
  switch (type) {
    case ondemand::json_type::string:
      value.kind = JsonKind::kText;
      return from.get_string().get(value.text);
    case ondemand::json_type::number:
      return read_number(from, value);
    case ondemand::json_type::boolean:
      value.kind = JsonKind::kBoolean;
      return from.get_bool().get(value.truth);
    case ondemand::json_type::null: {
      bool is_null = false;
      value.kind = JsonKind::kNull;
      if (const auto error = from.is_null().get(is_null)) return error;
      return is_null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    }
    default:
      return read_nested(from, type == ondemand::json_type::array ? JsonKind::kArray : JsonKind::kObject, value);
  }
}

bool has_member(const std::vector<JsonMember>& members, std::string_view name) {
  return std::any_of(members.begin(), members.end(), [name](const JsonMember& each) { return each.name == name; });
}

const char* read_object(ondemand::document& document, std::vector<JsonMember>& members) {
  ondemand::object object;
  if (document.get_object().get(object)) return "is no JSON object";
  for (auto field : object) {
    if (members.size() == JsonLevel::kMostMembers) return "has too many fields";
    std::string_view name;
    ondemand::value from;
    if (const auto error = field.unescaped_key().get(name)) return phrase(error);
    const bool is_there_already = has_member(members, name);
    members.push_back({name, {}});
    if (is_there_already) return "is there twice";
    if (const auto error = field.value().get(from)) return phrase(error);
    if (const auto error = read_value(from, members.back().value)) return phrase(error);
  }
  return nullptr;
}

const char* read_array(ondemand::document& document, std::vector<JsonMember>& members) {
  ondemand::array array;
  if (document.get_array().get(array)) return "is no JSON array";
  for (auto element : array) {
    if (members.size() == JsonLevel::kMostElements) return "has too many elements";
    ondemand::value from;
    members.emplace_back();
    if (const auto error = element.get(from)) return phrase(error);
    if (const auto error = read_value(from, members.back().value)) return phrase(error);
  }
  return nullptr;
}

}  // namespace

struct JsonLevel::Parser {
  ondemand::parser simdjson;

  /// Grows by doubling: the parser by itself grows to each text's very length.
  simdjson::error_code reserve(std::size_t length) {
    constexpr std::size_t kSmallest = 4096;
    if (length <= simdjson.capacity()) return simdjson::SUCCESS;
    return simdjson.allocate(std::max({length, 2 * simdjson.capacity(), kSmallest}));
  }
};

JsonLevel::JsonLevel() : parser_(std::make_unique<Parser>()) {}
JsonLevel::~JsonLevel() = default;
JsonLevel::JsonLevel(JsonLevel&&) noexcept = default;
JsonLevel& JsonLevel::operator=(JsonLevel&&) noexcept = default;

const char* JsonLevel::parse_object(std::string_view text) { return parse(text, JsonKind::kObject); }
const char* JsonLevel::parse_array(std::string_view text) { return parse(text, JsonKind::kArray); }

const char* JsonLevel::parse(std::string_view text, JsonKind kind) {
  members_.clear();
  faulty_member_ = {};
  if (const auto error = parser_->reserve(text.size())) return phrase(error);
  const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + kJsonPadding);
  ondemand::document document;
  if (const auto error = parser_->simdjson.iterate(padded).get(document)) return phrase(error);
  const char* wrong = kind == JsonKind::kObject ? read_object(document, members_) : read_array(document, members_);
  if (wrong != nullptr) {
    if (!members_.empty()) faulty_member_ = members_.back().name;
    return wrong;
  }
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS ? nullptr : "has more behind its end";
}

const char* check_json(const JsonValue& value, std::span<JsonLevel> levels) {
  if (value.kind != JsonKind::kArray && value.kind != JsonKind::kObject) return nullptr;
  if (levels.empty()) return "is nested too deeply";
  JsonLevel& level = levels.front();
  const bool is_object = value.kind == JsonKind::kObject;
  if (const char* wrong = is_object ? level.parse_object(value.text) : level.parse_array(value.text)) return wrong;
  for (const JsonMember& member : level.members()) {
    if (const char* wrong = check_json(member.value, levels.subspan(1))) return wrong;
  }
  return nullptr;
}

}  // namespace vpndoctor
