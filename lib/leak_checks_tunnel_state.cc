// SPDX-License-Identifier: Apache-2.0
// What a tunnel's state means for those who use it: dead or hung with routes that lead there, or merely left over.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "leak_checks_coverage.h"
#include "leak_checks_tunnel.h"
#include "remains_removal.h"
#include "tunnel_users.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

Finding finding_of(const char* code, const TunnelReport& tunnel) {
  Finding finding = make_finding(code, {"interface", tunnel.interface});
  finding.evidence.push_back({"state", tunnel_state_name(tunnel.state), tunnel.why});
  finding.evidence.insert(finding.evidence.end(), tunnel.evidence.begin(), tunnel.evidence.end());
  return finding;
}

/// systemd-resolved's own scopes of a link are named like it.
bool has_link_scope(const TunnelReport& tunnel) { return std::ranges::count(tunnel.dns_scopes, tunnel.interface) != 0; }

/// Quotes what leads into the tunnel; the commands take it away, the interface last.
std::vector<Command> take_away(const LeakContext& facts, const TunnelReport& tunnel, Finding& finding) {
  const RoutingFacts routing = routing_facts(facts);
  const TunnelUsers users(facts.snapshot);
  std::vector<Command> commands = quote_and_delete(routing, users.routes(tunnel.interface), finding);
  for (const Rule* rule : users.rules(tunnel.interface)) commands.push_back(delete_rule(*rule));
  for (const std::string& scope : tunnel.dns_scopes) {
    finding.evidence.push_back({"dns", "resolver scope", escape_controls(scope)});
  }
  if (has_link_scope(tunnel)) commands.push_back(root_command({"resolvectl", "revert", tunnel.interface}));
  commands.push_back(root_command({"ip", "link", "del", "dev", tunnel.interface}));
  return commands;
}

std::string name_of(const TunnelReport& tunnel) { return escape_controls(tunnel.interface); }

/// A file names its servers for all interfaces; no command puts back what was there before.
void add_resolver_step(const TunnelReport& tunnel, Finding& finding) {
  if (std::ranges::count(tunnel.dns_scopes, "resolv.conf") == 0) return;
  add_step(finding.remedy,
           fmt::format("Then put a DNS server into /etc/resolv.conf that is reached without {}.", name_of(tunnel)));
}

/// wg-quick(8) makes no interface that is still there.
void add_start_step(const TunnelReport& tunnel, Finding& finding) {
  add_step(finding.remedy, restart_words(tunnel.owner, tunnel.interface), restart_commands(tunnel.owner, ""));
}

/// Started again, the VPN makes the tunnel carry; what else it left is what it needs, or makes anew. Without a default
/// route it may not find its server: then all is taken away before.
void add_way_on(const LeakContext& facts, const TunnelReport& tunnel, Finding& finding) {
  const std::vector<const CrashRemains*> all = remains_beside(facts, tunnel);
  const bool has_default = std::ranges::all_of(all, [](const CrashRemains* each) { return each->has_default; });
  std::vector<Command> commands = take_away(facts, tunnel, finding);
  if (!has_default) {
    add_step(finding.remedy, "Take the tunnel away.", std::move(commands));
    for (const CrashRemains* remains : all) add_removal_steps(facts, *remains, finding);
    add_resolver_step(tunnel, finding);
    return add_start_step(tunnel, finding);
  }
  for (const CrashRemains* remains : all) {
    std::ranges::move(take_remains_away(facts, *remains), std::back_inserter(commands));
  }
  add_start_step(tunnel, finding);
  add_step(finding.remedy, "Or take away what is left; what was meant for the tunnel then leaves in clear.",
           std::move(commands));
  add_resolver_step(tunnel, finding);
}

/// A stopped holder goes on; one that hangs, or does so again, is ended, and the VPN started anew.
void add_revive_steps(const LeakContext& facts, const TunnelReport& tunnel, Finding& finding) {
  const Tunnel* known = facts.snapshot.find_tunnel(tunnel.interface);
  const bool is_held = known != nullptr && known->holder_pid;
  const bool is_stopped = stopped_holder(facts, tunnel) != nullptr;
  if (is_stopped) {
    add_step(
        finding.remedy,
        fmt::format("Let {} go on.", known->holder_name.empty() ? "the process" : escape_controls(known->holder_name)),
        {root_command({"kill", "-CONT", std::to_string(*known->holder_pid)})});
  }
  if (is_held) {
    add_step(finding.remedy,
             is_stopped ? "If that does not help, end the program that holds it." : "End the program that holds it.",
             {root_command({"kill", std::to_string(*known->holder_pid)})});
  }
  add_restart_step(tunnel.owner, tunnel.interface, finding);
}

/// Nothing passes without a carrier, whoever holds the tunnel; whether that lasts is another question.
void doubt_that_it_is_dead(const TunnelReport& tunnel, Finding& finding) {
  finding.title = fmt::format("{} has no carrier and still holds {}", name_of(tunnel), users_words(tunnel));
  finding.detail = fmt::format(
      "What they are for vanishes in silence while the interface has no carrier. Whether the tunnel is dead or only "
      "waits for its program is not known. {}",
      tunnel.why);
  finding.confidence = Confidence::kLikely;
}

}  // namespace

void check_dead_tunnels_in_use(const LeakContext& facts, Findings& findings) {
  for (const TunnelReport& tunnel : facts.tunnels) {
    if (!is_dead_in_use(facts, tunnel)) continue;
    Finding finding = finding_of("TUN001", tunnel);
    finding.title = fmt::format("{} is dead and still holds {}", name_of(tunnel), users_words(tunnel));
    finding.detail = "What they are for vanishes in silence until the VPN works again.";
    if (tunnel.state == TunnelState::kUnknown) doubt_that_it_is_dead(tunnel, finding);
    add_way_on(facts, tunnel, finding);
    findings.push_back(std::move(finding));
  }
}

void check_hung_tunnels(const LeakContext& facts, Findings& findings) {
  for (const TunnelReport& tunnel : facts.tunnels) {
    if (tunnel.state != TunnelState::kHung) continue;
    Finding finding = finding_of("TUN002", tunnel);
    finding.title = fmt::format("{} hangs: what is sent into it is not read", name_of(tunnel));
    finding.detail =
        fmt::format("Everything that goes into the tunnel vanishes. It is used by {}.", users_words(tunnel));
    // A program that only pauses for a while looks the same as one that hangs.
    if (stopped_holder(facts, tunnel) == nullptr) finding.confidence = Confidence::kLikely;
    add_revive_steps(facts, tunnel, finding);
    findings.push_back(std::move(finding));
  }
}

void check_dead_sessions(const LeakContext& facts, Findings& findings) {
  for (const TunnelReport& tunnel : facts.tunnels) {
    if (tunnel.state != TunnelState::kDead || !why_carries_nothing(facts, tunnel).empty()) continue;
    Finding finding = finding_of("TUN003", tunnel);
    finding.title = fmt::format("{} is sending and its other end does not answer", name_of(tunnel));
    finding.detail = fmt::format("What goes into the tunnel vanishes. It is used by {}.", users_words(tunnel));
    if (!is_in_use(tunnel)) finding.severity = Severity::kWarning;
    const Tunnel* known = facts.snapshot.find_tunnel(tunnel.interface);
    if (known != nullptr && !known->endpoints.empty()) {
      add_step(finding.remedy, "See whether the server can be reached.",
               {user_command({"ping", "-c", "3", known->endpoints.front().address.to_string()})});
    }
    add_renewal_step(tunnel.owner, tunnel.interface, finding);
    findings.push_back(std::move(finding));
  }
}

void check_unused_tunnels(const LeakContext& facts, Findings& findings) {
  for (const TunnelReport& tunnel : facts.tunnels) {
    const bool is_left = tunnel.state == TunnelState::kOrphan ||
                         (tunnel.state == TunnelState::kDead && !why_carries_nothing(facts, tunnel).empty());
    if (!is_left || is_in_use(tunnel)) continue;
    Finding finding = finding_of("TUN004", tunnel);
    finding.title = fmt::format("{} is left over: nothing holds it and nothing uses it", name_of(tunnel));
    finding.detail = "It does no harm by itself; a VPN that wants an interface of that name may fail.";
    add_step(finding.remedy, "Delete it, unless a program is to open it later.",
             {root_command({"ip", "link", "del", "dev", tunnel.interface})});
    findings.push_back(std::move(finding));
  }
}

void check_stopped_holders(const LeakContext& facts, Findings& findings) {
  for (const TunnelReport& tunnel : facts.tunnels) {
    const Tunnel* holder = stopped_holder(facts, tunnel);
    if (holder == nullptr || tunnel.state == TunnelState::kHung) continue;
    Finding finding = finding_of("TUN009", tunnel);
    finding.title = fmt::format("{} is held by a stopped process, PID {}", name_of(tunnel), *holder->holder_pid);
    finding.detail = "It carries nothing until the process goes on.";
    add_revive_steps(facts, tunnel, finding);
    findings.push_back(std::move(finding));
  }
}

}  // namespace vpndoctor
