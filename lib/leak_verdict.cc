// SPDX-License-Identifier: Apache-2.0
// Where packets belong; see the header.
#include "leak_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vpndoctor/coverage.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kIgmp = 2;

bool is_dhcp(const FlowKey& key) {
  if (key.ip_protocol != kProtocolUdp) return false;
  const auto is_v4 = [](std::uint16_t port) { return port == 67 || port == 68; };
  const auto is_v6 = [](std::uint16_t port) { return port == 546 || port == 547; };
  return (is_v4(key.source_port) && is_v4(key.port)) || (is_v6(key.source_port) && is_v6(key.port));
}

/// Neighbour and router discovery and redirects are 133 to 137 (RFC 4861), listener discovery 130 to 132 and 143
/// (RFC 2710, RFC 3810).
bool is_discovery(std::uint8_t icmp6_type) { return (icmp6_type >= 130 && icmp6_type <= 137) || icmp6_type == 143; }

bool is_public(AddressClass address_class) {
  return address_class == AddressClass::kPublic || address_class == AddressClass::kNat64;
}

Flow flow_of(const FlowKey& key, std::uint32_t uid) {
  Flow flow;
  flow.destination = key.destination;
  flow.uid = uid;
  flow.ip_protocol = key.ip_protocol;
  flow.source_port = key.source_port;
  flow.destination_port = key.port;
  return flow;
}

/// A rule on the source address is configuration too: a program chose it, or answers from it.
bool is_outside_by_source(const LeakFacts& facts, Flow flow, const IpAddress& source) {
  flow.source = source;
  return packet_path(facts.snapshot, facts.fib, flow).way == PacketWay::kOutside;
}

std::string into(const PacketPath& path) {
  if (path.interface.empty()) return "an IPsec policy takes packets to it";
  return fmt::format("the routing tables send it into {}", escape_controls(path.interface));
}

/// The tables send it outside, or nowhere: is that what should be?
LeakJudgement judge_outside(const LeakFacts& facts, const FlowKey& flow, const PacketPath& path) {
  const AddressClass what = classify(facts.snapshot, flow.destination);
  const bool expects_all = facts.expectation.mode == CoverageMode::kFull;
  const bool is_full = facts.coverage.of(flow.destination.family).mode == CoverageMode::kFull;
  if (what == AddressClass::kVpnServer && (is_full || expects_all)) {
    return {LeakVerdict::kLeak, "it goes to the VPN server beside the tunnel's own packets"};
  }
  if (expects_all && is_public(what)) return {LeakVerdict::kLeak, "every public address is expected in the tunnel"};
  if (path.way == PacketWay::kNowhere && is_full && is_public(what)) {
    return {LeakVerdict::kLeak, "the routing tables refuse it, and it left all the same"};
  }
  return {what == AddressClass::kLan || what == AddressClass::kLinkLocal ? LeakVerdict::kLocal
                                                                         : LeakVerdict::kByConfiguration,
          ""};
}

}  // namespace

bool is_link_control(const FlowPacket& packet) {
  const FlowKey& key = packet.key;
  if (key.source.is_unspecified() || key.ip_protocol == kIgmp || is_dhcp(key)) return true;
  return key.ip_protocol == kProtocolIcmp6 && is_discovery(packet.icmp_type);
}

bool is_answer(const FlowPacket& packet) {
  constexpr std::array<std::uint8_t, 6> kAnswers4{0, 3, 11, 12, 14, 18};
  if (packet.key.ip_protocol == kProtocolIcmp) {
    return std::ranges::find(kAnswers4, packet.icmp_type) != kAnswers4.end();
  }
  if (packet.key.ip_protocol == kProtocolIcmp6) {
    return (packet.icmp_type >= 1 && packet.icmp_type <= 4) || packet.icmp_type == 129;
  }
  return packet.tcp == TcpMark::kSynAck || packet.tcp == TcpMark::kReset;
}

LeakJudgement judge_destination(const LeakFacts& facts, const FlowKey& key, std::uint32_t uid) {
  const Flow flow = flow_of(key, uid);
  const PacketPath path = packet_path(facts.snapshot, facts.fib, flow);
  switch (path.way) {
    case PacketWay::kTunnel:
      if (is_outside_by_source(facts, flow, key.source)) return judge_outside(facts, key, path);
      return {LeakVerdict::kLeak, into(path)};
    case PacketWay::kOutside:
    case PacketWay::kNowhere:
      return judge_outside(facts, key, path);
    case PacketWay::kHere:
      return {LeakVerdict::kLocal, ""};
    case PacketWay::kUnknown:
      break;
  }
  LeakJudgement expected = judge_outside(facts, key, path);
  if (expected.verdict != LeakVerdict::kByConfiguration) return expected;
  return {LeakVerdict::kUntold, path.why.empty() ? "the routing tables do not tell where it belongs" : path.why};
}

}  // namespace vpndoctor
