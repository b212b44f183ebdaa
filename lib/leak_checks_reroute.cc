// SPDX-License-Identifier: Apache-2.0
// The packet filter that sends this machine's packets another way: a route-type chain of nftables, or iptables' table
// mangle, gives them a mark, and with it the rules lead past the tunnel. The routing tables alone do not show it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "firewall_machine.h"
#include "flow_kinds.h"
#include "leak_checks_coverage.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// What the packet filter makes of packets that the tables lead into a tunnel.
struct Rerouted {
  std::vector<std::string> leaving;  ///< the kinds that leave beside every tunnel: "TCP"
  std::string interface;             ///< where
  std::string why;                   ///< what lets them out there, a phrase
  std::string undecided;             ///< a phrase; empty: decided for every kind
  bool is_likely = false;            ///< whether something drops them is not known
};

bool is_rerouting(const FirewallTable& table, Family family) {
  const bool is_family = table.family == "inet" || table.family == (family == Family::kInet ? "ip" : "ip6");
  return is_family && !table.is_dormant && std::ranges::any_of(table.chains, [](const FirewallChain& chain) {
           return chain.type == "route" && chain.hook == FirewallHook::kOutput && !chain.rules.empty();
         });
}

/// The tables whose chains may send packets of the family another way.
std::vector<const FirewallTable*> rerouting_tables(const LeakContext& facts, Family family) {
  std::vector<const FirewallTable*> found;
  if (!facts.snapshot.firewall) return found;
  for (const FirewallTable& each : facts.snapshot.firewall->tables) {
    if (is_rerouting(each, family)) found.push_back(&each);
  }
  return found;
}

bool leads_past_tunnels(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  return link != nullptr && !link->is_loopback() && link->kind != "dummy" && !is_tunnel(snapshot, interface);
}

void try_kind(const LeakContext& facts, const IpAddress& destination, const FlowKind& kind, Rerouted& rerouted) {
  Flow flow = packet_to(facts, destination);
  kind.shape(flow);
  const FlowAnswer routed = facts.fib.lookup(flow);
  const std::string_view doubt = !routed.uncertain.empty()                  ? routed.uncertain
                                 : routed.depends_on == DependsOn::kNothing ? std::string_view()
                                 : routed.depends_on == DependsOn::kNeighbour
                                     ? "whether a router answers decides its way"
                                     : "a hash of each flow decides its way";
  if (!doubt.empty()) {
    if (rerouted.undecided.empty()) rerouted.undecided = doubt;
    return;
  }
  // A rule may send one kind of packets past the tunnel before the packet filter sees it: another check tells of that.
  if (routed.fate != FlowFate::kUnicast || !is_tunnel(facts.snapshot, routed.interface)) return;
  flow.source = routed.source;
  const FilteredMachine machine{facts.snapshot, facts.fib, facts.snapshot.firewall};
  const FirewallAnswer answer = follow_output(machine, flow, std::string(routed.interface));
  if (answer.verdict == FirewallVerdict::kDropped) return;
  if (answer.interface.empty()) {
    if (rerouted.undecided.empty()) rerouted.undecided = answer.why;
    return;
  }
  if (!leads_past_tunnels(facts.snapshot, answer.interface)) return;
  rerouted.leaving.emplace_back(kind.name);
  rerouted.interface = answer.interface;
  rerouted.why = answer.why;
  rerouted.is_likely = rerouted.is_likely || answer.verdict == FirewallVerdict::kUnknown;
}

/// Null: the family is not tunnelled, or no chain sends its packets another way.
std::optional<Rerouted> reroute(const LeakContext& facts, Family family) {
  if (rerouting_tables(facts, family).empty() || !facts.takes_most(family)) return std::nullopt;
  const auto sample = facts.tunnelled_sample(family);
  if (!sample) return std::nullopt;
  Rerouted rerouted;
  for (const FlowKind& kind : kFlowKinds) try_kind(facts, *sample, kind, rerouted);
  return rerouted;
}

/// iptables-legacy may mark packets as well; its rules cannot be read.
std::string why_filter_unknown(const LeakContext& facts) {
  const auto& firewall = facts.snapshot.firewall;
  if (!firewall) return "the rules of the packet filter are not known: " + firewall.why_missing();
  if (!firewall.is_complete()) return "not all of the packet filter is known: " + firewall.limits().front();
  return firewall->others_may_mark && !firewall->others.empty() ? firewall->others.front() + ", which is not modelled"
                                                                : "";
}

void add_finding(const LeakContext& facts, Family family, const Rerouted& rerouted, LeakFindings& findings) {
  const std::vector<const FirewallTable*> tables = rerouting_tables(facts, family);
  const FirewallTable& first = *tables.front();
  Finding finding = make_finding("LEK013", {"firewall", fmt::format("table {} {}", first.family, first.name)});
  finding.title =
      fmt::format("The packet filter sends {} packets ({}) out by {}, past {}", family_title(family),
                  listed_words(rerouted.leaving), escape_controls(rerouted.interface), tunnel_words(facts, family));
  finding.detail =
      "A rule marks packets of this machine after they were routed, and with that mark they are routed again, outside "
      "of the tunnel: they leave in clear although the routing tables lead into it.";
  std::vector<Command> show;
  for (const FirewallTable* table : tables) {
    if (show.size() == kMostQuoted) break;
    finding.evidence.push_back(proof(facts.snapshot.firewall, "nftables",
                                     fmt::format("table {} {} has a chain of the type route at the hook output",
                                                 table->family, escape_controls(table->name))));
    show.push_back(root_command({"nft", "list", "table", table->family, table->name}));
  }
  finding.evidence.push_back(proof(facts.snapshot.firewall, "packet filter", rerouted.why));
  if (rerouted.is_likely) finding.confidence = Confidence::kLikely;
  add_step(finding.remedy, "See the rules that set a mark.", std::move(show));
  add_step(finding.remedy,
           "Let them mark only what is meant to pass the tunnel by, as the VPN's own packets, or delete them.");
  findings.push_back(std::move(finding));
}

}  // namespace

std::string rerouted_undecided(const LeakContext& facts) {
  for (const Family family : kFamilies) {
    if (!facts.takes_most(family)) continue;
    const auto rerouted = reroute(facts, family);
    if (rerouted && !rerouted->leaving.empty()) return {};
  }
  for (const Family family : kFamilies) {
    if (!facts.takes_most(family)) continue;
    if (std::string why = why_filter_unknown(facts); !why.empty()) return why;
    const auto rerouted = reroute(facts, family);
    if (!rerouted || rerouted->undecided.empty()) continue;
    return fmt::format("whether the packet filter sends {} packets past the tunnel is not known: {}",
                       family_title(family), rerouted->undecided);
  }
  return {};
}

void check_rerouted(const LeakContext& facts, LeakFindings& findings) {
  for (const Family family : kFamilies) {
    const auto rerouted = reroute(facts, family);
    if (rerouted && !rerouted->leaving.empty()) add_finding(facts, family, *rerouted, findings);
  }
}

}  // namespace vpndoctor
