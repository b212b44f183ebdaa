// SPDX-License-Identifier: Apache-2.0
// Matches received ICMP messages with the probes that were sent. Believes nothing that the message does not prove.
#include "vpndoctor/probe_match.h"

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr std::size_t kIdOffset = 10;

Reply::Kind reply_kind(IcmpKind kind) {
  if (kind == IcmpKind::kTimeExceeded) return Reply::Kind::kTimeExceeded;
  return kind == IcmpKind::kTooBig ? Reply::Kind::kTooBig : Reply::Kind::kUnreachable;
}

/// The header of the message that an error-queue entry stands for, so that one decoder knows the types.
std::optional<IcmpMessage> message_of(Family family, const QueuedError& error) {
  const std::array<std::byte, 8> header{static_cast<std::byte>(error.type), static_cast<std::byte>(error.code)};
  return decode_icmp(family, header);
}

Reply make_reply(Reply::Kind kind, std::optional<std::uint16_t> id, const IpAddress& from) {
  Reply reply;
  reply.kind = kind;
  reply.probe_id = id;
  reply.from = from;
  return reply;
}

bool is_error(IcmpKind kind) {
  return kind != IcmpKind::kEchoReply && kind != IcmpKind::kEchoRequest && kind != IcmpKind::kOther;
}

}  // namespace

void ProbeMatcher::note_sent(const Probe& probe) {
  if (sent_.size() <= probe.id) sent_.resize(std::size_t{probe.id} + 1);
  sent_[probe.id] = {.size_bytes = probe.size_bytes, .method = probe.method, .answered = false};
}

bool ProbeMatcher::was_sent(std::uint16_t id, Method method) const {
  return id < sent_.size() && sent_[id].size_bytes != 0 && sent_[id].method == method;
}

ProbeMatcher::Id ProbeMatcher::id_in_payload(Bytes payload) const {
  if (payload.size() < kProbePayloadBytes || !cookie_fits(flow_, payload)) return std::nullopt;
  const std::uint16_t id = ByteReader(payload.subspan(kIdOffset)).u16();
  return was_sent(id, Method::kUdp) ? Id(id) : std::nullopt;
}

ProbeMatcher::Id ProbeMatcher::quoted_echo(Bytes icmp) const {
  const std::optional<IcmpMessage> echo = decode_icmp(flow_.target.family, icmp);
  if (!echo || echo->kind != IcmpKind::kEchoRequest || echo->echo_id != flow_.icmp_id) return std::nullopt;
  if (!cookie_fits(flow_, echo->body) || !was_sent(echo->echo_sequence, Method::kEcho)) return std::nullopt;
  return echo->echo_sequence;
}

ProbeMatcher::Id ProbeMatcher::only_probe_of_size(std::uint32_t size_bytes) const {
  Id found;
  for (std::size_t id = 0; id < sent_.size(); ++id) {
    if (sent_[id].size_bytes != size_bytes || sent_[id].method != Method::kUdp) continue;
    if (found) return std::nullopt;
    found = static_cast<std::uint16_t>(id);
  }
  return found;
}

ProbeMatcher::Id ProbeMatcher::only_unanswered(Method method) const {
  Id found;
  for (std::size_t id = 0; id < sent_.size(); ++id) {
    if (sent_[id].size_bytes == 0 || sent_[id].method != method || sent_[id].answered) continue;
    if (found) return std::nullopt;
    found = static_cast<std::uint16_t>(id);
  }
  return found;
}

ProbeMatcher::Id ProbeMatcher::quoted_udp(const IpPacket& packet) const {
  const std::optional<UdpDatagram> datagram = decode_udp(packet.payload);
  if (!datagram || datagram->source_port != flow_.source_port) return std::nullopt;
  if (datagram->destination_port != flow_.destination_port || !cookie_fits(flow_, datagram->payload)) {
    return std::nullopt;
  }
  if (datagram->payload.size() >= kProbePayloadBytes) return id_in_payload(datagram->payload);
  if (flow_.target.family == Family::kInet6) return only_probe_of_size(datagram->length + 40U);
  const auto id = static_cast<std::uint16_t>(packet.identification);
  return was_sent(id, Method::kUdp) ? Id(id) : std::nullopt;
}

ProbeMatcher::Id ProbeMatcher::quoted_probe(const IpPacket& packet) const {
  if (packet.source != flow_.source || packet.destination != flow_.target) return std::nullopt;
  if (packet.fragment_offset_bytes != 0) return std::nullopt;
  const std::uint8_t icmp = flow_.target.family == Family::kInet ? kProtocolIcmp : kProtocolIcmp6;
  if (packet.protocol == icmp) return quoted_echo(packet.payload);
  return packet.protocol == kProtocolUdp ? quoted_udp(packet) : std::nullopt;
}

bool ProbeMatcher::checksum_is_right(const ReceivedIcmp& received) const {
  if (received.checksum_verified) return true;
  if (flow_.target.family == Family::kInet) return internet_checksum(received.icmp) == 0;
  const PseudoHeader pseudo{received.from, flow_.source, kProtocolIcmp6,
                            static_cast<std::uint32_t>(received.icmp.size())};
  return fold_checksum(checksum_sum(received.icmp, pseudo_header_sum(pseudo))) == 0;
}

std::optional<Reply> ProbeMatcher::error_reply(IcmpKind kind, Id id, const IpAddress& from) const {
  Reply reply = make_reply(reply_kind(kind), id, from);
  if (!id && reply.kind != Reply::Kind::kTooBig) return std::nullopt;
  const bool answer_to_udp = id && sent_[*id].method == Method::kUdp;
  if (kind == IcmpKind::kPortUnreachable && answer_to_udp && from == flow_.target) reply.kind = Reply::Kind::kReached;
  return reply;
}

std::optional<Reply> ProbeMatcher::note_answer(std::optional<Reply> reply) {
  if (reply && reply->probe_id) sent_[*reply->probe_id].answered = true;
  return reply;
}

std::optional<Reply> ProbeMatcher::match_echo_reply(const IpAddress& from, const IcmpMessage& message) {
  if (message.kind != IcmpKind::kEchoReply || from != flow_.target || message.echo_id != flow_.icmp_id)
    return std::nullopt;
  if (!was_sent(message.echo_sequence, Method::kEcho)) return std::nullopt;
  const std::size_t size = message.body.size() + 8 + ip_header_bytes(flow_.target.family);
  const bool all_of_it = message.body.size() >= kProbePayloadBytes && size == sent_[message.echo_sequence].size_bytes;
  if (!all_of_it || !cookie_fits(flow_, message.body)) return std::nullopt;
  return note_answer(make_reply(Reply::Kind::kReached, message.echo_sequence, from));
}

std::optional<Reply> ProbeMatcher::match_udp_reply(const IpAddress& from, Bytes payload) {
  const Id id = from == flow_.target ? id_in_payload(payload) : std::nullopt;
  if (!id) return std::nullopt;
  return note_answer(make_reply(Reply::Kind::kReached, id, from));
}

std::optional<Reply> ProbeMatcher::match(const ReceivedIcmp& received) {
  if (!checksum_is_right(received)) return std::nullopt;
  const std::optional<IcmpMessage> message = decode_icmp(flow_.target.family, received.icmp);
  if (!message) return std::nullopt;
  std::optional<Reply> reply;
  if (message->kind == IcmpKind::kEchoReply) {
    reply = match_echo_reply(received.from, *message);
  } else if (is_error(message->kind)) {
    const std::optional<IpPacket> quoted = decode_ip_packet(message->body);
    if (!quoted) return std::nullopt;
    reply = error_reply(message->kind, quoted_probe(*quoted), received.from);
  }
  if (!reply) return std::nullopt;
  reply->mtu_bytes = message->mtu_bytes;
  reply->icmp_code = message->code;
  reply->received_ttl = received.ttl;
  return note_answer(reply);
}

std::optional<Reply> ProbeMatcher::match(const QueuedError& error, Method method) {
  const std::optional<IcmpMessage> message = message_of(flow_.target.family, error);
  if (!message || !is_error(message->kind)) return std::nullopt;
  Id id;
  if (method == Method::kEcho) {
    id = quoted_echo(error.quoted);
  } else if (error.quoted.size() >= kProbePayloadBytes) {
    id = id_in_payload(error.quoted);
  } else if (cookie_fits(flow_, error.quoted)) {
    id = only_unanswered(method);
  }
  std::optional<Reply> reply = error_reply(message->kind, id, error.from);
  if (!reply) return std::nullopt;
  reply->mtu_bytes = message->kind == IcmpKind::kTooBig ? error.mtu_bytes : 0;
  reply->icmp_code = error.code;
  return note_answer(reply);
}

}  // namespace vpndoctor
