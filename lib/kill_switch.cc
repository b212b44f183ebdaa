// SPDX-License-Identifier: Apache-2.0
// Sends packets through the routes and the packet filter of a machine without its tunnels; see the header.
#include "kill_switch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "fib_part.h"
#include "firewall_machine.h"
#include "flow_kinds.h"
#include "guests.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// Whether the interface takes packets out of the machine: a dummy swallows them.
bool leads_out(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  return link != nullptr && !link->is_loopback() && link->kind != "dummy";
}

/// Gathers what becomes of several packets of one way.
class Trial {
 public:
  void add_routed_nowhere(std::string why) {
    if (report_.state != StopState::kNoWay) return;
    report_.why = std::move(why);
  }
  void add_unknown(std::string why) {
    if (report_.state == StopState::kOpen) return;
    report_.state = StopState::kUnknown;
    report_.why = std::move(why);
  }
  void add(const char* kind, const std::string& interface, const FirewallAnswer& answer) {
    if (answer.verdict == FirewallVerdict::kUnknown) return add_unknown(answer.why);
    const bool leaves = answer.verdict == FirewallVerdict::kAccepted;
    if (!leaves && report_.state != StopState::kNoWay) return;
    const bool is_first = report_.state != StopState::kOpen;
    if (leaves) add_leaving(kind);
    if (!is_first) return;
    report_.state = leaves ? StopState::kOpen : StopState::kStopped;
    report_.is_by_filter = !leaves;
    report_.interface = interface;
    report_.why = answer.why;
  }
  StopReport take() { return std::move(report_); }

 private:
  void add_leaving(const char* kind) {
    if (std::ranges::find(report_.leaving, kind) == report_.leaving.end()) report_.leaving.emplace_back(kind);
  }
  StopReport report_;
};

void try_flow(const FilteredMachine& machine, const FlowKind& kind, Flow flow, Trial& trial) {
  const FlowAnswer answer = machine.fib.lookup(flow);
  if (!answer.uncertain.empty()) return trial.add_unknown(std::string(answer.uncertain));
  const bool is_unicast = answer.fate == FlowFate::kUnicast;
  const std::string interface(
      answer.interface.empty() && !answer.candidates.empty() ? answer.candidates.front().interface : answer.interface);
  if (!is_unicast) return trial.add_routed_nowhere(fmt::format("the routes say {}", flow_fate_name(answer.fate)));
  if (!leads_out(machine.snapshot, interface)) {
    return trial.add_routed_nowhere(fmt::format("the routes lead into {}", escape_controls(interface)));
  }
  if (!flow.source) flow.source = answer.source;
  const auto follow = flow.input_interface.empty() ? follow_output : follow_forward;
  trial.add(kind.name, interface, follow(machine, flow, interface));
}

StopReport try_local(const FilteredMachine& machine, Family family, std::uint32_t uid) {
  Trial trial;
  for (const std::string_view address : unnamed_addresses(family)) {
    for (const FlowKind& kind : kFlowKinds) try_flow(machine, kind, public_flow(address, kind, uid), trial);
  }
  return trial.take();
}

int badness(const StopReport& report) {
  if (report.state == StopState::kOpen) return 3;
  if (report.state == StopState::kUnknown) return 2;
  return report.state == StopState::kStopped ? 1 : 0;
}

StopReport try_forwarded(const FilteredMachine& machine, const std::vector<Guests>& all, Family family,
                         const std::string& way_out) {
  StopReport worst;
  for (const Guests& guests : all) {
    if (guests.family() != family || guests.link->name == way_out) continue;
    Trial trial;
    for (const FlowKind& kind : kFlowKinds) {
      Flow flow = public_flow(unnamed_addresses(family).front(), kind, 0);
      flow.source = guests.address;
      flow.input_interface = guests.link->name;
      try_flow(machine, kind, flow, trial);
    }
    StopReport report = trial.take();
    report.input = guests.link->name;
    if (badness(report) > badness(worst)) worst = std::move(report);
  }
  return worst;
}

/// What decides about the packets that are tried, on the machine as it would be.
Snapshot without_tunnels(const Snapshot& snapshot, const std::vector<Guests>& guests) {
  PartQuestion question;
  for (const Family family : {Family::kInet, Family::kInet6}) {
    for (const std::string_view address : unnamed_addresses(family)) {
      question.addresses.push_back(*IpAddress::parse(address));
    }
  }
  for (const Guests& each : guests) question.addresses.push_back(each.address);
  for (const Link& link : *snapshot.links) {
    if (is_tunnel(snapshot, link.name)) question.without_links.push_back(link.name);
  }
  return part_of(snapshot, std::move(question));
}

}  // namespace

WithoutTunnels::WithoutTunnels(const LeakFacts& facts)
    : guests_(find_guests(facts.snapshot)),
      snapshot_(without_tunnels(facts.snapshot, guests_)),
      fib_(snapshot_),
      uid_(facts.uid) {}

StopReport WithoutTunnels::local(Family family, const Observed<Firewall>& filter) const {
  return try_local({snapshot_, fib_, filter}, family, uid_);
}

StopReport WithoutTunnels::forwarded(Family family, const Observed<Firewall>& filter,
                                     const std::string& way_out) const {
  return try_forwarded({snapshot_, fib_, filter}, guests_, family, way_out);
}

KillSwitch judge_kill_switch(const LeakFacts& facts) {
  KillSwitch result;
  const WithoutTunnels machine(facts);
  for (const Family family : {Family::kInet, Family::kInet6}) {
    FamilyKillSwitch& of = result.families[static_cast<std::size_t>(family)];
    of.local = machine.local(family, facts.snapshot.firewall);
    of.forwarded = machine.forwarded(family, facts.snapshot.firewall, of.local.interface);
  }
  result.signs = protection_signs(facts);
  return result;
}

}  // namespace vpndoctor
