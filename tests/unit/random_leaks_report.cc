// SPDX-License-Identifier: Apache-2.0
// Random reports of the leaks command. Keeps the few promises that the data types make: an unknown mode has a reason,
// a holder that is named is not unknown.
#include "random_leaks_report.h"

#include <array>

#include "report_draw.h"
#include "vpndoctor/codes.h"

namespace vpndoctor::test {
namespace {

class LeaksDraw : public ReportDraw {
 public:
  using ReportDraw::ReportDraw;

  std::uint64_t count() { return below(chance() ? 10 : 1'000'000'000); }
  std::uint16_t port() { return static_cast<std::uint16_t>(below(65536)); }
  std::optional<std::uint16_t> maybe_port() { return chance() ? std::optional(port()) : std::nullopt; }
  std::optional<std::uint32_t> maybe_number() { return chance() ? std::optional(number()) : std::nullopt; }
  IpPrefix prefix() {
    const IpAddress base = address();
    return IpPrefix(base, static_cast<std::uint8_t>(below(base.octets().size() * 8 + 1)));
  }
  std::chrono::system_clock::time_point time() {
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(below(4'000'000'000'000)));
  }
  std::vector<Evidence> evidence() {
    return list<Evidence>(3, [this] { return Evidence{text(), maybe_text(), text()}; });
  }
};

WireguardPeer random_peer(LeaksDraw& draw) {
  WireguardPeer peer;
  peer.endpoint = draw.maybe_address();
  peer.endpoint_port = draw.port();
  peer.allowed_ips = draw.list<AllowedIp>(
      12, [&draw] { return AllowedIp{draw.address(), static_cast<std::uint8_t>(draw.below(33))}; });
  peer.public_key = draw.maybe_text();
  if (draw.chance()) peer.last_handshake = draw.time();
  peer.received_bytes = draw.count();
  peer.sent_bytes = draw.count();
  if (draw.chance()) peer.keepalive = std::chrono::seconds(draw.below(65536));
  return peer;
}

Tunnel random_tunnel(LeaksDraw& draw, const std::string& interface) {
  Tunnel tunnel;
  tunnel.interface = interface;
  tunnel.kind = draw.maybe_text();
  tunnel.holder_pid = draw.maybe_number();
  tunnel.holder_name = draw.maybe_text();
  if (!tunnel.holder_pid) tunnel.holder_not_seen = draw.maybe_text();
  if (draw.chance()) tunnel.holder_state = 'T';
  tunnel.holder_is_elsewhere = draw.maybe_bool();
  tunnel.outer_is_elsewhere = draw.maybe_bool();
  tunnel.endpoints = draw.list<OuterEndpoint>(3, [&draw] { return OuterEndpoint{draw.address(), draw.maybe_port()}; });
  tunnel.mark = draw.maybe_number();
  tunnel.not_seen = draw.maybe_text();
  tunnel.listen_port = draw.maybe_port();
  if (draw.chance()) tunnel.peers = draw.list<WireguardPeer>(3, [&draw] { return random_peer(draw); });
  return tunnel;
}

TunnelReport random_judgement(LeaksDraw& draw) {
  TunnelReport report;
  report.interface = draw.text();
  report.kind = draw.maybe_text();
  report.state = draw.one_of(std::array{TunnelState::kLive, TunnelState::kIdle, TunnelState::kHung, TunnelState::kDead,
                                        TunnelState::kOrphan, TunnelState::kSystem, TunnelState::kUnknown});
  report.why = draw.maybe_text();
  report.owner = draw.maybe_text();
  report.evidence = draw.evidence();
  report.addresses = draw.list<IpPrefix>(10, [&draw] { return draw.prefix(); });
  report.routes_count = draw.count();
  report.rules_count = draw.count();
  report.dns_scopes = draw.texts(12);
  return report;
}

InterfaceCounters random_counters(LeaksDraw& draw) {
  InterfaceCounters counters;
  counters.received_packets = draw.count();
  counters.sent_packets = draw.count();
  if (draw.chance()) counters.queued_packets = draw.count();
  return counters;
}

OutsidePrefix random_outside(LeaksDraw& draw) {
  OutsidePrefix outside;
  outside.prefix = draw.prefix();
  outside.address_class = static_cast<AddressClass>(draw.below(10));
  outside.interface = draw.maybe_text();
  outside.gateway = draw.maybe_address();
  if (draw.chance()) outside.protocol = static_cast<std::uint8_t>(draw.below(256));
  return outside;
}

FamilyCoverage random_coverage(LeaksDraw& draw) {
  FamilyCoverage coverage;
  coverage.mode = static_cast<CoverageMode>(draw.below(4));
  if (coverage.mode == CoverageMode::kUnknown) coverage.why_unknown = draw.text();
  coverage.tunnel_share = static_cast<double>(draw.below(1001)) / 1000;
  coverage.tunnels = draw.texts(12);
  coverage.outside = draw.list<OutsidePrefix>(30, [&draw] { return random_outside(draw); });
  coverage.is_cut = draw.chance();
  coverage.exceptions = draw.texts(12);
  return coverage;
}

CaptureLeak random_leak(LeaksDraw& draw) {
  CaptureLeak leak;
  leak.interface = draw.maybe_text();
  leak.source = draw.address();
  leak.source_port = draw.port();
  leak.destination = draw.address();
  leak.port = draw.chance() ? draw.port() : std::uint16_t{0};
  leak.ip_protocol = static_cast<std::uint8_t>(draw.below(256));
  leak.kind = draw.maybe_text();
  leak.reason = draw.maybe_text();
  leak.packets = draw.count();
  leak.bytes = draw.count();
  leak.first_at = draw.time();
  if (draw.chance()) leak.owner = SocketOwner{draw.number(), draw.maybe_text()};
  leak.bound_interface = draw.maybe_text();
  leak.flows = draw.count();
  leak.is_midstream = draw.chance();
  leak.is_forwarded = draw.below(4) == 0;
  return leak;
}

CaptureResult random_capture(LeaksDraw& draw) {
  CaptureResult capture;
  capture.interfaces = draw.texts(12);
  capture.seconds = static_cast<double>(draw.below(1'000'000)) / 77;
  capture.packets = draw.count();
  capture.dropped = draw.chance() ? draw.count() : 0;
  capture.control_seen = draw.chance();
  capture.control = draw.maybe_text();
  capture.leaks = draw.list<CaptureLeak>(20, [&draw] { return random_leak(draw); });
  capture.is_cut = draw.chance();
  for (std::uint64_t CaptureCounts::* count :
       {&CaptureCounts::tunnel, &CaptureCounts::control, &CaptureCounts::local, &CaptureCounts::by_configuration,
        &CaptureCounts::replies, &CaptureCounts::incoming, &CaptureCounts::foreign, &CaptureCounts::undecided}) {
    capture.counts.*count = draw.chance() ? draw.count() : 0;
  }
  capture.leak_packets = draw.count();
  capture.untold = draw.chance() ? draw.count() : 0;
  capture.why_untold = draw.maybe_text();
  capture.limits = draw.texts(12);
  capture.file = draw.maybe_text();
  capture.written_to = draw.maybe_text();
  return capture;
}

BypassTest random_bypass(LeaksDraw& draw) {
  BypassTest test;
  test.host = draw.text();
  if (draw.chance()) test.target = draw.address();
  test.interfaces = draw.texts(12);
  test.probes = draw.list<BypassProbe>(15, [&draw] {
    return BypassProbe{draw.text(),       static_cast<std::uint8_t>(draw.below(256)), draw.text(), draw.maybe_address(),
                       draw.maybe_text(), static_cast<BypassOutcome>(draw.below(4))};
  });
  test.why_not = draw.maybe_text();
  return test;
}

/// Only what the report shows of it.
Snapshot random_state(LeaksDraw& draw, const std::vector<TunnelReport>& judged) {
  Snapshot snapshot;
  snapshot.platform = draw.one_of(std::array{Platform::kLinux, Platform::kMacos});
  snapshot.taken_at = draw.time();
  std::vector<Tunnel> tunnels;
  TunnelActivity activity{std::chrono::milliseconds(draw.below(9000)), draw.time(), {}};
  for (const TunnelReport& each : judged) {
    if (draw.chance()) tunnels.push_back(random_tunnel(draw, each.interface));
    if (draw.chance()) activity.interfaces.push_back({each.interface, random_counters(draw), random_counters(draw)});
  }
  snapshot.links = draw.observed(std::vector<Link>{});
  snapshot.routes = draw.observed(RouteTable{});
  snapshot.tunnels = draw.observed(std::move(tunnels));
  snapshot.activity = draw.observed(std::move(activity));
  snapshot.xfrm = draw.observed(Xfrm{});
  snapshot.firewall = draw.observed(Firewall{});
  snapshot.vpn_signs = draw.observed(draw.list<VpnSign>(12, [&draw] {
    return VpnSign{static_cast<VpnSignKind>(draw.below(5)), draw.maybe_text(), draw.maybe_number(), draw.maybe_text()};
  }));
  return snapshot;
}

}  // namespace

Report random_leaks_report(std::mt19937_64& random) {
  LeaksDraw draw(random);
  Report report;
  report.command = "leaks";
  report.started_at = draw.time();
  LeaksReport leaks;
  leaks.tunnels = draw.list<TunnelReport>(25, [&draw] { return random_judgement(draw); });
  leaks.snapshot = std::make_shared<const Snapshot>(random_state(draw, leaks.tunnels));
  leaks.coverage = {random_coverage(draw), random_coverage(draw)};
  if (draw.chance()) leaks.expectation = {CoverageMode::kFull, draw.maybe_text()};
  if (draw.chance()) leaks.capture = random_capture(draw);
  if (draw.chance()) leaks.bypass = random_bypass(draw);
  leaks.state_name = draw.maybe_text();
  leaks.before_name = draw.maybe_text();
  leaks.why_no_before = draw.maybe_text();
  report.skipped =
      draw.list<Skipped>(3, [&draw] { return Skipped{std::string(all_codes().front().code), draw.text()}; });
  report.verdict = decide_verdict({}, FailOn::kError, leaks_are_answered(leaks, report.skipped));
  report.data = std::move(leaks);
  return report;
}

}  // namespace vpndoctor::test
