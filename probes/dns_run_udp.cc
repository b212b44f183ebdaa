// SPDX-License-Identifier: Apache-2.0
// A question over UDP; see the header.
#include "dns_run_udp.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxOtherTexts = 4;
constexpr int kMaxDatagramsAtOnce = 64;

TimePoint later(TimePoint now, Milliseconds wait) {
  return now + std::chrono::duration_cast<TimePoint::duration>(wait);
}

/// What two honest answers to one packet have in common: the code and the data, in any order.
std::string content_of(const DnsMessage& reply) {
  std::vector<std::string> texts;
  texts.reserve(reply.answers.size());
  for (const DnsRecord& record : reply.answers) texts.push_back(fmt::format("{} {}", record.type, record.text));
  std::ranges::sort(texts);
  std::string content = fmt::format("{}{}", dns_rcode_name(reply.rcode), reply.truncated ? ", truncated" : "");
  for (const std::string& text : texts) content += "\n" + text;
  return content;
}

/// "10.0.0.1", "NXDOMAIN", "no records".
std::string gist_of(const DnsMessage& reply) {
  if (reply.rcode != kDnsNoError) return dns_rcode_name(reply.rcode);
  if (reply.answers.empty()) return reply.truncated ? "truncated" : "no records";
  return reply.answers.back().text.substr(0, 80);
}

std::string ttl_text(const std::optional<std::uint8_t>& ttl) { return ttl ? fmt::format(", IP TTL {}", *ttl) : ""; }

}  // namespace

void DnsUdpRun::start(TimePoint now) {
  if (open(SOCK_DGRAM)) send(now);
}

void DnsUdpRun::send(TimePoint now) {
  const std::vector<std::byte> message = next_question();
  if (message.empty()) return;
  const DnsSocketAddress to = dns_socket_address(ask_.server, ask_.interface);
  const auto* address = reinterpret_cast<const sockaddr*>(&to.storage);
  ssize_t sent = sendto(socket_.fd.get(), message.data(), message.size(), 0, address, to.length);
  // The first call after an ICMP message fails with it, which the error queue tells in full.
  if (sent < 0 && !sent_.empty())
    sent = sendto(socket_.fd.get(), message.data(), message.size(), 0, address, to.length);
  if (sent < 0) return end(DnsOutcome::kUnreachable, fmt::format("it cannot be sent: {}", std::strerror(errno)));
  sent_.push_back({question_.id, now, {}});
  exchange_.sent = static_cast<unsigned>(sent_.size());
  wake_at_ = later(now, timeout_);
}

void DnsUdpRun::step(TimePoint now) {
  for (int i = 0; i < kMaxDatagramsAtOnce; ++i) {
    const auto datagram = receive_datagram(socket_.fd.get());
    if (!datagram) break;
    take(*datagram, now);
  }
  while (const auto refusal = receive_refusal(socket_.fd.get())) refusal_ = *refusal;
  const bool is_refused = !refusal_.empty() && exchange_.outcome != DnsOutcome::kAnswered;
  if (is_refused) return end(DnsOutcome::kUnreachable, refusal_);
  if (now >= wake_at_) expire(now);
}

void DnsUdpRun::take(const ReceivedDatagram& datagram, TimePoint now) {
  if (datagram.from != ask_.server.address || datagram.port != ask_.server.port) {
    malformed_ = fmt::format("an answer came from {} port {}, which was not asked", datagram.from, datagram.port);
    return;
  }
  const auto reply = decode_dns_message(datagram.bytes);
  if (!reply) {
    malformed_ = fmt::format("{} bytes came that are no DNS message", datagram.bytes.size());
    return;
  }
  take_reply(*reply, datagram, now);
}

void DnsUdpRun::take_reply(const DnsMessage& reply, const ReceivedDatagram& datagram, TimePoint now) {
  const auto asked = std::ranges::find(sent_, reply.id, &Try::id);
  if (asked != sent_.end()) question_.id = asked->id;
  if (asked == sent_.end() || !is_reply_to(reply, question_)) {
    malformed_ = "an answer came to a question that was not asked";
    return;
  }
  const Milliseconds rtt = now - asked->sent_at;
  const std::string content = content_of(reply);
  if (!asked->first_content.empty()) {
    if (content != asked->first_content) note_other(reply, datagram, rtt);
    return;
  }
  asked->first_content = content;
  if (exchange_.outcome == DnsOutcome::kAnswered) return;
  fill(reply, datagram.bytes.size(), rtt);
  exchange_.reply_ttl = datagram.ttl;
  wake_at_ = later(now, duplicate_wait_);
}

void DnsUdpRun::note_other(const DnsMessage& reply, const ReceivedDatagram& datagram, Milliseconds after) {
  ++exchange_.other_answers;
  if (exchange_.other_texts.size() == kMaxOtherTexts) return;
  exchange_.other_texts.push_back(
      fmt::format("{}{}, after {:.1f} ms", gist_of(reply), ttl_text(datagram.ttl), after.count()));
}

void DnsUdpRun::expire(TimePoint now) {
  if (exchange_.outcome == DnsOutcome::kAnswered) return end(DnsOutcome::kAnswered);
  if (sent_.size() < tries_) return send(now);
  if (!malformed_.empty()) return end(DnsOutcome::kMalformed, malformed_);
  end(DnsOutcome::kSilent, fmt::format("no answer to {} in {:.1f} s each",
                                       sent_.size() == 1 ? "one question" : fmt::format("{} questions", sent_.size()),
                                       timeout_.count() / 1000));
}

}  // namespace vpndoctor
