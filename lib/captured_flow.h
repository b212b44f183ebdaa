// SPDX-License-Identifier: Apache-2.0
// A packet's flow as a capture knows it: addresses, ports, what its first bytes say. Fragments are the flow that their
// first fragment names. Judges nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "recent_map.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {

/// What tells one flow from another; the interface is a number that the capture gives it.
struct FlowKey {
  IpAddress source;
  IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t port = 0;  ///< the destination's
  std::uint16_t interface = 0;
  std::uint8_t ip_protocol = 0;

  /// The flow in the other direction.
  FlowKey reversed() const;
  bool operator==(const FlowKey&) const = default;
};

struct FlowKeyHash {
  std::size_t operator()(const FlowKey& key) const noexcept;
};

/// What a TCP segment says of its connection's beginning.
enum class TcpMark : std::uint8_t { kNone, kSyn, kSynAck, kReset };

/// One IP packet of a flow.
struct FlowPacket {
  FlowKey key;
  TcpMark tcp = TcpMark::kNone;
  std::uint8_t icmp_type = 0;          ///< of ICMP and ICMPv6
  bool has_ports = true;               ///< false: a later fragment whose first was not seen, or cut before the ports
  std::span<const std::byte> payload;  ///< behind the UDP header; empty for others
};

/// Tells flows; remembers the first fragments of late.
class FlowReader {
 public:
  FlowPacket read(const IpPacket& packet, std::uint16_t interface);

 private:
  struct FragmentKey {
    IpAddress source;
    IpAddress destination;
    std::uint32_t identification = 0;
    std::uint8_t ip_protocol = 0;
    bool operator==(const FragmentKey&) const = default;
  };
  struct FragmentKeyHash {
    std::size_t operator()(const FragmentKey& key) const noexcept;
  };
  struct Ports {
    std::uint16_t source = 0;
    std::uint16_t destination = 0;
  };
  static constexpr std::size_t kMostFragments = 8192;

  void read_first_fragment(const IpPacket& packet, FlowPacket& flow);

  RecentMap<FragmentKey, Ports, FragmentKeyHash> fragments_{kMostFragments};
};

}  // namespace vpndoctor
