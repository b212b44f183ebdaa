// SPDX-License-Identifier: Apache-2.0
// What the user says should be so (--expect, --vpn) against what the tables say: a VPN that crashed and took its
// interface with it must not look like a machine without one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "coverage_advice.h"
#include "crash_remains.h"
#include "leak_checks_tunnel.h"
#include "named_tunnel.h"
#include "routing_checks.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

bool is_asked(const LeakContext& facts) { return facts.expectation.mode || !facts.expectation.interface.empty(); }

std::string expected_words(const VpnExpectation& expected) {
  const std::string name = expected.interface.empty() ? "a tunnel" : escape_controls(expected.interface);
  if (expected.mode == CoverageMode::kFull) return fmt::format("{} should carry all public addresses", name);
  if (expected.mode == CoverageMode::kSplit) return fmt::format("{} should carry a part of the addresses", name);
  return fmt::format("{} should be used", name);
}

std::string why_coverage_unknown(const LeakContext& facts) {
  for (const Family family : kFamilies) {
    const FamilyCoverage& coverage = facts.coverage.of(family);
    if (coverage.mode != CoverageMode::kUnknown) continue;
    return fmt::format("what goes through a tunnel in {} is not known{}", family_title(family),
                       coverage.why_unknown.empty() ? "" : ": " + coverage.why_unknown);
  }
  return {};
}

/// Why the family is not as --expect says; empty when it is, or is not known. A family without any way out needs no
/// tunnel.
std::string why_different(const LeakContext& facts, Family family) {
  const FamilyCoverage& coverage = facts.coverage.of(family);
  const auto wanted = facts.expectation.mode;
  if (!wanted || coverage.mode == CoverageMode::kUnknown || coverage.mode == *wanted) return {};
  if (wanted == CoverageMode::kFull && !lets_public_out(coverage)) return {};
  if (wanted == CoverageMode::kSplit && coverage.mode == CoverageMode::kNone) return {};
  return fmt::format("{} goes through a tunnel {}", family_title(family),
                     coverage.mode == CoverageMode::kFull    ? "wholly, not in part"
                     : coverage.mode == CoverageMode::kSplit ? "in part only"
                                                             : "not at all");
}

Evidence coverage_evidence(const LeakContext& facts, Family family) {
  const FamilyCoverage& coverage = facts.coverage.of(family);
  std::string text = fmt::format("{}: {}", family_title(family), coverage_mode_name(coverage.mode));
  for (const std::string& tunnel : coverage.tunnels) text += " " + escape_controls(tunnel);
  if (!coverage.why_unknown.empty()) text += ", " + escape_controls(coverage.why_unknown);
  constexpr std::size_t kMostNamed = 4;
  for (std::size_t i = 0; i < std::min(coverage.outside.size(), kMostNamed); ++i) {
    const OutsidePrefix& outside = coverage.outside[i];
    text += fmt::format("{} {} by {}", i == 0 ? "; outside:" : ",", outside.prefix, escape_controls(outside.interface));
  }
  return {"coverage", "routing tables", std::move(text)};
}

Finding expectation_finding(const LeakContext& facts, const char* code) {
  const std::string& named = facts.expectation.interface;
  Finding finding = make_finding(code, named.empty() ? Subject{"machine", ""} : Subject{"interface", named});
  finding.detail = fmt::format("Expected: {}.", expected_words(facts.expectation));
  for (const Family family : kFamilies) finding.evidence.push_back(coverage_evidence(facts, family));
  return finding;
}

/// Why the expected tunnel is missing; empty when it is there.
std::string why_missing(const LeakContext& facts) {
  const std::string& named = facts.expectation.interface;
  if (!named.empty()) return facts.named_tunnel().why_missing;
  if (facts.carriers().empty()) return "No tunnel carries anything";
  const std::string why = why_all_useless(facts, expected_carriers(facts));
  return why.empty() ? why : "The tunnel " + why;
}

/// True when the expected tunnel left remains: their finding says how to clean up, and to start the VPN after that.
bool left_remains(const LeakContext& facts) {
  if (!can_find_remains(facts.snapshot)) return false;
  const std::string& named = facts.expectation.interface;
  return std::ranges::any_of(facts.crash_remains(), [&](const CrashRemains& remains) {
    return named.empty() || std::ranges::count(remains.interfaces, named) != 0;
  });
}

/// The name is wrong, or the VPN does not run: the tunnels that are there help to tell.
void add_right_name(const LeakContext& facts, Finding& finding) {
  std::string names;
  for (const TunnelReport& tunnel : facts.tunnels) {
    if (tunnel.state == TunnelState::kSystem) continue;
    names += (names.empty() ? "" : ", ") + escape_controls(tunnel.interface);
  }
  if (names.empty()) {
    add_step(finding.remedy, "There is no tunnel on this machine: start the VPN, and name its interface with --vpn.");
  } else {
    add_step(finding.remedy, fmt::format("Name the VPN's own interface with --vpn. The tunnels here: {}.", names));
  }
}

void add_expected_remedy(const LeakContext& facts, Finding& finding) {
  const bool is_named = !facts.expectation.interface.empty();
  if (is_named && facts.named_tunnel().is_no_tunnel) return add_right_name(facts, finding);
  if (left_remains(facts)) finding.caused_by.emplace_back("TUN007");
  if (!finding.caused_by.empty()) return;  // the cause says what to do
  const TunnelReport* report = facts.report_of(facts.expectation.interface);
  if (report == nullptr) return add_restart_step("", facts.expectation.interface, finding);
  add_renewal_step(report->owner, report->interface, finding);
}

/// The code that says why the tunnel is useless; null when none does: it is a warning where nothing uses it.
const char* cause_of(const LeakContext& facts, const TunnelReport& tunnel) {
  if (tunnel.state == TunnelState::kHung) return "TUN002";
  if (!is_broken(facts, tunnel)) return "TUN009";
  if (!is_in_use(tunnel)) return nullptr;
  return why_carries_nothing(facts, tunnel).empty() ? "TUN003" : "TUN001";
}

/// Names the codes that say why it is so.
void name_causes(const LeakContext& facts, Finding& finding) {
  for (const TunnelReport& tunnel : facts.tunnels) {
    const bool is_it = facts.expectation.interface.empty() || facts.expectation.interface == tunnel.interface;
    if (!is_it || why_useless(facts, tunnel.interface).empty()) continue;
    finding.evidence.push_back({"state", tunnel.interface, tunnel.why});
    const char* code = cause_of(facts, tunnel);
    if (code != nullptr && std::ranges::count(finding.caused_by, code) == 0) finding.caused_by.emplace_back(code);
  }
}

}  // namespace

std::string expected_tunnel_undecided(const LeakContext& facts) {
  if (!is_asked(facts)) return {};
  if (!facts.expectation.interface.empty()) return facts.named_tunnel().undecided;
  return facts.carriers().empty() ? why_coverage_unknown(facts) : why_all_uncertain(facts, expected_carriers(facts));
}

void check_expected_tunnel(const LeakContext& facts, Findings& findings) {
  if (!is_asked(facts)) return;
  std::string why = why_missing(facts);
  if (why.empty()) return;
  Finding finding = expectation_finding(facts, "TUN005");
  finding.title = std::move(why);
  name_causes(facts, finding);
  add_expected_remedy(facts, finding);
  findings.push_back(std::move(finding));
}

std::string expected_coverage_undecided(const LeakContext& facts) {
  if (!is_asked(facts)) return {};
  if (!facts.expectation.interface.empty()) {
    const NamedTunnel& named = facts.named_tunnel();
    if (named.is_nature_unknown) return named.undecided;
    return named.why_missing.empty() ? facts.named_coverage().undecided : "";
  }
  const bool is_different =
      std::ranges::any_of(kFamilies, [&](Family each) { return !why_different(facts, each).empty(); });
  return is_different ? "" : why_coverage_unknown(facts);
}

namespace {

/// What is wrong with the coverage, and of which tunnel; an empty title: nothing.
struct Difference {
  std::string title;
  std::string tunnel;
  NamedCoverage named;
};

Difference find_difference(const LeakContext& facts) {
  const std::string& named = facts.expectation.interface;
  if (!named.empty()) {
    NamedCoverage judged = facts.named_coverage();
    std::string title = judged.different;
    return {.title = std::move(title), .tunnel = named, .named = std::move(judged)};
  }
  const std::set<std::string>& carrying = facts.carriers();
  if (carrying.empty()) return {};  // then the missing tunnel says it
  Difference found{.title = {}, .tunnel = *carrying.begin(), .named = {}};
  for (const Family family : kFamilies) {
    const std::string why = why_different(facts, family);
    if (!why.empty()) found.title += (found.title.empty() ? "" : "; ") + why;
  }
  return found;
}

void add_coverage_remedy(const LeakContext& facts, const Difference& difference, Finding& finding) {
  const Command show = user_command({"vpndoctor", "routes", "show"});
  const std::string name = escape_controls(difference.tunnel);
  if (difference.named.is_another) {
    add_step(finding.remedy, fmt::format("End the other VPN, unless {} is the one that is not meant.", name), {show});
  } else if (difference.named.has_no_route) {
    add_step(finding.remedy, fmt::format("No route leads into {}: see which there are.", name), {show});
  } else {
    add_step(finding.remedy, "See which prefixes go which way.", {show});
  }
  const TunnelReport* report = facts.report_of(difference.tunnel);
  const std::string& owner = report == nullptr ? difference.tunnel : report->owner;
  add_step(finding.remedy, coverage_setting(owner, facts.expectation.mode.value_or(CoverageMode::kSplit)));
  if (owner == "wg-quick") add_renewal_step(owner, difference.tunnel, finding);
}

}  // namespace

void check_expected_coverage(const LeakContext& facts, Findings& findings) {
  if (!is_asked(facts) || !why_missing(facts).empty()) return;  // the missing tunnel says it
  Difference difference = find_difference(facts);
  if (difference.title.empty()) return;
  Finding finding = expectation_finding(facts, "TUN006");
  finding.title = difference.title;
  add_coverage_remedy(facts, difference, finding);
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
