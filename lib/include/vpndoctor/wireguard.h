// SPDX-License-Identifier: Apache-2.0
// What is worth knowing of a WireGuard interface: its peers, the addresses they carry, when they last shook hands. Has
// no place for a private or preshared key, and its parser drops them unread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vpndoctor/ip.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct AllowedIp {
  IpAddress address;
  std::uint8_t prefix_length = 0;

  bool contains(const IpAddress& other) const;
  bool operator==(const AllowedIp&) const = default;
};

struct WireguardPeer {
  std::optional<IpAddress> endpoint;  ///< null until the peer was configured with one or was heard
  std::uint16_t endpoint_port = 0;
  std::vector<AllowedIp> allowed_ips;
  std::string public_key = {};  ///< base64, as wg(8) prints it; empty: not told
  std::optional<std::chrono::system_clock::time_point> last_handshake = {};  ///< null: never
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::optional<std::chrono::seconds> keepalive = {};  ///< persistent keepalive; null: off
  bool operator==(const WireguardPeer&) const = default;
};

struct WireguardDevice {
  std::optional<std::uint32_t> mark;  ///< null when 0: not marked
  std::optional<std::uint16_t> listen_port = {};
  std::vector<WireguardPeer> peers;
  bool operator==(const WireguardDevice&) const = default;
};

/// Parses the answer to `get=1` of the cross-platform userspace interface (wireguard.com/xplatform). Lines of private
/// and preshared keys are skipped. nullopt when the text is not such an answer, or carries an errno other than 0, or is
/// cut short.
std::optional<WireguardDevice> parse_wireguard_uapi(std::string_view text);

/// Returns the peer that WireGuard sends packets to `inner` to: the longest matching allowed IP; null for none.
/// Owned by `device`.
const WireguardPeer* wireguard_peer_for(const WireguardDevice& device, const IpAddress& inner);

/// Returns a public key of 32 bytes as wg(8) prints it: base64 (RFC 4648, section 4); empty for any other size.
std::string wireguard_key_text(std::span<const std::byte> key);

/// Makes a moment of a WireGuard timestamp: seconds since 1970 and nanoseconds. Null for 0, never, and for what no
/// clock can show.
std::optional<std::chrono::system_clock::time_point> wireguard_moment(std::int64_t seconds, std::int64_t nanoseconds);

/// Parses "192.0.2.1:51820" or "[2001:db8::1%2]:51820" into address and port; the zone is dropped.
std::optional<std::pair<IpAddress, std::uint16_t>> parse_address_and_port(std::string_view text);

}  // namespace vpndoctor
