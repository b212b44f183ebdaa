// SPDX-License-Identifier: Apache-2.0
// The rows of the coverage checks, and what they share. What a check looks for is in its own file.
#include "leak_checks_coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "address_classes.h"
#include "firewall_machine.h"
#include "flow_kinds.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::uint16_t kHttps = 443;

constexpr auto kCoverageChecks = std::to_array<LeakCheck>({
    {"LEK001", kLeakTables, 0, check_inet6_outside, inet6_outside_undecided},
    {"LEK002", kLeakTables | kLeakLeases, 0, check_dhcp_routes},
    {"LEK003", kLeakTables, 0, check_specific_routes},
    {"LEK004", kLeakTables, 0, check_local_network},
    {"LEK005", kLeakTables | kLeakTunnels, 0, check_server_in_clear},
    {"LEK006", kLeakTables, 0, check_resolver_beside, resolver_beside_undecided},
    {"LEK007", kLeakTables, 0, check_bound_programs, working_tunnel_undecided},
    {"LEK008", kLeakTables, 0, check_rules_past},
    {"LEK009", kLeakTables | kLeakSettings, 0, check_forwarded},
    {"LEK010", kLeakTables | kLeakSettings, 0, check_linkdown},
    {"LEK011", kLeakLinks | kLeakRoutes, 0, check_two_defaults},
    {"LEK012", kLeakTables | kLeakSettings, 0, check_exposed_address, exposed_address_undecided},
    {"LEK013", kLeakTables, 0, check_rerouted, rerouted_undecided},
    {"LEK014", kLeakTables, 0, check_inet_outside},
});

/// Addresses of every eighth /8 and of the allocated parts of 2000::/3, whose class is public everywhere.
std::vector<IpAddress> spread_samples(Family family) {
  std::vector<IpAddress> samples;
  constexpr std::uint8_t kStep = 4;
  for (std::uint8_t first = 1; family == Family::kInet && first < 224; first += kStep) {
    if (first == 169) continue;
    samples.push_back({Family::kInet, {first, 45, 6, 7}});
  }
  constexpr auto kAllocated =
      std::to_array<std::uint16_t>({0x2001, 0x2003, 0x2400, 0x2404, 0x2408, 0x240e, 0x2600, 0x2604, 0x2607, 0x2620,
                                    0x2800, 0x2804, 0x2a00, 0x2a02, 0x2a06, 0x2a10, 0x2c0f});
  for (const std::uint16_t first : kAllocated) {
    if (family != Family::kInet6) break;
    IpAddress address{.family = family, .bytes = {}};
    address.bytes[0] = static_cast<std::uint8_t>(first >> 8U);
    address.bytes[1] = static_cast<std::uint8_t>(first & 0xffU);
    address.bytes[2] = 0x04;
    address.bytes[15] = 0x07;
    samples.push_back(address);
  }
  return samples;
}

/// What the packet filter does to a packet that leaves by the interface, of this machine or forwarded.
FirewallAnswer filtered(const LeakContext& facts, const Flow& flow, std::string_view interface) {
  const std::string name(interface);
  const FilteredMachine machine{facts.snapshot, facts.fib, facts.snapshot.firewall};
  return flow.input_interface.empty() ? follow_output(machine, flow, name) : follow_forward(machine, flow, name);
}

void doubt_filter(const LeakContext& facts, const FirewallAnswer& answer, Finding& finding) {
  finding.confidence = std::min(finding.confidence, Confidence::kLikely);
  const std::string why = answer.why.empty() ? "" : ": " + escape_controls(answer.why);
  finding.evidence.push_back(
      proof(facts.snapshot.firewall, "packet filter", "whether it lets such packets out is not known" + why));
}

}  // namespace

std::span<const LeakCheck> coverage_checks() { return kCoverageChecks; }

RoutingFacts routing_facts(const LeakFacts& facts) {
  return {.snapshot = facts.snapshot, .fib = facts.fib, .uid = facts.uid, .shares = {}, .claims = {}};
}

Flow packet_to(const LeakFacts& facts, const IpAddress& destination) {
  Flow flow;
  flow.destination = destination;
  flow.uid = facts.uid;
  flow.ip_protocol = kProtocolTcp;
  flow.destination_port = kHttps;
  return flow;
}

const std::vector<IpAddress>& public_samples(Family family) {
  static const std::array<std::vector<IpAddress>, 2> kSamples{spread_samples(Family::kInet),
                                                              spread_samples(Family::kInet6)};
  return kSamples[family == Family::kInet ? 0 : 1];
}

std::optional<IpAddress> find_tunnelled_sample(const LeakFacts& facts, Family family) {
  for (const IpAddress& sample : public_samples(family)) {
    const PacketPath path = packet_path(facts.snapshot, facts.fib, packet_to(facts, sample));
    if (path.way == PacketWay::kTunnel) return sample;
  }
  return std::nullopt;
}

bool tunnels_take_most(const LeakFacts& facts, Family family) {
  const FamilyCoverage& coverage = facts.coverage.of(family);
  if (coverage.mode == CoverageMode::kFull) return true;
  if (coverage.mode == CoverageMode::kNone) return false;
  const auto is_tunnelled = [&](const IpAddress& sample) {
    return packet_path(facts.snapshot, facts.fib, packet_to(facts, sample)).way == PacketWay::kTunnel;
  };
  const auto tunnelled = static_cast<std::size_t>(std::ranges::count_if(public_samples(family), is_tunnelled));
  return tunnelled * 2 > public_samples(family).size();
}

bool passes_filter(const LeakContext& facts, const Flow& flow, std::string_view interface, Finding& finding) {
  const FirewallAnswer answer = filtered(facts, flow, interface);
  if (answer.verdict == FirewallVerdict::kUnknown) doubt_filter(facts, answer, finding);
  return answer.verdict != FirewallVerdict::kDropped;
}

std::vector<std::string> leaving_kinds(const LeakContext& facts, Flow flow, std::string_view interface,
                                       Finding& finding) {
  std::vector<std::string> leaving;
  std::vector<std::string> stopped;
  std::vector<std::string> unknown;
  FirewallAnswer why;
  for (const FlowKind& kind : kFlowKinds) {
    kind.shape(flow);
    FirewallAnswer answer = filtered(facts, flow, interface);
    const bool is_known = answer.verdict != FirewallVerdict::kUnknown;
    (!is_known ? unknown : answer.verdict == FirewallVerdict::kAccepted ? leaving : stopped).emplace_back(kind.name);
    if (!is_known) why = std::move(answer);
  }
  if (leaving.empty() && !unknown.empty()) {
    doubt_filter(facts, why, finding);
    return unknown;
  }
  if (!leaving.empty() && !stopped.empty()) {
    finding.evidence.push_back(proof(facts.snapshot.firewall, "packet filter",
                                     fmt::format("lets {} out and stops {}", in_a_row(leaving), in_a_row(stopped))));
  }
  return leaving;
}

std::string sysctl_interface(std::string interface) {
  std::ranges::replace(interface, '.', '/');
  return interface;
}

std::string listed_words(const std::vector<std::string>& words) { return listed_words(words, words.size()); }

std::string listed_words(const std::vector<std::string>& words, std::size_t count) {
  constexpr std::size_t kMost = 3;
  std::string text;
  const std::size_t shown = count <= kMost + 1 ? count : kMost;
  for (std::size_t at = 0; at < shown; ++at) {
    const bool is_last = at + 1 == count;
    text += (at == 0 ? "" : is_last ? " and " : ", ") + words[at];
  }
  return shown == count ? text : fmt::format("{} and {} more", text, count - shown);
}

std::set<std::string> find_uplinks(const Snapshot& snapshot) {
  std::set<std::string> found;
  for (const NextHopSet& set : snapshot.routes->next_hop_sets) {
    for (const NextHop& hop : set.hops) {
      if (hop.gateway && is_physical(snapshot, hop.interface)) found.insert(hop.interface);
    }
  }
  return found;
}

std::string tunnel_words(const LeakContext& facts, Family family) {
  std::vector<std::string> names;
  for (const std::string& name : facts.coverage.of(family).tunnels) names.push_back(escape_controls(name));
  return names.empty() ? "the tunnel" : listed_words(names);
}

}  // namespace vpndoctor
