// SPDX-License-Identifier: Apache-2.0
// The remains of VPN clients that are gone: one finding a client, whose steps are those of its dead tunnel where that
// is still there; and how dead tunnels and remains have grown since a saved state.
#include <fmt/format.h>

#include <algorithm>

#include "crash_remains.h"
#include "leak_checks_tunnel.h"
#include "remains_removal.h"
#include "server_routes.h"
#include "vpn_leftovers.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

std::string parts_words(const CrashRemains& remains) {
  std::vector<std::string> words;
  const auto add = [&words](std::size_t count, const char* what) {
    if (count != 0) words.push_back(count_words(count, what));
  };
  add(remains.rules.size(), "rule");
  add(remains.tables.size(), "table");
  if (!remains.tables.empty()) words.back() += " of the packet filter";
  add(remains.marked_rules.size(), "rule");
  if (!remains.marked_rules.empty()) words.back() += " of iptables";
  add(remains.server_routes.size(), "host route");
  add(remains.kill_switches.size(), "kill switch interface");
  add(remains.stranded.tables.size(), "kill switch");
  add(remains.sockets.size(), "control socket");
  return in_a_row(words);
}

bool is_all_tunnelled(const LeakContext& facts) {
  return facts.coverage.inet.mode == CoverageMode::kFull || facts.coverage.inet6.mode == CoverageMode::kFull;
}

/// Nothing is left but a kill switch, which may be wanted as it is.
bool is_kill_switch_alone(const CrashRemains& remains) {
  return !remains.stranded.tables.empty() && remains.rules.empty() && remains.tables.empty() &&
         remains.marked_rules.empty() && remains.server_routes.empty() && remains.kill_switches.empty() &&
         remains.sockets.empty();
}

std::string title_of(const CrashRemains& remains) {
  if (!is_kill_switch_alone(remains)) {
    return fmt::format("{} left {} behind{}", remains.is_recognised() ? remains.client : "A VPN client",
                       parts_words(remains), remains.has_default ? "" : ", and no default route outside of tunnels");
  }
  const ProtectionSign& sign = remains.stranded.tables.front();
  const std::string why = sign.tunnel.empty() ? "no tunnel works" : escape_controls(sign.tunnel) + " is gone";
  return fmt::format("The kill switch in {} stops this machine: {}", sign.table, why);
}

std::string consequence(const LeakContext& facts, const CrashRemains& remains) {
  if (!remains.stranded.tables.empty()) {
    return fmt::format(
        "Nothing gets to public addresses: the packet filter stops what would leave by {}. That is right where nothing "
        "may leave without the VPN; then only the VPN is missing.",
        escape_controls(remains.stranded.interface));
  }
  if (!remains.kill_switches.empty())
    return "What goes into the kill switch's interface vanishes: there is no VPN behind it.";
  if (!remains.has_default)
    return "The default route is gone with the VPN: this machine reaches its own networks alone.";
  if (remains.is_certain && is_all_tunnelled(facts)) return "A VPN is gone without having cleaned up.";
  if (remains.is_certain)
    return "The VPN is gone without having cleaned up: what was meant for its tunnel leaves in clear.";
  return "It does no harm by itself; it shows that a VPN may have ended without cleaning up.";
}

void add_remains(const LeakContext& facts, const CrashRemains& remains, Findings& findings) {
  const bool is_alone = is_kill_switch_alone(remains);
  Finding finding = make_finding(
      "TUN007", is_alone ? Subject{"firewall", remains.stranded.tables.front().table} : Subject{"vpn", remains.client});
  if (!remains.is_certain) finding.severity = Severity::kWarning;
  const bool rests_on_route = remains.rules.empty() && remains.tables.empty() && remains.marked_rules.empty();
  if (rests_on_route) {
    finding.confidence = remains.is_certain || is_alone ? Confidence::kLikely : Confidence::kSuspected;
  }
  finding.title = title_of(remains);
  finding.detail = consequence(facts, remains);
  quote_remains(facts, remains, finding);
  if (dead_tunnel_of(facts, remains) != nullptr) {
    // Starting that tunnel's VPN comes before taking away: what is taken away after it is what the VPN needs.
    finding.caused_by.emplace_back("TUN001");
  } else {
    add_removal_steps(facts, remains, finding);
    add_restart_step(remains.is_recognised() ? remains.client : "",
                     remains.interfaces.empty() ? "" : remains.interfaces.front(), finding);
    add_release_steps(remains, finding);
  }
  findings.push_back(std::move(finding));
}

/// What may accumulate.
struct Amounts {
  std::size_t dead_tunnels = 0;
  std::size_t rules = 0;         ///< that lead to a table without routes
  std::size_t unused_utuns = 0;  ///< of macOS, none of its own
};

bool is_unused_utun(const Snapshot& snapshot, const TunnelReport& tunnel) {
  return snapshot.platform == Platform::kMacos && tunnel.state == TunnelState::kUnknown && !is_in_use(tunnel) &&
         std::ranges::all_of(tunnel.addresses, [](const IpPrefix& each) { return each.address.is_link_local(); });
}

Amounts amounts_of(const Snapshot& snapshot, const std::vector<TunnelReport>& tunnels) {
  Amounts amounts;
  for (const TunnelReport& tunnel : tunnels) {
    if (tunnel.state == TunnelState::kDead || tunnel.state == TunnelState::kOrphan) ++amounts.dead_tunnels;
    if (is_unused_utun(snapshot, tunnel)) ++amounts.unused_utuns;
  }
  amounts.rules = find_vpn_leftovers(snapshot, {}).rules.size();
  return amounts;
}

std::string growth_words(const Amounts& before, const Amounts& now) {
  std::string text;
  const auto compare = [&text](std::size_t old_count, std::size_t new_count, const char* what) {
    if (new_count <= old_count) return;
    text += fmt::format("{}{}, {} before", text.empty() ? "" : "; ", count_words(new_count, what), old_count);
  };
  compare(before.dead_tunnels, now.dead_tunnels, "dead tunnel");
  compare(before.rules, now.rules, "leftover rule");
  compare(before.unused_utuns, now.unused_utuns, "unused utun interface");
  return text;
}

}  // namespace

std::string crash_remains_undecided(const LeakContext& facts) {
  if (!facts.crash_remains().empty()) return {};
  const ServerRoutes routes(facts.snapshot);
  if (routes.are_abandoned_many()) return too_many_server_routes();
  if (!routes.abandoned().empty()) {
    if (std::string why = server_routes_undecided(facts.snapshot); !why.empty()) return why;
  }
  if (!facts.snapshot.firewall)
    return "the tables of the packet filter are not known: " + facts.snapshot.firewall.why_missing();
  if (std::string why = find_stranded_kill_switch(facts).undecided; !why.empty()) return why;
  if (!facts.snapshot.vpn_signs)
    return "control sockets were not looked for: " + facts.snapshot.vpn_signs.why_missing();
  return {};
}

void check_crash_remains(const LeakContext& facts, Findings& findings) {
  for (const CrashRemains& remains : facts.crash_remains()) add_remains(facts, remains, findings);
}

void check_growth(const LeakContext& facts, Findings& findings) {
  if (facts.before == nullptr || !facts.before->links || facts.before->platform != facts.snapshot.platform) return;
  const Amounts now = amounts_of(facts.snapshot, facts.tunnels);
  std::string grown = growth_words(amounts_of(*facts.before, judge_tunnels(*facts.before)), now);
  if (grown.empty()) return;
  Finding finding = make_finding("TUN008", {"machine", ""});
  finding.title = std::move(grown);
  finding.detail = "A VPN client leaves something behind again and again.";
  for (const TunnelReport& tunnel : facts.tunnels) {
    const bool is_counted = tunnel.state == TunnelState::kDead || tunnel.state == TunnelState::kOrphan ||
                            is_unused_utun(facts.snapshot, tunnel);
    if (!is_counted) continue;
    const bool is_new = facts.before->find_link(tunnel.interface) == nullptr;
    finding.evidence.push_back(
        {"state", escape_controls(tunnel.interface),
         fmt::format("{}{}; used by {}", tunnel_state_name(tunnel.state), is_new ? ", new" : "", users_words(tunnel))});
  }
  if (now.unused_utuns != 0) finding.confidence = Confidence::kLikely;
  if (finding.evidence.empty()) finding.evidence.push_back(proof(facts.snapshot.rules, "rules", finding.title));
  add_step(finding.remedy, "Restart or update the VPN client that makes them.");
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
