// SPDX-License-Identifier: Apache-2.0
// Sample measurements: a path of three hops with addresses of the documentation ranges.
#include "sample_reports.h"

#include <utility>

namespace vpndoctor::test {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kLinkMtu = 1500;
constexpr std::uint32_t kNarrow = 1400;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

/// Every tried size with `sent` probes each; those above `largest` got no answer.
std::vector<SizeCount> sizes_up_to(std::uint32_t largest) {
  std::vector<SizeCount> sizes;
  for (const std::uint32_t size : {60U, 576U, 1280U, 1281U, 1399U, 1400U, 1401U, 1420U, 1421U, 1492U, 1493U, 1500U}) {
    const std::uint32_t sent = size == 60 ? 24 : size == largest || size == largest + 1 ? 8 : 3;
    sizes.push_back({size, sent, size <= largest ? sent : 0});
  }
  return sizes;
}

std::vector<Hop> hops(std::uint32_t largest_behind_second) {
  return {{1, address("192.0.2.2"), Milliseconds(0.412), kLinkMtu, std::nullopt},
          {2, address("192.0.2.9"), Milliseconds(0.633), kLinkMtu, std::nullopt},
          {3, address("198.51.100.2"), Milliseconds(40.871), largest_behind_second, std::nullopt}};
}

PathMtuMeasurement base() {
  PathMtuMeasurement m;
  m.target = {"vpn.example.org", address("198.51.100.2"), "", address("2001:db8:3::2")};
  m.egress.interface = "eth0";
  m.egress.interface_index = 2;
  m.egress.source = address("192.0.2.1");
  m.egress.gateway = address("192.0.2.2");
  m.egress.link_mtu_bytes = kLinkMtu;
  m.min_bytes = 60;
  m.max_bytes = kLinkMtu;
  m.answered = true;
  m.rtt = Milliseconds(40.871);
  m.loss_ratio = 0.0;
  m.probing.privilege = "raw";
  m.probing.probes_sent = 155;
  m.probing.replies_received = 96;
  m.probing.bytes_sent = 123'400;
  m.probing.rounds = 4;
  m.probing.elapsed = Milliseconds(347.2);
  return m;
}

void narrow_way_there(PathMtuMeasurement& m) {
  m.round_trip = m.forward = {kNarrow, kNarrow};
  m.false_claim_probability = 1e-9;
  m.sizes = sizes_up_to(kNarrow);
  m.hops = hops(kNarrow);
  m.constriction = {2, address("192.0.2.9"), 3, address("198.51.100.2")};
}

TcpEvidence open_tcp(std::uint32_t mss, std::uint32_t full_bytes) {
  TcpEvidence tcp;
  tcp.port = 443;
  tcp.state = TcpEvidence::State::kOpen;
  tcp.sent_mss_bytes = tcp.peer_mss_bytes = mss;
  tcp.forward_full_bytes = tcp.reverse_full_bytes = full_bytes;
  return tcp;
}

std::unique_ptr<PathMtuReport> path_of(PathMtuMeasurement measurement) {
  auto path = std::make_unique<PathMtuReport>();
  path->diagnosis = diagnose_path_mtu(measurement);
  path->measurement = std::move(measurement);
  return path;
}

Report report_of(PathMtuMeasurement measurement, std::unique_ptr<PathMtuReport> outer = nullptr) {
  Report report;
  report.command = "mtu";
  report.started_at = std::chrono::system_clock::time_point(milliseconds(1'795'000'000'042));
  report.duration = Milliseconds(361.5);
  PathMtuReport path;
  DiagnosisOptions options;
  options.outer = outer ? &outer->measurement : nullptr;
  path.diagnosis = diagnose_path_mtu(measurement, options);
  path.measurement = std::move(measurement);
  path.outer = std::move(outer);
  report.findings = path.diagnosis.findings;
  report.skipped = path.diagnosis.skipped;
  report.verdict =
      decide_verdict(report.findings, FailOn::kError, path.diagnosis.status != PathMtuStatus::kUndetermined);
  report.data = std::move(path);
  return report;
}

}  // namespace

Report black_hole_report() {
  PathMtuMeasurement m = base();
  narrow_way_there(m);
  return report_of(std::move(m));
}

Report clear_report() {
  PathMtuMeasurement m = base();
  m.round_trip = m.forward = {kLinkMtu, kLinkMtu};
  m.sizes = sizes_up_to(kLinkMtu);
  m.hops = hops(kLinkMtu);
  return report_of(std::move(m));
}

Report signalled_report() {
  PathMtuMeasurement m = base();
  narrow_way_there(m);
  m.hops[1].reported_mtu_bytes = kNarrow;
  m.too_big = {{address("192.0.2.9"), kNarrow, kLinkMtu, true, "", 14}};
  return report_of(std::move(m));
}

Report undetermined_report() {
  PathMtuMeasurement m = base();
  m.answered = false;
  m.rtt.reset();
  m.loss_ratio.reset();
  m.sizes = {{60, 6, 0}, {1280, 2, 0}};
  m.hops = {{1, address("192.0.2.2"), Milliseconds(0.412), 60, std::nullopt}, {2, std::nullopt, {}, {}, {}}};
  m.probing.probes_sent = 18;
  m.probing.replies_received = 2;
  m.probing.bytes_sent = 3'640;
  m.probing.tried = {"ICMP echo: 6 sent, no answer", "UDP to closed ports: 6 sent, no answer",
                     "TCP port 443: no answer"};
  return report_of(std::move(m));
}

Report reverse_report() {
  PathMtuMeasurement m = base();
  m.round_trip = {kNarrow, kNarrow};
  m.forward = {kLinkMtu, kLinkMtu};
  m.reverse = SizeBounds{kNarrow, kNarrow};
  m.false_claim_probability = 1e-9;
  m.fragments = {std::nullopt, true};
  m.sizes = sizes_up_to(kNarrow);
  m.hops = hops(kLinkMtu);
  TcpEvidence tcp;
  tcp.port = 443;
  tcp.state = TcpEvidence::State::kOpen;
  tcp.sent_mss_bytes = 1460;
  tcp.peer_mss_bytes = 1460;
  tcp.forward_full_bytes = kLinkMtu;
  tcp.reverse_full_bytes = kNarrow;
  tcp.reverse_lost_bytes = kLinkMtu;
  m.tcp = tcp;
  return report_of(std::move(m));
}

Report tunnel_too_large_report() {
  PathMtuMeasurement outer = base();
  narrow_way_there(outer);
  PathMtuMeasurement m = base();
  m.target = {"10.8.0.1", address("10.8.0.1"), "", std::nullopt};
  m.egress.interface = "wg0";
  m.egress.source = address("10.8.0.2");
  m.egress.gateway.reset();
  m.egress.link_mtu_bytes = m.max_bytes = 1420;
  m.egress.is_tunnel = true;
  m.egress.tunnel_kind = "wireguard";
  m.round_trip = m.forward = {1328, 1328};
  m.false_claim_probability = 1e-9;
  m.sizes = {{60, 24, 24}, {1280, 3, 3}, {1328, 8, 8}, {1329, 8, 0}, {1420, 3, 0}};
  m.hops = {{1, address("10.8.0.1"), Milliseconds(41.2), 1328, std::nullopt}};
  m.constriction = {0, std::nullopt, 1, address("10.8.0.1")};
  return report_of(std::move(m), path_of(std::move(outer)));
}

Report lost_band_report() {
  PathMtuMeasurement m = base();
  narrow_way_there(m);
  m.round_trip = m.forward = {1319, 1319};
  m.lost_bands = {{1320, 1410}};
  m.sizes = {{60, 24, 24}, {1319, 8, 8}, {1320, 8, 0}, {1410, 8, 0}, {1411, 8, 8}, {1500, 3, 3}};
  m.hops = hops(kLinkMtu);
  return report_of(std::move(m));
}

Report misreported_report() {
  PathMtuMeasurement m = base();
  narrow_way_there(m);
  m.hops[1].reported_mtu_bytes = 1450;
  m.too_big = {{address("192.0.2.9"), 1450, kLinkMtu, true, "", 14}};
  return report_of(std::move(m));
}

Report icmp_size_filter_report() {
  PathMtuMeasurement m = base();
  m.round_trip = {1000, 1000};
  m.forward = {kLinkMtu, kLinkMtu};
  m.large_echo_filtered = true;
  m.false_claim_probability = 1e-9;
  m.sizes = {{60, 24, 24}, {1000, 8, 8}, {1001, 8, 0}, {1500, 3, 1}};
  m.hops = hops(kLinkMtu);
  m.tcp = open_tcp(1460, kLinkMtu);
  return report_of(std::move(m));
}

Report udp_only_report() {
  PathMtuMeasurement m = base();
  narrow_way_there(m);
  m.round_trip = {};
  m.probing.method = Method::kUdp;
  m.probing.privilege = "none";
  m.probing.changed_kernel_cache = true;
  m.probing.could_not_see = {"fragments of replies, and messages that a local firewall drops: no right to capture"};
  return report_of(std::move(m));
}

Report error_report() {
  Report report;
  report.command = "mtu";
  report.error = Error{ErrorKind::kUnknownHost, "cannot find the address of vpn.example.invalid",
                       "check the spelling, or give an address instead of a name"};
  return report;
}

}  // namespace vpndoctor::test
