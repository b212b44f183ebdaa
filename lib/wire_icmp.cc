// SPDX-License-Identifier: Apache-2.0
// Decodes ICMP and ICMPv6 messages. What an error message quotes is cut out here and decoded by whoever asks.
#include <algorithm>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

IcmpKind kind_v4(std::uint8_t type, std::uint8_t code) {
  if (type == 0) return IcmpKind::kEchoReply;
  if (type == 8) return IcmpKind::kEchoRequest;
  if (type == 11 && code == 0) return IcmpKind::kTimeExceeded;
  if (type != 3) return IcmpKind::kOther;
  if (code == 3) return IcmpKind::kPortUnreachable;
  return code == 4 ? IcmpKind::kTooBig : IcmpKind::kUnreachable;
}

IcmpKind kind_v6(std::uint8_t type, std::uint8_t code) {
  if (type == 129) return IcmpKind::kEchoReply;
  if (type == 128) return IcmpKind::kEchoRequest;
  if (type == 2) return IcmpKind::kTooBig;
  if (type == 3 && code == 0) return IcmpKind::kTimeExceeded;
  if (type != 1) return IcmpKind::kOther;
  return code == 4 ? IcmpKind::kPortUnreachable : IcmpKind::kUnreachable;
}

bool is_echo(IcmpKind kind) { return kind == IcmpKind::kEchoReply || kind == IcmpKind::kEchoRequest; }

/// Length of the quoted packet by RFC 4884, 0 when the message has no such field or it is not set. The second word
/// holds it in units of 4 bytes in its second byte (ICMP) or of 8 bytes in its first (ICMPv6, except for packet too
/// big).
std::size_t quote_bytes(Family family, IcmpKind kind, std::uint32_t second_word) {
  if (family == Family::kInet) return (second_word >> 16U & 0xffU) * std::size_t{4};
  return kind == IcmpKind::kTooBig ? 0 : (second_word >> 24U) * std::size_t{8};
}

}  // namespace

std::optional<IcmpMessage> decode_icmp(Family family, std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  IcmpMessage message;
  message.type = reader.u8();
  message.code = reader.u8();
  reader.u16();
  const std::uint32_t second_word = reader.u32();
  if (!reader.ok()) return std::nullopt;
  message.body = reader.rest();
  message.kind = family == Family::kInet ? kind_v4(message.type, message.code) : kind_v6(message.type, message.code);
  if (is_echo(message.kind)) {
    message.echo_id = static_cast<std::uint16_t>(second_word >> 16U);
    message.echo_sequence = static_cast<std::uint16_t>(second_word & 0xffffU);
    return message;
  }
  if (message.kind == IcmpKind::kTooBig) {
    message.mtu_bytes = family == Family::kInet ? second_word & 0xffffU : second_word;
  }
  const std::size_t quoted = quote_bytes(family, message.kind, second_word);
  if (quoted != 0) message.body = message.body.first(std::min(quoted, message.body.size()));
  return message;
}

}  // namespace vpndoctor
