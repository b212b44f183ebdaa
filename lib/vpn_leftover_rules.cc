// SPDX-License-Identifier: Apache-2.0
// Rules of a VPN client that is gone: wg-quick's pair for each family, and those of clients known by their numbers. A
// rule whose table still has a route is never one.
#include "vpn_leftover_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "filled_tables.h"
#include "owner_signs.h"
#include "vpndoctor/route_owner.h"

namespace vpndoctor {
namespace {

bool selects_nothing_but_mark(const Rule& rule) {
  Rule bare;
  bare.family = rule.family;
  bare.priority = rule.priority;
  bare.inverted = rule.inverted;
  bare.mark = rule.mark;
  bare.mark_mask = rule.mark_mask;
  bare.action = rule.action;
  bare.table = rule.table;
  bare.suppress_prefix_length = rule.suppress_prefix_length;
  bare.protocol = rule.protocol;
  return bare == rule;
}

/// The rule as wg-quick's add_default() makes it, to a table that nobody else has by itself.
bool is_made_by_wg_quick(const Rule& rule) {
  return is_wg_quick_rule(rule) && !is_kernels_table(rule.table) && selects_nothing_but_mark(rule);
}

/// `from all lookup main suppress_prefixlength 0`, which it makes next: the kernel puts it one before.
bool is_companion(const Rule& rule, const Rule& of) {
  return rule.family == of.family && rule.priority + 1 == of.priority && !rule.inverted && rule.mark == 0 &&
         rule.action == RuleAction::kToTable && rule.table == kTableMain && rule.suppress_prefix_length == 0U &&
         selects_nothing_but_mark(rule);
}

class RuleFinder {
 public:
  RuleFinder(const Snapshot& now, VpnLeftovers& found)
      : now_(now), rules_(*now.rules), filled_(filled_tables(*now.routes)), found_(found) {}

  void find() {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (is_made_by_wg_quick(rules_[i])) take_wg_quick(i);
    }
    const bool has_wg_quick = !found_.rules.empty();
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (!is_taken(i) && is_of_absent_client(rules_[i])) take_client(i);
    }
    std::ranges::sort(found_.rules, {}, &Leftover::index);
    if (!has_wg_quick) return;
    found_.notes.emplace_back(
        "tables of nftables named wg-quick-INTERFACE are left by wg-quick as well; without the interface they drop "
        "nothing that was not meant for its address (nft list tables)");
  }

 private:
  bool is_empty(const Rule& rule) const { return !filled_.contains({rule.family, rule.table}); }
  bool is_taken(std::size_t index) const {
    return std::ranges::find(found_.rules, index, &Leftover::index) != found_.rules.end();
  }
  bool has_live_tunnel_of_mark(std::uint32_t mark) const {
    if (!now_.tunnels) return false;
    return std::ranges::any_of(*now_.tunnels, [&](const Tunnel& tunnel) {
      return tunnel.mark == mark && now_.find_link(tunnel.interface) != nullptr;
    });
  }
  void take_wg_quick(std::size_t index);
  bool is_of_absent_client(const Rule& rule);
  bool is_client_absent(const std::string& name) const;
  void take_client(std::size_t index);

  const Snapshot& now_;
  const std::vector<Rule>& rules_;
  Tables filled_;
  std::map<std::string, bool> absent_;  ///< clients by name
  VpnLeftovers& found_;
};

void RuleFinder::take_wg_quick(std::size_t index) {
  const Rule& rule = rules_[index];
  if (!is_empty(rule) || has_live_tunnel_of_mark(rule.mark)) return;
  const std::string source = "leftover of wg-quick";
  found_.rules.push_back({index,
                          fmt::format("a rule of wg-quick to a tunnel that is gone: table {} has no route", rule.table),
                          source, Confidence::kProven});
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!is_companion(rules_[i], rule) || is_taken(i)) continue;
    found_.rules.push_back(
        {i,
         fmt::format("a rule of wg-quick beside its rule {}, whose table {} has no route", rule.priority, rule.table),
         source, Confidence::kProven});
    return;
  }
}

/// No interface of the client is there, and none of its tables has a route.
bool RuleFinder::is_client_absent(const std::string& name) const {
  if (!now_.links.is_complete()) return false;
  bool has_empty_table = false;
  for (const Rule& rule : rules_) {
    if (is_kernels_table(rule.table) || rule.action != RuleAction::kToTable || rule_owner(now_, rule).name != name) {
      continue;
    }
    if (!is_empty(rule)) return false;
    has_empty_table = true;
  }
  return has_empty_table && !is_client_here(now_, name).value_or(false);
}

bool RuleFinder::is_of_absent_client(const Rule& rule) {
  if (rule.protocol == kProtocolKernel) return false;
  const Owner owner = rule_owner(now_, rule);
  if (!owner.is_vpn || owner.name == "wg-quick") return false;
  const auto known = absent_.find(owner.name);
  if (known != absent_.end()) return known->second;
  return absent_[owner.name] = is_client_absent(owner.name);
}

void RuleFinder::take_client(std::size_t index) {
  const Owner owner = rule_owner(now_, rules_[index]);
  found_.rules.push_back(
      {index,
       fmt::format("a rule of {} ({}), whose interface is gone and whose tables are empty", owner.name, owner.evidence),
       fmt::format("leftover of {}", owner.name), Confidence::kLikely});
}

}  // namespace

std::optional<bool> is_client_here(const Snapshot& now, std::string_view name) {
  if (!now.links) return std::nullopt;
  bool may_be = !now.links.is_complete();
  for (const Link& link : *now.links) {
    const Owner owner = link_owner(now, link);
    if (owner.name == name) return true;
    may_be = may_be || (!owner.is_known() && link.is_running() && is_tunnel(now, link.name));
  }
  return may_be ? std::nullopt : std::optional(false);
}

void find_leftover_rules(const Snapshot& now, VpnLeftovers& found) {
  if (!now.rules || !now.routes.is_complete()) return;
  RuleFinder(now, found).find();
}

}  // namespace vpndoctor
