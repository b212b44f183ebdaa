// SPDX-License-Identifier: Apache-2.0
// What a flow is, in a word: by its protocol, its ports, the well-known resolvers that speak DNS over HTTPS, and the
// first bytes of a datagram. A port is a convention: the word says what the flow looks like.
#pragma once

#include <string_view>

#include "captured_flow.h"

namespace vpndoctor {

/// Returns "dns", "dot", "doq", "doh", "quic", "http", "https", "ntp", "stun", "ssh", "smtp", "icmp", "esp", "tcp",
/// "udp", ..., "ip" for a protocol without a name.
std::string_view traffic_kind(const FlowPacket& packet);

/// True for a datagram to port 53 that is a whole question for one name (RFC 1035 section 4.1): by its content, so that
/// nothing else that uses the port is taken for one. False for what is cut or continues a packet.
bool is_name_question(const FlowPacket& packet);

/// True for the words that say that names are looked up.
bool is_name_lookup(std::string_view kind);

}  // namespace vpndoctor
