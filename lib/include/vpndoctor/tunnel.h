// SPDX-License-Identifier: Apache-2.0
// What is known of tunnels beyond their links: who holds them, where their outer packets go, their WireGuard peers, and
// what their counters did between two looks. Plain values, as they were observed; no judgement, and no place for a
// private or preshared key.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/ip.h"
#include "vpndoctor/wireguard.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// One other end of a tunnel: where its outer packets go.
struct OuterEndpoint {
  IpAddress address;
  std::optional<std::uint16_t> port;
  bool operator==(const OuterEndpoint&) const = default;
};

/// A socket that a tunnel's outer packets leave by, in this network namespace.
struct OuterSocket {
  std::uint8_t ip_protocol = 0;  ///< kProtocolUdp or kProtocolTcp
  IpAddress local;               ///< unspecified: any
  std::uint16_t local_port = 0;
  std::optional<IpAddress> remote;  ///< null: not connected
  std::uint16_t remote_port = 0;    ///< 0: not connected
  bool operator==(const OuterSocket&) const = default;
};

/// What is known of a tunnel interface beyond its link.
struct Tunnel {
  std::string interface;
  std::string kind;  ///< "wireguard", "openvpn", "tun", "gre", "ppp", ...
  std::optional<std::uint32_t> holder_pid;
  std::string holder_name;               ///< empty: none, or not readable
  std::vector<OuterEndpoint> endpoints;  ///< of all peers; empty: none known
  std::optional<std::uint32_t> mark;     ///< mark of its outer packets (WireGuard's fwmark); null: not known
  std::string not_seen;                  ///< what could not be read of it, a phrase; empty: nothing
  /// Why it is not known who holds it, a phrase; empty: the holder is named, or it is certain that there is none.
  std::string holder_not_seen = {};
  char holder_state = 0;  ///< of /proc/PID/stat: 'R', 'S', 'D', 'T' stopped, 't' traced, 'Z'; 0: not known
  /// True when the holder lives in another network namespace than the interface; null: not known, or no holder.
  std::optional<bool> holder_is_elsewhere = {};
  /// True when its outer packets leave in another network namespace; null: not known.
  std::optional<bool> outer_is_elsewhere = {};
  std::vector<OuterSocket> outer_sockets = {};           ///< of the holder, or WireGuard's own; empty: none known
  std::optional<std::uint16_t> listen_port = {};         ///< WireGuard's
  std::optional<std::vector<WireguardPeer>> peers = {};  ///< WireGuard's; null: no WireGuard, or not readable
  bool operator==(const Tunnel&) const = default;
};

/// Counters of an interface at one moment.
struct InterfaceCounters {
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_packets = 0;  ///< of a tun device: those that its holder has read (drivers/net/tun.c)
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_dropped = 0;
  /// Packets that its queueing discipline has handed to the device (TCA_STATS2, TCA_STATS_BASIC); null: it has none,
  /// or it cannot be read.
  std::optional<std::uint64_t> queued_packets;
  bool operator==(const InterfaceCounters&) const = default;
};

/// What two looks at an interface saw.
struct InterfaceActivity {
  std::string interface;
  InterfaceCounters first;
  InterfaceCounters last;
  /// Of WireGuard: the peers at both moments; which is which tells their public key.
  std::vector<WireguardPeer> first_peers = {};
  std::vector<WireguardPeer> last_peers = {};
  std::optional<bool> last_carrier = {};  ///< IFLA_CARRIER at the second look; null: not known
  bool operator==(const InterfaceActivity&) const = default;
};

/// Two looks at all tunnels.
struct TunnelActivity {
  std::chrono::milliseconds interval{};  ///< between the two
  std::chrono::system_clock::time_point ended_at;
  std::vector<InterfaceActivity> interfaces;
  bool operator==(const TunnelActivity&) const = default;
};

}  // namespace vpndoctor
