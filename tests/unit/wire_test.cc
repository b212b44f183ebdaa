// SPDX-License-Identifier: Apache-2.0
// Decoders of received bytes: what they read out of real packets, and that no cut or mutation makes them read further.
#include "vpndoctor/wire.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

#include "captured_frames.h"

namespace vpndoctor {
namespace {

using testing_support::hex;
using Bytes = testing_support::FrameBytes;

// 192.0.2.1 > 198.51.100.2, UDP 61000 > 33434, DF, id 0x1234, 4 bytes of payload, one router-alert option.
const Bytes kUdpV4 = hex("46000024123440003f110000c0000201c633640294040000ee48829a000c000061626364");
// The router 192.0.2.2 quotes a 1500-byte echo of id 0xbeef, sequence 7: fragmentation needed, MTU 1400.
const Bytes kTooBigV4 =
    hex("45000038000000004001f6d7c0000202c0000201"
        "03040000000005784500"
        "05dc000740003f010000c0000201c633640208001111beef0007");
// 2001:db8:1::1 > 2001:db8:2::2, hop-by-hop, fragment (offset 8, more, id 0x01020304), ICMPv6.
const Bytes kFragmentV6 =
    hex("6005432100180040"
        "20010db800010000000000000000000120010db8000200000000000000000002"
        "2c00010400000000"
        "3a00000901020304"
        "aabbccddeeff0011");
// 2001:db8:1::2 says packet too big, MTU 1400, quoting the first bytes of an echo of id 0xbeef, sequence 9.
const Bytes kTooBigV6 =
    hex("0200000000000578"
        "6000000005b43a4020010db800010000000000000000000120010db8000200000000000000000002"
        "80001111beef0009");
// SYN-ACK with MSS 1360 behind two no-operations.
const Bytes kSynAck = hex("01bbc350000000010000000270127d78000000000101020405500000");

TEST(WireIpv4, HeaderOptionsAndFragmentFieldsAreRead) {
  const std::optional<IpPacket> packet = decode_ip_packet(kUdpV4);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->source, *IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(packet->destination, *IpAddress::parse("198.51.100.2"));
  EXPECT_EQ(packet->protocol, kProtocolUdp);
  EXPECT_EQ(packet->ttl, 63);
  EXPECT_EQ(packet->total_bytes, 36U);
  EXPECT_EQ(packet->identification, 0x1234U);
  EXPECT_TRUE(packet->dont_fragment);
  EXPECT_FALSE(packet->is_fragment());
  EXPECT_TRUE(packet->complete);
  const std::optional<UdpDatagram> datagram = decode_udp(packet->payload);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->source_port, 61000);
  EXPECT_EQ(datagram->destination_port, 33434);
  EXPECT_EQ(datagram->payload.size(), 4U);
}

TEST(WireIpv4, BytesBehindTheTotalLengthAreNoPayload) {
  Bytes padded = kUdpV4;
  padded.resize(padded.size() + 10);
  EXPECT_EQ(decode_ipv4_packet(padded)->payload.size(), 12U);
}

TEST(WireIpv4, FragmentOffsetCountsInEightBytes) {
  Bytes fragment = kUdpV4;
  fragment[6] = std::byte{0x20};
  fragment[7] = std::byte{0xb9};
  const std::optional<IpPacket> packet = decode_ipv4_packet(fragment);
  ASSERT_TRUE(packet);
  EXPECT_TRUE(packet->more_fragments);
  EXPECT_EQ(packet->fragment_offset_bytes, 1480U);
}

TEST(WireIpv6, ExtensionHeadersLeadToTheFragment) {
  const std::optional<IpPacket> packet = decode_ip_packet(kFragmentV6);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->protocol, kProtocolIcmp6);
  EXPECT_EQ(packet->flow_label, 0x54321U);
  EXPECT_EQ(packet->ttl, 64);
  EXPECT_EQ(packet->total_bytes, 64U);
  EXPECT_EQ(packet->identification, 0x01020304U);
  EXPECT_EQ(packet->fragment_offset_bytes, 8U);
  EXPECT_TRUE(packet->more_fragments);
  EXPECT_EQ(packet->payload.size(), 8U);
}

TEST(WireIpv6, NineExtensionHeadersAreTooMany) {
  Bytes header = kFragmentV6;
  header.resize(40);
  const auto with_headers = [&](int count) {
    Bytes packet = header;
    packet[5] = static_cast<std::byte>(count * 8 + 8);
    packet[6] = std::byte{60};
    for (int i = 0; i < count; ++i) {
      const Bytes option = hex(i + 1 == count ? "1100010400000000" : "3c00010400000000");
      packet.insert(packet.end(), option.begin(), option.end());
    }
    packet.resize(packet.size() + 8);
    return packet;
  };
  ASSERT_TRUE(decode_ipv6_packet(with_headers(8)));
  EXPECT_EQ(decode_ipv6_packet(with_headers(8))->protocol, kProtocolUdp);
  EXPECT_FALSE(decode_ipv6_packet(with_headers(9)));
}

TEST(WireIcmp, TooBigGivesTheClaimAndTheQuoteInBothFamilies) {
  const std::optional<IpPacket> packet = decode_ip_packet(kTooBigV4);
  ASSERT_TRUE(packet);
  const std::optional<IcmpMessage> v4 = decode_icmp(Family::kInet, packet->payload);
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->kind, IcmpKind::kTooBig);
  EXPECT_EQ(v4->mtu_bytes, 1400U);
  const std::optional<IpPacket> quoted = decode_ip_packet(v4->body);
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->total_bytes, 1500U);
  EXPECT_FALSE(quoted->complete);
  EXPECT_EQ(decode_icmp(Family::kInet, quoted->payload)->echo_id, 0xbeef);
  EXPECT_EQ(decode_icmp(Family::kInet, quoted->payload)->echo_sequence, 7);

  const std::optional<IcmpMessage> v6 = decode_icmp(Family::kInet6, kTooBigV6);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->kind, IcmpKind::kTooBig);
  EXPECT_EQ(v6->mtu_bytes, 1400U);
  EXPECT_EQ(decode_icmp(Family::kInet6, decode_ip_packet(v6->body)->payload)->echo_sequence, 9);
}

TEST(WireIcmp, KindsFollowTypeAndCodeOfTheFamily) {
  const auto kind = [](Family family, int type, int code) {
    const std::array<std::byte, 8> header{static_cast<std::byte>(type), static_cast<std::byte>(code)};
    return decode_icmp(family, header)->kind;
  };
  EXPECT_EQ(kind(Family::kInet, 0, 0), IcmpKind::kEchoReply);
  EXPECT_EQ(kind(Family::kInet, 8, 0), IcmpKind::kEchoRequest);
  EXPECT_EQ(kind(Family::kInet, 3, 3), IcmpKind::kPortUnreachable);
  EXPECT_EQ(kind(Family::kInet, 3, 13), IcmpKind::kUnreachable);
  EXPECT_EQ(kind(Family::kInet, 11, 0), IcmpKind::kTimeExceeded);
  EXPECT_EQ(kind(Family::kInet, 11, 1), IcmpKind::kOther) << "reassembly time, no hop";
  EXPECT_EQ(kind(Family::kInet, 2, 0), IcmpKind::kOther);
  EXPECT_EQ(kind(Family::kInet6, 129, 0), IcmpKind::kEchoReply);
  EXPECT_EQ(kind(Family::kInet6, 1, 4), IcmpKind::kPortUnreachable);
  EXPECT_EQ(kind(Family::kInet6, 1, 1), IcmpKind::kUnreachable);
  EXPECT_EQ(kind(Family::kInet6, 3, 0), IcmpKind::kTimeExceeded);
  EXPECT_EQ(kind(Family::kInet6, 3, 1), IcmpKind::kOther);
}

TEST(WireIcmp, Rfc4884LengthCutsTheQuote) {
  Bytes exceeded = hex("0b00000000010000");
  exceeded.resize(8 + 32);
  EXPECT_EQ(decode_icmp(Family::kInet, exceeded)->body.size(), 4U);
  exceeded[5] = std::byte{0xff};
  EXPECT_EQ(decode_icmp(Family::kInet, exceeded)->body.size(), 32U);
}

TEST(WireTcp, MssIsFoundBehindOtherOptions) {
  const std::optional<TcpSegment> segment = decode_tcp(kSynAck);
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->source_port, 443);
  EXPECT_TRUE(segment->syn && segment->ack);
  EXPECT_FALSE(segment->rst || segment->fin);
  EXPECT_EQ(segment->mss_bytes, std::uint16_t{1360});
}

TEST(WireTcp, AnOptionOfLengthZeroEndsTheSearch) {
  Bytes segment = kSynAck;
  segment[20] = std::byte{8};
  segment[21] = std::byte{0};
  ASSERT_TRUE(decode_tcp(segment));
  EXPECT_EQ(decode_tcp(segment)->mss_bytes, std::nullopt);
}

TEST(WireChecksum, Rfc1071ExampleAndOddLength) {
  EXPECT_EQ(internet_checksum(hex("0001f203f4f5f6f7")), 0x220d);
  EXPECT_EQ(internet_checksum(hex("0001f203f4f5f6f7220d")), 0) << "bytes with their own checksum";
  EXPECT_EQ(internet_checksum(hex("01")), 0xfeff);
}

/// Decodes as deep as a receiver would, from a heap copy of exactly this size, so that a sanitizer sees any overrun.
std::size_t decode_everything(std::span<const std::byte> input) {
  const Bytes exact(input.begin(), input.end());
  std::size_t decoded = 0;
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const std::optional<IcmpMessage> message = decode_icmp(family, exact);
    if (!message) continue;
    const std::optional<IpPacket> quoted = decode_ip_packet(message->body);
    decoded += checksum_sum(message->body) != 0 ? 1U : 0U;
    if (quoted) decoded += static_cast<std::size_t>(checksum_sum(quoted->payload));
  }
  if (const auto packet = decode_ip_packet(exact)) decoded += static_cast<std::size_t>(checksum_sum(packet->payload));
  if (const auto datagram = decode_udp(exact)) decoded += static_cast<std::size_t>(checksum_sum(datagram->payload));
  if (const auto segment = decode_tcp(exact)) decoded += segment->payload.size();
  return decoded;
}

const std::vector<Bytes>& samples() {
  static const std::vector<Bytes> all{kUdpV4, kTooBigV4, kFragmentV6, kTooBigV6, kSynAck};
  return all;
}

TEST(WireTruncation, EveryPrefixOfEverySampleIsReadWithinItsBounds) {
  for (const Bytes& sample : samples()) {
    ASSERT_FALSE(sample.empty());
    for (std::size_t length = 0; length <= sample.size(); ++length) {
      decode_everything(std::span(sample).first(length));
    }
  }
}

TEST(WireTruncation, ACutHeaderIsNoPacket) {
  for (std::size_t length = 0; length < 24; ++length) EXPECT_FALSE(decode_ip_packet(std::span(kUdpV4).first(length)));
  for (std::size_t length = 0; length < 56; ++length) {
    EXPECT_FALSE(decode_ip_packet(std::span(kFragmentV6).first(length))) << length;
  }
  for (std::size_t length = 0; length < 28; ++length) EXPECT_FALSE(decode_tcp(std::span(kSynAck).first(length)));
  for (std::size_t length = 0; length < 8; ++length) {
    EXPECT_FALSE(decode_icmp(Family::kInet6, std::span(kTooBigV6).first(length)));
    EXPECT_FALSE(decode_udp(std::span(kUdpV4).subspan(24).first(length)));
  }
}

TEST(WireMutation, RandomChangesNeverReadOutOfBounds) {
  std::mt19937 random(20240607);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes = samples()[random() % samples().size()];
    for (unsigned changes = random() % 8; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random() & 0xffU);
    }
    bytes.resize(random() % (bytes.size() + 4));
    const Bytes before = bytes;
    decode_everything(bytes);  // what it reads out of bounds, the sanitized build reports
    ASSERT_EQ(bytes, before);
    const auto packet = decode_ipv4_packet(bytes);
    if (packet) {
      ASSERT_LE(packet->payload.size(), bytes.size());
    }
  }
}

}  // namespace
}  // namespace vpndoctor
