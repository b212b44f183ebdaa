// SPDX-License-Identifier: Apache-2.0
// The rows of the firewall checks: a kill switch that is none, and none at all. Judges by what happens to packets
// (kill_switch.h).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "flow_kinds.h"
#include "kill_switch.h"
#include "kill_switch_advice.h"
#include "leak_check_table.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using Findings = std::vector<Finding>;

bool is_full(const LeakContext& facts, Family family) { return facts.coverage.of(family).mode == CoverageMode::kFull; }

bool is_any_full(const LeakContext& facts) {
  return std::ranges::any_of(kFamilies, [&](Family family) { return is_full(facts, family); });
}

Evidence packet_evidence(Family family, const StopReport& report) {
  const std::string from = report.input.empty() ? "of this machine" : "from " + escape_controls(report.input);
  const std::string fate =
      report.state == StopState::kOpen
          ? fmt::format("leave by {} ({})", escape_controls(report.interface), in_a_row(report.leaving))
          : "are stopped";
  return {"netlink", "nf_tables",
          fmt::format("as if the tunnel were gone, {} packets {} to public addresses {}: {}", family_title(family),
                      from, fate, report.why)};
}

void add_evidence(const KillSwitch& kill_switch, Finding& finding) {
  for (const Family family : kFamilies) {
    const StopReport& report = kill_switch.of(family).local;
    if (report.state != StopState::kNoWay) finding.evidence.push_back(packet_evidence(family, report));
  }
}

void add_look(Finding& finding) {
  add_step(finding.remedy, "See the rules.", {root_command({"nft", "list", "ruleset"})});
}

bool is_open(const LeakContext& facts, Family family) {
  return facts.kill_switch().of(family).local.state == StopState::kOpen;
}

/// What is meant to keep the family's packets in. Not wg-quick's guard: that one left behind is of the VPN's remains.
/// Nor an ordinary filter beside a split tunnel, where public packets are to leave.
std::vector<const ProtectionSign*> promises(const LeakContext& facts, Family family) {
  const bool is_split = facts.coverage.of(family).mode == CoverageMode::kSplit && !facts.takes_most(family);
  std::vector<const ProtectionSign*> found;
  for (const ProtectionSign& sign : facts.kill_switch().signs) {
    const bool is_meant = !sign.product.empty() || sign.is_left_behind || !is_split;
    if (!sign.is_spoof_guard && sign.is_for(family) && is_meant) found.push_back(&sign);
  }
  return found;
}

bool is_promised(const LeakContext& facts, Family family) { return !promises(facts, family).empty(); }

/// Whether it matters what leaves when the tunnel is gone: the family goes into it, or rules say that it should.
bool is_protected(const LeakContext& facts, Family family) {
  return facts.takes_most(family) || is_promised(facts, family);
}

/// "IPv4"; "IPv4 (DNS)" where the packet filter stops all else.
std::string what_leaves(Family family, const StopReport& report) {
  if (report.leaving.size() == kFlowKinds.size()) return family_title(family);
  return fmt::format("{} ({})", family_title(family), in_a_row(report.leaving));
}

/// The families of which something leaves, in words, and where.
struct Leaving {
  std::vector<std::string> families;
  std::optional<Family> first;
  std::string interface;  ///< by which the first of them leaves, for a sentence
  bool is_nothing() const { return families.empty(); }
};

/// The families that leave and that `is_asked` for.
template <class IsAsked>
Leaving leaving(const LeakContext& facts, IsAsked is_asked) {
  Leaving found;
  for (const Family family : kFamilies) {
    if (!is_open(facts, family) || !is_asked(family)) continue;
    if (found.is_nothing()) {
      found.first = family;
      found.interface = escape_controls(facts.kill_switch().of(family).local.interface);
    }
    found.families.push_back(what_leaves(family, facts.kill_switch().of(family).local));
  }
  return found;
}

/// The family that leaves although the packet filter keeps its promise for the other one, both of which go into a
/// tunnel; nullopt: there is none. To block one that no tunnel carries is healthy.
std::optional<Family> open_beside_stopped(const LeakContext& facts) {
  for (const Family family : kFamilies) {
    const Family other = family == Family::kInet ? Family::kInet6 : Family::kInet;
    const StopReport& stopped = facts.kill_switch().of(other).local;
    const bool is_kept = stopped.state == StopState::kStopped && stopped.is_by_filter && is_promised(facts, other);
    if (!is_kept || !is_open(facts, family) || is_promised(facts, family)) continue;
    if (facts.takes_most(family) && facts.takes_most(other)) return family;
  }
  return std::nullopt;
}

void check_open(const LeakContext& facts, Findings& findings) {
  const Leaving out = leaving(facts, [&](Family family) { return is_promised(facts, family); });
  if (out.is_nothing()) return;
  std::vector<const ProtectionSign*> broken;
  for (const Family family : kFamilies) {
    if (!is_open(facts, family)) continue;
    for (const ProtectionSign* sign : promises(facts, family)) {
      if (std::ranges::find(broken, sign) == broken.end()) broken.push_back(sign);
    }
  }
  Finding finding = make_finding("FWL001", {"firewall", broken.front()->table});
  finding.title = fmt::format("The kill switch in {} lets {} packets out by {}", broken.front()->table,
                              in_a_row(out.families), out.interface);
  finding.detail = fmt::format(
      "When the tunnel is gone, this machine's traffic leaves by {} in clear although rules look like a protection.",
      out.interface);
  for (const ProtectionSign* sign : broken) finding.evidence.push_back({"netlink", sign->table, sign->why});
  add_evidence(facts.kill_switch(), finding);
  add_look(finding);
  add_step(finding.remedy,
           "Start the VPN client again, so that it makes its rules anew; or let your rules drop all that leaves by "
           "another interface than the tunnel.");
  findings.push_back(std::move(finding));
}

void check_one_family(const LeakContext& facts, Findings& findings) {
  const auto open = open_beside_stopped(facts);
  if (!open) return;
  const Family stopped = *open == Family::kInet ? Family::kInet6 : Family::kInet;
  const Leaving out = leaving(facts, [&](Family family) { return family == *open; });
  Finding finding = make_finding("FWL002", {"firewall", family_name(*open)});
  finding.title = fmt::format("The kill switch stops {} and lets {} packets out by {}", family_title(stopped),
                              out.families.front(), out.interface);
  finding.detail = fmt::format("When the tunnel is gone, {} traffic leaves in clear.", family_title(*open));
  for (const ProtectionSign* sign : promises(facts, stopped)) {
    finding.evidence.push_back({"netlink", sign->table, sign->why});
  }
  add_evidence(facts.kill_switch(), finding);
  add_look(finding);
  add_step(finding.remedy,
           fmt::format("Add the rules that stop {} for {} as well.", family_title(stopped), family_title(*open)));
  findings.push_back(std::move(finding));
}

void check_forwarded(const LeakContext& facts, Findings& findings) {
  const KillSwitch& kill_switch = facts.kill_switch();
  for (const Family family : kFamilies) {
    const FamilyKillSwitch& of = kill_switch.of(family);
    const bool is_hole = of.local.state == StopState::kStopped && of.forwarded.state == StopState::kOpen;
    if (!is_hole || !is_protected(facts, family)) continue;
    Finding finding = make_finding("FWL003", {"interface", of.forwarded.input});
    finding.title = fmt::format("{} packets from {} leave by {} although this machine's own are stopped",
                                what_leaves(family, of.forwarded), escape_controls(of.forwarded.input),
                                escape_controls(of.forwarded.interface));
    finding.detail =
        "Containers, virtual machines or other computers behind this machine are not protected by its kill switch.";
    finding.evidence = {packet_evidence(family, of.local), packet_evidence(family, of.forwarded)};
    add_look(finding);
    add_step(finding.remedy,
             "Drop what is forwarded and leaves by another interface than the tunnel, in a chain of the "
             "hook forward.");
    findings.push_back(std::move(finding));
  }
}

/// All of a family goes into tunnels of which one is not known to be broken: another check tells of those that are.
bool is_carried(const LeakContext& facts, Family family) {
  const std::vector<std::string>& names = facts.coverage.of(family).tunnels;
  return is_full(facts, family) &&
         (names.empty() || std::ranges::any_of(names, [&](const std::string& name) {
            const auto tunnel = std::ranges::find(facts.tunnels, name, &TunnelReport::interface);
            return tunnel == facts.tunnels.end() ||
                   (tunnel->state != TunnelState::kDead && tunnel->state != TunnelState::kOrphan);
          }));
}

void check_missing(const LeakContext& facts, Findings& findings) {
  if (!is_any_full(facts)) return;
  const auto told = open_beside_stopped(facts);
  const Leaving out = leaving(
      facts, [&](Family family) { return is_carried(facts, family) && !is_promised(facts, family) && told != family; });
  if (out.is_nothing()) return;
  Finding finding = make_finding("FWL004", {"firewall", "output"});
  finding.title = fmt::format("No kill switch: without the tunnel, {} traffic leaves by {} in clear",
                              in_a_row(out.families), out.interface);
  finding.detail = "All public traffic goes through the tunnel now. Nothing would stop it if the tunnel went away.";
  add_evidence(facts.kill_switch(), finding);
  for (const ProtectionSign& sign : facts.kill_switch().signs) {
    finding.evidence.push_back({"netlink", sign.table, sign.why});
  }
  add_kill_switch_steps(facts.snapshot, facts.kill_switch().of(*out.first).local.interface, finding);
  findings.push_back(std::move(finding));
}

/// What cannot be told of a family that matters; empty: nothing.
std::string unknown_part(const LeakContext& facts) {
  for (const Family family : kFamilies) {
    const StopReport& local = facts.kill_switch().of(family).local;
    const bool matters = is_any_full(facts) || is_protected(facts, family);
    if (matters && local.state == StopState::kUnknown) {
      return fmt::format("whether {} packets leave is not known: {}", family_title(family), local.why);
    }
  }
  return {};
}

std::string unknown_forwarding(const LeakContext& facts) {
  for (const Family family : kFamilies) {
    const FamilyKillSwitch& of = facts.kill_switch().of(family);
    const bool matters = of.local.state == StopState::kStopped && of.forwarded.state == StopState::kUnknown;
    if (!matters || !is_protected(facts, family)) continue;
    return fmt::format("whether forwarded {} packets leave is not known: {}", family_title(family), of.forwarded.why);
  }
  return {};
}

constexpr unsigned kNeeds = kLeakTables | kLeakFirewall;
constexpr std::array kFirewallChecks = {
    LeakCheck{"FWL001", kNeeds, 0, check_open, unknown_part},
    LeakCheck{"FWL002", kNeeds, 0, check_one_family, unknown_part},
    LeakCheck{"FWL003", kNeeds | kLeakSettings, 0, check_forwarded, unknown_forwarding},
    LeakCheck{"FWL004", kNeeds, kLeakRoutes | kLeakRules, check_missing, unknown_part},
};

}  // namespace

std::span<const LeakCheck> firewall_checks() { return kFirewallChecks; }

}  // namespace vpndoctor
