// SPDX-License-Identifier: Apache-2.0
// The text of `routes explain`: the answer in a sentence, then every rule that was tried with what came of it.
#include <fmt/format.h>

#include <algorithm>

#include "routes_text.h"
#include "vpndoctor/render.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

const Snapshot& snapshot_of(const RoutesExplainReport& report) { return *report.snapshot; }

/// "tun0 to 10.8.0.1", "eth0, on its link".
std::string way_text(std::string_view interface, const std::optional<IpAddress>& gateway) {
  if (gateway) return fmt::format("{} to {}", interface, *gateway);
  return fmt::format("{}, to the destination itself", interface);
}

/// "eth0 or tun0"; where all have one interface, their gateways tell them apart.
std::string ways_text(const std::vector<FlowWay>& ways) {
  constexpr std::size_t kMostWays = 4;
  const auto other = [&ways](const FlowWay& way) { return way.interface != ways.front().interface; };
  const bool differ = std::ranges::any_of(ways, other);
  std::vector<std::string> names;
  for (const FlowWay& way : ways) {
    std::string name = differ ? std::string(way.interface) : way_text(way.interface, way.gateway);
    if (way.interface.empty()) name = "nowhere";
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  if (names.size() > kMostWays) {
    const std::size_t rest = names.size() - (kMostWays - 1);
    names.resize(kMostWays - 1);
    names.push_back(fmt::format("{} others", rest));
  }
  std::string text = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) text += (i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

std::string way_out_text(const FlowAnswer& answer) {
  if (answer.candidates.empty()) return way_text(answer.interface, answer.gateway);
  return ways_text(answer.candidates);
}

std::string fate_text(const FlowAnswer& answer) {
  const bool by_hash = answer.depends_on == DependsOn::kHash && !answer.candidates.empty();
  switch (answer.fate) {
    case FlowFate::kUnicast:
    case FlowFate::kAnycast:
      return fmt::format("go {}out of {}", by_hash ? "by a flow hash " : "", way_out_text(answer));
    case FlowFate::kLocal:
      return "stay on this machine";
    case FlowFate::kBroadcast:
      return fmt::format("go to all on {} (broadcast)", answer.interface);
    case FlowFate::kMulticast:
      return fmt::format("go to their group on {} (multicast)", answer.interface);
    case FlowFate::kBlackhole:
      return "are dropped in silence (blackhole)";
    case FlowFate::kUnreachable:
      return "are refused as unreachable";
    case FlowFate::kProhibit:
      return "are refused as prohibited";
    case FlowFate::kNone:
      return "have no route: the network is unreachable";
    case FlowFate::kInvalidSource:
      return "are refused: their source address is not allowed";
    case FlowFate::kMartian:
      return "are dropped: their addresses are not allowed here (martian)";
    case FlowFate::kNotForwarding:
      return "are dropped: this machine does not forward packets from there";
    case FlowFate::kNoSuchInterface:
      return "are refused: the interface is not there, or is down";
  }
  return {};
}

/// The rule that decided is the last that was tried.
std::optional<std::uint32_t> deciding_rule(const FlowExplanation& explanation) {
  if (explanation.answer.fate == FlowFate::kNone) return std::nullopt;
  std::optional<std::uint32_t> priority;
  for (const FlowStep& step : explanation.steps) {
    if (step.priority) priority = step.priority;
  }
  return priority;
}

bool is_macos(const RoutesExplainReport& report) { return snapshot_of(report).platform == Platform::kMacos; }

std::string decider_text(const RoutesExplainReport& report) {
  std::string text;
  const FlowAnswer& answer = report.explanation.answer;
  if (is_macos(report)) return answer.route == nullptr ? "" : fmt::format("route {}", answer.route->destination);
  if (answer.table != kTableUnspecified) text = "table " + snapshot_of(report).table_name(answer.table);
  const bool by_rule = answer.table != kTableUnspecified || answer.fate == FlowFate::kBlackhole ||
                       answer.fate == FlowFate::kUnreachable || answer.fate == FlowFate::kProhibit;
  if (!by_rule) return text;
  if (const auto priority = deciding_rule(report.explanation)) {
    text += fmt::format("{}rule {}", text.empty() ? "" : ", ", *priority);
  }
  return text;
}

void write_candidates(const FlowAnswer& answer, Page& page) {
  if (answer.candidates.empty()) return;
  page.heading(answer.depends_on == DependsOn::kHash ? "A hash of the flow takes one of these"
                                                     : "The state of the gateways decides between these");
  for (const FlowWay& way : answer.candidates) {
    std::string text = way_text(way.interface, way.gateway);
    if (way.weight != 1) text += fmt::format(", weight {}", way.weight);
    page.item(text);
  }
}

/// The rule without what its number and every rule says.
std::string rule_text(std::string_view rule) {
  rule = rule.substr(0, rule.rfind(" pref "));
  if (rule.ends_with(" protocol kernel")) rule.remove_suffix(std::string_view(" protocol kernel").size());
  if (rule.starts_with("from all ")) rule.remove_prefix(std::string_view("from all ").size());
  return std::string(rule);
}

void write_steps_tried(const RoutesExplainReport& report, Page& page) {
  if (report.explanation.steps.empty()) return;
  page.heading(is_macos(report) ? "How macOS finds the route (it has no rules)"
                                : "Rules in the order that they are tried");
  for (const FlowStep& step : report.explanation.steps) {
    if (is_macos(report)) {
      page.field(step.rule, step.outcome);
      continue;
    }
    const std::string rule = step.rule.empty() ? "" : rule_text(step.rule) + ": ";
    page.field(step.priority ? fmt::format("{}", *step.priority) : "then", rule + step.outcome);
  }
}

/// Empty when there is nothing to say beyond the flow itself.
std::string user_text(const RoutesExplainReport& report) {
  const bool arrives = !report.flow.input_interface.empty();
  if (report.uid_was_given) return arrives ? "not asked for: a packet that arrives is no user's; --uid is ignored" : "";
  return arrives ? "" : fmt::format("{}, whoever runs this (--uid says another)", report.flow.uid);
}

}  // namespace

std::string data_headline(const RoutesExplainReport& report) {
  const FlowAnswer& answer = report.explanation.answer;
  if (const auto& routes = snapshot_of(report).routes; !routes.is_known()) {
    return fmt::format("Where packets to {} go is not known, since the routes are not: {}.", report.flow.destination,
                       routes.why_missing());
  }
  std::string text = report.hypothesis.empty() ? "Packets" : report.hypothesis + ": packets";
  text += fmt::format(" to {} {}", report.flow.destination, fate_text(answer));
  const bool leaves = !answer.interface.empty() && answer.fate != FlowFate::kMartian;
  if (leaves && answer.source) text += fmt::format(", from {}", *answer.source);
  if (const std::string decider = decider_text(report); !decider.empty()) text += ": " + decider;
  if (answer.depends_on == DependsOn::kNeighbour) text += "; the state of the gateways decides";
  if (!answer.uncertain.empty()) text += "; that is not certain";
  return text + ".";
}

void write_sections(const RoutesExplainReport& report, Page& page) {
  page.field("flow", flow_text(report.flow));
  if (!is_macos(report)) page.field("user", user_text(report));
  if (!report.explanation.answer.uncertain.empty()) page.field("not certain", report.explanation.answer.uncertain);
  write_candidates(report.explanation.answer, page);
  write_steps_tried(report, page);
}

std::string render_flow_text(const RoutesExplainReport& report) {
  const FlowAnswer& answer = report.explanation.answer;
  std::string text;
  if (answer.fate != FlowFate::kUnicast) text = fmt::format("{} ", flow_fate_name(answer.fate));
  text += report.flow.destination.to_string();
  if (answer.gateway) text += fmt::format(" via {}", *answer.gateway);
  if (!answer.interface.empty()) text += fmt::format(" dev {}", answer.interface);
  if (answer.table != kTableUnspecified) text += fmt::format(" table {}", snapshot_of(report).table_name(answer.table));
  if (answer.source) text += fmt::format(" src {}", *answer.source);
  if (answer.depends_on != DependsOn::kNothing) {
    text += fmt::format(" depends-on {}", depends_on_name(answer.depends_on));
  }
  if (!answer.uncertain.empty()) text += fmt::format(" uncertain: {}", answer.uncertain);
  return escape_non_ascii(text) + "\n";
}

std::string render_flow_error_text(const Error& error) {
  return escape_non_ascii(fmt::format("error: {}", error.message)) + "\n";
}

}  // namespace vpndoctor
