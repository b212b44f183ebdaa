// SPDX-License-Identifier: Apache-2.0
// Sample reports of the leaks command, with addresses of the documentation ranges.
#include "sample_leaks_reports.h"

#include <fmt/format.h>

#include <utility>

#include "machine.h"

namespace vpndoctor::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing_support::Machine;

constexpr std::chrono::system_clock::time_point kNow(milliseconds(1'795'000'000'042));

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

OutsidePrefix outside(const char* prefix, AddressClass address_class, const char* gateway = nullptr,
                      std::optional<std::uint8_t> protocol = kProtocolKernel) {
  OutsidePrefix out;
  out.prefix = IpPrefix::parse(prefix).value();
  out.address_class = address_class;
  out.interface = "eth0";
  if (gateway != nullptr) out.gateway = address(gateway);
  out.protocol = protocol;
  return out;
}

const OutsidePrefix kLan = outside("192.0.2.0/24", AddressClass::kLan);
const OutsidePrefix kServer = outside("198.51.100.7/32", AddressClass::kVpnServer, "192.0.2.1", kProtocolStatic);

FamilyCoverage coverage_of(CoverageMode mode, double share, std::vector<std::string> tunnels,
                           std::vector<OutsidePrefix> prefixes) {
  FamilyCoverage coverage;
  coverage.mode = mode;
  coverage.tunnel_share = share;
  coverage.tunnels = std::move(tunnels);
  coverage.outside = std::move(prefixes);
  return coverage;
}

FamilyCoverage none_of(std::vector<OutsidePrefix> prefixes) {
  return coverage_of(CoverageMode::kNone, 0, {}, std::move(prefixes));
}

FamilyCoverage nothing_but_link_local() { return none_of({outside("fe80::/10", AddressClass::kLinkLocal)}); }

FamilyCoverage full_by(const char* tunnel, std::vector<OutsidePrefix> prefixes) {
  return coverage_of(CoverageMode::kFull, 0.9999, {tunnel}, std::move(prefixes));
}

/// Facets that a live look has; machines of these tests have nothing in them.
void fill_facets(Snapshot& snapshot) {
  snapshot.taken_at = kNow;
  snapshot.activity = Observed<TunnelActivity>({milliseconds(1004), kNow, {}}, "netlink");
  snapshot.xfrm = Observed<Xfrm>({}, "netlink");
  snapshot.firewall = Observed<Firewall>({}, "netlink");
  snapshot.leases = Observed<std::vector<InterfaceConfiguration>>({}, "files");
  snapshot.vpn_signs = Observed<std::vector<VpnSign>>({}, "/proc");
}

Tunnel tunnel_of(const char* interface, const char* kind, std::uint32_t pid, const char* holder) {
  Tunnel tunnel;
  tunnel.interface = interface;
  tunnel.kind = kind;
  if (pid != 0) tunnel.holder_pid = pid;
  tunnel.holder_name = holder;
  return tunnel;
}

TunnelReport judged(const char* interface, const char* kind, TunnelState state, const char* why) {
  TunnelReport report;
  report.interface = interface;
  report.kind = kind;
  report.state = state;
  report.why = why;
  return report;
}

Report report_of(Snapshot snapshot, LeaksReport leaks, std::vector<Finding> findings = {}) {
  Report report;
  report.command = "leaks";
  report.started_at = kNow;
  report.duration = Milliseconds(1042.5);
  leaks.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  report.findings = std::move(findings);
  report.verdict = decide_verdict(report.findings, FailOn::kError, leaks_are_answered(leaks));
  report.data = std::move(leaks);
  return report;
}

Snapshot wireguard_machine() {
  Machine machine = Machine::ordinary();
  machine.link("wg0", "wireguard").address("wg0", "10.8.0.2/32").tunnel("wg0", "198.51.100.7", 0xca6c);
  Snapshot snapshot = machine.snapshot();
  fill_facets(snapshot);
  Tunnel wireguard = tunnel_of("wg0", "wireguard", 812, "wireguard-go");
  wireguard.endpoints = {{address("198.51.100.7"), std::uint16_t{51820}}};
  wireguard.listen_port = std::uint16_t{43210};
  wireguard.mark = 0xca6c;
  WireguardPeer peer;
  peer.endpoint = address("198.51.100.7");
  peer.endpoint_port = 51820;
  peer.allowed_ips = {{address("0.0.0.0"), 0}, {address("::"), 0}};
  peer.public_key = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";
  peer.last_handshake = kNow - seconds(42);
  peer.received_bytes = 1'234'567;
  peer.sent_bytes = 98'765;
  wireguard.peers = {peer};
  snapshot.tunnels = Observed<std::vector<Tunnel>>({wireguard}, "netlink");
  InterfaceActivity moved;
  moved.interface = "wg0";
  moved.first.received_packets = 100;
  moved.last.received_packets = 103;
  moved.last.queued_packets = 5;
  snapshot.activity->interfaces = {moved};
  return snapshot;
}

LeaksReport full_leaks() {
  LeaksReport leaks;
  TunnelReport tunnel = judged("wg0", "wireguard", TunnelState::kLive, "3 packets came out of it within 1.0 s.");
  tunnel.owner = "wg-quick";
  tunnel.addresses = {IpPrefix::parse("10.8.0.2/32").value()};
  tunnel.routes_count = 2;
  tunnel.rules_count = 4;
  tunnel.dns_scopes = {"wg0"};
  tunnel.evidence = {{"netlink", "WireGuard", "the last handshake was 42 s ago"}};
  leaks.tunnels = {tunnel};
  leaks.coverage.inet = full_by("wg0", {kLan, kServer, outside("224.0.0.0/4", AddressClass::kMulticast)});
  leaks.coverage.inet6 = full_by("wg0", {outside("fe80::/10", AddressClass::kLinkLocal)});
  for (FamilyCoverage* family : {&leaks.coverage.inet, &leaks.coverage.inet6}) {
    family->exceptions = {"packets with the mark 0xca6c go by table main (rule 32765)"};
  }
  return leaks;
}

CaptureResult quiet_capture() {
  CaptureResult capture;
  capture.interfaces = {"eth0"};
  capture.seconds = 30.02;
  capture.packets = 12'345;
  capture.control_seen = true;
  capture.control = "12,280 packets of wg0's own to 198.51.100.7:51820";
  capture.counts = {.tunnel = 12'280, .control = 12, .local = 40, .incoming = 13};
  return capture;
}

CaptureLeak leak_of(const char* to, std::uint16_t port, const char* kind, std::uint64_t packets) {
  CaptureLeak leak;
  leak.interface = "eth0";
  leak.source = address(leak.destination.family == Family::kInet ? "192.0.2.2" : "2001:db8:1::2");
  leak.source_port = 40404;
  leak.destination = address(to);
  leak.port = port;
  leak.ip_protocol = 17;
  leak.kind = kind;
  leak.reason = fmt::format("the tables put {} into wg0", to);
  leak.packets = packets;
  leak.bytes = packets * 86;
  leak.first_at = kNow;
  return leak;
}

}  // namespace

Report leaks_no_vpn_report() {
  Snapshot snapshot = Machine::ordinary().snapshot();
  fill_facets(snapshot);
  LeaksReport leaks;
  leaks.coverage.inet = none_of({outside("0.0.0.0/0", AddressClass::kPublic, "192.0.2.1", kProtocolDhcp), kLan});
  leaks.coverage.inet6 =
      none_of({outside("::/0", AddressClass::kPublic, "2001:db8:1::1", kProtocolRouterAdvertisement)});
  return report_of(std::move(snapshot), std::move(leaks));
}

Report leaks_full_report() {
  LeaksReport leaks = full_leaks();
  leaks.expectation = {CoverageMode::kFull, "wg0"};
  leaks.capture = quiet_capture();
  return report_of(wireguard_machine(), std::move(leaks));
}

Report leaks_split_report() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.66.0.2/24").route({.destination = "10.0.0.0/8", .interface = "tun0"});
  Snapshot snapshot = machine.snapshot();
  fill_facets(snapshot);
  snapshot.tunnels = Observed<std::vector<Tunnel>>({tunnel_of("tun0", "openvpn", 4711, "openvpn")}, "/proc");
  LeaksReport leaks;
  TunnelReport tunnel = judged("tun0", "openvpn", TunnelState::kIdle, "Nothing was sent into it within 1.0 s.");
  tunnel.owner = "OpenVPN";
  tunnel.routes_count = 2;
  leaks.tunnels = {tunnel};
  leaks.coverage.inet = coverage_of(CoverageMode::kSplit, 0.00390625, {"tun0"}, {});
  for (const char* prefix : {"0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3"}) {
    leaks.coverage.inet.outside.push_back(outside(prefix, AddressClass::kPublic, "192.0.2.1", kProtocolDhcp));
  }
  leaks.coverage.inet.outside.push_back(outside("172.16.0.0/12", AddressClass::kPrivate, "192.0.2.1", kProtocolDhcp));
  leaks.coverage.inet.outside.push_back(kLan);
  leaks.coverage.inet.exceptions = {"packets of the users 1001 to 1003 go by table 100 (rule 1000)"};
  leaks.coverage.inet6 = nothing_but_link_local();
  return report_of(std::move(snapshot), std::move(leaks));
}

Report leaks_crashed_report() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false).route({.destination = "0.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "128.0.0.0/1", .interface = "tun0"});
  Snapshot snapshot = machine.snapshot();
  fill_facets(snapshot);
  snapshot.tunnels = Observed<std::vector<Tunnel>>({tunnel_of("tun0", "tun", 0, "")}, "/proc");
  LeaksReport leaks;
  TunnelReport tunnel =
      judged("tun0", "tun", TunnelState::kOrphan, "It is persistent, has no carrier, and no program holds it.");
  tunnel.routes_count = 2;
  leaks.tunnels = {tunnel};
  leaks.coverage.inet = full_by("tun0", {kLan, kServer});
  leaks.coverage.inet6 =
      none_of({outside("::/0", AddressClass::kPublic, "2001:db8:1::1", kProtocolRouterAdvertisement)});
  leaks.before_name = "the baseline";
  Finding finding;
  finding.code = "TUN001";
  finding.severity = Severity::kError;
  finding.subject = {"interface", "tun0"};
  finding.title = "tun0 is a dead leftover, and 2 routes still lead into it";
  finding.detail = "What these routes take is lost: no program reads from tun0.";
  finding.remedy.summary = "Delete the interface; its routes go with it.";
  finding.remedy.commands = {{"linux", {"ip", "link", "delete", "tun0"}, true}};
  finding.remedy.steps = {{finding.remedy.summary, finding.remedy.commands}};
  return report_of(std::move(snapshot), std::move(leaks), {finding});
}

Report leaks_several_report() {
  Snapshot snapshot = Machine::ordinary().snapshot();
  fill_facets(snapshot);
  Tunnel unreadable = tunnel_of("tun3", "tun", 0, "");
  unreadable.holder_not_seen = "other users' processes cannot be read";
  snapshot.tunnels = Observed<std::vector<Tunnel>>(
      {tunnel_of("tun0", "openvpn", 4711, "openvpn"), tunnel_of("tun1", "tun", 4712, "a-vpn-with-a-long-name"),
       tunnel_of("wg0", "wireguard", 0, ""), unreadable, tunnel_of("tailscale0", "tailscale", 900, "tailscaled")},
      "/proc");
  snapshot.tunnels.add_limit("3 processes could not be looked into");
  snapshot.vpn_signs->push_back({VpnSignKind::kProxyClient, "ss-local", 77, "listens on TCP port 1080"});
  LeaksReport leaks;
  leaks.tunnels = {judged("sit0", "sit", TunnelState::kSystem, ""),
                   judged("tun0", "openvpn", TunnelState::kLive, "Packets went both ways within 1.0 s."),
                   judged("tun1", "tun", TunnelState::kHung,
                          "5 packets were queued for it and its holder read none; the holder is stopped."),
                   judged("wg0", "wireguard", TunnelState::kDead,
                          "The last handshake was 9 min ago, and what is sent gets no answer."),
                   judged("tun3", "tun", TunnelState::kUnknown, "It is not known who holds it."),
                   judged("tailscale0", "tailscale", TunnelState::kIdle, "Nothing was sent into it within 6.0 s.")};
  leaks.coverage.inet = coverage_of(CoverageMode::kSplit, 0.25, {"tailscale0", "tun0", "wg0"}, {kLan});
  leaks.coverage.inet6.why_unknown = "the rule 100 has an action that is not known";
  return report_of(std::move(snapshot), std::move(leaks));
}

Report leaks_macos_report() {
  Snapshot snapshot;
  snapshot.platform = Platform::kMacos;
  snapshot.taken_at = kNow;
  snapshot.links = Observed<std::vector<Link>>({}, "ifconfig.txt");
  snapshot.routes = Observed<RouteTable>({}, "netstat-rn.txt");
  LeaksReport leaks;
  for (int i = 0; i < 10; ++i) {
    TunnelReport tunnel = judged("", "utun", TunnelState::kSystem, "MTU 1380 and a link-local address alone.");
    tunnel.interface = fmt::format("utun{}", i);
    leaks.tunnels.push_back(std::move(tunnel));
  }
  leaks.tunnels.push_back(
      judged("utun10", "utun", TunnelState::kUnknown, "A saved state has no second look at its counters."));
  leaks.tunnels.back().routes_count = 4;
  leaks.coverage.inet = full_by("utun10", {outside("192.168.1.0/24", AddressClass::kLan)});
  leaks.coverage.inet6 = nothing_but_link_local();
  leaks.state_name = "captures";
  return report_of(std::move(snapshot), std::move(leaks));
}

Report leaks_captured_report() {
  LeaksReport leaks = full_leaks();
  leaks.capture = quiet_capture();
  leaks.capture->interfaces = {"eth0", "wlan0"};
  leaks.capture->dropped = 3;
  leaks.capture->counts.undecided = 1;
  leaks.capture->written_to = "leaks.pcapng";
  leaks.capture->limits = {"sockets that were closed before they were looked up have no process"};
  CaptureLeak dns = leak_of("203.0.113.53", 53, "dns", 24);
  dns.owner = SocketOwner{612, "systemd-resolve"};
  dns.bound_interface = "eth0";
  CaptureLeak ping = leak_of("203.0.113.9", 0, "icmp", 4);
  ping.ip_protocol = 1;
  ping.flows = 2;
  leaks.capture->leak_packets = 35;
  leaks.capture->leaks = {dns, leak_of("2001:db8:53::1", 443, "quic", 7), ping};
  Finding finding;
  finding.code = "LEK030";
  finding.severity = Severity::kError;
  finding.subject = {"interface", "eth0"};
  finding.title = "35 packets of 3 flows left by eth0 outside the tunnel";
  return report_of(wireguard_machine(), std::move(leaks), {finding});
}

Report leaks_no_control_report() {
  LeaksReport leaks = full_leaks();
  leaks.capture = CaptureResult{};
  leaks.capture->interfaces = {"eth0"};
  leaks.capture->seconds = 0.5;
  leaks.capture->control = "no packet of a tunnel, and none of ARP or neighbour discovery to 192.0.2.1";
  return report_of(wireguard_machine(), std::move(leaks));
}

Report leaks_bypass_report() {
  LeaksReport leaks = full_leaks();
  BypassTest test;
  test.host = "example.org";
  test.target = address("203.0.113.80");
  test.interfaces = {"eth0"};
  test.probes = {
      {"eth0", 1, "udp", address("192.0.2.1"), "", BypassOutcome::kAnswer},
      {"eth0", 2, "udp", std::nullopt, "", BypassOutcome::kSilence},
      {"eth0", 1, "icmp", std::nullopt, "the packet filter of this machine refused it", BypassOutcome::kRefused}};
  leaks.bypass = std::move(test);
  return report_of(wireguard_machine(), std::move(leaks));
}

Report leaks_unknown_report() {
  LeaksReport leaks;
  leaks.coverage.inet.why_unknown = leaks.coverage.inet6.why_unknown = "the routes are not known";
  return report_of({}, std::move(leaks));
}

}  // namespace vpndoctor::test
