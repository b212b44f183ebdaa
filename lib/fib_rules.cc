// SPDX-License-Identifier: Apache-2.0
// The walk over the policy routing rules, the same for both families: net/core/fib_rules.c fib_rules_lookup(),
// fib4_rule_match() and fib6_rule_match(). Looks into no table itself.
#include <fmt/format.h>

#include "fib_lookup.h"
#include "fib_rule_text.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kLegacyTosMask = 0x1c;               // IPTOS_RT_MASK
constexpr std::uint32_t kVrfSelectorsFixed = 0x600U + 15U;  // 6.15 matches iif and oif of a VRF against its ports

bool is_at_least(const FibIndex& index, std::uint32_t version) {
  return index.kernel_version == 0 || index.kernel_version >= version;
}

// net/l3mdev/l3mdev.c l3mdev_update_flow()
void update_vrf(const FibIndex& index, KernelFlow& flow) {
  if (flow.output != kNoLink) {
    if (flow.l3mdev == kNoLink) {
      flow.l3mdev = index.links[flow.output].l3mdev;
      flow.l3mdev_is_of_output = true;
    }
    if (index.links[flow.output].link != nullptr && index.links[flow.output].link->is_vrf()) flow.output = kNoLink;
    return;
  }
  if (flow.input != index.loopback && flow.l3mdev == kNoLink) flow.l3mdev = index.links[flow.input].l3mdev;
}

bool is_vrf(const FibIndex& index, LinkId link) {
  return link < index.links.size() && index.links[link].link != nullptr && index.links[link].link->is_vrf();
}

bool input_matches(const FibIndex& index, LinkId wanted, const KernelFlow& flow) {
  if (wanted == kNoLink) return true;
  if (is_vrf(index, wanted) && is_at_least(index, kVrfSelectorsFixed)) {
    return !flow.l3mdev_is_of_output && flow.l3mdev == wanted;
  }
  return flow.input == wanted;
}

bool output_matches(const FibIndex& index, LinkId wanted, const KernelFlow& flow) {
  if (wanted == kNoLink) return true;
  if (is_vrf(index, wanted) && is_at_least(index, kVrfSelectorsFixed)) {
    return flow.l3mdev_is_of_output && flow.l3mdev == wanted;
  }
  return flow.output == wanted;
}

bool source_matches(const Rule& rule, const KernelFlow& flow) {
  if (!rule.source || rule.source->is_default()) return true;
  if (flow.destination.family == Family::kInet) return rule.source->contains(flow.source);
  return flow.has_source ? rule.source->contains(flow.source) : flow.finds_source;
}

// A rule's TOS is matched against three bits of the flow's in IPv4, for ever as it was; FRA_DSCP against all six.
bool tos_matches(const Rule& rule, const KernelFlow& flow) {
  if (rule.dscp) {
    const std::uint8_t mask = rule.dscp_mask.value_or(0x3f);
    return ((*rule.dscp ^ (flow.tos >> 2U)) & mask) == 0;
  }
  if (rule.tos == 0) return true;
  return rule.tos == (flow.tos & (rule.family == Family::kInet ? kLegacyTosMask : 0xfcU));
}

bool port_matches(const std::optional<NumberRange>& range, std::optional<std::uint32_t> mask, std::uint16_t port) {
  if (!range) return true;
  if (mask && *mask != 0) return ((range->first ^ port) & *mask) == 0;
  return port >= range->first && port <= range->last;
}

bool label_matches(const Rule& rule) {  // a flow has no label here: it is 0
  return !rule.flow_label || (*rule.flow_label & rule.flow_label_mask.value_or(0xfffff)) == 0;
}

// net/l3mdev/l3mdev.c l3mdev_fib_rule_match(); the table stays when a later selector does not match.
bool vrf_matches(const FibIndex& index, const KernelFlow& flow, std::uint32_t& vrf_table) {
  if (flow.l3mdev == kNoLink || !is_vrf(index, flow.l3mdev)) return false;
  vrf_table = index.links[flow.l3mdev].vrf_table;
  return true;
}

Mismatch first_mismatch(const FibIndex& index, const FibRule& compiled, const KernelFlow& flow,
                        std::uint32_t& vrf_table) {
  if (!compiled.has_selectors) return Mismatch::kNone;
  const Rule& rule = *compiled.rule;
  if (!input_matches(index, compiled.input, flow)) return Mismatch::kInput;
  if (!output_matches(index, compiled.output, flow)) return Mismatch::kOutput;
  if (((rule.mark ^ flow.mark) & rule.mark_mask) != 0) return Mismatch::kMark;
  if (rule.tunnel_id != 0) return Mismatch::kTunnel;
  if (rule.l3mdev && !vrf_matches(index, flow, vrf_table)) return Mismatch::kVrf;
  if (rule.uids && (flow.uid < rule.uids->first || flow.uid > rule.uids->last)) return Mismatch::kUid;
  if (!source_matches(rule, flow)) return Mismatch::kSource;
  if (rule.destination && !rule.destination->contains(flow.destination)) return Mismatch::kDestination;
  if (!tos_matches(rule, flow)) return Mismatch::kTos;
  if (rule.ip_protocol != 0 && rule.ip_protocol != flow.ip_protocol) return Mismatch::kProtocol;
  if (!port_matches(rule.source_ports, rule.source_port_mask, flow.source_port)) return Mismatch::kSourcePort;
  if (!port_matches(rule.destination_ports, rule.destination_port_mask, flow.destination_port)) {
    return Mismatch::kDestinationPort;
  }
  return label_matches(rule) ? Mismatch::kNone : Mismatch::kFlowLabel;
}

bool is_suppressed(const FibIndex& index, const Rule& rule, const FibResult& result) {
  if (rule.suppress_prefix_length && result.route->destination.length <= *rule.suppress_prefix_length) return true;
  return rule.suppress_interface_group && result.suppress_link != kNoLink &&
         index.links[result.suppress_link].group == *rule.suppress_interface_group;
}

/// A walk on its way.
struct Progress {
  const RuleWalk& walk;
  KernelFlow& flow;
  FibResult result{};
  std::uint32_t vrf_table = kTableUnspecified;  ///< as the last l3mdev rule found it
};

void look_into_table(Progress& at, const Rule& rule) {
  const RuleWalk& walk = at.walk;
  at.result.verdict = FibVerdict::kAgain;
  std::uint32_t table = rule.l3mdev ? at.vrf_table : rule.table;
  if (table == kTableUnspecified) table = kTableMain;
  if (walk.trace != nullptr) walk.trace->table(table);
  walk.look_up(LookupArguments{*walk.index, rule, table, walk.trace, walk.context}, at.flow, at.result);
  if (at.result.verdict != FibVerdict::kRoute || !is_suppressed(*walk.index, rule, at.result)) return;
  if (walk.trace != nullptr) walk.trace->note(suppression_text(*walk.index, rule, at.result));
  at.result.verdict = FibVerdict::kAgain;
}

// fib4_rule_action() and fib6_rule_action()
void act(Progress& at, const Rule& rule) {
  switch (rule.action) {
    case RuleAction::kToTable:
      return look_into_table(at, rule);
    case RuleAction::kUnreachable:
      at.result.verdict = FibVerdict::kUnreachable;
      break;
    case RuleAction::kProhibit:
      at.result.verdict = FibVerdict::kProhibit;
      break;
    default:
      at.result.verdict = FibVerdict::kBlackhole;
      break;
  }
  at.result.route = nullptr;
  at.result.table = kTableUnspecified;
  if (at.walk.trace != nullptr) at.walk.trace->note(action_text(rule.action));
}

}  // namespace

FibResult walk_rules(const RuleWalk& walk, KernelFlow& flow) {
  update_vrf(*walk.index, flow);
  Progress now{.walk = walk, .flow = flow};
  FibResult& result = now.result;
  for (std::size_t at = 0; at < walk.rules.size();) {
    const FibRule& rule = walk.rules[at++];
    if (walk.trace != nullptr) walk.trace->begin(*rule.rule);
    const Mismatch mismatch = first_mismatch(*walk.index, rule, flow, now.vrf_table);
    if (mismatch == Mismatch::kNone && !rule.uncertain.empty()) result.uncertain = rule.uncertain;
    if ((mismatch == Mismatch::kNone) == rule.rule->inverted) {
      if (walk.trace != nullptr) walk.trace->note(mismatch_text(*walk.index, rule, flow, mismatch));
      continue;
    }
    if (rule.rule->action == RuleAction::kGoto || rule.rule->action == RuleAction::kNop) {
      if (walk.trace != nullptr) walk.trace->note(jump_text(rule));
      if (rule.goto_target >= 0) at = static_cast<std::size_t>(rule.goto_target);
      continue;
    }
    result.rule = rule.rule;
    act(now, *rule.rule);
    if (result.verdict != FibVerdict::kAgain) return result;
  }
  result.verdict = FibVerdict::kNoRule;
  result.route = nullptr;
  result.leg = nullptr;
  result.rule = nullptr;
  return result;
}

}  // namespace vpndoctor
