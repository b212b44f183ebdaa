// SPDX-License-Identifier: Apache-2.0
// Leaks that a setting of the kernel decides: routes that are skipped without a carrier, a reverse path filter that
// lets the local network reach the tunnel's address.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "address_classes.h"
#include "leak_checks_coverage.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

bool is_set(const std::map<std::string, InterfaceSettings>& settings, const std::string& interface) {
  for (const std::string& name : {std::string("all"), interface}) {
    const auto found = settings.find(name);
    if (found != settings.end() && found->second.ignore_routes_with_linkdown.value_or(0) != 0) return true;
  }
  return false;
}

/// The first of the tunnel's routes whose addresses leave outside now; null when there is none.
const Route* skipped_route(const LeakContext& facts, const std::string& tunnel, Family family) {
  constexpr std::size_t kMostTried = 1024;
  std::size_t tried = 0;
  for (const TunnelClaim& claim : facts.claims()) {
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

void add_linkdown_remedy(const LeakContext& facts, const std::string& tunnel, Family family, Finding& finding) {
  const auto& settings = family == Family::kInet ? facts.snapshot.settings->inet : facts.snapshot.settings->inet6;
  std::vector<Command> commands;
  for (const std::string& name : {std::string("all"), tunnel}) {
    const auto found = settings.find(name);
    if (found == settings.end() || found->second.ignore_routes_with_linkdown.value_or(0) == 0) continue;
    commands.push_back(root_command(
        {"sysctl", "-w",
         fmt::format("net.{}.conf.{}.ignore_routes_with_linkdown=0", sysctl_family(family), sysctl_interface(name))}));
    finding.evidence.push_back(proof(
        facts.snapshot.settings, "setting",
        fmt::format("net.{}.conf.{}.ignore_routes_with_linkdown is 1", sysctl_family(family), escape_controls(name))));
  }
  add_step(finding.remedy, "Let routes stay in force when their interface is dead.", std::move(commands));
}

void judge_linkdown(const LeakContext& facts, const Link& link, Family family, LeakFindings& findings) {
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
  } else if (!is_dead && facts.takes_most(family)) {
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

/// True for a chain that may drop an arriving IPv4 packet.
bool may_stop_arrivals(const FirewallTable& table, const FirewallChain& chain) {
  const bool is_on_the_way = chain.hook == FirewallHook::kIngress || chain.hook == FirewallHook::kPrerouting ||
                             chain.hook == FirewallHook::kInput;
  return is_on_the_way && !table.is_dormant && table.family != "ip6" && table.family != "arp" &&
         chain.type == "filter" && (chain.drops_by_default || !chain.rules.empty());
}

/// Why it is not known what the packet filter does to an arriving packet; empty when nothing filters them.
std::string unknown_input_filter(const Snapshot& snapshot) {
  if (!snapshot.firewall) return "the rules of the packet filter are not known: " + snapshot.firewall.why_missing();
  if (!snapshot.firewall.is_complete()) return "not all rules of the packet filter are known";
  if (!snapshot.firewall->others.empty()) return escape_controls(snapshot.firewall->others.front());
  for (const FirewallTable& table : snapshot.firewall->tables) {
    for (const FirewallChain& chain : table.chains) {
      if (!may_stop_arrivals(table, chain)) continue;
      return fmt::format("what chain {} of table {} does to arriving packets is not simulated",
                         escape_controls(chain.name), escape_controls(table.name));
    }
  }
  return {};
}

/// The larger of the interface's value and that of "all" holds, and loose is 2 (IN_DEV_MAXCONF).
std::vector<Command> strict_filter(const Snapshot& snapshot, const std::string& interface) {
  constexpr int kLoose = 2;
  std::vector<Command> commands;
  const auto& settings = snapshot.settings->inet;
  const auto all = settings.find("all");
  if (all != settings.end() && all->second.reverse_path_filter == kLoose) {
    commands.push_back(root_command({"sysctl", "-w", "net.ipv4.conf.all.rp_filter=1"}));
  }
  commands.push_back(
      root_command({"sysctl", "-w", fmt::format("net.ipv4.conf.{}.rp_filter=1", sysctl_interface(interface))}));
  return commands;
}

/// A tunnel's address that takes packets from a physical interface.
struct Exposed {
  const Address* address = nullptr;
  std::string interface;
};

std::optional<Exposed> exposed(const LeakContext& facts) {
  const auto sample = facts.tunnelled_sample(Family::kInet);
  if (!sample) return std::nullopt;
  for (const Address& address : *facts.snapshot.addresses) {
    const auto& tunnels = facts.coverage.inet.tunnels;
    const bool is_tunnels = std::ranges::find(tunnels, address.interface) != tunnels.end();
    if (!is_tunnels || address.address.family != Family::kInet) continue;
    if (facts.snapshot.firewall && has_wg_quick_filter(facts.snapshot, address.interface)) continue;
    for (const std::string& interface : facts.uplinks()) {
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

void check_linkdown(const LeakContext& facts, LeakFindings& findings) {
  for (const Link& link : *facts.snapshot.links) {
    if (!is_tunnel(facts.snapshot, link.name)) continue;
    for (const Family family : kFamilies) judge_linkdown(facts, link, family, findings);
  }
}

std::string exposed_address_undecided(const LeakContext& facts) {
  if (std::string why = working_tunnel_undecided(facts); !why.empty()) return why;
  return exposed(facts) ? unknown_input_filter(facts.snapshot) : std::string();
}

void check_exposed_address(const LeakContext& facts, LeakFindings& findings) {
  const auto found = exposed(facts);
  if (!found) return;
  const std::string name = escape_controls(found->address->interface);
  Finding finding = make_finding("LEK012", {"interface", found->address->interface});
  finding.title = fmt::format("The address {} of {} takes packets that arrive by {}", found->address->address, name,
                              escape_controls(found->interface));
  finding.detail =
      "Who is on the same network can find the tunnel's address out, and guess at connections through the tunnel.";
  finding.evidence.push_back(
      proof(facts.snapshot.settings, "setting",
            fmt::format("the reverse path filter is not strict on {}", escape_controls(found->interface))));
  finding.evidence.push_back(
      proof(facts.snapshot.addresses, "address", fmt::format("{} is on {}", found->address->address, name)));
  add_step(finding.remedy, fmt::format("Make the reverse path filter of {} strict.", escape_controls(found->interface)),
           strict_filter(facts.snapshot, found->interface));
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
