// SPDX-License-Identifier: Apache-2.0
// Packets that are not the plain ones of this machine: bound to an interface, picked by a rule, forwarded for others,
// sent into a tunnel that is dead, arriving for the tunnel's address.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "address_classes.h"
#include "coverage_exceptions.h"
#include "flow_kinds.h"
#include "guests.h"
#include "kill_switch_advice.h"
#include "leak_checks_coverage.h"
#include "named_tunnel.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// " (DNS)" where the packet filter may stop all else; empty when it stops nothing.
std::string kinds_phrase(const std::vector<std::string>& leaving) {
  return leaving.size() == kFlowKinds.size() ? "" : fmt::format(" ({})", listed_words(leaving));
}

void judge_bound(const LeakContext& facts, const std::string& interface, LeakFindings& findings) {
  for (const Family family : kFamilies) {
    const auto sample = facts.takes_most(family) ? facts.tunnelled_sample(family) : std::nullopt;
    if (!sample) continue;
    Flow flow = packet_to(facts, *sample);
    flow.output_interface = interface;
    const PacketPath path = packet_path(facts.snapshot, facts.fib, flow);
    // Without a route the kernel asks the link for the address itself, where nobody answers.
    if (path.way != PacketWay::kOutside || path.route == nullptr) continue;
    Finding finding = make_finding("LEK007", {"interface", interface});
    finding.detail =
        "A program needs no privilege to bind to an interface. Only a packet filter or a rule can forbid it.";
    const auto leaving = leaving_kinds(facts, flow, interface, finding);
    if (leaving.empty()) continue;
    finding.title = fmt::format("A program that binds to {} passes {} by{}", escape_controls(interface),
                                tunnel_words(facts, family), kinds_phrase(leaving));
    finding.evidence.push_back(route_evidence(routing_facts(facts), *path.route));
    add_kill_switch_steps(facts.snapshot, interface, finding);
    findings.push_back(std::move(finding));
    return;
  }
}

/// A client's rules for its own packets: by its mark, or by what is known of it.
bool is_clients_own(const Snapshot& snapshot, const RuleException& exception) {
  if (rule_owner(snapshot, *exception.rule).is_vpn) return true;
  if (exception.rule->mark == 0 || !snapshot.tunnels) return false;
  return std::ranges::any_of(*snapshot.tunnels,
                             [&](const Tunnel& tunnel) { return tunnel.mark == exception.rule->mark; });
}

void add_rule_finding(const LeakContext& facts, Family family, const RuleException& exception, LeakFindings& findings) {
  Finding finding = make_finding("LEK008", {"rule", std::to_string(exception.rule->priority)});
  std::string title = exception.text();
  title.front() = 'P';
  finding.title = fmt::format("{}, past {}", title, tunnel_words(facts, family));
  finding.detail = "All other packets go through the tunnel. That may be what was wanted.";
  if (!passes_filter(facts, exception.flow, exception.interface, finding)) return;
  const std::string words = joined(rule_words(*exception.rule));
  finding.evidence.push_back(proof(facts.snapshot.rules, "rules", words));
  std::vector<std::string> argv{"ip", family == Family::kInet ? "-4" : "-6", "rule", "del"};
  for (std::string& word : rule_words(*exception.rule)) argv.push_back(std::move(word));
  add_step(finding.remedy, "Delete the rule unless it is meant.", {root_command(std::move(argv))});
  findings.push_back(std::move(finding));
}

/// Guests whose packets pass the tunnel by.
struct GuestsOutside {
  Guests guests;
  Flow flow;
  PacketPath path;
  const std::string& interface() const { return guests.link->name; }
};

std::optional<GuestsOutside> judge_guests(const LeakContext& facts, const Guests& guests) {
  const Family family = guests.family();
  const auto sample = facts.takes_most(family) ? facts.tunnelled_sample(family) : std::nullopt;
  if (!sample) return std::nullopt;
  Flow flow = packet_to(facts, *sample);
  flow.source = guests.address;
  flow.input_interface = guests.link->name;
  const PacketPath path = packet_path(facts.snapshot, facts.fib, flow);
  if (path.way != PacketWay::kOutside || path.interface == guests.link->name) return std::nullopt;
  return GuestsOutside{guests, flow, path};
}

/// The number for a rule that is to come before the one that sends the packet outside; nullopt: none comes before it.
std::optional<std::uint32_t> number_before(const LeakContext& facts, const Flow& flow) {
  const FlowExplanation told = facts.fib.explain(flow);
  std::optional<std::uint32_t> decided;
  for (const FlowStep& step : told.steps) {
    if (step.priority && step.table == told.answer.table) decided = step.priority;
  }
  // Of equal numbers the older rule is first.
  return decided && *decided != 0 ? std::optional(*decided - 1) : std::nullopt;
}

std::vector<Command> lead_into_tunnel(const LeakContext& facts, const std::vector<GuestsOutside>& guests) {
  std::vector<Command> commands;
  for (const GuestsOutside& each : guests) {
    const PacketPath own = packet_path(facts.snapshot, facts.fib, packet_to(facts, each.flow.destination));
    if (own.route == nullptr || commands.size() == kMostQuoted) break;
    const auto number = number_before(facts, each.flow);
    if (!number) continue;
    commands.push_back(
        root_command({"ip", each.guests.family() == Family::kInet ? "-4" : "-6", "rule", "add", "iif", each.interface(),
                      "lookup", std::to_string(own.route->table), "pref", std::to_string(*number)}));
  }
  return commands;
}

/// "containers", "computers", or both: who is behind the interfaces.
std::string who(const std::vector<GuestsOutside>& guests) {
  const auto is_virtual = [](const GuestsOutside& each) { return each.guests.is_virtual; };
  if (std::ranges::all_of(guests, is_virtual)) return "containers";
  return std::ranges::none_of(guests, is_virtual) ? "computers" : "containers and computers";
}

void add_guests(const LeakContext& facts, const std::vector<GuestsOutside>& guests, LeakFindings& findings) {
  const GuestsOutside& first = guests.front();
  std::vector<std::string> names;
  names.reserve(guests.size());
  for (const GuestsOutside& each : guests) names.push_back(escape_controls(each.interface()));
  const std::string out(first.path.interface);
  Finding finding = make_finding("LEK009", {"interface", first.interface()});
  finding.detail = first.guests.is_virtual
                       ? "What runs in a container or virtual machine is outside of the VPN."
                       : "Other computers that use this machine as their router are outside of the VPN.";
  const auto leaving = leaving_kinds(facts, first.flow, out, finding);
  if (leaving.empty()) return;
  finding.title =
      fmt::format("Packets{} of the {} behind {} leave by {}, this machine's own go through {}", kinds_phrase(leaving),
                  who(guests), listed_words(names), escape_controls(out), tunnel_words(facts, first.guests.family()));
  finding.evidence.push_back(proof(facts.snapshot.routes, "lookup", "ip route get " + flow_text(first.flow)));
  if (first.path.route != nullptr) {
    finding.evidence.push_back(route_evidence(routing_facts(facts), *first.path.route));
  }
  add_step(finding.remedy, "Send their packets into the table of the tunnel.", lead_into_tunnel(facts, guests));
  findings.push_back(std::move(finding));
}

}  // namespace

std::string working_tunnel_undecided(const LeakContext& facts) {
  const std::string why = why_all_useless(facts, facts.carriers());
  return why.empty() ? why : "no tunnel works that could be passed by: " + why;
}

void check_bound_programs(const LeakContext& facts, LeakFindings& findings) {
  for (const std::string& interface : facts.uplinks()) judge_bound(facts, interface, findings);
}

void check_rules_past(const LeakContext& facts, LeakFindings& findings) {
  for (const Family family : kFamilies) {
    if (!facts.takes_most(family)) continue;
    const Samples samples{facts.tunnelled_sample(family), std::nullopt};
    for (const RuleException& each : find_rule_exceptions(facts.snapshot, facts.fib, family, facts.uid, samples)) {
      if (each.way != PacketWay::kOutside || each.otherwise != PacketWay::kTunnel) continue;
      if (!is_clients_own(facts.snapshot, each)) add_rule_finding(facts, family, each, findings);
    }
  }
}

void check_forwarded(const LeakContext& facts, LeakFindings& findings) {
  std::vector<GuestsOutside> found;
  for (const Guests& guests : find_guests(facts.snapshot)) {
    const bool is_told = !found.empty() && found.back().guests.link == guests.link;
    auto outside = is_told ? std::nullopt : judge_guests(facts, guests);
    if (outside) found.push_back(*std::move(outside));
  }
  if (!found.empty()) add_guests(facts, found, findings);
}

}  // namespace vpndoctor
