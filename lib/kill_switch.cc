// SPDX-License-Identifier: Apache-2.0
// Sends packets through the routes and the packet filter of a machine without its tunnels; see the header.
#include "kill_switch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "fib_part.h"
#include "firewall_machine.h"
#include "flow_kinds.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// Public addresses that no packet filter is likely to name.
constexpr std::array<std::string_view, 2> kPublicInet = {"93.184.215.14", "151.101.3.5"};
constexpr std::array<std::string_view, 2> kPublicInet6 = {"2606:2800:21f:cb07:6820:80da:af6b:8b2c",
                                                          "2a04:4e42:600::773"};

Flow public_flow(std::string_view destination, const FlowKind& kind, std::uint32_t uid) {
  Flow flow;
  flow.destination = *IpAddress::parse(destination);
  kind.shape(flow);
  flow.uid = uid;
  return flow;
}

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

std::span<const std::string_view> public_addresses(Family family) {
  return family == Family::kInet ? std::span(kPublicInet) : std::span(kPublicInet6);
}

StopReport try_local(const FilteredMachine& machine, Family family, std::uint32_t uid) {
  Trial trial;
  for (const std::string_view address : public_addresses(family)) {
    for (const FlowKind& kind : kFlowKinds) try_flow(machine, kind, public_flow(address, kind, uid), trial);
  }
  return trial.take();
}

/// IPv6 forwards for all interfaces or none (net/ipv6/ip6_output.c ip6_forward()).
bool forwards(const Snapshot& snapshot, Family family, const std::string& interface) {
  if (!snapshot.settings) return false;
  const auto& settings = family == Family::kInet ? snapshot.settings->inet : snapshot.settings->inet6;
  const auto found = settings.find(family == Family::kInet ? interface : "all");
  return found != settings.end() && found->second.forwarding.value_or(0) != 0;
}

/// An address of the network of `own` that is not this machine's.
std::optional<IpAddress> neighbour_of(const Address& own) {
  if (own.prefix_length + 2U > address_bits(own.address.family) || own.peer) return std::nullopt;
  IpAddress other = own.address;
  other.bytes[other.octets().size() - 1] ^= 3U;
  return other;
}

int badness(const StopReport& report) {
  if (report.state == StopState::kOpen) return 3;
  if (report.state == StopState::kUnknown) return 2;
  return report.state == StopState::kStopped ? 1 : 0;
}

StopReport try_forwarded(const FilteredMachine& machine, Family family, const std::string& way_out) {
  StopReport worst;
  const Snapshot& snapshot = machine.snapshot;
  for (const Address& own : *snapshot.addresses) {
    const auto source = neighbour_of(own);
    const bool is_usable = own.address.family == family && source && own.interface != way_out &&
                           !own.address.is_link_local() && leads_out(snapshot, own.interface);
    if (!is_usable || !forwards(snapshot, family, own.interface)) continue;
    Trial trial;
    for (const FlowKind& kind : kFlowKinds) {
      Flow flow = public_flow(public_addresses(family).front(), kind, 0);
      flow.source = source;
      flow.input_interface = own.interface;
      try_flow(machine, kind, flow, trial);
    }
    StopReport report = trial.take();
    report.input = own.interface;
    if (badness(report) > badness(worst)) worst = std::move(report);
  }
  return worst;
}

/// What decides about the packets that are tried, on the machine as it would be.
Snapshot without_tunnels(const Snapshot& snapshot) {
  PartQuestion question;
  for (const Family family : {Family::kInet, Family::kInet6}) {
    for (const std::string_view address : public_addresses(family)) {
      question.addresses.push_back(*IpAddress::parse(address));
    }
  }
  for (const Address& own : *snapshot.addresses) {
    if (const auto neighbour = neighbour_of(own)) question.addresses.push_back(*neighbour);
  }
  for (const Link& link : *snapshot.links) {
    if (is_tunnel(snapshot, link.name)) question.without_links.push_back(link.name);
  }
  return part_of(snapshot, std::move(question));
}

}  // namespace

WithoutTunnels::WithoutTunnels(const LeakFacts& facts)
    : snapshot_(without_tunnels(facts.snapshot)), fib_(snapshot_), uid_(facts.uid) {}

StopReport WithoutTunnels::local(Family family, const Observed<Firewall>& filter) const {
  return try_local({snapshot_, fib_, filter}, family, uid_);
}

StopReport WithoutTunnels::forwarded(Family family, const Observed<Firewall>& filter,
                                     const std::string& way_out) const {
  return try_forwarded({snapshot_, fib_, filter}, family, way_out);
}

KillSwitch judge_kill_switch(const LeakFacts& facts) {
  KillSwitch result;
  const WithoutTunnels machine(facts);
  for (const Family family : {Family::kInet, Family::kInet6}) {
    FamilyKillSwitch& of = result.families[static_cast<std::size_t>(family)];
    of.local = machine.local(family, facts.snapshot.firewall);
    of.forwarded = machine.forwarded(family, facts.snapshot.firewall, of.local.interface);
  }
  result.signs = protection_signs(facts.snapshot);
  return result;
}

}  // namespace vpndoctor
