// SPDX-License-Identifier: Apache-2.0
// Which packets are this machine's, a tunnel's own, answers to what came from outside, and leaks. What is known of a
// flow is known for all its packets.
#include "leak_capture_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "traffic_kind.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint8_t kNeighbourSolicitation = 135;
constexpr std::uint8_t kNeighbourAdvertisement = 136;
constexpr std::size_t kMostLeaks = 4096;
constexpr std::size_t kMostInterfaces = 4096;

/// This machine's SYN begins a connection, whoever began the one before it between these ports.
bool begins_anew(const FlowPacket& flow, LeakVerdict before) {
  return flow.tcp == TcpMark::kSyn && (before == LeakVerdict::kReply || before == LeakVerdict::kUntold);
}

bool is_icmp(const FlowKey& key) { return key.ip_protocol == kProtocolIcmp || key.ip_protocol == kProtocolIcmp6; }

/// The neighbour that an ARP request asks for, or an answer goes to; nullopt for what is neither (RFC 826).
std::optional<IpAddress> asked_by_arp(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  reader.u16();
  const std::uint16_t protocol = reader.u16();
  const std::uint16_t lengths = reader.u16();
  const std::uint16_t operation = reader.u16();
  reader.take(16);
  const auto target = reader.take(4);
  if (protocol != kEtherTypeInet || lengths != 0x0604 || (operation != 1 && operation != 2) || target.empty())
    return std::nullopt;
  return IpAddress::from_bytes(target);
}

/// The neighbour that a solicitation asks for: behind type, code, checksum and 4 bytes (RFC 4861 section 4.3). Or the
/// one that an advertisement answers.
std::optional<IpAddress> asked_by_discovery(const IpPacket& packet) {
  ByteReader reader(packet.payload);
  const std::uint8_t type = packet.protocol == kProtocolIcmp6 ? reader.u8() : std::uint8_t{0};
  if (type == kNeighbourAdvertisement && !packet.destination.is_multicast()) return packet.destination;
  if (type != kNeighbourSolicitation) return std::nullopt;
  reader.take(7);
  const auto target = reader.take(16);
  if (target.empty()) return std::nullopt;
  return IpAddress::from_bytes(target);
}

/// The tunnels take all of the family, or should. Where the other end of one is not known, its mode is not known
/// either.
bool is_all_expected_inside(const LeakFacts& facts, Family family) {
  const CoverageMode mode = facts.coverage.of(family).mode;
  return facts.expectation.mode == CoverageMode::kFull || mode == CoverageMode::kFull || mode == CoverageMode::kUnknown;
}

}  // namespace

std::uint16_t LeakCapture::State::number_of(std::string_view interface) {
  const auto found = interface_numbers.find(interface);
  if (found != interface_numbers.end()) return found->second;
  const auto number = static_cast<std::uint16_t>(std::min(interfaces.size(), kMostInterfaces - 1));
  if (interfaces.size() < kMostInterfaces) interfaces.push_back({std::string(interface), "", ""});
  interface_numbers.emplace(interface, number);
  return number;
}

FlowKey LeakCapture::State::key_of(const LeakFlow& flow) const {
  const auto found = interface_numbers.find(flow.interface);
  const std::uint16_t number = found == interface_numbers.end() ? 0 : found->second;
  return {flow.source, flow.destination, flow.source_port, flow.port, number, flow.ip_protocol};
}

void LeakCapture::State::read_gateways() {
  if (!facts.snapshot.routes) return;
  for (const NextHopSet& set : facts.snapshot.routes->next_hop_sets) {
    for (const NextHop& hop : set.hops) {
      if (hop.gateway) gateways[hop.interface].insert(*hop.gateway);
    }
  }
}

void LeakCapture::State::see_control(std::uint16_t interface, const std::optional<IpAddress>& asked, const char* what) {
  Seen& seen = interfaces[interface];
  if (!asked || !seen.control.empty()) return;
  const auto is_gateway = [&](const auto& each) {
    return (seen.name.empty() || each.first == seen.name) && each.second.contains(*asked);
  };
  if (std::ranges::any_of(gateways, is_gateway)) {
    seen.control = fmt::format("{} for the gateway {}", what, *asked);
  } else if (seen.neighbour.empty()) {
    seen.neighbour = fmt::format("{} for the neighbour {}", what, *asked);
  }
}

/// A packet that is cut within its headers, or malformed. One that may be this machine's may be a leak.
void LeakCapture::State::take_unread(const CapturedPacket& packet, const LinkFrame* frame) {
  const bool has_link_address = frame != nullptr && frame->source;
  const bool is_others = has_link_address && senders.link_sender_of(packet, *frame) != Sender::kOwn;
  const PacketDirection said = frame == nullptr ? PacketDirection::kUnknown : frame->direction;
  if (is_others || packet.direction == PacketDirection::kIn || said == PacketDirection::kIn) {
    ++result.counts.undecided;
    return;
  }
  ++result.untold;
  if (result.why_untold.empty()) result.why_untold = "they are cut within their headers, or malformed";
}

void LeakCapture::State::take_other(const CapturedPacket& packet, const LinkFrame& frame) {
  switch (senders.link_sender_of(packet, frame)) {
    case Sender::kIncoming:
      ++result.counts.incoming;
      return;
    case Sender::kForeign:
      ++result.counts.foreign;
      return;
    case Sender::kOwn:
    case Sender::kForwarded:
      break;
  }
  const std::uint16_t interface = number_of(packet.interface);
  if (frame.ether_type == kArp) {
    ++result.counts.control;
    see_control(interface, asked_by_arp(frame.payload), "ARP");
  } else {
    ++result.counts.undecided;
  }
}

const CaptureLeak* LeakCapture::State::take_ip(const CapturedPacket& packet, const LinkFrame& frame,
                                               const IpPacket& ip) {
  const Sender sender = senders.sender_of(packet, frame, ip);
  if (sender == Sender::kForeign) {
    ++result.counts.foreign;
    return nullptr;
  }
  const std::uint16_t interface = number_of(packet.interface);
  const FlowPacket flow = reader.read(ip, interface);
  if (sender == Sender::kIncoming) {
    note_incoming(flow);
    return nullptr;
  }
  if (frame.is_pppoe && !outer.ppp_of_unknown_use().empty()) {
    ++result.untold;
    if (result.why_untold.empty()) {
      result.why_untold = fmt::format("whether {}, which PPPoE carries, is a VPN is not known",
                                      escape_controls(outer.ppp_of_unknown_use()));
    }
    return nullptr;
  }
  if (is_link_control(flow)) {
    ++result.counts.control;
    see_control(interface, asked_by_discovery(ip), "neighbour discovery");
    return nullptr;
  }
  return take_own(packet, flow, sender == Sender::kForwarded);
}

std::uint64_t& LeakCapture::State::count_of(LeakVerdict verdict) {
  CaptureCounts& counts = result.counts;
  switch (verdict) {
    case LeakVerdict::kTunnel:
      return counts.tunnel;
    case LeakVerdict::kControl:
      return counts.control;
    case LeakVerdict::kLocal:
      return counts.local;
    case LeakVerdict::kByConfiguration:
      return counts.by_configuration;
    case LeakVerdict::kReply:
      return counts.replies;
    case LeakVerdict::kUntold:
      return result.untold;
    case LeakVerdict::kLeak:
      break;
  }
  return result.leak_packets;
}

LeakVerdict LeakCapture::State::judge(const CapturedPacket& packet, const FlowPacket& flow, std::string& why) {
  const IpAddress& destination = flow.key.destination;
  if (destination.is_multicast() || destination.is_limited_broadcast() || destination.is_link_local() ||
      destination.is_loopback() || senders.is_broadcast(destination)) {
    return LeakVerdict::kLocal;
  }
  const OuterMatch match = outer.match(flow, !packet.interface.empty());
  if (match.kind == OuterKind::kOuter) {
    std::string& control = interfaces[flow.key.interface].control;
    // Stands before a question for the gateway, which it takes to send the first of them.
    control = fmt::format("packets of {}", match.tunnel);
    return LeakVerdict::kTunnel;
  }
  if (match.kind == OuterKind::kUntold) {
    why = packet.interface.empty()
              ? fmt::format("from which ports {} sent when this was captured is not known", match.tunnel)
              : fmt::format("which sockets {} has is not known", match.tunnel);
    return LeakVerdict::kUntold;
  }
  LeakJudgement judged = judge_destination(facts, flow.key, facts.uid);
  why = std::move(judged.why);
  // A question for a name is no tunnel's packet, whatever its port.
  const bool may_be_tunnels = match.kind == OuterKind::kMaybe && !is_name_question(flow);
  const bool may_be_beside = may_be_tunnels && judged.verdict == LeakVerdict::kByConfiguration &&
                             outer.may_be_server(destination) && is_all_expected_inside(facts, destination.family);
  if (judged.verdict != LeakVerdict::kLeak && !may_be_beside) return judged.verdict;
  const Beginning beginning = beginning_of(flow, !packet.interface.empty());
  if (beginning == Beginning::kOutside) return LeakVerdict::kReply;
  if (beginning == Beginning::kNotTold) why = "who began their flow, this machine or the other end, is not known";
  if (beginning == Beginning::kNotTold) return LeakVerdict::kUntold;
  if (!may_be_tunnels) return LeakVerdict::kLeak;
  why = fmt::format("they may be packets of {} itself, which cannot be told: {}", escape_controls(match.tunnel),
                    match.why);
  return LeakVerdict::kUntold;
}

const CaptureLeak* LeakCapture::State::count_leak(CaptureLeak& leak, const CapturedPacket& packet) {
  ++result.leak_packets;
  ++leak.packets;
  leak.bytes += packet.length_bytes;
  return &leak;
}

const CaptureLeak* LeakCapture::State::add_leak(const CapturedPacket& packet, const FlowPacket& flow,
                                                CaptureLeak leak) {
  FlowKey key = flow.key;
  if (leaks.size() >= kMostLeaks) {  // from here on, flows that differ in their source port alone are one
    key.source_port = 0;
    leak.source_port = 0;
    const auto found = leak_places.find(key);
    if (found != leak_places.end()) return count_leak(leaks[found->second], packet);
  }
  if (leaks.size() >= 2 * kMostLeaks) {
    result.is_cut = true;
    unlisted = std::move(leak);
    return count_leak(unlisted, packet);
  }
  leak_places.emplace(key, leaks.size());
  leaks.push_back(std::move(leak));
  return count_leak(leaks.back(), packet);
}

const CaptureLeak* LeakCapture::State::take_own(const CapturedPacket& packet, const FlowPacket& flow,
                                                bool is_forwarded) {
  // ICMP has no ports that tell questions from answers.
  const bool is_by_itself = is_icmp(flow.key) && is_answer(flow);
  const auto leaked = is_by_itself ? leak_places.end() : leak_places.find(flow.key);
  if (leaked != leak_places.end()) return count_leak(leaks[leaked->second], packet);
  const Known* before = is_by_itself ? nullptr : known.find(flow.key);
  if (before != nullptr && !begins_anew(flow, before->verdict)) {
    ++count_of(before->verdict);
    return nullptr;
  }
  std::string why;
  const LeakVerdict verdict = judge(packet, flow, why);
  if (verdict != LeakVerdict::kLeak) {
    // A reset refuses one packet, and says nothing of those that follow.
    const bool is_of_packet_alone = verdict == LeakVerdict::kReply && (is_by_itself || flow.tcp == TcpMark::kReset);
    if (!is_of_packet_alone) known.set(flow.key, {verdict});
    ++count_of(verdict);
    if (verdict == LeakVerdict::kUntold && result.why_untold.empty()) result.why_untold = why;
    return nullptr;
  }
  CaptureLeak leak{.interface = std::string(packet.interface),
                   .source = flow.key.source,
                   .source_port = flow.key.source_port,
                   .destination = flow.key.destination,
                   .port = flow.key.port,
                   .ip_protocol = flow.key.ip_protocol,
                   .kind = std::string(traffic_kind(flow)),
                   .reason = std::move(why),
                   .first_at = packet.at,
                   .owner = {},
                   .bound_interface = {}};
  leak.is_midstream = flow.key.ip_protocol == kProtocolTcp && flow.tcp != TcpMark::kSyn;
  leak.is_forwarded = is_forwarded;
  return add_leak(packet, flow, std::move(leak));
}

void LeakCapture::State::forgive(std::size_t place, const FlowKey& key, LeakVerdict verdict) {
  CaptureLeak& leak = leaks[place];
  result.leak_packets -= leak.packets;
  count_of(verdict) += leak.packets;
  known.set(key, {verdict});
  leak_places.erase(key);
  leak = {};
}

}  // namespace vpndoctor
