// SPDX-License-Identifier: Apache-2.0
// Decodes the answers of WireGuard's generic netlink family (linux/wireguard.h) from bytes. Pure. Private and
// preshared keys are skipped unread.
#pragma once

#include <cstdint>
#include <optional>

#include "netlink_attributes.h"
#include "vpndoctor/wireguard.h"

namespace vpndoctor {

/// Adds one WG_CMD_GET_DEVICE answer (genlmsghdr and attributes) to `device`; false when it is malformed. Large devices
/// come in several messages; a peer without WGPEER_A_PROTOCOL_VERSION at the head of a later one continues the last
/// (drivers/net/wireguard/netlink.c, get_peer()).
bool take_wireguard_message(Bytes payload, WireguardDevice& device);

/// Returns the family id from a CTRL_CMD_NEWFAMILY answer; nullopt when it has none.
std::optional<std::uint16_t> decode_generic_family(Bytes payload);

/// Decodes a struct sockaddr_in or sockaddr_in6; nullopt for anything else.
std::optional<std::pair<IpAddress, std::uint16_t>> decode_socket_address(Bytes payload);

}  // namespace vpndoctor
