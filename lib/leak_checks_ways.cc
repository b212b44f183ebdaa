// SPDX-License-Identifier: Apache-2.0
// Packets that are not the plain ones of this machine: bound to an interface, picked by a rule, forwarded for
// containers, sent into a tunnel that is dead, arriving for the tunnel's address.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "address_classes.h"
#include "coverage_exceptions.h"
#include "leak_checks_coverage.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::array kFamilies = {Family::kInet, Family::kInet6};

/// The physical interfaces that lead further than their link, ascending.
std::set<std::string> uplinks(const Snapshot& snapshot) {
  std::set<std::string> found;
  for (const NextHopSet& set : snapshot.routes->next_hop_sets) {
    for (const NextHop& hop : set.hops) {
      if (hop.gateway && is_physical(snapshot, hop.interface)) found.insert(hop.interface);
    }
  }
  return found;
}

void judge_bound(const LeakFacts& facts, const std::string& interface, LeakFindings& findings) {
  for (const Family family : kFamilies) {
    const auto sample = takes_most(facts, family) ? tunnelled_sample(facts, family) : std::nullopt;
    if (!sample) continue;
    Flow flow = packet_to(facts, *sample);
    flow.output_interface = interface;
    const PacketPath path = packet_path(facts.snapshot, facts.fib, flow);
    if (path.way != PacketWay::kOutside) continue;
    Finding finding = make_finding("LEK007", {"interface", interface});
    finding.title =
        fmt::format("A program that binds to {} passes {} by", escape_controls(interface), tunnel_words(facts, family));
    finding.detail = "No privilege is needed for that. Only a packet filter or a rule can forbid it.";
    if (!passes_filter(facts, flow, interface, finding)) continue;
    if (path.route != nullptr) finding.evidence.push_back(route_evidence(routing_facts(facts), *path.route));
    add_step(finding.remedy, "Switch on the VPN client's kill switch, where programs that do so are a worry.");
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

void add_rule_finding(const LeakFacts& facts, Family family, const RuleException& exception, LeakFindings& findings) {
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

/// A bridge that containers or virtual machines are behind: by its name, or since nothing but virtual cables is in it.
/// Not one that this machine itself goes out by.
bool serves_guests(const Snapshot& snapshot, const Link& link, const std::set<std::string>& ways_out) {
  if (link.kind != "bridge" || !link.is_up() || ways_out.contains(link.name)) return false;
  if (is_container_bridge(snapshot, link.name)) return true;
  bool has_port = false;
  for (const Link& port : *snapshot.links) {
    if (port.master != link.name) continue;
    if (port.kind != "veth" && port.kind != "tun") return false;
    has_port = true;
  }
  return has_port;
}

/// A guest's packet: the bridge's network with the last of its hosts as the source.
std::optional<Flow> guest_packet(const LeakFacts& facts, const Link& bridge, Family family) {
  const auto sample = tunnelled_sample(facts, family);
  if (!sample) return std::nullopt;
  for (const Address& address : *facts.snapshot.addresses) {
    const IpPrefix network = address.on_link();
    if (address.interface != bridge.name || network.family() != family || address.address.is_link_local()) continue;
    IpAddress guest = network.last_address();
    const std::size_t last = guest.octets().size() - 1;
    guest.bytes[last] = static_cast<std::uint8_t>(guest.bytes[last] - 1U);
    if (guest == address.address) guest.bytes[last] = static_cast<std::uint8_t>(guest.bytes[last] - 1U);
    if (!network.contains(guest)) continue;
    Flow flow = packet_to(facts, *sample);
    flow.source = guest;
    flow.input_interface = bridge.name;
    return flow;
  }
  return std::nullopt;
}

void judge_guests(const LeakFacts& facts, const Link& bridge, LeakFindings& findings) {
  for (const Family family : kFamilies) {
    if (!takes_most(facts, family)) continue;
    const auto flow = guest_packet(facts, bridge, family);
    if (!flow) continue;
    const PacketPath path = packet_path(facts.snapshot, facts.fib, *flow);
    if (path.way != PacketWay::kOutside || path.interface == bridge.name) continue;
    const std::string out(path.interface);
    Finding finding = make_finding("LEK009", {"interface", bridge.name});
    finding.title = fmt::format("Packets of the containers behind {} leave by {}, this machine's own go through {}",
                                escape_controls(bridge.name), escape_controls(out), tunnel_words(facts, family));
    finding.detail = "What runs in a container or virtual machine is outside of the VPN.";
    if (!passes_filter(facts, *flow, out, finding)) continue;
    finding.evidence.push_back(proof(facts.snapshot.routes, "lookup", "ip route get " + flow_text(*flow)));
    if (path.route != nullptr) finding.evidence.push_back(route_evidence(routing_facts(facts), *path.route));
    const PacketPath own = packet_path(facts.snapshot, facts.fib, packet_to(facts, flow->destination));
    if (own.route != nullptr) {
      finding.evidence.push_back(route_evidence(routing_facts(facts), *own.route));
      add_step(finding.remedy, "Send the bridge's packets into the table of the tunnel.",
               {root_command({"ip", family == Family::kInet ? "-4" : "-6", "rule", "add", "iif", bridge.name, "lookup",
                              std::to_string(own.route->table), "pref", "90"})});
    }
    findings.push_back(std::move(finding));
    return;
  }
}

bool is_set(const std::map<std::string, InterfaceSettings>& settings, const std::string& interface) {
  for (const std::string& name : {std::string("all"), interface}) {
    const auto found = settings.find(name);
    if (found != settings.end() && found->second.ignore_routes_with_linkdown.value_or(0) != 0) return true;
  }
  return false;
}

/// The first of the tunnel's routes whose addresses leave outside now; null when there is none.
const Route* skipped_route(const LeakFacts& facts, const std::string& tunnel, Family family) {
  constexpr std::size_t kMostTried = 1024;
  std::size_t tried = 0;
  for (const TunnelClaim& claim : tunnel_claims(facts.snapshot)) {
    if (*claim.tunnel != tunnel || claim.prefix().family() != family) continue;
    if (++tried > kMostTried) break;
    // A default's own first address is nobody's; the last one of any network is a broadcast at worst.
    IpAddress inside = claim.prefix().is_default() ? public_samples(family).front() : claim.prefix().address;
    if (!claim.prefix().is_default() && !claim.prefix().is_host()) inside.bytes[inside.octets().size() - 1] |= 1U;
    if (packet_path(facts.snapshot, facts.fib, packet_to(facts, inside)).way == PacketWay::kOutside) return claim.route;
  }
  return nullptr;
}

const char* sysctl_family(Family family) { return family == Family::kInet ? "ipv4" : "ipv6"; }

void add_linkdown_remedy(const LeakFacts& facts, const std::string& tunnel, Family family, Finding& finding) {
  const auto& settings = family == Family::kInet ? facts.snapshot.settings->inet : facts.snapshot.settings->inet6;
  std::vector<Command> commands;
  for (const std::string& name : {std::string("all"), tunnel}) {
    const auto found = settings.find(name);
    if (found == settings.end() || found->second.ignore_routes_with_linkdown.value_or(0) == 0) continue;
    commands.push_back(root_command(
        {"sysctl", "-w", fmt::format("net.{}.conf.{}.ignore_routes_with_linkdown=0", sysctl_family(family), name)}));
    finding.evidence.push_back(proof(
        facts.snapshot.settings, "setting",
        fmt::format("net.{}.conf.{}.ignore_routes_with_linkdown is 1", sysctl_family(family), escape_controls(name))));
  }
  add_step(finding.remedy, "Let routes stay in force when their interface is dead.", std::move(commands));
}

void judge_linkdown(const LeakFacts& facts, const Link& link, Family family, LeakFindings& findings) {
  const auto& settings = family == Family::kInet ? facts.snapshot.settings->inet : facts.snapshot.settings->inet6;
  if (!is_set(settings, link.name)) return;
  const bool is_dead = link.is_up() && !link.is_running();
  const Route* route = is_dead ? skipped_route(facts, link.name, family) : nullptr;
  const std::string name = escape_controls(link.name);
  Finding finding = make_finding("LEK010", {"interface", link.name});
  if (route != nullptr) {
    finding.title = fmt::format("{} is dead, and what it should carry leaves outside of it", name);
    finding.detail = "The kernel skips the routes of an interface without a carrier: packets leave in clear.";
    finding.evidence.push_back(route_evidence(routing_facts(facts), *route));
    finding.evidence.push_back(proof(facts.snapshot.links, "link " + link.name, name + " has no carrier"));
  } else if (!is_dead && takes_most(facts, family)) {
    finding.severity = Severity::kNotice;
    finding.title = fmt::format("When {} dies, what it carries will leave outside of it", name);
    finding.detail = "The kernel is set to skip the routes of an interface without a carrier.";
  } else {
    return;
  }
  add_linkdown_remedy(facts, link.name, family, finding);
  findings.push_back(std::move(finding));
}

/// wg-quick's own filter drops what arrives for the tunnel's address from elsewhere.
bool has_wg_quick_filter(const Snapshot& snapshot, const std::string& tunnel) {
  const auto is_it = [&](const FirewallTable& table) { return table.name == "wg-quick-" + tunnel; };
  return std::ranges::any_of(snapshot.firewall->tables, is_it);
}

/// Why it is not known what the packet filter does to an arriving packet; empty when there is none.
std::string unknown_input_filter(const Snapshot& snapshot) {
  if (!snapshot.firewall) return "the rules of the packet filter are not known: " + snapshot.firewall.why_missing();
  if (!snapshot.firewall.is_complete()) return "not all rules of the packet filter are known";
  if (!snapshot.firewall->others.empty()) return escape_controls(snapshot.firewall->others.front());
  return snapshot.firewall->tables.empty() ? "" : "what the packet filter does to arriving packets is not simulated";
}

/// A tunnel's address that takes packets from a physical interface.
struct Exposed {
  const Address* address = nullptr;
  std::string interface;
};

std::optional<Exposed> exposed(const LeakFacts& facts) {
  const auto sample = tunnelled_sample(facts, Family::kInet);
  if (!sample) return std::nullopt;
  for (const Address& address : *facts.snapshot.addresses) {
    const auto& tunnels = facts.coverage.inet.tunnels;
    const bool is_tunnels = std::ranges::find(tunnels, address.interface) != tunnels.end();
    if (!is_tunnels || address.address.family != Family::kInet) continue;
    if (facts.snapshot.firewall && has_wg_quick_filter(facts.snapshot, address.interface)) continue;
    for (const std::string& interface : uplinks(facts.snapshot)) {
      Flow flow;
      flow.destination = address.address;
      flow.source = *sample;
      flow.input_interface = interface;
      const FlowAnswer answer = facts.fib.lookup(flow);
      if (answer.fate == FlowFate::kLocal && answer.uncertain.empty()) return Exposed{&address, interface};
    }
  }
  return std::nullopt;
}

}  // namespace

void check_bound_programs(const LeakFacts& facts, LeakFindings& findings) {
  for (const std::string& interface : uplinks(facts.snapshot)) judge_bound(facts, interface, findings);
}

void check_rules_past(const LeakFacts& facts, LeakFindings& findings) {
  for (const Family family : kFamilies) {
    if (!takes_most(facts, family)) continue;
    const Samples samples{tunnelled_sample(facts, family), std::nullopt};
    for (const RuleException& each : find_rule_exceptions(facts.snapshot, facts.fib, family, facts.uid, samples)) {
      if (each.way != PacketWay::kOutside || each.otherwise != PacketWay::kTunnel) continue;
      if (!is_clients_own(facts.snapshot, each)) add_rule_finding(facts, family, each, findings);
    }
  }
}

void check_forwarded(const LeakFacts& facts, LeakFindings& findings) {
  const std::set<std::string> ways_out = uplinks(facts.snapshot);
  for (const Link& link : *facts.snapshot.links) {
    if (serves_guests(facts.snapshot, link, ways_out)) judge_guests(facts, link, findings);
  }
}

void check_linkdown(const LeakFacts& facts, LeakFindings& findings) {
  for (const Link& link : *facts.snapshot.links) {
    if (!is_tunnel(facts.snapshot, link.name)) continue;
    for (const Family family : kFamilies) judge_linkdown(facts, link, family, findings);
  }
}

std::string exposed_address_undecided(const LeakFacts& facts) {
  return exposed(facts) ? unknown_input_filter(facts.snapshot) : std::string();
}

void check_exposed_address(const LeakFacts& facts, LeakFindings& findings) {
  const auto found = exposed(facts);
  if (!found) return;
  const std::string name = escape_controls(found->address->interface);
  Finding finding = make_finding("LEK012", {"interface", found->address->interface});
  finding.title = fmt::format("The address {} of {} takes packets that arrive by {}", found->address->address, name,
                              escape_controls(found->interface));
  finding.detail = "Who is on the same network can find the address out, and guess at connections through the tunnel.";
  finding.evidence.push_back(
      proof(facts.snapshot.settings, "setting",
            fmt::format("the reverse path filter is not strict on {}", escape_controls(found->interface))));
  finding.evidence.push_back(
      proof(facts.snapshot.addresses, "address", fmt::format("{} is on {}", found->address->address, name)));
  add_step(finding.remedy, "Make the reverse path filter strict there.",
           {root_command({"sysctl", "-w", fmt::format("net.ipv4.conf.{}.rp_filter=1", found->interface)})});
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
