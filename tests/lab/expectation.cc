// SPDX-License-Identifier: Apache-2.0
// The language of "expect": what is named must match, what is not named may be anything. In place of a value may
// stand {"min": N, "max": N}, {"one_of": [...]}, {"not_null": true} and, for an array, {"contains": [...]}.
#include "expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vpndoctor::lab {
namespace {

using Json = nlohmann::json;
using Lines = std::vector<std::string>;

void match(const Json& expected, const Json& actual, const std::string& where, Lines& out);

std::string shortened(const Json& value) {
  const std::string text = value.dump();
  return text.size() <= 160 ? text : text.substr(0, 157) + "...";
}

void report(const Json& expected, const Json& actual, const std::string& where, Lines& out) {
  out.push_back(fmt::format("{} expected {} got {}", where, shortened(expected), shortened(actual)));
}

bool matches(const Json& expected, const Json& actual) {
  Lines lines;
  match(expected, actual, "", lines);
  return lines.empty();
}

bool is_range(const Json& expected) { return expected.contains("min") || expected.contains("max"); }

bool in_range(const Json& range, const Json& actual) {
  if (!actual.is_number()) return false;
  return (!range.contains("min") || actual >= range["min"]) && (!range.contains("max") || actual <= range["max"]);
}

void match_object(const Json& expected, const Json& actual, const std::string& where, Lines& out) {
  for (const auto& [key, value] : expected.items()) {
    const std::string inner = where.empty() ? key : where + "." + key;
    const auto found = actual.find(key);
    if (found == actual.end()) {
      out.push_back(fmt::format("{} expected {} but is absent", inner, shortened(value)));
    } else {
      match(value, *found, inner, out);
    }
  }
}

void match_contains(const Json& wanted, const Json& actual, const std::string& where, Lines& out) {
  for (const Json& item : wanted) {
    const bool found = std::ranges::any_of(actual, [&](const Json& candidate) { return matches(item, candidate); });
    if (!found) out.push_back(fmt::format("{} has no item like {}: {}", where, shortened(item), shortened(actual)));
  }
}

void match_array(const Json& expected, const Json& actual, const std::string& where, Lines& out) {
  if (!actual.is_array() || actual.size() != expected.size()) return report(expected, actual, where, out);
  for (std::size_t index = 0; index < expected.size(); ++index) {
    match(expected[index], actual[index], fmt::format("{}[{}]", where, index), out);
  }
}

void match(const Json& expected, const Json& actual, const std::string& where, Lines& out) {
  if (expected.is_array()) return match_array(expected, actual, where, out);
  if (!expected.is_object()) {
    if (expected != actual) report(expected, actual, where, out);
    return;
  }
  if (is_range(expected)) {
    if (!in_range(expected, actual)) report(expected, actual, where, out);
  } else if (expected.contains("one_of")) {
    if (std::ranges::none_of(expected["one_of"], [&](const Json& choice) { return matches(choice, actual); })) {
      report(expected, actual, where, out);
    }
  } else if (expected.contains("not_null")) {
    if (actual.is_null()) report(expected, actual, where, out);
  } else if (expected.contains("contains")) {
    match_contains(expected["contains"], actual, where, out);
  } else if (actual.is_object()) {
    match_object(expected, actual, where, out);
  } else {
    report(expected, actual, where, out);
  }
}

Lines codes_in(const Json& expect, const char* key) {
  return expect.contains(key) ? expect[key].get<Lines>() : Lines{};
}

bool has(const Lines& codes, const std::string& code) { return std::ranges::find(codes, code) != codes.end(); }

/// Checks the findings: what is wanted is there, what is forbidden is not, and nothing alarms that was not announced.
void match_findings(const Json& expect, const Json& document, Lines& out) {
  if (!expect.contains("findings") && !expect.contains("no_findings")) return;
  const Lines wanted = codes_in(expect, "findings");
  const Lines forbidden = codes_in(expect, "no_findings");
  const Lines tolerated = codes_in(expect, "may_find");
  Lines present;
  for (const Json& finding : document.value("findings", Json::array())) {
    const std::string code = finding.value("code", "");
    present.push_back(code);
    const bool announced = has(wanted, code) || has(tolerated, code);
    if (has(forbidden, code)) out.push_back(fmt::format("finding {} must not be there", code));
    if (finding.value("severity", "") != "notice" && !announced && !has(forbidden, code)) {
      out.push_back(fmt::format("finding {} was not expected", code));
    }
  }
  for (const auto& code : wanted) {
    if (!has(present, code))
      out.push_back(fmt::format("finding {} is missing, got [{}]", code, fmt::join(present, ", ")));
  }
}

/// Checks that the kernel learned nothing, or that the command owns up to it.
void match_cache(const Json& document, const Observation& observation, Lines& out) {
  const auto data = document.find("data");
  const Json probing =
      data != document.end() && data->is_object() ? data->value("probing", Json::object()) : Json::object();
  const bool admitted = probing.is_object() && probing.value("changed_kernel_cache", false);
  const bool changed = observation.cache_before != observation.cache_after;
  if (changed == admitted) return;
  const auto text = [](std::optional<std::uint32_t> mtu) { return mtu ? std::to_string(*mtu) : "nothing"; };
  out.push_back(fmt::format("the kernel's path MTU cache for {} went from {} to {}, changed_kernel_cache says {}",
                            family_name(observation.family), text(observation.cache_before),
                            text(observation.cache_after), admitted));
}

Lines differences_from(const Json& expect, const Json& document, const Observation& observation) {
  Lines out;
  if (expect.contains("exit")) match(expect["exit"], observation.exit_code, "exit", out);
  if (expect.contains("json")) match(expect["json"], document, "", out);
  match_findings(expect, document, out);
  if (!expect.contains("any_of")) return out;
  Lines closest;
  for (const Json& choice : expect["any_of"]) {
    const Lines lines = differences_from(choice, document, observation);
    if (lines.empty()) return out;
    if (closest.empty() || lines.size() < closest.size()) closest = lines;
  }
  out.insert(out.end(), closest.begin(), closest.end());
  return out;
}

}  // namespace

std::vector<std::string> differences(const ExpectationTexts& expectation, const Observation& observation) {
  Json expect = expectation.base.empty() ? Json::object() : Json::parse(expectation.base);
  if (!expectation.patch.empty()) expect.merge_patch(Json::parse(expectation.patch));
  const Json document = Json::parse(observation.output, nullptr, false);
  if (!document.is_object()) return {fmt::format("exit {}, and no JSON document on stdout", observation.exit_code)};
  Lines out = differences_from(expect, document, observation);
  match_cache(document, observation, out);
  return out;
}

}  // namespace vpndoctor::lab
