// SPDX-License-Identifier: Apache-2.0
// The rows of the firewall checks: a kill switch that is none, and none at all. Judges by what happens to packets
// (kill_switch.h).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

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

/// "IPv4", "IPv6": those of which something leaves.
std::vector<std::string> open_families(const KillSwitch& kill_switch) {
  std::vector<std::string> open;
  for (const Family family : kFamilies) {
    if (kill_switch.of(family).local.state == StopState::kOpen) open.emplace_back(family_title(family));
  }
  return open;
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

/// An interface for a sentence: the first that something leaves by.
std::string open_interface(const KillSwitch& kill_switch) {
  for (const Family family : kFamilies) {
    const StopReport& report = kill_switch.of(family).local;
    if (report.state == StopState::kOpen) return escape_controls(report.interface);
  }
  return "a physical interface";
}

void add_look(Finding& finding) {
  add_step(finding.remedy, "See the rules.", {root_command({"nft", "list", "ruleset"})});
}

/// What is meant as protection, unlike wg-quick's guard: that one left behind is of the VPN's remains.
std::vector<const ProtectionSign*> broken_promises(const KillSwitch& kill_switch) {
  std::vector<const ProtectionSign*> found;
  for (const ProtectionSign& sign : kill_switch.signs) {
    if (!sign.is_spoof_guard) found.push_back(&sign);
  }
  return found;
}

/// Of a family that another check tells of there is nothing to say here: one is stopped, the other is not.
bool is_one_family_alone(const KillSwitch& kill_switch) {
  const auto is = [&](Family family, StopState state) { return kill_switch.of(family).local.state == state; };
  const auto stopped_by_filter = [&](Family family) {
    return is(family, StopState::kStopped) && kill_switch.of(family).local.is_by_filter;
  };
  return (stopped_by_filter(Family::kInet) && is(Family::kInet6, StopState::kOpen)) ||
         (stopped_by_filter(Family::kInet6) && is(Family::kInet, StopState::kOpen));
}

void check_open(const LeakContext& facts, Findings& findings) {
  const KillSwitch& kill_switch = facts.kill_switch();
  const auto open = open_families(kill_switch);
  const auto promises = broken_promises(kill_switch);
  if (open.empty() || promises.empty() || is_one_family_alone(kill_switch)) return;
  Finding finding = make_finding("FWL001", {"firewall", promises.front()->table});
  finding.title = fmt::format("The kill switch in {} lets {} packets out by {}", promises.front()->table,
                              in_a_row(open), open_interface(kill_switch));
  finding.detail = fmt::format(
      "When the tunnel is gone, this machine's traffic leaves by {} in clear although rules look like a protection.",
      open_interface(kill_switch));
  for (const ProtectionSign* sign : promises) finding.evidence.push_back({"netlink", sign->table, sign->why});
  add_evidence(kill_switch, finding);
  add_look(finding);
  add_step(finding.remedy,
           "Start the VPN client again, so that it makes its rules anew; or let your rules drop all that leaves by "
           "another interface than the tunnel.");
  findings.push_back(std::move(finding));
}

void check_one_family(const LeakContext& facts, Findings& findings) {
  const KillSwitch& kill_switch = facts.kill_switch();
  if (!is_one_family_alone(kill_switch)) return;
  const bool inet_is_open = kill_switch.of(Family::kInet).local.state == StopState::kOpen;
  const Family open = inet_is_open ? Family::kInet : Family::kInet6;
  const Family stopped = inet_is_open ? Family::kInet6 : Family::kInet;
  Finding finding = make_finding("FWL002", {"firewall", family_name(open)});
  finding.title = fmt::format("The packet filter stops {} and lets {} out by {}", family_title(stopped),
                              family_title(open), open_interface(kill_switch));
  finding.detail = fmt::format("When the tunnel is gone, {} traffic leaves in clear.", family_title(open));
  add_evidence(kill_switch, finding);
  add_look(finding);
  add_step(finding.remedy,
           fmt::format("Add the rules that stop {} for {} as well.", family_title(stopped), family_title(open)));
  findings.push_back(std::move(finding));
}

void check_forwarded(const LeakContext& facts, Findings& findings) {
  const KillSwitch& kill_switch = facts.kill_switch();
  for (const Family family : kFamilies) {
    const FamilyKillSwitch& of = kill_switch.of(family);
    const bool is_hole = of.local.state == StopState::kStopped && of.forwarded.state == StopState::kOpen;
    if (!is_hole) continue;
    Finding finding = make_finding("FWL003", {"interface", of.forwarded.input});
    finding.title =
        fmt::format("{} packets from {} leave by {} although this machine's own are stopped", family_title(family),
                    escape_controls(of.forwarded.input), escape_controls(of.forwarded.interface));
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
  const KillSwitch& kill_switch = facts.kill_switch();
  const bool is_told_elsewhere = !broken_promises(kill_switch).empty() || is_one_family_alone(kill_switch);
  std::vector<std::string> open;
  for (const Family family : kFamilies) {
    const bool is_open = kill_switch.of(family).local.state == StopState::kOpen;
    if (is_carried(facts, family) && is_open) open.emplace_back(family_title(family));
  }
  if (open.empty() || is_told_elsewhere) return;
  Finding finding = make_finding("FWL004", {"firewall", "output"});
  finding.title = fmt::format("No kill switch: without the tunnel, {} traffic leaves by {} in clear", in_a_row(open),
                              open_interface(kill_switch));
  finding.detail = "All public traffic goes through the tunnel now. Nothing would stop it if the tunnel went away.";
  add_evidence(kill_switch, finding);
  for (const ProtectionSign& sign : kill_switch.signs) finding.evidence.push_back({"netlink", sign.table, sign.why});
  add_kill_switch_steps(facts.snapshot, open_interface(kill_switch), finding);
  findings.push_back(std::move(finding));
}

/// What cannot be told of a family that matters; empty: nothing.
std::string unknown_part(const LeakContext& facts) {
  const KillSwitch& kill_switch = facts.kill_switch();
  const bool is_vpn_machine = is_any_full(facts) || !broken_promises(kill_switch).empty();
  if (!is_vpn_machine) return {};
  for (const Family family : kFamilies) {
    const StopReport& local = kill_switch.of(family).local;
    if (local.state == StopState::kUnknown) {
      return fmt::format("whether {} packets leave is not known: {}", family_title(family), local.why);
    }
  }
  return {};
}

std::string unknown_forwarding(const LeakContext& facts) {
  const KillSwitch& kill_switch = facts.kill_switch();
  for (const Family family : kFamilies) {
    const FamilyKillSwitch& of = kill_switch.of(family);
    const bool matters = of.local.state == StopState::kStopped && of.forwarded.state == StopState::kUnknown;
    if (!matters) continue;
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
