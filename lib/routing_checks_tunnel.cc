// SPDX-License-Identifier: Apache-2.0
// Whether a tunnel's own packets leave and come back: its endpoint's route, and the reverse path filter.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "routing_checks.h"

namespace vpndoctor {
namespace {

constexpr int kStrict = 1;

/// The route of a tunnel's outer packet. Null mark: it is sent unmarked as far as is known.
FlowAnswer outer_route(const RoutingFacts& facts, const Tunnel& tunnel, const IpAddress& endpoint) {
  Flow flow;
  flow.destination = endpoint;
  flow.mark = tunnel.mark.value_or(0);
  return facts.fib.lookup(flow);
}

void add_loop(const RoutingFacts& facts, const Tunnel& tunnel, const OuterEndpoint& endpoint, const FlowAnswer& answer,
              Findings& findings) {
  Finding finding = make_finding("RTE005", {"interface", tunnel.interface});
  // A userspace tunnel may mark or bind its socket, which is not seen here.
  finding.confidence = tunnel.mark ? Confidence::kProven : Confidence::kLikely;
  finding.title = fmt::format("{} sends its own packets to {} into itself", tunnel.interface, endpoint.address);
  finding.detail = "Nothing leaves the machine: the packets that the tunnel makes are routed into it again.";
  if (answer.route != nullptr) finding.evidence.push_back(route_evidence(facts, *answer.route));
  finding.evidence.push_back(proof(facts.snapshot.tunnels, "tunnel " + tunnel.interface,
                                   fmt::format("its endpoint is {}, the mark of its packets {}", endpoint.address,
                                               tunnel.mark ? fmt::format("{:#x}", *tunnel.mark) : "is not known")));
  const char* family = endpoint.address.family == Family::kInet ? "-4" : "-6";
  add_step(finding.remedy,
           "Restart the VPN, which pins its endpoint; or pin it by hand to the gateway of the physical network, in the "
           "place of GATEWAY and INTERFACE.",
           {root_command({"ip", family, "route", "add", IpPrefix::host(endpoint.address).to_string(), "via", "GATEWAY",
                          "dev", "INTERFACE"})});
  findings.push_back(std::move(finding));
}

int setting(const std::map<std::string, InterfaceSettings>& settings, std::string_view interface,
            std::optional<int> InterfaceSettings::* which) {
  const auto found = settings.find(std::string(interface));
  return found == settings.end() ? 0 : (found->second.*which).value_or(0);
}

/// The larger of the interface's value and that of "all" holds (IN_DEV_MAXCONF).
bool is_strict(const RoutingFacts& facts, std::string_view interface) {
  const auto& settings = facts.snapshot.settings->inet;
  return std::max(setting(settings, interface, &InterfaceSettings::reverse_path_filter),
                  setting(settings, "all", &InterfaceSettings::reverse_path_filter)) == kStrict;
}

/// Either of the two switches it on (IN_DEV_ORCONF).
bool believes_marks(const RoutingFacts& facts, std::string_view interface) {
  const auto& settings = facts.snapshot.settings->inet;
  return setting(settings, interface, &InterfaceSettings::source_valid_mark) != 0 ||
         setting(settings, "all", &InterfaceSettings::source_valid_mark) != 0;
}

/// What goes to a tunnel's endpoint, and how the kernel looks the way back up.
struct Roundtrip {
  const Tunnel& tunnel;
  const OuterEndpoint& endpoint;
  const FlowAnswer& out;
  const FlowAnswer& back;
};

void add_filtered(const RoutingFacts& facts, const Roundtrip& trip, Findings& findings) {
  const auto& [tunnel, endpoint, out, back] = trip;
  const std::string physical(out.interface);
  Finding finding = make_finding("RTE013", {"interface", physical});
  finding.title = fmt::format("The reverse path filter of {} drops what {} is answered", physical, tunnel.interface);
  finding.detail = fmt::format(
      "Packets from the endpoint {} arrive on {}, but an unmarked packet to it would leave "
      "through {}: with rp_filter 1 the kernel drops them.",
      endpoint.address, physical, back.interface.empty() ? "nothing" : std::string(back.interface));
  finding.evidence = {{"sysctl", "net.ipv4.conf." + physical + ".rp_filter", "strict (1), here or in all"},
                      {"sysctl", "net.ipv4.conf." + physical + ".src_valid_mark", "0, here and in all"}};
  if (back.route != nullptr) finding.evidence.push_back(route_evidence(facts, *back.route));
  add_step(finding.remedy, "Let the filter look at the mark that the VPN's firewall rules restore, as wg-quick does.",
           {root_command({"sysctl", "-w", "net.ipv4.conf.all.src_valid_mark=1"})});
  add_step(finding.remedy, "Or make the filter loose on this interface.",
           {root_command({"sysctl", "-w", "net.ipv4.conf." + physical + ".rp_filter=2"})});
  findings.push_back(std::move(finding));
}

void check_filter_for(const RoutingFacts& facts, const Tunnel& tunnel, Findings& findings) {
  for (const OuterEndpoint& endpoint : tunnel.endpoints) {
    if (endpoint.address.family != Family::kInet) continue;
    const FlowAnswer out = outer_route(facts, tunnel, endpoint.address);
    if (out.fate != FlowFate::kUnicast || out.interface == tunnel.interface || !out.uncertain.empty()) continue;
    if (!is_strict(facts, out.interface) || believes_marks(facts, out.interface)) continue;
    Flow reverse;  // net/ipv4/fib_frontend.c __fib_validate_source() looks the way back up without the mark
    reverse.destination = endpoint.address;
    reverse.source = out.source;
    const FlowAnswer back = facts.fib.lookup(reverse);
    if (back.depends_on != DependsOn::kNothing || back.interface == out.interface || !back.uncertain.empty()) continue;
    add_filtered(facts, {tunnel, endpoint, out, back}, findings);
    return;
  }
}

}  // namespace

void check_endpoint_loop(const RoutingFacts& facts, Findings& findings) {
  for (const Tunnel& tunnel : *facts.snapshot.tunnels) {
    for (const OuterEndpoint& endpoint : tunnel.endpoints) {
      const FlowAnswer answer = outer_route(facts, tunnel, endpoint.address);
      if (only_interface(answer) != tunnel.interface || answer.fate != FlowFate::kUnicast || !answer.uncertain.empty())
        continue;
      add_loop(facts, tunnel, endpoint, answer, findings);
      break;
    }
  }
}

void check_reverse_path_filter(const RoutingFacts& facts, Findings& findings) {
  for (const Tunnel& tunnel : *facts.snapshot.tunnels) check_filter_for(facts, tunnel, findings);
}

}  // namespace vpndoctor
