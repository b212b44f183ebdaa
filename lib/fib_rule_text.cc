// SPDX-License-Identifier: Apache-2.0
// Words for the steps of an explanation, and the trace that collects them. Decides nothing.
#include "fib_rule_text.h"

#include <fmt/format.h>

#include <utility>

#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

std::string input_text(const FibIndex& index, const FibRule& rule, const KernelFlow& flow) {
  if (rule.input == kMissingLink) return fmt::format("there is no interface {}", rule.rule->input_interface);
  if (flow.input == index.loopback)
    return fmt::format("the packet is this machine's own, it does not come from {}", rule.rule->input_interface);
  return fmt::format("the packet comes from {}, not from {}", index.links[flow.input].name, rule.rule->input_interface);
}

std::string output_text(const FibIndex& index, const FibRule& rule, const KernelFlow& flow) {
  if (rule.output == kMissingLink) return fmt::format("there is no interface {}", rule.rule->output_interface);
  if (flow.output == kNoLink) return fmt::format("the socket is not bound to {}", rule.rule->output_interface);
  return fmt::format("the socket is bound to {}, not to {}", index.links[flow.output].name,
                     rule.rule->output_interface);
}

std::string mark_text(const Rule& rule, const KernelFlow& flow) {
  if (rule.mark_mask == 0xffffffff) return fmt::format("its mark {:#x} differs from {:#x}", rule.mark, flow.mark);
  return fmt::format("its mark {:#x} differs from {:#x} under the mask {:#x}", rule.mark, flow.mark, rule.mark_mask);
}

std::string source_text(const Rule& rule, const KernelFlow& flow) {
  if (flow.source.is_unspecified())
    return fmt::format("the packet has no source address yet, so none in {}", *rule.source);
  return fmt::format("the source {} is not in {}", flow.source, *rule.source);
}

std::string range_text(const std::optional<NumberRange>& range) {
  if (!range) return "none";
  return range->first == range->last ? fmt::to_string(range->first) : fmt::format("{}-{}", range->first, range->last);
}

}  // namespace

std::string mismatch_text(const FibIndex& index, const FibRule& compiled, const KernelFlow& flow, Mismatch mismatch) {
  const Rule& rule = *compiled.rule;
  switch (mismatch) {
    case Mismatch::kNone:
      return "everything it names matches, and it says \"not\"";
    case Mismatch::kInput:
      return input_text(index, compiled, flow);
    case Mismatch::kOutput:
      return output_text(index, compiled, flow);
    case Mismatch::kMark:
      return mark_text(rule, flow);
    case Mismatch::kTunnel:
      return "the packet came out of no tunnel with that key";
    case Mismatch::kVrf:
      return "the packet belongs to no VRF";
    case Mismatch::kUid:
      return fmt::format("the user {} is not in {}", flow.uid, range_text(rule.uids));
    case Mismatch::kSource:
      return source_text(rule, flow);
    case Mismatch::kDestination:
      return fmt::format("the destination is not in {}", *rule.destination);
    case Mismatch::kTos:
      return fmt::format("the packet's TOS is {:#x}", flow.tos);
    case Mismatch::kProtocol:
      return fmt::format("the IP protocol is {}, not {}", flow.ip_protocol, rule.ip_protocol);
    case Mismatch::kSourcePort:
      return fmt::format("the source port {} is not {}", flow.source_port, range_text(rule.source_ports));
    case Mismatch::kDestinationPort:
      return fmt::format("the destination port {} is not {}", flow.destination_port,
                         range_text(rule.destination_ports));
    case Mismatch::kFlowLabel:
      return "the packet's flow label is 0";
  }
  return {};
}

std::string jump_text(const FibRule& rule) {
  if (rule.rule->action == RuleAction::kNop) return "does nothing";
  if (rule.goto_target < 0) return "the rule that it jumps to does not exist";
  return fmt::format("jumps to rule {}", rule.rule->goto_priority.value_or(0));
}

std::string action_text(RuleAction action) {
  switch (action) {
    case RuleAction::kUnreachable:
      return "refuses the packet as unreachable";
    case RuleAction::kProhibit:
      return "refuses the packet as prohibited";
    default:
      return "drops the packet in silence";
  }
}

std::string suppression_text(const FibIndex& index, const Rule& rule, const FibResult& result) {
  const auto length = static_cast<std::uint32_t>(result.route->destination.length);
  if (rule.suppress_prefix_length && length <= *rule.suppress_prefix_length) {
    return fmt::format("not used: a prefix of /{} or shorter does not count here (suppress_prefixlength)",
                       *rule.suppress_prefix_length);
  }
  return fmt::format("not used: {} is of interface group {}, which does not count here (suppress_ifgroup)",
                     index.links[result.suppress_link].name, rule.suppress_interface_group.value_or(0));
}

std::string short_words(const FibIndex& index, const Route& route) {
  std::string text = joined(route_words(*index.routes, route));
  const std::size_t table = text.find(" table ");
  if (table != std::string::npos) text.resize(table);
  return text;
}

void FibTrace::begin(const Rule& rule) {
  steps_.push_back({.priority = rule.priority, .rule = joined(rule_words(rule)), .table = std::nullopt, .outcome = {}});
}

void FibTrace::step(std::string what, std::string outcome) {
  steps_.push_back(
      {.priority = std::nullopt, .rule = std::move(what), .table = std::nullopt, .outcome = std::move(outcome)});
}

void FibTrace::table(std::uint32_t id) {
  if (!steps_.empty()) steps_.back().table = id;
}

void FibTrace::note(std::string_view text) {
  if (steps_.empty()) step({}, {});
  constexpr std::size_t kLongest = 4000;  // a thousand routes that are skipped are no explanation
  std::string& outcome = steps_.back().outcome;
  if (outcome.size() > kLongest) return;
  if (!outcome.empty()) outcome += "; ";
  outcome += text;
}

}  // namespace vpndoctor
