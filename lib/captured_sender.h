// SPDX-License-Identifier: Apache-2.0
// Whose packet a captured one is: this machine's, one that it forwards, or one that came in. By link addresses, by what
// a cooked capture says, and by the machine's own addresses where a link has none.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/ip.h"
#include "vpndoctor/snapshot.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {

enum class Sender : std::uint8_t {
  kOwn,
  kForwarded,  ///< with this machine's link address, and another one's IP address
  kIncoming,
  kForeign,  ///< neither from this machine nor to it, or inside a tunnel
};

class SenderTable {
 public:
  explicit SenderTable(const Snapshot& snapshot);

  Sender sender_of(const CapturedPacket& packet, const LinkFrame& frame, const IpPacket& ip) const;
  /// The same for what is no IP: by the link addresses alone.
  Sender link_sender_of(const CapturedPacket& packet, const LinkFrame& frame) const;
  /// True for the address that all of a subnet listen to.
  bool is_broadcast(const IpAddress& address) const { return broadcasts_.contains(address); }

 private:
  /// What the link addresses and the direction say; kForeign where they say nothing.
  bool is_own_link(const CapturedPacket& packet, const MacAddress& mac) const;
  bool is_inside_tunnel(const LinkFrame& frame) const;
  Sender without_link_address(const IpPacket& ip, PacketDirection direction) const;
  Sender own_or_forwarded(const IpAddress& source) const;

  std::map<std::string, MacAddress, std::less<>> macs_;  ///< of each link that is no tunnel
  std::set<MacAddress> physical_macs_;
  std::set<IpAddress> addresses_;         ///< all of this machine
  std::set<IpAddress> tunnel_addresses_;  ///< of its tunnels and loopback alone
  std::set<IpAddress> broadcasts_;
  std::set<std::uint32_t> tunnel_indexes_;  ///< of tunnels and loopback
  bool has_link_without_address_ = false;   ///< a physical one: a modem
};

/// Parses "02:00:00:00:00:01"; nullopt for anything else, and for zeros, which loopback has.
std::optional<MacAddress> parse_mac(std::string_view text);

}  // namespace vpndoctor
