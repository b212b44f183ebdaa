// SPDX-License-Identifier: Apache-2.0
// Chooses the interfaces that are judged and gathers what is told of each; how a sort of tunnel is judged is in
// tunnel_state_*.cc.
#include "vpndoctor/tunnel_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tunnel_users.h"
#include "vpndoctor/ppp_use.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/text_escape.h"
#include "wireguard_peer_state.h"

namespace vpndoctor {
namespace {

bool is_wireguard(const TunnelCase& facts) {
  return facts.link.kind == "wireguard" || facts.link.kind == "amneziawg" ||
         (facts.tunnel != nullptr && facts.tunnel->kind == "wireguard");
}

TunnelJudgement judge_systems_own(const TunnelCase& facts) {
  return {TunnelState::kSystem, facts.is_tun_device()
                                    ? "It carries IPv4 over an IPv6-only network (CLAT, RFC 6877); it is no VPN."
                                    : "It has no other end: the kernel makes such an interface by itself."};
}

TunnelJudgement judge(const TunnelCase& facts) {
  if (facts.snapshot.platform == Platform::kMacos) return judge_macos_tunnel(facts);
  if (is_systems_own(facts.link)) return judge_systems_own(facts);
  if (is_wireguard(facts)) return judge_wireguard(facts);
  return facts.is_tun_device() ? judge_tun_device(facts) : judge_kernel_tunnel(facts);
}

bool is_judged(const Snapshot& snapshot, const Link& link) {
  if (snapshot.platform == Platform::kMacos) return has_macos_tunnel_name(link.name);
  return is_systems_own(link) || is_tunnel(snapshot, link.name);
}

const InterfaceActivity* activity_of(const Snapshot& snapshot, const std::string& interface) {
  if (!snapshot.activity) return nullptr;
  const auto& all = snapshot.activity->interfaces;
  const auto found = std::ranges::find(all, interface, &InterfaceActivity::interface);
  return found == all.end() ? nullptr : &*found;
}

std::string kind_of(const TunnelCase& facts) {
  if (facts.tunnel != nullptr && !facts.tunnel->kind.empty()) return facts.tunnel->kind;
  if (!facts.link.kind.empty()) return facts.link.kind;
  if (facts.link.hardware_type == kHardwarePpp) return "ppp";
  return facts.snapshot.platform == Platform::kMacos
             ? facts.link.name.substr(0, facts.link.name.find_first_of("0123456789"))
             : "tunnel";
}

void quote_link(const TunnelCase& facts, TunnelReport& report) {
  std::string text = facts.link.is_up() ? (facts.has_carrier() ? "up, with a carrier" : "up, no carrier") : "down";
  if (facts.link.is_up() && facts.has_changed_carrier())
    text += facts.has_carrier() ? ", which came while it was watched" : " any more";
  if (facts.link.tun_persistent) text += *facts.link.tun_persistent ? ", persistent" : ", not persistent";
  report.evidence.push_back(
      {facts.snapshot.links.source().starts_with("netlink") ? "netlink" : "capture", "link", text});
}

void quote_holder(const TunnelCase& facts, TunnelReport& report) {
  const std::string holder = facts.holder_words();
  std::string text = holder.empty() ? "" : "held by " + holder;
  if (facts.is_holder_stopped()) text += ", which is stopped";
  if (facts.tunnel != nullptr && facts.tunnel->holder_is_elsewhere == true) text += ", in another network namespace";
  if (holder.empty() && facts.is_tun_device()) {
    const std::string why = facts.why_holder_unknown();
    text = why.empty() ? "no process holds it" : "who holds it is not known: " + why;
  }
  if (!text.empty()) report.evidence.push_back({"process", "/proc", std::move(text)});
}

void quote_movement(const TunnelCase& facts, TunnelReport& report) {
  const auto moved = facts.movement();
  if (!moved) return;
  std::string text = fmt::format("in {:.1f} s {} packets came in and {} went out",
                                 std::chrono::duration<double>(facts.snapshot.activity->interval).count(),
                                 moved->received, moved->sent);
  if (moved->queued) text += fmt::format(", {} were handed to the device", *moved->queued);
  if (moved->dropped != 0) text += fmt::format(", {} were dropped", moved->dropped);
  report.evidence.push_back({"counters", facts.snapshot.activity.source(), std::move(text)});
}

void quote_peers(const TunnelCase& facts, TunnelReport& report) {
  if (facts.tunnel == nullptr) return;
  if (facts.tunnel->peers) {
    const auto& peers = *facts.tunnel->peers;
    const auto shaken = std::ranges::count_if(peers, [](const auto& peer) { return peer.last_handshake.has_value(); });
    report.evidence.push_back(
        {"wireguard", "peers", fmt::format("{} of {} peers have shaken hands", shaken, peers.size())});
    if (const auto judged = judge_peers(facts)) quote_peer_states(*judged, report.evidence);
  }
  if (facts.tunnel->outer_is_elsewhere == true) {
    report.evidence.push_back({"wireguard", "socket", "its packets leave in another network namespace"});
  }
  const bool is_said = !facts.tunnel->holder_pid && facts.tunnel->not_seen == facts.tunnel->holder_not_seen;
  if (!facts.tunnel->not_seen.empty() && !is_said) {
    report.evidence.push_back({"limit", "tunnel", "not seen: " + escape_controls(facts.tunnel->not_seen)});
  }
}

TunnelReport report_of(const TunnelCase& facts, const TunnelUsers& users) {
  TunnelReport report;
  report.interface = facts.link.name;
  report.kind = kind_of(facts);
  TunnelJudgement judged = judge(facts);
  report.state = judged.state;
  report.why = std::move(judged.why);
  report.owner = link_owner(facts.snapshot, facts.link).name;
  quote_link(facts, report);
  quote_holder(facts, report);
  quote_movement(facts, report);
  quote_peers(facts, report);
  if (facts.snapshot.addresses) {
    for (const Address& address : *facts.snapshot.addresses) {
      if (address.interface == facts.link.name) report.addresses.push_back({address.address, address.prefix_length});
    }
  }
  report.routes_count = users.routes_count(facts.link.name);
  report.rules_count = users.rules(facts.link.name).size();
  report.dns_scopes = users.dns_scopes(facts.link.name);
  return report;
}

}  // namespace

const char* tunnel_state_name(TunnelState state) {
  constexpr std::array kNames = {"live", "idle", "hung", "dead", "orphan", "system", "unknown"};
  return kNames[static_cast<std::size_t>(state)];
}

bool TunnelCase::has_carrier() const {
  return (activity != nullptr ? activity->last_carrier : std::nullopt).value_or(link.has_carrier());
}

std::optional<TunnelMovement> TunnelCase::movement() const {
  if (activity == nullptr) return std::nullopt;
  const InterfaceCounters& first = activity->first;
  const InterfaceCounters& last = activity->last;
  const bool queue_is_known =
      first.queued_packets && last.queued_packets && *first.queued_packets <= *last.queued_packets;
  if (last.received_packets < first.received_packets || last.sent_packets < first.sent_packets ||
      last.sent_dropped < first.sent_dropped) {
    return std::nullopt;
  }
  TunnelMovement moved{.received = last.received_packets - first.received_packets,
                       .sent = last.sent_packets - first.sent_packets,
                       .dropped = last.sent_dropped - first.sent_dropped};
  if (queue_is_known) moved.queued = *last.queued_packets - *first.queued_packets;
  return moved;
}

std::string TunnelCase::why_no_movement() const {
  if (movement()) return {};
  if (activity != nullptr) return "its counters were set back while they were watched";
  if (!snapshot.activity) return "its counters were not looked at twice";
  return snapshot.activity.limits().empty() ? "its counters could not be read twice"
                                            : escape_controls(snapshot.activity.limits().front());
}

std::string TunnelCase::holder_words() const {
  if (tunnel == nullptr || !tunnel->holder_pid) return {};
  const std::string name = tunnel->holder_name.empty() ? "a process" : escape_controls(tunnel->holder_name);
  return fmt::format("{} (PID {})", name, *tunnel->holder_pid);
}

std::string TunnelCase::why_holder_unknown() const {
  if (tunnel != nullptr) return tunnel->holder_pid ? "" : escape_controls(tunnel->holder_not_seen);
  return snapshot.tunnels ? "nothing is known of this tunnel" : escape_controls(snapshot.tunnels.why_missing());
}

bool TunnelCase::is_holder_stopped() const {
  return tunnel != nullptr && tunnel->holder_pid && (tunnel->holder_state == 'T' || tunnel->holder_state == 't');
}

namespace {

std::vector<TunnelReport> judge_all(const Snapshot& snapshot, const Fib* fib) {
  std::vector<TunnelReport> reports;
  if (!snapshot.links) return reports;
  const bool has_any =
      std::ranges::any_of(*snapshot.links, [&](const Link& link) { return is_judged(snapshot, link); });
  if (!has_any) return reports;
  const TunnelUsers users(snapshot, fib);
  for (const Link& link : *snapshot.links) {
    if (!is_judged(snapshot, link)) continue;
    const TunnelCase facts{.snapshot = snapshot,
                           .link = link,
                           .tunnel = snapshot.find_tunnel(link.name),
                           .activity = activity_of(snapshot, link.name)};
    reports.push_back(report_of(facts, users));
  }
  return reports;
}

}  // namespace

std::vector<TunnelReport> judge_tunnels(const Snapshot& snapshot) { return judge_all(snapshot, nullptr); }

std::vector<TunnelReport> judge_tunnels(const Snapshot& snapshot, const Fib& fib) { return judge_all(snapshot, &fib); }

}  // namespace vpndoctor
