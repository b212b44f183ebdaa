// SPDX-License-Identifier: Apache-2.0
// Finds fields by name, beginning behind the one found last: a writer has them in the order in which they are read.
#include "record_fields.h"

#include <algorithm>

#include "vpndoctor/text_escape.h"
#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kLongestInterface = 127;
// ALTIFNAMSIZ - 1, and three bytes for each: what is no UTF-8 was written as U+FFFD.
constexpr std::size_t kLongestUnchecked = std::size_t{3} * 127;

const char* not_of_kind(JsonKind wanted) {
  switch (wanted) {
    case JsonKind::kText:
      return "is no text";
    case JsonKind::kBoolean:
      return "is neither true nor false";
    case JsonKind::kArray:
      return "is no array";
    case JsonKind::kObject:
      return "is no object";
    default:
      return "is no number";
  }
}

/// The kernel checks neither alternative names nor names in rules.
bool is_unchecked_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestUnchecked && text.find('\0') == std::string_view::npos;
}

/// What the kernel takes as the name of a link (net/core/dev.c dev_valid_name()), controls included.
bool is_interface_name(std::string_view text) {
  if (!is_unchecked_name(text) || text.size() > kLongestInterface || text == "." || text == "..") return false;
  return text.find_first_of("/: \t\n\v\f\r") == std::string_view::npos;
}

}  // namespace

bool RecordFields::parse(std::string_view text) {
  if (failed()) return false;
  if (levels_.empty()) {
    fail_at(path_, "is nested too deeply");
    return false;
  }
  const char* wrong = levels_.front().parse_object(text);
  if (wrong == nullptr) return true;
  fail(levels_.front().faulty_member(), wrong);
  return false;
}

bool RecordFields::done() {
  for (std::size_t i = 0; i < members().size() && !failed(); ++i) {
    if ((taken_ >> i & 1U) != 0) continue;
    if (!fault_->ignores_unknown) fail(members()[i].name, "is no field that is known");
    if (const char* wrong = check_json(members()[i].value, levels_.subspan(1))) fail(members()[i].name, wrong);
  }
  return !failed();
}

const JsonValue* RecordFields::find(std::string_view name) {
  if (failed()) return nullptr;
  const std::vector<JsonMember>& all = members();
  for (std::size_t step = 0; step < all.size(); ++step) {
    std::size_t i = next_ + step;
    if (i >= all.size()) i -= all.size();
    if (all[i].name != name) continue;
    taken_ |= std::uint64_t{1} << i;
    next_ = i + 1 == all.size() ? 0 : i + 1;
    return all[i].value.kind == JsonKind::kNull ? nullptr : &all[i].value;
  }
  return nullptr;
}

const JsonValue* RecordFields::find_of_kind(std::string_view name, JsonKind kind) {
  const JsonValue* value = find(name);
  if (value == nullptr || value->kind == kind) return value;
  fail(name, not_of_kind(kind));
  return nullptr;
}

const std::string_view* RecordFields::find_text(std::string_view name) {
  const JsonValue* value = find_of_kind(name, JsonKind::kText);
  return value == nullptr ? nullptr : &value->text;
}

RecordFields& RecordFields::required(std::string_view name) {
  if (find(name) == nullptr) fail(name, "is missing");
  return *this;
}

std::optional<std::uint64_t> RecordFields::unsigned_number(std::string_view name, std::uint64_t most) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->kind == JsonKind::kUnsigned && value->number <= most) return value->number;
  return to_number(field_path(name), *value, most);
}

std::optional<std::uint64_t> RecordFields::to_number(const std::string& field, const JsonValue& value,
                                                     std::uint64_t most) {
  if (value.kind == JsonKind::kUnsigned && value.number <= most) return value.number;
  const bool is_whole = value.kind == JsonKind::kUnsigned || value.kind == JsonKind::kNegative;
  if (is_whole) {
    fail_at(field, "is out of range");
  } else {
    fail_at(field, value.kind == JsonKind::kFraction ? "is no whole number" : "is no number");
  }
  return std::nullopt;
}

RecordFields& RecordFields::number(std::string_view name, int& out) {
  std::optional<int> value;
  number(name, value);
  out = value.value_or(out);
  return *this;
}

RecordFields& RecordFields::number(std::string_view name, std::optional<int>& out) {
  const JsonValue* value = find(name);
  if (value == nullptr) return *this;
  const auto whole = static_cast<std::int64_t>(value->number);
  if (value->kind == JsonKind::kNegative && whole >= std::numeric_limits<int>::min()) {
    out = static_cast<int>(whole);
  } else if (const auto number = to_number(field_path(name), *value, std::numeric_limits<int>::max())) {
    out = static_cast<int>(*number);
  }
  return *this;
}

RecordFields& RecordFields::truth(std::string_view name, bool& out) {
  if (const JsonValue* value = find_of_kind(name, JsonKind::kBoolean)) out = value->truth;
  return *this;
}

RecordFields& RecordFields::truth(std::string_view name, std::optional<bool>& out) {
  if (const JsonValue* value = find_of_kind(name, JsonKind::kBoolean)) out = value->truth;
  return *this;
}

RecordFields& RecordFields::text(std::string_view name, std::string& out) {
  if (const std::string_view* found = find_text(name)) out = *found;
  return *this;
}

RecordFields& RecordFields::interface(std::string_view name, std::string& out) {
  const std::string_view* found = find_text(name);
  if (found == nullptr) return *this;
  out = *found;
  if (!is_interface_name(*found)) fail(name, in_quotes(*found) + " is no name of an interface");
  return *this;
}

RecordFields& RecordFields::unchecked_interface(std::string_view name, std::string& out) {
  const std::string_view* found = find_text(name);
  if (found == nullptr) return *this;
  out = *found;
  if (!is_unchecked_name(*found)) fail(name, in_quotes(*found) + " is no name of an interface");
  return *this;
}

RecordFields& RecordFields::texts(std::string_view name, std::vector<std::string>& out) {
  for_each_element(name, [&](const std::string& field, const JsonValue& value) {
    if (value.kind != JsonKind::kText) return fail_at(field, not_of_kind(JsonKind::kText));
    out.emplace_back(value.text);
  });
  return *this;
}

RecordFields& RecordFields::unchecked_interfaces(std::string_view name, std::vector<std::string>& out) {
  texts(name, out);
  for (const std::string& each : out) {
    if (!is_unchecked_name(each)) fail(name, in_quotes(each) + " is no name of an interface");
  }
  return *this;
}

RecordFields& RecordFields::address(std::string_view name, std::optional<IpAddress>& out) {
  const std::string_view* found = find_text(name);
  if (found == nullptr) return *this;
  out = IpAddress::parse(*found);
  if (!out) fail(name, in_quotes(*found) + " is no address");
  return *this;
}

RecordFields& RecordFields::address(std::string_view name, IpAddress& out) {
  std::optional<IpAddress> value;
  address(name, value);
  out = value.value_or(out);
  return *this;
}

RecordFields& RecordFields::prefix(std::string_view name, IpPrefix& out) {
  const std::string_view* found = find_text(name);
  if (found == nullptr) return *this;
  if (const auto value = IpPrefix::parse(*found)) {
    out = *value;
  } else {
    fail(name, value.error().message);
  }
  return *this;
}

RecordFields& RecordFields::prefix(std::string_view name, std::optional<IpPrefix>& out) {
  IpPrefix value;
  if (!has(name)) return *this;
  prefix(name, value);
  out = value;
  return *this;
}

RecordFields& RecordFields::family(std::string_view name, Family& out) {
  return word(name, out, [](std::string_view text) -> std::optional<Family> {
    if (text == family_name(Family::kInet)) return Family::kInet;
    if (text == family_name(Family::kInet6)) return Family::kInet6;
    return std::nullopt;
  });
}

RecordFields& RecordFields::flags(std::string_view name, std::uint32_t& out, std::span<const FlagWord> words) {
  for_each_element(name, [&](const std::string& field, const JsonValue& value) {
    const auto bits = value.kind == JsonKind::kText ? parse_flag(words, value.text) : std::nullopt;
    if (!bits) return fail_at(field, "is no flag that is known");
    out |= *bits;
  });
  return *this;
}

std::string_view RecordFields::raw(std::string_view name) {
  const JsonValue* value = find(name);
  if (value == nullptr) return {};
  if (value->kind == JsonKind::kArray || value->kind == JsonKind::kObject) return value->text;
  fail(name, not_of_kind(JsonKind::kArray));
  return {};
}

bool RecordFields::parse_array(std::string_view name, const JsonValue& value) {
  const char* wrong = levels_.size() < 2 ? "is nested too deeply" : levels_[1].parse_array(value.text);
  if (wrong != nullptr) fail(name, wrong);
  return wrong == nullptr;
}

std::string RecordFields::field_path(std::string_view name) const {
  std::string path = path_;
  if (!path.empty() && !name.empty()) path += '.';
  return path += shorten(escape_controls(name.substr(0, 64)), 40);
}

std::string RecordFields::element_path(std::string_view name, std::size_t index) const {
  return fmt::format("{}[{}]", field_path(name), index);
}

void RecordFields::not_known(std::string_view name, std::string_view text) {
  fail(name, in_quotes(text) + " is not known");
}

void RecordFields::fail(std::string_view name, std::string what) {
  if (!failed()) fail_at(field_path(name), std::move(what));
}

void RecordFields::fail_at(std::string field, std::string what) {
  if (failed()) return;
  fault_->field = std::move(field);
  fault_->what = std::move(what);
}

}  // namespace vpndoctor
