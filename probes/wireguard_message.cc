// SPDX-License-Identifier: Apache-2.0
// Decodes WireGuard's generic netlink answers; see the header.
#include "wireguard_message.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include <array>
#include <chrono>

namespace vpndoctor {
namespace {

std::optional<AllowedIp> decode_allowed_ip(Bytes attributes) {
  const auto address = find_attribute(attributes, WGALLOWEDIP_A_IPADDR);
  const auto length = find_attribute(attributes, WGALLOWEDIP_A_CIDR_MASK);
  const auto ip = address ? IpAddress::from_bytes(address->payload) : std::nullopt;
  const auto bits = length ? length->as<std::uint8_t>() : std::nullopt;
  if (!ip || !bits || *bits > ip->octets().size() * 8) return std::nullopt;
  return AllowedIp{*ip, *bits};
}

bool take_allowed_ips(Bytes list, WireguardPeer& peer) {
  while (const auto entry = next_attribute(list)) {
    const auto allowed = decode_allowed_ip(entry->payload);
    if (!allowed) return false;
    peer.allowed_ips.push_back(*allowed);
  }
  return true;
}

/// An attribute that must have exactly this size; false when it has another. What is not there leaves `value` alone.
template <class T>
bool take_number(Bytes attributes, std::uint16_t type, T& value) {
  const auto attribute = find_attribute(attributes, type);
  const auto number = attribute ? attribute->as<T>() : std::nullopt;
  value = number.value_or(value);
  return !attribute || number.has_value();
}

/// What a peer that goes on in the next message does not repeat, but for its public key.
bool take_session(Bytes attributes, WireguardPeer& peer) {
  if (const auto key = find_attribute(attributes, WGPEER_A_PUBLIC_KEY)) {
    peer.public_key = wireguard_key_text(key->payload);
    if (peer.public_key.empty()) return false;
  }
  std::array<std::int64_t, 2> handshake{};
  std::uint16_t keepalive = 0;
  if (!take_number(attributes, WGPEER_A_LAST_HANDSHAKE_TIME, handshake) ||
      !take_number(attributes, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, keepalive) ||
      !take_number(attributes, WGPEER_A_RX_BYTES, peer.received_bytes) ||
      !take_number(attributes, WGPEER_A_TX_BYTES, peer.sent_bytes)) {
    return false;
  }
  if (const auto moment = wireguard_moment(handshake[0], handshake[1])) peer.last_handshake = moment;
  if (keepalive != 0) peer.keepalive = std::chrono::seconds(keepalive);
  return true;
}

bool take_peer(Bytes attributes, bool first_of_message, WireguardDevice& device) {
  const bool continues =
      first_of_message && !device.peers.empty() && !find_attribute(attributes, WGPEER_A_PROTOCOL_VERSION);
  if (!continues) device.peers.emplace_back();
  WireguardPeer& peer = device.peers.back();
  if (!take_session(attributes, peer)) return false;
  if (const auto endpoint = find_attribute(attributes, WGPEER_A_ENDPOINT)) {
    const auto decoded = decode_socket_address(endpoint->payload);
    if (!decoded) return false;
    peer.endpoint = decoded->first;
    peer.endpoint_port = decoded->second;
  }
  const auto allowed = find_attribute(attributes, WGPEER_A_ALLOWEDIPS);
  return !allowed || take_allowed_ips(allowed->payload, peer);
}

}  // namespace

std::optional<std::pair<IpAddress, std::uint16_t>> decode_socket_address(Bytes payload) {
  const auto family = read_at<sa_family_t>(payload);
  if (family == AF_INET) {
    const auto address = read_at<sockaddr_in>(payload);
    if (!address) return std::nullopt;
    const auto ip = IpAddress::from_bytes(std::as_bytes(std::span(&address->sin_addr, 1)));
    return std::pair(*ip, ntohs(address->sin_port));
  }
  if (family == AF_INET6) {
    const auto address = read_at<sockaddr_in6>(payload);
    if (!address) return std::nullopt;
    const auto ip = IpAddress::from_bytes(std::as_bytes(std::span(&address->sin6_addr, 1)));
    return std::pair(*ip, ntohs(address->sin6_port));
  }
  return std::nullopt;
}

bool take_wireguard_message(Bytes payload, WireguardDevice& device) {
  if (!read_at<genlmsghdr>(payload)) return false;
  const Bytes attributes = after_aligned(payload, sizeof(genlmsghdr));
  std::uint32_t mark = 0;
  std::uint16_t port = 0;
  if (!take_number(attributes, WGDEVICE_A_FWMARK, mark) || !take_number(attributes, WGDEVICE_A_LISTEN_PORT, port)) {
    return false;
  }
  if (mark != 0) device.mark = mark;
  if (port != 0) device.listen_port = port;
  const auto peers = find_attribute(attributes, WGDEVICE_A_PEERS);
  Bytes rest = peers ? peers->payload : Bytes{};
  bool first = true;
  while (const auto peer = next_attribute(rest)) {
    if (!take_peer(peer->payload, first, device)) return false;
    first = false;
  }
  return true;
}

std::optional<std::uint16_t> decode_generic_family(Bytes payload) {
  const auto id = find_attribute(after_aligned(payload, sizeof(genlmsghdr)), CTRL_ATTR_FAMILY_ID);
  return id ? id->as<std::uint16_t>() : std::nullopt;
}

}  // namespace vpndoctor
