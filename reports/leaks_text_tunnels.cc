// SPDX-License-Identifier: Apache-2.0
// Tunnels and what their states rest on, WireGuard's peers, other signs of VPNs. The system's own are folded.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "leaks_text_parts.h"
#include "units.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostTunnels = 20;
constexpr std::size_t kMostListed = 8;
// What a row of 80 columns has room for; the kernel's own names are never longer (IFNAMSIZ).
constexpr std::size_t kKindColumns = 10;
constexpr std::size_t kOwnerColumns = 12;

bool is_broken(const TunnelReport& tunnel) {
  return tunnel.state == TunnelState::kDead || tunnel.state == TunnelState::kHung ||
         tunnel.state == TunnelState::kOrphan;
}

bool is_system(const TunnelReport& tunnel) { return tunnel.state == TunnelState::kSystem; }

/// What is broken first, else in the order of the links.
std::vector<const TunnelReport*> shown_tunnels(const LeaksReport& report, bool with_system) {
  std::vector<const TunnelReport*> shown;
  for (const TunnelReport& tunnel : report.tunnels) {
    if (with_system || !is_system(tunnel)) shown.push_back(&tunnel);
  }
  std::ranges::stable_partition(shown, [](const TunnelReport* tunnel) { return is_broken(*tunnel); });
  return shown;
}

std::string holder_text(const Tunnel* facts) {
  if (facts == nullptr) return "not known";
  if (facts->holder_pid) return process_text(*facts->holder_pid, facts->holder_name);
  return facts->holder_not_seen.empty() ? "-" : "not known";
}

void write_table(const LeaksReport& report, const std::vector<const TunnelReport*>& tunnels, Page& page) {
  StyledTable table;
  table.table.columns = {{"interface"}, {"kind"},         {"state"},      {"held by", false, true},
                         {"owner"},     {"routes", true}, {"rules", true}};
  for (const TunnelReport* tunnel : tunnels) {
    table.table.rows.push_back(
        {cell_text(tunnel->interface, kInterfaceColumns), cell_text(tunnel->kind, kKindColumns),
         tunnel_state_name(tunnel->state), holder_text(report.snapshot->find_tunnel(tunnel->interface)),
         cell_text(tunnel->owner, kOwnerColumns), grouped(tunnel->routes_count), grouped(tunnel->rules_count)});
    table.styles.push_back(is_broken(*tunnel) ? Style::kDoubtful : Style::kPlain);
  }
  page.table(table);
}

std::string addresses_text(const TunnelReport& tunnel) {
  std::vector<std::string> texts;
  texts.reserve(tunnel.addresses.size());
  for (const IpPrefix& address : tunnel.addresses) texts.push_back(address.to_string());
  return names_text(texts, kMostListed);
}

std::string state_clause(const TunnelReport& tunnel) {
  if (tunnel.state == TunnelState::kUnknown) return fmt::format("the state of {} is not known", tunnel.interface);
  if (tunnel.state == TunnelState::kOrphan) return fmt::format("{} is an orphan", tunnel.interface);
  if (is_system(tunnel)) return fmt::format("{} is the system's own", tunnel.interface);
  return fmt::format("{} is {}", tunnel.interface, tunnel_state_name(tunnel.state));
}

/// What the state rests on, then what the interface is used for.
void write_reason(const TunnelReport& tunnel, Page& page) {
  if (!tunnel.why.empty()) page.item(fmt::format("{}. {}", state_clause(tunnel), tunnel.why));
  if (!page.verbose()) return;
  const std::string addresses = addresses_text(tunnel);
  if (!addresses.empty()) page.item(fmt::format("{} has {}", tunnel.interface, addresses), 4);
  if (!tunnel.dns_scopes.empty()) page.item(fmt::format("DNS: {}", names_text(tunnel.dns_scopes, kMostListed)), 4);
  for (const Evidence& each : tunnel.evidence) {
    page.item(each.source.empty() ? each.text : fmt::format("{} [{}, {}]", each.text, each.kind, each.source), 4);
  }
}

void write_folded(const LeaksReport& report, Page& page) {
  std::vector<std::string> names;
  for (const TunnelReport& tunnel : report.tunnels) {
    if (is_system(tunnel)) names.push_back(tunnel.interface);
  }
  if (names.empty()) return;
  page.paragraph(fmt::format("{} of the system's own, no VPN: {}", names.size(), names_text(names, kMostListed)), 2,
                 Style::kQuiet);
}

std::string peer_age(const Snapshot& snapshot, const WireguardPeer& peer) {
  if (!peer.last_handshake) return "never";
  const auto now = snapshot.activity ? snapshot.activity->ended_at : snapshot.taken_at;
  return age_text(std::chrono::duration_cast<std::chrono::seconds>(now - *peer.last_handshake)) + " ago";
}

std::string peer_text(const Snapshot& snapshot, const WireguardPeer& peer) {
  std::vector<std::string> allowed;
  allowed.reserve(peer.allowed_ips.size());
  for (const AllowedIp& each : peer.allowed_ips) {
    allowed.push_back(fmt::format("{}/{}", each.address.to_string(), each.prefix_length));
  }
  return fmt::format("{}, last handshake {}, {} received, {} sent; carries {}",
                     peer.endpoint ? endpoint_text(*peer.endpoint, peer.endpoint_port) : "no endpoint yet",
                     peer_age(snapshot, peer), bytes_sent_text(peer.received_bytes), bytes_sent_text(peer.sent_bytes),
                     allowed.empty() ? "nothing" : names_text(allowed, kMostListed));
}

}  // namespace

bool has_no_vpn_tunnel(const std::vector<TunnelReport>& tunnels) { return std::ranges::all_of(tunnels, is_system); }

std::string broken_tunnels_clause(const std::vector<TunnelReport>& tunnels) {
  constexpr std::array kBroken = {std::pair(TunnelState::kDead, "dead"), std::pair(TunnelState::kHung, "hung"),
                                  std::pair(TunnelState::kOrphan, "held by no program")};
  std::string text;
  for (const auto& [state, word] : kBroken) {
    std::vector<std::string> names;
    for (const TunnelReport& tunnel : tunnels) {
      if (tunnel.state == state) names.push_back(tunnel.interface);
    }
    if (names.empty()) continue;
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", names_text(names, 3), names.size() == 1 ? "is" : "are",
                        word);
  }
  return text;
}

void write_tunnels(const LeaksReport& report, Page& page) {
  if (report.tunnels.empty()) return;
  page.heading("Tunnels");
  std::vector<const TunnelReport*> tunnels = shown_tunnels(report, page.verbose());
  const std::size_t count = tunnels.size();
  if (!page.verbose() && count > kMostTunnels) tunnels.resize(kMostTunnels);
  if (!tunnels.empty()) write_table(report, tunnels, page);
  if (count > tunnels.size()) {
    page.paragraph(fmt::format("and {} more; --verbose lists them", count - tunnels.size()), 2, Style::kQuiet);
  }
  for (const TunnelReport* tunnel : tunnels) write_reason(*tunnel, page);
  if (!page.verbose()) write_folded(report, page);
}

void write_peers(const LeaksReport& report, Page& page) {
  if (!page.verbose() || !report.snapshot->tunnels) return;
  bool has_heading = false;
  for (const Tunnel& tunnel : *report.snapshot->tunnels) {
    for (const WireguardPeer& peer : tunnel.peers.value_or(std::vector<WireguardPeer>{})) {
      if (!std::exchange(has_heading, true)) page.heading("WireGuard peers");
      page.item(fmt::format("{}: {}", tunnel.interface, peer_text(*report.snapshot, peer)));
    }
  }
}

void write_vpn_signs(const Snapshot& snapshot, Page& page) {
  if (!snapshot.vpn_signs || snapshot.vpn_signs->empty()) return;
  page.heading("Other signs of VPNs");
  const std::size_t shown =
      page.verbose() ? snapshot.vpn_signs->size() : std::min(snapshot.vpn_signs->size(), kMostListed);
  for (std::size_t i = 0; i < shown; ++i) {
    const VpnSign& sign = (*snapshot.vpn_signs)[i];
    const bool is_socket = sign.kind == VpnSignKind::kAbandonedSocket;
    page.item(fmt::format("{}{} {}", sign.pid ? process_text(*sign.pid, sign.name) : sign.name, is_socket ? ":" : "",
                          sign.text));
  }
  if (shown < snapshot.vpn_signs->size()) {
    page.paragraph(fmt::format("and {} more; --verbose lists them", snapshot.vpn_signs->size() - shown), 2,
                   Style::kQuiet);
  }
}

}  // namespace vpndoctor
