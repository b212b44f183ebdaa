// SPDX-License-Identifier: Apache-2.0
// The bytes of probes, what all sizes have in common, and which answers are taken for theirs.
#include "vpndoctor/probe_packet.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "vpndoctor/probe_match.h"
#include "vpndoctor/reply_fragment_log.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using Bytes = std::vector<std::byte>;

ProbeFlow flow_of(Family family) {
  ProbeFlow flow;
  flow.source = *IpAddress::parse(family == Family::kInet ? "192.0.2.1" : "2001:db8:1::1");
  flow.target = *IpAddress::parse(family == Family::kInet ? "198.51.100.2" : "2001:db8:2::2");
  flow.source_port = 61000;
  std::array<std::byte, 16> random{};
  for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::byte>(0x30 + 11 * i);
  randomize_flow(flow, random);
  return flow;
}

Probe probe_of(std::uint16_t id, Method method, std::uint32_t size) {
  Probe probe;
  probe.id = id;
  probe.method = method;
  probe.size_bytes = size;
  return probe;
}

IpAddress router(Family family) { return *IpAddress::parse(family == Family::kInet ? "192.0.2.2" : "2001:db8:1::2"); }

Bytes icmp_message(std::array<std::uint8_t, 8> header, std::span<const std::byte> body) {
  Bytes message;
  for (const std::uint8_t byte : header) message.push_back(static_cast<std::byte>(byte));
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

/// The target's answer to an encoded echo.
Bytes echo_reply(Family family, const Bytes& packet) {
  Bytes reply(packet.begin() + ip_header_bytes(family), packet.end());
  reply[0] = static_cast<std::byte>(family == Family::kInet ? 0 : 129);
  return reply;
}

Bytes too_big(Family family, std::span<const std::byte> quote) {
  if (family == Family::kInet) return icmp_message({3, 4, 0, 0, 0, 0, 0x05, 0x78}, quote);
  return icmp_message({2, 0, 0, 0, 0, 0, 0x05, 0x78}, quote);
}

class ProbePackets : public ::testing::TestWithParam<Family> {
 protected:
  Family family() const { return GetParam(); }
  ReceivedIcmp received(const IpAddress& from, const Bytes& icmp) const {
    return {.from = from, .ttl = std::uint8_t{60}, .icmp = icmp, .checksum_verified = true};
  }
  Bytes sent(ProbeMatcher& matcher, const Probe& probe) const {
    matcher.note_sent(probe);
    return encode_probe_packets(matcher.flow(), probe).front();
  }
};

TEST_P(ProbePackets, ChecksumIdPortsAndFlowLabelAreTheSameForEverySizeAndId) {
  const ProbeFlow flow = flow_of(family());
  std::uint16_t id = 1;
  for (std::uint32_t size = smallest_probe_bytes(family()); size <= 1600; size += 7, ++id) {
    for (const Method method : {Method::kEcho, Method::kUdp}) {
      const std::vector<Bytes> packets = encode_probe_packets(flow, probe_of(id, method, size));
      ASSERT_EQ(packets.size(), 1U);
      ASSERT_EQ(packets[0].size(), size);
      const std::optional<IpPacket> packet = decode_ip_packet(packets[0]);
      ASSERT_TRUE(packet && packet->complete);
      EXPECT_EQ(packet->flow_label, family() == Family::kInet6 ? flow.flow_label : 0U);
      EXPECT_EQ(packet->dont_fragment, family() == Family::kInet);
      EXPECT_EQ(packet->identification, family() == Family::kInet ? id : 0U);
      ByteReader header(packet->payload);
      const std::uint32_t first = header.u32();
      const std::uint32_t second = header.u32();
      if (method == Method::kUdp) {
        EXPECT_EQ(first, 61000U << 16U | kProbeDestinationPort);
        EXPECT_EQ(second & 0xffffU, flow.checksum);
      } else {
        EXPECT_EQ(first, (family() == Family::kInet ? 0x08000000U : 0x80000000U) | flow.checksum);
        EXPECT_EQ(second, std::uint32_t{flow.icmp_id} << 16U | id);
      }
      const PseudoHeader pseudo{flow.source, flow.target, packet->protocol,
                                static_cast<std::uint32_t>(packet->payload.size())};
      const std::uint64_t start = packet->protocol == kProtocolIcmp ? 0 : pseudo_header_sum(pseudo);
      ASSERT_EQ(fold_checksum(checksum_sum(packet->payload, start)), 0) << size;
    }
  }
}

TEST_P(ProbePackets, ImpossibleSizesAreNotEncoded) {
  const ProbeFlow flow = flow_of(family());
  EXPECT_TRUE(encode_probe_packets(flow, probe_of(1, Method::kUdp, smallest_probe_bytes(family()) - 1)).empty());
  EXPECT_TRUE(encode_probe_packets(flow, probe_of(1, Method::kEcho, 65536)).empty());
  EXPECT_TRUE(encode_probe_packets(flow, probe_of(1, Method::kTcp, 1000)).empty());
  EXPECT_EQ(encode_probe_packets(flow, probe_of(1, Method::kEcho, 65535)).front().size(), 65535U);
}

TEST_P(ProbePackets, FragmentsFitAndAddUpToTheProbe) {
  const ProbeFlow flow = flow_of(family());
  Probe probe = probe_of(9, Method::kEcho, 3001);
  const Bytes whole = encode_probe_transport(flow, probe);
  probe.fragmented = true;
  probe.fragment_bytes = 1300;
  Bytes joined;
  for (const Bytes& bytes : encode_probe_packets(flow, probe)) {
    EXPECT_LE(bytes.size(), 1300U);
    const std::optional<IpPacket> packet = decode_ip_packet(bytes);
    ASSERT_TRUE(packet && packet->complete && packet->is_fragment());
    EXPECT_FALSE(packet->dont_fragment);
    EXPECT_EQ(packet->fragment_offset_bytes, joined.size());
    joined.insert(joined.end(), packet->payload.begin(), packet->payload.end());
    EXPECT_EQ(packet->more_fragments, joined.size() < whole.size());
  }
  EXPECT_EQ(joined, whole);
  probe.fragment_bytes = 20;
  EXPECT_TRUE(encode_probe_packets(flow, probe).empty());
}

TEST_P(ProbePackets, AnEchoReplyMustComeFromTheTargetWithTheSizeThatWasAsked) {
  ProbeMatcher matcher(flow_of(family()));
  const Bytes reply = echo_reply(family(), sent(matcher, probe_of(5, Method::kEcho, 1400)));
  const std::optional<Reply> matched = matcher.match(received(matcher.flow().target, reply));
  ASSERT_TRUE(matched);
  EXPECT_EQ(matched->kind, Reply::Kind::kReached);
  EXPECT_EQ(matched->probe_id, std::uint16_t{5});
  EXPECT_EQ(matched->received_ttl, std::uint8_t{60});
  EXPECT_FALSE(matcher.match(received(router(family()), reply))) << "sender";
  Bytes shorter = reply;
  shorter.resize(reply.size() - 1);
  EXPECT_FALSE(matcher.match(received(matcher.flow().target, shorter))) << "size";
  for (const std::size_t at : {std::size_t{4}, std::size_t{6}, std::size_t{10}, std::size_t{17}}) {
    Bytes changed = reply;
    changed[at] ^= std::byte{1};
    EXPECT_FALSE(matcher.match(received(matcher.flow().target, changed))) << "byte " << at;
  }
}

TEST_P(ProbePackets, AWrongChecksumIsNotBelieved) {
  ProbeMatcher matcher(flow_of(family()));
  Bytes message = too_big(family(), sent(matcher, probe_of(5, Method::kEcho, 1400)));
  ReceivedIcmp unverified = received(router(family()), message);
  unverified.checksum_verified = false;
  EXPECT_FALSE(matcher.match(unverified));
  const PseudoHeader pseudo{router(family()), matcher.flow().source, kProtocolIcmp6,
                            static_cast<std::uint32_t>(message.size())};
  const std::uint64_t start = family() == Family::kInet ? 0 : pseudo_header_sum(pseudo);
  const std::uint16_t checksum = fold_checksum(checksum_sum(message, start));
  message[2] = static_cast<std::byte>(checksum >> 8U);
  message[3] = static_cast<std::byte>(checksum & 0xffU);
  unverified.icmp = message;
  EXPECT_TRUE(matcher.match(unverified));
}

TEST_P(ProbePackets, ATooBigMessageIsOursOnlyWhenItsQuoteIs) {
  for (const Method method : {Method::kEcho, Method::kUdp}) {
    ProbeMatcher matcher(flow_of(family()));
    const Bytes packet = sent(matcher, probe_of(6, method, 1500));
    const std::span<const std::byte> quote =
        std::span(packet).first(ip_header_bytes(family()) + 8 + kProbePayloadBytes);
    const std::optional<Reply> ours = matcher.match(received(router(family()), too_big(family(), quote)));
    ASSERT_TRUE(ours);
    EXPECT_EQ(ours->kind, Reply::Kind::kTooBig);
    EXPECT_EQ(ours->probe_id, std::uint16_t{6});
    EXPECT_EQ(ours->mtu_bytes, 1400U);
    // The last byte of either address, of the echo id or the destination port, and of the cookie.
    const std::size_t header = ip_header_bytes(family());
    const std::size_t identity = header + (method == Method::kEcho ? 5 : 3);
    for (const std::size_t at : {header - 1, header - (family() == Family::kInet ? 5 : 17), identity, header + 17}) {
      Bytes forged(quote.begin(), quote.end());
      forged[at] ^= std::byte{1};
      const std::optional<Reply> foreign = matcher.match(received(router(family()), too_big(family(), forged)));
      ASSERT_TRUE(foreign);
      EXPECT_EQ(foreign->probe_id, std::nullopt) << "byte " << at;
    }
  }
}

TEST_P(ProbePackets, AProbeThatWasNeverSentIsNotAnswered) {
  ProbeMatcher matcher(flow_of(family()));
  const Bytes packet = encode_probe_packets(matcher.flow(), probe_of(6, Method::kEcho, 1500)).front();
  EXPECT_FALSE(matcher.match(received(matcher.flow().target, echo_reply(family(), packet))));
  EXPECT_EQ(matcher.match(received(router(family()), too_big(family(), packet)))->probe_id, std::nullopt);
}

TEST_P(ProbePackets, AnEightByteQuoteOfUdpIsKnownByIdentificationOrByItsLength) {
  ProbeMatcher matcher(flow_of(family()));
  const Bytes packet = sent(matcher, probe_of(6, Method::kUdp, 1500));
  const Bytes message = too_big(family(), std::span(packet).first(ip_header_bytes(family()) + 8));
  EXPECT_EQ(matcher.match(received(router(family()), message))->probe_id, std::uint16_t{6});
  matcher.note_sent(probe_of(7, Method::kUdp, 1500));
  const std::optional<Reply> again = matcher.match(received(router(family()), message));
  EXPECT_EQ(again->probe_id, family() == Family::kInet ? std::optional<std::uint16_t>(6) : std::nullopt);
}

TEST_P(ProbePackets, PortUnreachableIsReachedOnlyFromTheTarget) {
  ProbeMatcher matcher(flow_of(family()));
  const Bytes packet = sent(matcher, probe_of(6, Method::kUdp, 1500));
  const Bytes message = family() == Family::kInet ? icmp_message({3, 3, 0, 0, 0, 0, 0, 0}, packet)
                                                  : icmp_message({1, 4, 0, 0, 0, 0, 0, 0}, packet);
  EXPECT_EQ(matcher.match(received(matcher.flow().target, message))->kind, Reply::Kind::kReached);
  EXPECT_EQ(matcher.match(received(router(family()), message))->kind, Reply::Kind::kUnreachable);
}

TEST_P(ProbePackets, AnErrorQueueWithoutPayloadMeansTheOnlyUnansweredProbe) {
  ProbeMatcher matcher(flow_of(family()));
  QueuedError error{.from = router(family()), .type = 3, .code = 0, .mtu_bytes = 0, .quoted = {}};
  error.type = family() == Family::kInet ? 11 : 3;
  matcher.note_sent(probe_of(1, Method::kUdp, 100));
  const std::optional<Reply> first = matcher.match(error, Method::kUdp);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->probe_id, std::uint16_t{1});
  EXPECT_EQ(first->kind, Reply::Kind::kTimeExceeded);
  matcher.note_sent(probe_of(2, Method::kUdp, 100));
  EXPECT_EQ(matcher.match(error, Method::kUdp)->probe_id, std::uint16_t{2});
  matcher.note_sent(probe_of(3, Method::kUdp, 100));
  matcher.note_sent(probe_of(4, Method::kUdp, 100));
  EXPECT_FALSE(matcher.match(error, Method::kUdp)) << "it could be either";
}

TEST_P(ProbePackets, MutatedMessagesAreHandledAndNeverNameAnUnsentProbe) {
  ProbeMatcher matcher(flow_of(family()));
  const Bytes packet = sent(matcher, probe_of(6, Method::kUdp, 200));
  const Bytes original = too_big(family(), packet);
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes = original;
    for (std::size_t changes = random() % 6; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random() & 0xffU);
    }
    bytes.resize(random() % (bytes.size() + 1));
    const std::optional<Reply> reply = matcher.match(received(router(family()), bytes));
    if (reply && reply->probe_id) {
      ASSERT_EQ(*reply->probe_id, 6);
    }
  }
}

TEST_P(ProbePackets, ReplyFragmentsAreOursByTheFirstFragmentOnly) {
  const ProbeFlow flow = flow_of(family());
  ReplyFragmentLog log(flow);
  EXPECT_EQ(log.result(), std::nullopt);
  const Bytes request = encode_probe_transport(flow, probe_of(1, Method::kEcho, 2000));
  Bytes reply(request.begin(), request.begin() + 1352);
  reply[0] = static_cast<std::byte>(family() == Family::kInet ? 0 : 129);
  IpPacket first;
  first.source = flow.target;
  first.destination = flow.source;
  first.protocol = family() == Family::kInet ? kProtocolIcmp : kProtocolIcmp6;
  first.total_bytes = 1400;
  first.more_fragments = true;
  IpPacket tail = first;
  tail.more_fragments = false;
  tail.fragment_offset_bytes = 1352;
  EXPECT_TRUE(log.note(tail));
  ASSERT_TRUE(log.result());
  EXPECT_TRUE(log.result()->only_tail_arrived);
  reply[4] ^= std::byte{1};
  first.payload = reply;
  EXPECT_FALSE(log.note(first)) << "somebody else's echo";
  reply[4] ^= std::byte{1};
  EXPECT_TRUE(log.note(first));
  EXPECT_EQ(log.result()->first_fragment_bytes, 1400U);
  EXPECT_FALSE(log.result()->only_tail_arrived);
  EXPECT_EQ(log.result()->smallest_fragmented_bytes, family() == Family::kInet ? 2752U : 2744U);
}

TEST_P(ProbePackets, AMiddleFragmentShowsThatTheTailWasNotAlone) {
  const ProbeFlow flow = flow_of(family());
  ReplyFragmentLog log(flow);
  IpPacket tail;
  tail.source = flow.target;
  tail.destination = flow.source;
  tail.protocol = family() == Family::kInet ? kProtocolIcmp : kProtocolIcmp6;
  tail.total_bytes = 700;
  tail.fragment_offset_bytes = 8880;
  IpPacket middle = tail;
  middle.more_fragments = true;
  middle.total_bytes = 1500;
  EXPECT_TRUE(log.note(tail));
  EXPECT_TRUE(log.result()->only_tail_arrived);
  EXPECT_TRUE(log.note(middle));
  EXPECT_FALSE(log.result()->only_tail_arrived);
  EXPECT_EQ(log.result()->first_fragment_bytes, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Families, ProbePackets, ::testing::Values(Family::kInet, Family::kInet6),
                         [](const auto& family) { return std::string(family_name(family.param)); });

}  // namespace
}  // namespace vpndoctor
