// SPDX-License-Identifier: Apache-2.0
// Words the removal; see the header.
#include "remains_removal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "leak_checks_coverage.h"
#include "leak_checks_tunnel.h"
#include "vpndoctor/route_words.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

std::vector<Command> take_routing_away(const LeakContext& facts, const CrashRemains& remains) {
  std::vector<Command> commands;
  commands.reserve(remains.rules.size() + remains.server_routes.size());
  for (const Rule* rule : remains.rules) commands.push_back(delete_rule(*rule));
  const RoutingFacts routing = routing_facts(facts);
  for (const Route* route : remains.server_routes) commands.push_back(delete_route(routing, *route));
  return commands;
}

std::vector<Command> take_others_away(const CrashRemains& remains) {
  std::vector<Command> commands;
  commands.reserve(remains.tables.size() + remains.sockets.size() + remains.kill_switches.size());
  for (const FirewallTable* table : remains.tables) {
    commands.push_back(root_command({"nft", "delete", "table", table->family, table->name}));
  }
  for (const VpnSign* sign : remains.sockets) commands.push_back(root_command({"rm", sign->name}));
  for (const Link* link : remains.kill_switches) {
    commands.push_back(root_command({"ip", "link", "del", "dev", link->name}));
  }
  return commands;
}

/// iptables(8) deletes a rule by all its words, or by a number that the next deletion changes: the comment tells which
/// ones they are.
void add_marked_rules_step(const CrashRemains& remains, Finding& finding) {
  std::set<std::string> comments;
  std::set<std::string> programs;
  for (const MarkedRule& rule : remains.marked_rules) {
    comments.insert(fmt::format("\"{}\"", escape_controls(rule.comment)));
    programs.insert(rule.table->family == "ip6" ? "ip6tables-save" : "iptables-save");
  }
  if (comments.empty()) return;
  std::vector<Command> commands;
  commands.reserve(programs.size());
  for (const std::string& program : programs) commands.push_back(root_command({program}));
  add_step(finding.remedy,
           fmt::format("Delete the rules of iptables that have the comment {}.",
                       in_a_row(std::vector(comments.begin(), comments.end()))),
           std::move(commands));
}

/// A client that takes the default route away takes its gateway for the way to its server.
std::vector<Command> likely_default(const LeakContext& facts, const CrashRemains& remains) {
  if (facts.snapshot.platform != Platform::kLinux || remains.server_routes.empty()) return {};
  const Route& route = *remains.server_routes.front();
  const NextHop& hop = facts.snapshot.routes->hops(route).front();
  const char* family = route.destination.family() == Family::kInet ? "-4" : "-6";
  return {root_command(
      {"ip", family, "route", "add", "default", "via", hop.gateway->to_string(), "dev", std::string(hop.interface)})};
}

/// The default route first: the host route tells what it was.
void add_default_steps(const LeakContext& facts, const CrashRemains& remains, Finding& finding) {
  add_step(finding.remedy, "Bring the default route back; the rules and routes that are left go with it.",
           {user_command({"vpndoctor", "routes", "restore", "--infer"}),
            root_command({"vpndoctor", "routes", "restore", "--infer", "--apply"})});
  std::vector<Command> commands = likely_default(facts, remains);
  if (commands.empty()) return;
  const std::vector<Command> routing = take_routing_away(facts, remains);
  commands.insert(commands.end(), routing.begin(), routing.end());
  add_step(finding.remedy, "Where that does not know it: it most likely had the gateway of the host route.",
           std::move(commands));
}

/// A table that also guards what comes in, or that iptables shares among all that use it, is more than a kill switch.
bool is_kill_switch_only(const ProtectionSign& sign) {
  constexpr std::array<std::string_view, 5> kOfIptables = {"filter", "nat", "mangle", "raw", "security"};
  const FirewallTable& table = *sign.source;
  if (!sign.product.empty()) return true;
  const bool is_inet = table.family == "ip" || table.family == "ip6";
  if (is_inet && std::ranges::count(kOfIptables, table.name) != 0) return false;
  return std::ranges::none_of(table.chains, [](const FirewallChain& chain) {
    return chain.hook == FirewallHook::kInput || chain.hook == FirewallHook::kPrerouting ||
           chain.hook == FirewallHook::kIngress;
  });
}

std::vector<Command> delete_kill_switches(const CrashRemains& remains) {
  std::vector<Command> commands;
  for (const ProtectionSign& sign : remains.stranded.tables) {
    if (!is_kill_switch_only(sign)) continue;
    commands.push_back(root_command({"nft", "delete", "table", sign.source->family, sign.source->name}));
  }
  return commands;
}

/// One product does not clean up behind another; a client that is not recognised may be any, and so may the owner of a
/// tunnel, unless its client is started by a command that makes all of it anew.
bool may_be_of(const CrashRemains& remains, const TunnelReport& tunnel) {
  if (!remains.interfaces.empty() && std::ranges::count(remains.interfaces, tunnel.interface) == 0) return false;
  if (!remains.is_recognised() || remains.client == tunnel.owner) return true;
  return tunnel.owner.empty() && restart_commands(remains.client, tunnel.interface).empty();
}

}  // namespace

void quote_remains(const LeakContext& facts, const CrashRemains& remains, Finding& finding) {
  const Snapshot& snapshot = facts.snapshot;
  for (const Rule* rule : remains.rules) {
    finding.evidence.push_back(
        proof(snapshot.rules, fmt::format("rule {}", rule->priority), joined(rule_words(*rule))));
  }
  const RoutingFacts routing = routing_facts(facts);
  for (const Route* route : remains.server_routes) finding.evidence.push_back(route_evidence(routing, *route));
  for (const FirewallTable* table : remains.tables) {
    finding.evidence.push_back(proof(snapshot.firewall, "nftables",
                                     fmt::format("table {} {} stops spoofed packets, nothing that this machine sends",
                                                 table->family, escape_controls(table->name))));
  }
  for (const MarkedRule& rule : remains.marked_rules) {
    finding.evidence.push_back(proof(snapshot.firewall, "iptables",
                                     fmt::format("table {} {}, chain {}: {}", rule.table->family, rule.table->name,
                                                 escape_controls(rule.chain->name), escape_controls(rule.comment))));
  }
  for (const ProtectionSign& sign : remains.stranded.tables) {
    finding.evidence.push_back(proof(snapshot.firewall, sign.table, sign.why));
    finding.evidence.push_back(
        proof(snapshot.firewall, "nftables",
              fmt::format("packets to public addresses would leave by {} and are stopped: {}",
                          escape_controls(remains.stranded.interface), escape_controls(remains.stranded.why))));
  }
  for (const VpnSign* sign : remains.sockets) {
    finding.evidence.push_back({"socket", escape_controls(sign->name),
                                sign->text.empty() ? "nobody listens on it" : escape_controls(sign->text)});
  }
  for (const Link* link : remains.kill_switches) {
    finding.evidence.push_back(proof(
        snapshot.links, "link", fmt::format("{} is a dummy that a kill switch made", escape_controls(link->name))));
  }
}

std::vector<Command> take_remains_away(const LeakContext& facts, const CrashRemains& remains) {
  std::vector<Command> commands = take_routing_away(facts, remains);
  std::ranges::move(take_others_away(remains), std::back_inserter(commands));
  std::ranges::move(delete_kill_switches(remains), std::back_inserter(commands));
  return commands;
}

void add_removal_steps(const LeakContext& facts, const CrashRemains& remains, Finding& finding) {
  if (!remains.has_default) add_default_steps(facts, remains, finding);
  std::vector<Command> commands;
  if (remains.has_default) commands = take_routing_away(facts, remains);
  std::ranges::move(take_others_away(remains), std::back_inserter(commands));
  if (!commands.empty()) {
    const char* text = commands.size() == 1 ? "Take away what is left." : "Take away what is left, in this order.";
    add_step(finding.remedy, text, std::move(commands));
  }
  add_marked_rules_step(remains, finding);
}

void add_release_steps(const CrashRemains& remains, Finding& finding) {
  constexpr const char* kThen = "what was meant for the VPN then leaves in clear.";
  if (std::vector<Command> commands = delete_kill_switches(remains); !commands.empty()) {
    add_step(finding.remedy, fmt::format("Or take the kill switch away; {}", kThen), std::move(commands));
  }
  for (const ProtectionSign& sign : remains.stranded.tables) {
    if (is_kill_switch_only(sign)) continue;
    add_step(
        finding.remedy,
        fmt::format("Or delete from {} what lets {} out alone; {}", sign.table, escape_controls(sign.tunnel), kThen),
        {root_command({"nft", "-a", "list", "table", sign.source->family, sign.source->name})});
  }
}

const TunnelReport* dead_tunnel_of(const LeakContext& facts, const CrashRemains& remains) {
  const auto found = std::ranges::find_if(
      facts.tunnels, [&](const TunnelReport& each) { return is_dead_in_use(facts, each) && may_be_of(remains, each); });
  return found == facts.tunnels.end() ? nullptr : &*found;
}

std::vector<const CrashRemains*> remains_beside(const LeakContext& facts, const TunnelReport& tunnel) {
  std::vector<const CrashRemains*> found;
  if (!can_find_remains(facts.snapshot)) return found;
  for (const CrashRemains& remains : facts.crash_remains()) {
    if (dead_tunnel_of(facts, remains) == &tunnel) found.push_back(&remains);
  }
  return found;
}

}  // namespace vpndoctor
