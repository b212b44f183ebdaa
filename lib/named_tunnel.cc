// SPDX-License-Identifier: Apache-2.0
// The named tunnel; see the header.
#include "named_tunnel.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "leak_checks_tunnel.h"
#include "leak_context.h"
#include "routing_checks.h"
#include "tunnel_nature.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr const char* kIpsec = "ipsec";  // policies without an interface, in the coverage

/// What the state rests on as a part of a sentence; a program's name keeps its first letter.
std::string reason_of(const LeakContext& facts, const TunnelReport& report) {
  std::string why = report.why;
  while (why.ends_with('.')) why.pop_back();
  const Tunnel* tunnel = facts.snapshot.find_tunnel(report.interface);
  const std::string holder = tunnel == nullptr ? "" : escape_controls(tunnel->holder_name);
  const bool begins_with_name = !holder.empty() && why.starts_with(holder);
  if (!why.empty() && why.front() >= 'A' && why.front() <= 'Z' && !begins_with_name) why.front() += 'a' - 'A';
  return why;
}

const char* useless_words(TunnelState state) {
  if (state == TunnelState::kHung) return "hangs";
  if (state == TunnelState::kDead) return "is dead";
  return state == TunnelState::kOrphan ? "is an orphan" : "carries nothing";
}

/// The kernel itself sends router solicitations into a tunnel, which nobody answers: one in 4 s at most (RFC 4861 10).
constexpr std::chrono::seconds kBetweenSolicitations{4};

/// Of a tunnel that lives because its program reads: nothing more tells that its other end is there. WireGuard has its
/// handshakes.
bool shows_its_holder_alone(const LeakContext& facts, const TunnelReport& report) {
  const Link* link = facts.snapshot.find_link(report.interface);
  return report.state == TunnelState::kLive && link != nullptr && link->kind == "tun" && report.kind != "wireguard";
}

/// True when somebody's packets were read by its program.
bool was_read(const TunnelActivity& activity, const InterfaceActivity& seen) {
  const auto by_the_kernel = static_cast<std::uint64_t>(1 + activity.interval / kBetweenSolicitations);
  return seen.last.sent_packets > seen.first.sent_packets + by_the_kernel;
}

/// Packets went in and none came back while it was watched, and nothing else tells whether it works. A state that is
/// unknown merely because nobody may see the holder is no such doubt: then the tables alone answer.
std::string why_work_unknown(const LeakContext& facts, const std::string& interface) {
  const TunnelReport* report = facts.report_of(interface);
  if (report == nullptr || !facts.snapshot.activity) return {};
  const auto& watched = facts.snapshot.activity->interfaces;
  const auto seen = std::ranges::find(watched, interface, &InterfaceActivity::interface);
  if (seen == watched.end() || seen->last.received_packets > seen->first.received_packets) return {};
  if (shows_its_holder_alone(facts, *report)) {
    if (!was_read(*facts.snapshot.activity, *seen)) return {};
    return fmt::format("whether {} works is not known: what was sent into it was read, and nothing came back",
                       escape_controls(interface));
  }
  const bool is_sent_into = seen->last.sent_packets > seen->first.sent_packets ||
                            seen->last.queued_packets.value_or(0) > seen->first.queued_packets.value_or(0);
  if (report->state != TunnelState::kUnknown || !is_sent_into) return {};
  return fmt::format("whether {} works is not known, packets went in and none came out: {}", escape_controls(interface),
                     reason_of(facts, *report));
}

/// What one family says of the named tunnel.
struct FamilySays {
  std::string different;  ///< "IPv4 goes through wg0 in part only"; empty: nothing against it
  bool carries = false;   ///< it does what is expected
  bool is_another = false;
};

/// The tunnels beside the named one that carry what a full tunnel has to take.
std::vector<std::string> rivals(const FamilyCoverage& coverage, const std::string& named) {
  std::vector<std::string> others;
  for (const auto& [tunnel, part] : coverage.parts) {
    if (tunnel != named && part.has_global) others.push_back(escape_controls(tunnel));
  }
  return others;
}

FamilySays judge_full(const FamilyCoverage& coverage, const std::string& named, const TunnelPart& part) {
  const std::string name = escape_controls(named);
  if (const auto others = rivals(coverage, named); !others.empty()) {
    return {
        .different = fmt::format("goes through {}, a different tunnel than {}",
                                 part.has_global ? fmt::format("{} as well", others.front()) : others.front(), name),
        .is_another = true};
  }
  const bool is_open = coverage.mode == CoverageMode::kSplit || coverage.mode == CoverageMode::kNone;
  if (is_open && lets_public_out(coverage)) {
    return {.different = part.has_global ? fmt::format("goes through {} in part only", name)
                                         : fmt::format("goes through {} not at all", name)};
  }
  return {.different = {}, .carries = part.has_global};
}

FamilySays judge_split(const FamilyCoverage& coverage, const std::string& named, const TunnelPart& part) {
  const bool is_whole = coverage.mode == CoverageMode::kFull && part.has_global && rivals(coverage, named).empty();
  if (is_whole) return {.different = fmt::format("goes through {} wholly, not in part", escape_controls(named))};
  return {.different = {}, .carries = part.has_beyond_own};
}

FamilySays judge_family(const LeakContext& facts, Family family) {
  const FamilyCoverage& coverage = facts.coverage.of(family);
  const std::string& named = facts.expectation.interface;
  const auto found = coverage.parts.find(named);
  const TunnelPart part = found == coverage.parts.end() ? TunnelPart{} : found->second;
  if (!facts.expectation.mode) return {.different = {}, .carries = found != coverage.parts.end()};
  FamilySays says = facts.expectation.mode == CoverageMode::kFull ? judge_full(coverage, named, part)
                                                                  : judge_split(coverage, named, part);
  if (!says.different.empty()) says.different = fmt::format("{} {}", family_title(family), says.different);
  return says;
}

/// Why a family may be other than it looks; empty when it is not.
std::string why_family_unknown(const LeakContext& facts, Family family) {
  const FamilyCoverage& coverage = facts.coverage.of(family);
  const std::string& why = coverage.why_unknown.empty() ? coverage.why_uncertain : coverage.why_unknown;
  if (coverage.mode != CoverageMode::kUnknown && why.empty()) return {};
  return fmt::format("what goes through a tunnel in {} is not known{}", family_title(family),
                     why.empty() ? "" : ": " + why);
}

std::string nothing_carried(const LeakContext& facts) {
  const std::string name = escape_controls(facts.expectation.interface);
  if (!facts.carriers().contains(facts.expectation.interface)) return "Nothing goes through " + name;
  return facts.expectation.mode == CoverageMode::kFull
             ? "No public address goes through " + name
             : fmt::format("Nothing but its own network goes through {}", name);
}

}  // namespace

std::string why_useless(const LeakContext& facts, const std::string& interface) {
  const TunnelReport* report = facts.report_of(interface);
  if (report == nullptr) return "";
  // What is read although its program was seen to be stopped has gone on.
  const bool is_stopped = stopped_holder(facts, *report) != nullptr && report->state != TunnelState::kLive;
  if (!is_stopped && !is_broken(facts, *report) && report->state != TunnelState::kHung) return "";
  return fmt::format("{}: {}", useless_words(report->state), reason_of(facts, *report));
}

std::set<std::string> expected_carriers(const LeakContext& facts) {
  const auto wanted = facts.expectation.mode;
  std::set<std::string> found;
  for (const Family family : kFamilies) {
    for (const auto& [tunnel, part] : facts.coverage.of(family).parts) {
      if (wanted == CoverageMode::kFull ? part.has_global : !wanted || part.has_beyond_own) found.insert(tunnel);
    }
  }
  return found.empty() ? facts.carriers() : found;
}

std::string why_all_useless(const LeakContext& facts, const std::set<std::string>& tunnels) {
  std::string first;
  for (const std::string& each : tunnels) {
    const std::string why = why_useless(facts, each);
    if (why.empty()) return {};
    if (first.empty()) first = fmt::format("{} {}", escape_controls(each), why);
  }
  return first;
}

std::string why_all_uncertain(const LeakContext& facts, const std::set<std::string>& tunnels) {
  std::string first;
  for (const std::string& each : tunnels) {
    if (!why_useless(facts, each).empty()) continue;
    std::string why = why_work_unknown(facts, each);
    if (why.empty()) return {};
    if (first.empty()) first = std::move(why);
  }
  return first;
}

bool lets_public_out(const FamilyCoverage& coverage) {
  return std::ranges::any_of(coverage.outside_ways, [](const OutsideWay& way) {
    return way.largest.address_class == AddressClass::kPublic || way.largest.address_class == AddressClass::kNat64;
  });
}

NamedTunnel find_named_tunnel(const LeakContext& facts) {
  const std::string& named = facts.expectation.interface;
  const std::string name = escape_controls(named);
  const Link* link = facts.snapshot.find_link(named);
  if (link == nullptr) {
    if (named == kIpsec && facts.carriers().contains(named)) return {};
    return {.why_missing = fmt::format("The tunnel {} is not there", name), .undecided = {}};
  }
  std::string nature = facts.snapshot.tunnels ? why_nature_unknown(facts.snapshot, named)
                                              : "the tunnels are not known: " + facts.snapshot.tunnels.why_missing();
  if (!is_tunnel(facts.snapshot, named)) {
    if (!nature.empty()) return {.why_missing = {}, .undecided = std::move(nature), .is_nature_unknown = true};
    return {.why_missing = fmt::format("The interface {} is no tunnel", name), .undecided = {}, .is_no_tunnel = true};
  }
  if (const std::string why = why_useless(facts, named); !why.empty()) {
    return {.why_missing = fmt::format("The tunnel {} {}", name, why), .undecided = {}};
  }
  if (!link->is_up()) return {.why_missing = fmt::format("The tunnel {} is down", name), .undecided = {}};
  return {.why_missing = {}, .undecided = why_work_unknown(facts, named)};
}

NamedCoverage judge_named_coverage(const LeakContext& facts) {
  NamedCoverage judged;
  bool carries = false;
  for (const Family family : kFamilies) {
    const FamilySays says = judge_family(facts, family);
    carries = carries || says.carries;
    judged.is_another = judged.is_another || says.is_another;
    if (!says.different.empty()) judged.different += (judged.different.empty() ? "" : "; ") + says.different;
  }
  judged.has_no_route = !facts.carriers().contains(facts.expectation.interface);
  const bool is_certain = !judged.different.empty();
  for (const Family family : kFamilies) {
    // A mode that is known tells whether all is carried; what is uncertain beside it matters where nothing else counts.
    const bool matters =
        facts.coverage.of(family).mode == CoverageMode::kUnknown ? facts.expectation.mode || !carries : !carries;
    if (is_certain || !matters || !judged.undecided.empty()) continue;
    judged.undecided = why_family_unknown(facts, family);
  }
  if (is_certain || carries || !judged.undecided.empty()) return judged;
  judged.different = nothing_carried(facts);
  return judged;
}

}  // namespace vpndoctor
