// SPDX-License-Identifier: Apache-2.0
// The lab's own packet functions: a lab that miscounts would teach the tool its mistakes.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "lab/forge.h"
#include "lab/packet.h"
#include "lab/router.h"

namespace vpndoctor::lab {
namespace {

const IpAddress kClient4 = lab_address("192.0.2.2");
const IpAddress kTarget4 = lab_address("203.0.113.10");
const IpAddress kRouter4 = lab_address("198.51.100.2");
const IpAddress kClient6 = lab_address("2001:db8:1::2");
const IpAddress kTarget6 = lab_address("2001:db8:3::10");
const IpAddress kRouter6 = lab_address("2001:db8:2::2");

/// An ICMP echo request of `size` bytes, header included, whose payload counts upwards.
Bytes echo_request(Family family, std::size_t size) {
  const bool inet = family == Family::kInet;
  Bytes icmp(size - ip_header_bytes(family));
  std::iota(icmp.begin(), icmp.end(), std::uint8_t{0});
  icmp[0] = inet ? 8 : 128;
  icmp[1] = 0;
  const HeaderFields header{inet ? kClient4 : kClient6, inet ? kTarget4 : kTarget6,
                            inet ? kProtocolIcmp : kProtocolIcmp6, 0};
  return ip_packet(header, std::move(icmp));
}

/// A TCP SYN with the options of a Linux client: MSS, SACK, timestamps, no-operation, window scale.
Bytes tcp_syn(Family family, std::uint16_t mss) {
  const bool inet = family == Family::kInet;
  Bytes tcp = {0xc0, 0x01, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0};
  const Bytes options = {2,
                         4,
                         static_cast<std::uint8_t>(mss >> 8),
                         static_cast<std::uint8_t>(mss),
                         4,
                         2,
                         8,
                         10,
                         0,
                         0,
                         0,
                         1,
                         0,
                         0,
                         0,
                         0,
                         1,
                         3,
                         3,
                         7};
  tcp.insert(tcp.end(), options.begin(), options.end());
  const HeaderFields header{inet ? kClient4 : kClient6, inet ? kTarget4 : kTarget6, kProtocolTcp, 0};
  Bytes packet = ip_packet(header, tcp);
  const auto view = parse_packet(packet);
  const std::uint16_t sum = transport_checksum(*view, view->payload);
  packet[view->header_bytes + 16] = static_cast<std::uint8_t>(sum >> 8);
  packet[view->header_bytes + 17] = static_cast<std::uint8_t>(sum);
  return packet;
}

std::uint16_t mss_of(const Bytes& packet) {
  const std::size_t at = parse_packet(packet)->header_bytes + 22;
  return static_cast<std::uint16_t>(packet[at] << 8 | packet[at + 1]);
}

bool checksums_hold(const Bytes& packet) {
  const auto view = parse_packet(packet);
  const bool header = view->family() == Family::kInet6 || internet_checksum(BytesView(packet).first(20)) == 0;
  return header && (view->is_fragment || transport_checksum(*view, view->payload) == 0);
}

TEST(LabChecksum, MatchesTheExampleOfRfc1071) {
  const Bytes words = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(internet_checksum(words), 0xffff - 0xddf2);
  const Bytes odd = {0x01};
  EXPECT_EQ(internet_checksum(odd), 0xfeff);
}

TEST(LabChecksum, CoversThePseudoHeaderOfIpv6) {
  const Bytes packet = ip_packet({kClient6, kTarget6, kProtocolIcmp6, 0}, {128, 0, 0, 0, 0, 1, 0, 1});
  EXPECT_EQ(packet[42] << 8 | packet[43], 0x2433);  // worked out apart from this code
}

TEST(LabPacket, HeaderSurvivesBuildingAndParsing) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const Bytes packet = echo_request(family, 101);
    const auto view = parse_packet(packet);
    ASSERT_TRUE(view);
    EXPECT_EQ(packet.size(), 101U);
    EXPECT_EQ(view->source, family == Family::kInet ? kClient4 : kClient6);
    EXPECT_EQ(view->destination, family == Family::kInet ? kTarget4 : kTarget6);
    EXPECT_EQ(view->payload.size(), 101U - ip_header_bytes(family));
    EXPECT_TRUE(checksums_hold(packet));
  }
}

TEST(LabPacket, EveryTruncationIsRefused) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const Bytes packet = tcp_syn(family, 1460);
    for (std::size_t length = 0; length < packet.size(); ++length) {
      EXPECT_FALSE(parse_packet(BytesView(packet).first(length))) << length;
    }
  }
}

TEST(LabPacket, TimeToLiveEndsAtOne) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    Bytes packet = echo_request(family, 60);
    for (int ttl = 63; ttl >= 1; --ttl) {
      ASSERT_TRUE(decrement_ttl(packet));
      EXPECT_EQ(parse_packet(packet)->ttl, ttl);
      EXPECT_TRUE(checksums_hold(packet));
    }
    EXPECT_FALSE(decrement_ttl(packet));
  }
}

TEST(LabFragment, PiecesFitAndPutTogetherAreTheWhole) {
  const Bytes whole = echo_request(Family::kInet, 3000);
  for (const std::uint32_t mtu : {68U, 576U, 1006U, 1400U, 1499U, 2999U}) {
    Bytes joined;
    const auto pieces = fragment(whole, mtu);
    for (const Bytes& piece : pieces) {
      EXPECT_LE(piece.size(), mtu);
      EXPECT_TRUE(checksums_hold(piece));
      const auto view = parse_packet(piece);
      EXPECT_EQ((piece[6] & 0x1f) << 8 | piece[7], static_cast<int>(joined.size() / 8));
      EXPECT_EQ((piece[6] & 0x20) != 0, &piece != &pieces.back());
      joined.insert(joined.end(), view->payload.begin(), view->payload.end());
    }
    EXPECT_TRUE(std::ranges::equal(joined, parse_packet(whole)->payload)) << mtu;
    EXPECT_GT(pieces.front().size() + 8, mtu);
  }
}

TEST(LabFragment, FragmentsOfFragmentsKeepTheirPlace) {
  const Bytes whole = echo_request(Family::kInet, 3000);
  Bytes joined(parse_packet(whole)->payload.size());
  for (const Bytes& piece : fragment(whole, 1500)) {
    for (const Bytes& smaller : fragment(piece, 1400)) {
      const std::size_t offset = static_cast<std::size_t>((smaller[6] & 0x1f) << 8 | smaller[7]) * 8;
      std::ranges::copy(parse_packet(smaller)->payload, joined.begin() + static_cast<std::ptrdiff_t>(offset));
      const bool is_end = offset + parse_packet(smaller)->payload.size() == joined.size();
      EXPECT_EQ((smaller[6] & 0x20) == 0, is_end);
    }
  }
  EXPECT_TRUE(std::ranges::equal(joined, parse_packet(whole)->payload));
}

TEST(LabFragment, Ipv6IsNeverCut) { EXPECT_TRUE(fragment(echo_request(Family::kInet6, 1500), 1400).empty()); }

TEST(LabMssClamp, LowersTheOptionAndMendsTheChecksum) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    Bytes packet = tcp_syn(family, 1460);
    ASSERT_TRUE(checksums_hold(packet));
    EXPECT_TRUE(clamp_mss(packet, 1340));
    EXPECT_EQ(mss_of(packet), 1340);
    EXPECT_TRUE(checksums_hold(packet));
  }
}

TEST(LabMssClamp, LeavesSmallerValuesAndOtherSegmentsAlone) {
  Bytes small = tcp_syn(Family::kInet, 1200);
  EXPECT_FALSE(clamp_mss(small, 1340));
  EXPECT_EQ(mss_of(small), 1200);
  Bytes data = tcp_syn(Family::kInet, 1460);
  data[20 + 13] = 0x10;
  EXPECT_FALSE(clamp_mss(data, 1340));
  EXPECT_EQ(mss_of(data), 1460);
}

TEST(LabIcmpError, QuotesAsMuchAsAllowedAndCarriesTheMtu) {
  const auto inet = icmp_error({IcmpError::Kind::kTooBig, 1400, kRouter4}, echo_request(Family::kInet, 1500));
  ASSERT_TRUE(inet);
  EXPECT_EQ(inet->size(), 576U);
  EXPECT_TRUE(checksums_hold(*inet));
  EXPECT_EQ((*inet)[20], 3);
  EXPECT_EQ((*inet)[21], 4);
  EXPECT_EQ((*inet)[26] << 8 | (*inet)[27], 1400);
  const auto inet6 = icmp_error({IcmpError::Kind::kTooBig, 1400, kRouter6}, echo_request(Family::kInet6, 1500));
  ASSERT_TRUE(inet6);
  EXPECT_EQ(inet6->size(), 1280U);
  EXPECT_TRUE(checksums_hold(*inet6));
  EXPECT_EQ((*inet6)[40], 2);
  EXPECT_EQ((*inet6)[46] << 8 | (*inet6)[47], 1400);
}

TEST(LabIcmpError, NeverAnswersAnErrorOrALaterFragment) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const IpAddress router = family == Family::kInet ? kRouter4 : kRouter6;
    const IcmpError error{IcmpError::Kind::kTimeExceeded, 0, router};
    const auto first = icmp_error(error, echo_request(family, 100));
    ASSERT_TRUE(first);
    EXPECT_FALSE(icmp_error(error, *first));
  }
  // Cut so that the second piece begins with the byte of an echo request.
  const auto pieces = fragment(echo_request(Family::kInet, 3000), 1308);
  EXPECT_TRUE(icmp_error({IcmpError::Kind::kTimeExceeded, 0, kRouter4}, pieces[0]));
  EXPECT_FALSE(icmp_error({IcmpError::Kind::kTimeExceeded, 0, kRouter4}, pieces[1]));
}

TEST(LabForge, ForeignQuoteDiffersFromTheProbeInItsPortsOnly) {
  const Bytes probe = echo_request(Family::kInet, 1500);
  const Bytes message = forged_message({ForgeConfig::Kind::kForeign, 600, 0, 1}, kRouter4, probe);
  EXPECT_TRUE(checksums_hold(message));
  EXPECT_TRUE(std::equal(probe.begin(), probe.begin() + 20, message.begin() + 28));
  EXPECT_FALSE(std::equal(probe.begin() + 20, probe.begin() + 28, message.begin() + 48));
}

TEST(LabForge, BadChecksumIsBadAndTheOthersAreGood) {
  using Kind = ForgeConfig::Kind;
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const IpAddress router = family == Family::kInet ? kRouter4 : kRouter6;
    const Bytes probe = echo_request(family, 1500);
    for (const Kind kind : {Kind::kForeign, Kind::kOurs, Kind::kShort, Kind::kAboveProbe, Kind::kBelowMinimum}) {
      EXPECT_TRUE(checksums_hold(forged_message({kind, 600, 0, 1}, router, probe)));
    }
    EXPECT_FALSE(checksums_hold(forged_message({Kind::kBadChecksum, 600, 0, 1}, router, probe)));
  }
}

/// What comes out at both ends of an emulated path without delays, for one packet put in.
struct Ends {
  std::vector<Bytes> client;
  std::vector<Bytes> target;
};

Ends send_through(const PathConfig& path, Bytes packet) {
  Ends ends;
  EventLoop loop;
  PathEmulator emulator(
      path, 1, loop,
      {[&](const Bytes& out) { ends.client.push_back(out); }, [&](const Bytes& out) { ends.target.push_back(out); }});
  emulator.from_gateway(std::move(packet));
  return ends;
}

PathConfig narrow_path(TooBigPolicy policy) {
  PathConfig path;
  path.hops.resize(3);
  path.hops[1].forward.mtu_bytes = 1400;
  path.hops[1].forward.too_big = policy;
  return path;
}

Bytes with_dont_fragment(Bytes packet) {
  packet[6] = 0x40;
  packet[10] = packet[11] = 0;
  const std::uint16_t sum = internet_checksum(BytesView(packet).first(20));
  packet[10] = static_cast<std::uint8_t>(sum >> 8);
  packet[11] = static_cast<std::uint8_t>(sum);
  return packet;
}

TEST(LabPath, PassesWhatFitsAndTakesOneFromTheTtlAtEachRouter) {
  const auto ends =
      send_through(narrow_path(TooBigPolicy::kSilent), with_dont_fragment(echo_request(Family::kInet, 1400)));
  ASSERT_EQ(ends.target.size(), 1U);
  EXPECT_EQ(parse_packet(ends.target[0])->ttl, 62);
  EXPECT_TRUE(ends.client.empty());
}

TEST(LabPath, SilentLinkSwallowsOneByteMore) {
  const auto ends =
      send_through(narrow_path(TooBigPolicy::kSilent), with_dont_fragment(echo_request(Family::kInet, 1401)));
  EXPECT_TRUE(ends.target.empty());
  EXPECT_TRUE(ends.client.empty());
}

TEST(LabPath, HonestRouterSaysItsLinkMtu) {
  const auto ends =
      send_through(narrow_path(TooBigPolicy::kSend), with_dont_fragment(echo_request(Family::kInet, 1401)));
  EXPECT_TRUE(ends.target.empty());
  ASSERT_EQ(ends.client.size(), 1U);
  EXPECT_EQ(parse_packet(ends.client[0])->source, kRouter4);
  EXPECT_EQ(ends.client[0][26] << 8 | ends.client[0][27], 1400);
}

TEST(LabPath, PacketsThatMayBeCutAreCutByRoutersAndDroppedBelowIp) {
  PathConfig path = narrow_path(TooBigPolicy::kSilent);
  EXPECT_EQ(send_through(path, echo_request(Family::kInet, 1500)).target.size(), 2U);
  path.hops[1].forward.l2 = true;
  EXPECT_TRUE(send_through(path, echo_request(Family::kInet, 1500)).target.empty());
}

TEST(LabPath, SizeFilterDropsLargeEchoesOnly) {
  PathConfig path;
  path.hops.resize(1);
  path.target.max_echo_bytes = 1000;
  EXPECT_EQ(send_through(path, echo_request(Family::kInet, 1000)).target.size(), 1U);
  EXPECT_TRUE(send_through(path, echo_request(Family::kInet, 1001)).target.empty());
  EXPECT_EQ(send_through(path, tcp_syn(Family::kInet, 1460)).target.size(), 1U);
}

TEST(LabTokenBuckets, GiveSixAtOnceThenOneASecondForEachDestination) {
  TokenBuckets buckets;
  const EventLoop::Clock::time_point start{};
  int taken = 0;
  for (int count = 0; count < 60; ++count) taken += buckets.take(kClient4, start) ? 1 : 0;
  EXPECT_EQ(taken, 6);
  EXPECT_TRUE(buckets.take(kClient6, start));
  EXPECT_TRUE(buckets.take(kClient4, start + std::chrono::seconds(1)));
  EXPECT_FALSE(buckets.take(kClient4, start + std::chrono::milliseconds(1500)));
  taken = 0;
  for (int count = 0; count < 60; ++count) taken += buckets.take(kClient4, start + std::chrono::hours(1)) ? 1 : 0;
  EXPECT_EQ(taken, 6);
}

}  // namespace
}  // namespace vpndoctor::lab
