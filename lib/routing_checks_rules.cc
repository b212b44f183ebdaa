// SPDX-License-Identifier: Apache-2.0
// Rules that lead to a table without routes: of a VPN that is gone, of one that carries nothing, or of somebody else.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "default_way.h"
#include "filled_tables.h"
#include "routing_checks.h"
#include "vpn_leftover_rules.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// What a rule to an empty table is.
enum class EmptyTable : std::uint8_t {
  kHarmless,   ///< nobody's that is known to lose something by it
  kIdle,       ///< of a VPN client that is there and carries nothing in this family
  kUndecided,  ///< of a VPN client, and it cannot be told whether that is there
  kLeaks,      ///< of a VPN client that is gone, whose traffic leaves in clear
};

EmptyTable judge_empty_table(const RoutingFacts& facts, const Owner& owner, const std::vector<const Rule*>& rules) {
  if (!owner.is_vpn) return EmptyTable::kHarmless;
  // wg-quick adds its rules with the route that they are for, and takes all of them away together.
  const auto here = owner.name == "wg-quick" ? std::optional(false) : is_client_here(facts.snapshot, owner.name);
  if (here == true) return EmptyTable::kIdle;
  const bool takes_most = std::ranges::any_of(rules, [](const Rule* rule) { return is_met_by_most(*rule); });
  if (!takes_most) return EmptyTable::kHarmless;
  return here ? EmptyTable::kLeaks : EmptyTable::kUndecided;
}

std::string empty_table_text(EmptyTable judged, const Owner& owner, Family family) {
  switch (judged) {
    case EmptyTable::kIdle:
      return fmt::format("{} is here and has no {} routes: it carries none of it.", owner.name, family_title(family));
    case EmptyTable::kUndecided:
      return fmt::format(
          "Unless {} is running, it left this behind: then what was meant for its tunnel leaves in clear.", owner.name);
    case EmptyTable::kLeaks:
      return fmt::format("{} left it behind: what was meant for its tunnel leaves in clear.", owner.name);
    case EmptyTable::kHarmless:
      break;
  }
  return "The lookup fails there and goes on with the next rule.";
}

void weigh_empty_table(EmptyTable judged, Finding& finding) {
  if (judged == EmptyTable::kLeaks) finding.severity = Severity::kError;
  if (judged == EmptyTable::kIdle) finding.severity = Severity::kNotice;
  if (judged == EmptyTable::kUndecided) finding.confidence = Confidence::kLikely;
}

void add_empty_table(const RoutingFacts& facts, const std::vector<const Rule*>& rules, Findings& findings) {
  const Rule& first = *rules[0];
  const Owner owner = rule_owner(facts.snapshot, first);
  const EmptyTable judged = judge_empty_table(facts, owner, rules);
  Finding finding = make_finding("RTE006", {"table", std::to_string(first.table)});
  weigh_empty_table(judged, finding);
  finding.title = fmt::format("{} {} rule{} to table {}, which has no routes", rules.size(), family_title(first.family),
                              rules.size() == 1 ? " leads" : "s lead", facts.snapshot.table_name(first.table));
  finding.detail = empty_table_text(judged, owner, first.family);
  std::vector<Command> commands;
  for (const Rule* rule : rules) {
    finding.evidence.push_back(
        proof(facts.snapshot.rules, fmt::format("rule {}", rule->priority), joined(rule_words(*rule))));
    commands.push_back(delete_rule(*rule));
  }
  if (owner.is_known()) {
    finding.evidence.push_back(proof(facts.snapshot.rules, "owner", owner.name + ": " + owner.evidence));
  }
  if (judged == EmptyTable::kIdle) {
    add_step(finding.remedy,
             fmt::format("Nothing is to be done, unless {} should carry {}.", owner.name, family_title(first.family)));
  } else {
    add_step(finding.remedy, "Delete the rules, or start what made them again.", std::move(commands));
  }
  findings.push_back(std::move(finding));
}

}  // namespace

Command delete_rule(const Rule& rule) {
  std::vector<std::string> argv{"ip", rule.family == Family::kInet ? "-4" : "-6", "rule", "del"};
  for (std::string& word : rule_words(rule)) argv.push_back(std::move(word));
  return root_command(std::move(argv));
}

void check_rule_to_empty_table(const RoutingFacts& facts, Findings& findings) {
  if (!facts.snapshot.rules) return;  // macOS has none
  Tables filled = filled_tables(facts.routes());
  // The default table is empty on nearly every machine, and rules of the kernel's own tables are its business.
  for (const std::uint32_t table : {kTableDefault, kTableMain, kTableLocal}) {
    filled.emplace(Family::kInet, table);
    filled.emplace(Family::kInet6, table);
  }
  std::map<std::pair<Family, std::uint32_t>, std::vector<const Rule*>> empty;
  for (const Rule& rule : *facts.snapshot.rules) {
    if (rule.action != RuleAction::kToTable || rule.l3mdev || rule.table == kTableUnspecified) continue;
    if (!filled.contains({rule.family, rule.table})) empty[{rule.family, rule.table}].push_back(&rule);
  }
  for (const auto& [key, rules] : empty) add_empty_table(facts, rules, findings);
}

}  // namespace vpndoctor
