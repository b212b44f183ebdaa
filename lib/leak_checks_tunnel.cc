// SPDX-License-Identifier: Apache-2.0
// The rows of the tunnel checks, and what they share.
#include "leak_checks_tunnel.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "routing_checks.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr auto kTunnelChecks = std::to_array<LeakCheck>({
    {"TUN001", kLeakLinks, 0, check_dead_tunnels_in_use},
    {"TUN002", kLeakLinks, 0, check_hung_tunnels},
    {"TUN003", kLeakLinks | kLeakTunnels, 0, check_dead_sessions},
    {"TUN004", kLeakLinks | kLeakRoutes | kLeakTunnels, kLeakRoutes, check_unused_tunnels},
    {"TUN005", kLeakLinks, kLeakLinks, check_expected_tunnel, expected_tunnel_undecided},
    {"TUN006", kLeakLinks | kLeakRoutes, 0, check_expected_coverage, expected_coverage_undecided},
    {"TUN007", kLeakTables | kLeakTunnels, kLeakLinks | kLeakRoutes, check_crash_remains, crash_remains_undecided},
    {"TUN008", kLeakLinks, 0, check_growth},
    {"TUN009", kLeakLinks | kLeakTunnels, 0, check_stopped_holders},
    {"TUN010", 0, 0, check_unserved_ipsec, unserved_ipsec_unknown},
});

/// A service that makes its tunnel again when it is restarted.
struct Service {
  std::string_view owner;
  const char* unit;
};

constexpr auto kServices = std::to_array<Service>({
    {"Tailscale", "tailscaled"},
    {"Mullvad", "mullvad-daemon"},
    {"NordVPN", "nordvpnd"},
    {"NetBird", "netbird"},
    {"Cloudflare WARP", "warp-svc"},
    {"ZeroTier", "zerotier-one"},
});

constexpr const char* kNoCarrier = "has no carrier";

/// Null: not looked at twice, or not told.
std::optional<bool> last_carrier(const Snapshot& snapshot, const std::string& interface) {
  if (!snapshot.activity) return std::nullopt;
  const auto& all = snapshot.activity->interfaces;
  const auto found = std::ranges::find(all, interface, &InterfaceActivity::interface);
  return found == all.end() ? std::nullopt : found->last_carrier;
}

}  // namespace

std::span<const LeakCheck> tunnel_checks() { return kTunnelChecks; }

std::string why_carries_nothing(const LeakContext& facts, const TunnelReport& tunnel) {
  std::string at_first = why_dead(facts.snapshot, tunnel.interface);
  const auto at_last = last_carrier(facts.snapshot, tunnel.interface);
  if (!at_last || (!at_first.empty() && at_first != kNoCarrier)) return at_first;
  return *at_last ? "" : kNoCarrier;
}

bool is_broken(const LeakContext& facts, const TunnelReport& tunnel) {
  if (tunnel.state == TunnelState::kDead || tunnel.state == TunnelState::kOrphan) return true;
  if (tunnel.state != TunnelState::kUnknown || facts.snapshot.platform == Platform::kMacos) return false;
  return why_carries_nothing(facts, tunnel) == kNoCarrier;
}

const Tunnel* stopped_holder(const LeakContext& facts, const TunnelReport& report) {
  const Tunnel* tunnel = facts.snapshot.find_tunnel(report.interface);
  const bool is_stopped =
      tunnel != nullptr && tunnel->holder_pid && (tunnel->holder_state == 'T' || tunnel->holder_state == 't');
  return is_stopped ? tunnel : nullptr;
}

bool is_in_use(const TunnelReport& tunnel) {
  return tunnel.routes_count != 0 || tunnel.rules_count != 0 || !tunnel.dns_scopes.empty();
}

bool is_dead_in_use(const LeakContext& facts, const TunnelReport& tunnel) {
  return is_broken(facts, tunnel) && !why_carries_nothing(facts, tunnel).empty() && is_in_use(tunnel);
}

std::string count_words(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string users_words(const TunnelReport& tunnel) {
  std::vector<std::string> words;
  if (tunnel.routes_count != 0) words.push_back(count_words(tunnel.routes_count, "route"));
  if (tunnel.rules_count != 0) words.push_back(count_words(tunnel.rules_count, "rule"));
  if (!tunnel.dns_scopes.empty()) words.push_back(count_words(tunnel.dns_scopes.size(), "resolver scope"));
  if (words.empty()) return "nothing";
  return in_a_row(words);
}

std::vector<Command> restart_commands(const std::string& owner, const std::string& interface) {
  if (owner == "wg-quick" && !interface.empty()) return {root_command({"wg-quick", "up", interface})};
  const auto found = std::ranges::find(kServices, owner, &Service::owner);
  if (found == kServices.end()) return {};
  return {root_command({"systemctl", "restart", found->unit})};
}

std::string restart_words(const std::string& owner, const std::string& interface) {
  if (!owner.empty()) return fmt::format("Start {} again.", owner);
  if (interface.empty()) return "Start the VPN again.";
  return fmt::format("Start the VPN that makes {} again.", escape_controls(interface));
}

void add_restart_step(const std::string& owner, const std::string& interface, Finding& finding) {
  add_step(finding.remedy, restart_words(owner, interface), restart_commands(owner, interface));
}

void add_renewal_step(const std::string& owner, const std::string& interface, Finding& finding) {
  if (owner != "wg-quick") return add_restart_step(owner, interface, finding);
  add_step(finding.remedy, "Make the tunnel anew.",
           {root_command({"wg-quick", "down", interface}), root_command({"wg-quick", "up", interface})});
}

}  // namespace vpndoctor
