// SPDX-License-Identifier: Apache-2.0
// A whole family beside the tunnel: IPv6 that the network brings, next to a VPN of IPv4, or IPv4 next to one of IPv6
// alone; and names that are asked there.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "address_classes.h"
#include "coverage_advice.h"
#include "leak_checks_coverage.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// Codes of name resolution that say that an ordinary name, or a tunnel's, is asked outside the tunnel.
constexpr std::array<std::string_view, 5> kOutsideCodes = {"DNS004", "DNS005", "DNS012", "DNS016", "DNS018"};

bool is_global_source(const IpAddress& address) { return is_public_class(registered_class(address)); }

/// A public address that packets leave to beside the tunnel, when most do.
std::optional<IpAddress> outside_sample(const LeakContext& facts, Family family) {
  std::optional<IpAddress> found;
  std::size_t outside = 0;
  for (const IpAddress& sample : public_samples(family)) {
    if (packet_path(facts.snapshot, facts.fib, packet_to(facts, sample)).way != PacketWay::kOutside) continue;
    if (!found) found = sample;
    ++outside;
  }
  return outside * 2 > public_samples(family).size() ? found : std::nullopt;
}

/// What ends the leak at once, then what makes it last.
void add_inet6_remedy(const LeakContext& facts, const std::string& interface, Finding& finding) {
  if (facts.snapshot.platform == Platform::kMacos) {
    add_step(finding.remedy, "At once: refuse IPv6 while the VPN is up.",
             {{"macos", {"route", "-n", "add", "-inet6", "default", "::1", "-reject"}, true}});
  } else {
    add_step(finding.remedy, "At once: refuse IPv6 while the VPN is up; delete the route afterwards.",
             {root_command({"ip", "-6", "route", "add", "unreachable", "default", "metric", "1"})});
    add_step(
        finding.remedy, "Or switch IPv6 off on the interface.",
        {root_command({"sysctl", "-w", fmt::format("net.ipv6.conf.{}.disable_ipv6=1", sysctl_interface(interface))})});
  }
  const std::vector<std::string>& tunnels = facts.coverage.inet.tunnels;
  const TunnelReport* tunnel = tunnels.empty() ? nullptr : facts.report_of(tunnels.front());
  add_step(finding.remedy,
           "To last: let the VPN carry IPv6 as well. " +
               coverage_setting(tunnel == nullptr ? std::string_view() : tunnel->owner, CoverageMode::kFull));
}

/// A tunnel that is there to bring IPv6 to where the network has none.
bool brings_inet6(const LeakContext& facts, const std::string& tunnel) {
  const Link* link = facts.snapshot.find_link(tunnel);
  return link != nullptr && (link->kind == "sit" || link->kind == "gre" || link->kind == "ip6tnl");
}

bool is_outside_code(const Finding& finding) {
  return std::ranges::find(kOutsideCodes, finding.code) != kOutsideCodes.end();
}

bool is_full(const LeakContext& facts) { return facts.takes_most(Family::kInet) || facts.takes_most(Family::kInet6); }

}  // namespace

void check_inet6_outside(const LeakContext& facts, LeakFindings& findings) {
  if (!facts.takes_most(Family::kInet) || facts.coverage.inet6.mode == CoverageMode::kFull) return;
  const auto sample = outside_sample(facts, Family::kInet6);
  if (!sample) return;
  const Flow flow = packet_to(facts, *sample);
  const FlowAnswer answer = facts.fib.lookup(flow);
  if (!answer.source || !is_global_source(*answer.source)) return;
  const std::string interface = escape_controls(answer.interface);
  Finding finding = make_finding("LEK001", {"interface", std::string(answer.interface)});
  finding.title = fmt::format("IPv6 leaves by {} while {} takes {} IPv4", interface, tunnel_words(facts, Family::kInet),
                              facts.coverage.inet.mode == CoverageMode::kFull ? "all" : "most of");
  finding.detail = fmt::format(
      "Programs use IPv6 first where a site has it. The network sees what is visited, and the sites see {}, the "
      "address that this network gave you, instead of the VPN's.",
      *answer.source);
  if (leaving_kinds(facts, flow, answer.interface, finding).empty()) return;
  const RoutingFacts routing = routing_facts(facts);
  if (answer.route != nullptr) finding.evidence.push_back(route_evidence(routing, *answer.route));
  finding.evidence.push_back(
      proof(facts.snapshot.addresses, "address", fmt::format("packets leave with the source {}", *answer.source)));
  doubt(facts.snapshot, finding, answer.uncertain);
  add_inet6_remedy(facts, std::string(answer.interface), finding);
  findings.push_back(std::move(finding));
}

void check_inet_outside(const LeakContext& facts, LeakFindings& findings) {
  const FamilyCoverage& inet6 = facts.coverage.inet6;
  if (inet6.mode != CoverageMode::kFull || facts.takes_most(Family::kInet)) return;
  if (std::ranges::all_of(inet6.tunnels, [&](const std::string& each) { return brings_inet6(facts, each); })) return;
  const auto sample = outside_sample(facts, Family::kInet);
  if (!sample) return;
  const Flow flow = packet_to(facts, *sample);
  const FlowAnswer answer = facts.fib.lookup(flow);
  const std::string interface = escape_controls(answer.interface);
  Finding finding = make_finding("LEK014", {"interface", std::string(answer.interface)});
  finding.title =
      fmt::format("IPv4 leaves by {} while {} takes all IPv6", interface, tunnel_words(facts, Family::kInet6));
  finding.detail = "Most sites have IPv4, and many have it alone: what is visited there is seen by the network.";
  if (leaving_kinds(facts, flow, answer.interface, finding).empty()) return;
  if (answer.route != nullptr) finding.evidence.push_back(route_evidence(routing_facts(facts), *answer.route));
  doubt(facts.snapshot, finding, answer.uncertain);
  const TunnelReport* tunnel = facts.report_of(inet6.tunnels.front());
  add_step(finding.remedy,
           "Let the VPN carry IPv4 as well, unless it is there for IPv6 alone. " +
               coverage_setting(tunnel == nullptr ? std::string_view() : tunnel->owner, CoverageMode::kFull));
  findings.push_back(std::move(finding));
}

std::string inet6_outside_undecided(const LeakContext& facts) {
  const FamilyCoverage& inet = facts.coverage.inet;
  const FamilyCoverage& inet6 = facts.coverage.inet6;
  if (!facts.takes_most(Family::kInet)) {
    return inet.mode == CoverageMode::kUnknown ? "what IPv4 does is not known: " + inet.why_unknown : std::string();
  }
  const bool is_open_question = inet6.mode == CoverageMode::kUnknown && !outside_sample(facts, Family::kInet6);
  return is_open_question ? "what IPv6 does is not known: " + inet6.why_unknown : std::string();
}

std::string resolver_beside_undecided(const LeakContext& facts) {
  if (!is_full(facts)) return {};
  const CheckResults& results = facts.dns();
  if (std::ranges::any_of(results.findings, is_outside_code)) return {};
  const auto skipped = std::ranges::find(results.skipped, "DNS018", &Skipped::code);
  return skipped == results.skipped.end() ? std::string() : skipped->reason;
}

// What the checks of name resolution find is told as one finding here: who looks for leaks does not ask for them.
void check_resolver_beside(const LeakContext& facts, LeakFindings& findings) {
  if (!is_full(facts)) return;
  std::vector<const Finding*> found;
  for (const Finding& each : facts.dns().findings) {
    if (is_outside_code(each)) found.push_back(&each);
  }
  if (found.empty()) return;
  const Finding& worst = *found.front();
  Finding finding = make_finding("LEK006", worst.subject);
  finding.severity = worst.severity;
  finding.confidence = worst.confidence;
  finding.title = worst.title;
  finding.detail = fmt::format("{} The whole story: vpndoctor dns show ({}).", worst.detail, worst.code);
  finding.evidence = worst.evidence;
  for (std::size_t at = 1; at < found.size(); ++at) {
    finding.evidence.push_back({"check", found[at]->code, found[at]->title});
  }
  finding.remedy = worst.remedy;
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
