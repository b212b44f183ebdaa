// SPDX-License-Identifier: Apache-2.0
// Senders of captured packets; see the header.
#include "captured_sender.h"

#include <algorithm>
#include <charconv>
#include <functional>

namespace vpndoctor {
namespace {

bool is_inside(const Snapshot& snapshot, const Link& link) {
  return link.is_loopback() || is_tunnel(snapshot, link.name);
}

PacketDirection direction_of(const CapturedPacket& packet, const LinkFrame& frame) {
  return packet.direction != PacketDirection::kUnknown ? packet.direction : frame.direction;
}

}  // namespace

std::optional<MacAddress> parse_mac(std::string_view text) {
  MacAddress mac{};
  if (text.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const std::string_view pair = text.substr(i * 3, 2);
    if (i > 0 && text[i * 3 - 1] != ':') return std::nullopt;
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + 2, mac[i], 16);
    if (error != std::errc() || end != pair.data() + 2) return std::nullopt;
  }
  if (mac == MacAddress{}) return std::nullopt;
  return mac;
}

SenderTable::SenderTable(const Snapshot& snapshot) {
  if (snapshot.links) {
    for (const Link& link : *snapshot.links) {
      if (is_inside(snapshot, link)) {
        tunnel_indexes_.insert(static_cast<std::uint32_t>(link.index));
        continue;
      }
      if (const auto mac = parse_mac(link.hardware_address)) {
        macs_.emplace(link.name, *mac);
        physical_macs_.insert(*mac);
      } else if (link.is_up()) {
        has_link_without_address_ = true;
      }
    }
  }
  if (!snapshot.addresses) return;
  for (const Address& each : *snapshot.addresses) {
    addresses_.insert(each.address);
    if (each.broadcast) broadcasts_.insert(*each.broadcast);
    const Link* link = snapshot.find_link(each.interface);
    if (link != nullptr && is_inside(snapshot, *link)) tunnel_addresses_.insert(each.address);
  }
}

bool SenderTable::is_own_link(const CapturedPacket& packet, const MacAddress& mac) const {
  if (packet.interface.empty()) return physical_macs_.contains(mac);
  const auto found = macs_.find(packet.interface);
  return found != macs_.end() && found->second == mac;
}

bool SenderTable::is_inside_tunnel(const LinkFrame& frame) const {
  return frame.interface_index && tunnel_indexes_.contains(*frame.interface_index);
}

Sender SenderTable::own_or_forwarded(const IpAddress& source) const {
  const bool is_own =
      addresses_.empty() || source.is_unspecified() || source.is_link_local() || addresses_.contains(source);
  return is_own ? Sender::kOwn : Sender::kForwarded;
}

Sender SenderTable::without_link_address(const IpPacket& ip, PacketDirection direction) const {
  if (tunnel_addresses_.contains(ip.source)) return Sender::kForeign;
  // A cooked capture of all interfaces: where every physical link has an address, this packet is in a tunnel.
  const bool is_cooked = direction != PacketDirection::kUnknown;
  if (is_cooked && !has_link_without_address_ && !physical_macs_.empty()) return Sender::kForeign;
  if (addresses_.contains(ip.source)) return Sender::kOwn;
  if (direction == PacketDirection::kOut) return Sender::kForwarded;
  return addresses_.contains(ip.destination) ? Sender::kIncoming : Sender::kForeign;
}

Sender SenderTable::link_sender_of(const CapturedPacket& packet, const LinkFrame& frame) const {
  if (is_inside_tunnel(frame)) return Sender::kForeign;
  if (direction_of(packet, frame) == PacketDirection::kIn) return Sender::kIncoming;
  if (frame.source && is_own_link(packet, *frame.source)) return Sender::kOwn;
  const bool is_to_group = frame.destination && ((*frame.destination)[0] & 1U) != 0;
  const bool is_to_us = frame.destination && is_own_link(packet, *frame.destination);
  return is_to_group || is_to_us ? Sender::kIncoming : Sender::kForeign;
}

Sender SenderTable::sender_of(const CapturedPacket& packet, const LinkFrame& frame, const IpPacket& ip) const {
  const PacketDirection direction = direction_of(packet, frame);
  if (is_inside_tunnel(frame)) return Sender::kForeign;
  if (direction == PacketDirection::kIn) return Sender::kIncoming;
  if (!frame.source) return without_link_address(ip, direction);
  if (is_own_link(packet, *frame.source)) return own_or_forwarded(ip.source);
  // A capture that was made elsewhere, behind a router or a host that has its own link address.
  const bool is_file = packet.interface.empty();
  if (is_file && addresses_.contains(ip.source) && !tunnel_addresses_.contains(ip.source)) return Sender::kOwn;
  const bool is_to_us = addresses_.contains(ip.destination) || ip.destination.is_multicast();
  return is_to_us ? Sender::kIncoming : link_sender_of(packet, frame);
}

}  // namespace vpndoctor
