// SPDX-License-Identifier: Apache-2.0
// The decoders of rtnetlink on recorded messages: cut at every length, with foreign attributes, of foreign families.
#include "rtnl_decode.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "golden.h"
#include "route_reader.h"

namespace vpndoctor {
namespace {

using Message = std::vector<std::byte>;

Message recorded(const std::string& name) {
  std::ifstream file(testing_support::source_file("tests/fuzz/corpus/route_message/" + name), std::ios::binary);
  Message message;
  for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) message.push_back(static_cast<std::byte>(*at));
  EXPECT_FALSE(message.empty()) << name;
  return message;
}

std::vector<std::string> recorded_names(const std::string& kind) {
  std::vector<std::string> names;
  for (int i = 1; i <= 9; ++i) {
    const std::string name = kind + "_" + std::to_string(i);
    if (std::filesystem::exists(testing_support::source_file("tests/fuzz/corpus/route_message/" + name))) {
      names.push_back(name);
    }
  }
  return names;
}

/// The lengths at which a cut leaves only whole attributes.
std::set<std::size_t> whole_lengths(const Message& message, std::size_t header) {
  std::set<std::size_t> lengths{header};
  std::size_t at = header;
  while (const auto attribute = read_at<nlattr>(message, at)) {
    for (std::size_t length = at + attribute->nla_len; length <= NLA_ALIGN(at + attribute->nla_len); ++length) {
      lengths.insert(length);
    }
    at += NLA_ALIGN(attribute->nla_len);
  }
  return lengths;
}

using Decode = std::function<bool(Bytes)>;

/// A cut message is refused, unless nothing but whole attributes is missing.
void expect_cuts_are_refused(const std::string& name, std::size_t header, const Decode& decode) {
  SCOPED_TRACE(name);
  const Message message = recorded(name);
  const auto whole = whole_lengths(message, header);
  EXPECT_TRUE(decode(message));
  for (std::size_t length = 0; length < message.size(); ++length) {
    const Message cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(length));
    const bool decoded = decode(cut);
    EXPECT_FALSE(decoded && !whole.contains(length)) << "cut at " << length;
  }
}

struct Decoder {
  std::string kind;
  std::size_t header = 0;
  Decode decode;
};

std::vector<Decoder> decoders() {
  static InterfaceNames names;
  static std::string rest;
  return {
      {"inet_route", 12, [](Bytes bytes) { return decode_route(bytes, names).has_value(); }},
      {"inet6_route", 12, [](Bytes bytes) { return decode_route(bytes, names).has_value(); }},
      {"inet_route", 12, [](Bytes bytes) { return decode_route_key(bytes, rest).has_value(); }},
      {"inet6_route", 12, [](Bytes bytes) { return decode_route_key(bytes, rest).has_value(); }},
      {"rule", 12, [](Bytes bytes) { return decode_rule(bytes).has_value(); }},
      {"addr", 8, [](Bytes bytes) { return decode_address(bytes, names).has_value(); }},
      {"nexthop", 8, [](Bytes bytes) { return decode_next_hop_object(bytes, names).has_value(); }},
      {"neighbour", 12, [](Bytes bytes) { return decode_neighbour(bytes, names).has_value(); }},
  };
}

TEST(RtnlDecode, MessagesCutAtAnyLengthAreRefused) {
  for (const Decoder& decoder : decoders()) {
    const auto names = recorded_names(decoder.kind);
    EXPECT_FALSE(names.empty()) << decoder.kind;
    for (const std::string& name : names) expect_cuts_are_refused(name, decoder.header, decoder.decode);
  }
  for (const char* link : {"link", "gre_link", "tun_link"}) {
    expect_cuts_are_refused(link, 16, [](Bytes bytes) { return decode_link(bytes).has_value(); });
  }
}

TEST(RtnlDecode, MessagesOfOtherFamiliesAreRefused) {
  constexpr std::byte kBridge{7};  // AF_BRIDGE
  for (const Decoder& decoder : decoders()) {
    if (decoder.kind == "nexthop") continue;  // a group has no family
    Message message = recorded(decoder.kind + "_1");
    message[0] = kBridge;
    EXPECT_FALSE(decoder.decode(message)) << decoder.kind;
  }
}

void append_attribute(Message& message, std::uint16_t type, std::uint32_t value) {
  const nlattr header{sizeof(nlattr) + sizeof value, type};
  const auto bytes = std::as_bytes(std::span(&header, 1));
  message.insert(message.end(), bytes.begin(), bytes.end());
  const auto payload = std::as_bytes(std::span(&value, 1));
  message.insert(message.end(), payload.begin(), payload.end());
}

TEST(RtnlDecode, AttributesOfALaterKernelAreListed) {
  constexpr std::uint16_t kOfTheFuture = 77;
  InterfaceNames names;
  Message route = recorded("inet_route_1");
  append_attribute(route, kOfTheFuture, 1);
  EXPECT_EQ(decode_route(route, names)->attributes.not_understood, std::vector<std::uint16_t>{kOfTheFuture});
  Message rule = recorded("rule_1");
  append_attribute(rule, kOfTheFuture, 1);
  EXPECT_EQ(decode_rule(rule)->not_understood, std::vector<std::uint16_t>{kOfTheFuture});
}

/// An attribute with a payload of any length; the message stays aligned.
void append_bytes(Message& message, std::uint16_t type, const Message& payload) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), type};
  const auto bytes = std::as_bytes(std::span(&header, 1));
  message.insert(message.end(), bytes.begin(), bytes.end());
  message.insert(message.end(), payload.begin(), payload.end());
  message.resize((message.size() + 3) / 4 * 4);
}

TEST(RtnlDecode, BytesThatAreLeftOverInsideAnAttributeAreRefused) {
  InterfaceNames names;
  Message metrics;
  append_attribute(metrics, RTAX_MTU, 1400);
  Message route = recorded("inet_route_1");
  append_bytes(route, RTA_METRICS, metrics);
  EXPECT_TRUE(decode_route(route, names));
  metrics.resize(metrics.size() + 5, std::byte{1});
  route = recorded("inet_route_1");
  append_bytes(route, RTA_METRICS, metrics);
  EXPECT_FALSE(decode_route(route, names));
  for (const bool whole : {true, false}) {
    Message leg(sizeof(rtnexthop));
    append_attribute(leg, RTA_FLOW, 7);
    if (!whole) leg.resize(leg.size() + 5, std::byte{1});
    leg[0] = static_cast<std::byte>(leg.size());
    Message multipath(12);
    multipath[0] = std::byte{AF_INET};
    append_bytes(multipath, RTA_MULTIPATH, leg);
    EXPECT_EQ(decode_route(multipath, names).has_value(), whole);
  }
}

/// A route with a segment of SRv6 whose counters show `packets`.
Message counted_route(std::uint16_t encapsulation_type, std::uint32_t packets) {
  constexpr std::uint16_t kCounters = 10;
  Message counters;
  for (const auto type : std::to_array<std::uint16_t>({2, 3, 4})) {
    Message value;
    value.resize(8);
    std::memcpy(value.data(), &packets, sizeof packets);
    append_bytes(counters, type, value);
  }
  Message encapsulation;
  append_attribute(encapsulation, 1, 1);
  append_bytes(encapsulation, kCounters, counters);
  Message route(12);
  route[0] = std::byte{AF_INET6};
  append_bytes(route, RTA_ENCAP, encapsulation);
  Message type(2);
  std::memcpy(type.data(), &encapsulation_type, sizeof encapsulation_type);
  append_bytes(route, RTA_ENCAP_TYPE, type);
  return route;
}

TEST(RtnlDecode, CountersOfSegmentsAreClearedAndKept) {
  constexpr std::uint16_t kSegmentLocal = 7;  // LWTUNNEL_ENCAP_SEG6_LOCAL
  InterfaceNames names;
  const auto encapsulation = [&](std::uint16_t type, std::uint32_t packets) {
    return decode_route(counted_route(type, packets), names)->next_hops.hops.at(0).encapsulation;
  };
  EXPECT_EQ(encapsulation(kSegmentLocal, 4711), encapsulation(kSegmentLocal, 0));
  EXPECT_EQ(encapsulation(kSegmentLocal, 4711).attributes.size(), 8U + 4U + 3U * 12U);
  EXPECT_NE(encapsulation(5, 4711), encapsulation(5, 0));
}

TEST(RtnlDecode, ExpiredRouteHasNoSecondsLeftAndRoundsUpOtherwise) {
  InterfaceNames names;
  const auto with_expiry = [&](std::int32_t ticks) {
    Message message = recorded("inet_route_1");
    rta_cacheinfo info{};
    info.rta_expires = ticks;
    const nlattr header{sizeof(nlattr) + sizeof info, RTA_CACHEINFO};
    for (const auto bytes : {std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(&info, 1))}) {
      message.insert(message.end(), bytes.begin(), bytes.end());
    }
    return decode_route(message, names)->attributes.expires_seconds;
  };
  EXPECT_EQ(with_expiry(0), std::nullopt);
  EXPECT_EQ(with_expiry(1), 1U);
  EXPECT_EQ(with_expiry(150), 2U);
  EXPECT_EQ(with_expiry(-5), 0U);
}

TEST(RouteReader, CacheEntriesAndForeignFamiliesAreLeftOutAndMalformedOnesCounted) {
  InterfaceNames names;
  const std::vector<NextHopObject> none;
  RouteReader reader(names, none);
  Message route = recorded("inet_route_1");
  reader.take(Family::kInet, route);
  reader.take(Family::kInet6, route);
  const std::uint32_t cloned = RTM_F_CLONED;
  std::memcpy(route.data() + 8, &cloned, sizeof cloned);
  reader.take(Family::kInet, route);
  route.pop_back();
  reader.take(Family::kInet, route);
  EXPECT_EQ(reader.malformed(), 1U);
  EXPECT_EQ(reader.finish().routes.size(), 1U);
}

/// An IPv6 route for packets from ::/LENGTH, through the interface of index 5.
Message source_specific(std::uint8_t source_length) {
  Message message(12);
  message[0] = std::byte{AF_INET6};
  message[2] = std::byte{source_length};
  append_attribute(message, RTA_OIF, 5);
  return message;
}

TEST(RouteReader, SourcesThatDifferInTheirLengthAloneAreKeptApart) {
  InterfaceNames names;
  const std::vector<NextHopObject> none;
  RouteReader reader(names, none);
  reader.take(Family::kInet6, source_specific(32));
  reader.take(Family::kInet6, source_specific(48));
  const RouteTable table = reader.finish();
  ASSERT_EQ(table.routes.size(), 2U);
  EXPECT_EQ(table.attributes(table.routes[0]).source, IpPrefix::parse("::/32").value());
  EXPECT_EQ(table.attributes(table.routes[1]).source, IpPrefix::parse("::/48").value());
}

TEST(RouteReader, InterfaceThatIsNotListedIsNoticed) {
  InterfaceNames names;
  const std::vector<NextHopObject> none;
  names.set(5, "eth0");
  RouteReader reader(names, none);
  reader.take(Family::kInet6, source_specific(32));
  EXPECT_FALSE(names.missed());
  InterfaceNames others;
  others.set(6, "eth1");
  RouteReader blind(others, none);
  blind.take(Family::kInet6, source_specific(48));
  EXPECT_TRUE(others.missed());
  EXPECT_EQ(blind.finish().routes.size(), 1U);
}

TEST(RouteReader, GroupsGiveTheLegsOfTheirMembersWithTheirWeights) {
  NextHopObject a;
  a.id = 1;
  a.hop.interface = "eth0";
  NextHopObject hole;
  hole.id = 2;
  hole.blackhole = true;
  NextHopObject group;
  group.id = 3;
  group.group = {{1, 7}, {2, 1}, {3, 1}, {99, 1}};
  const auto legs = legs_of_object(3, {a, hole, group});
  ASSERT_EQ(legs.size(), 1U);
  EXPECT_EQ(legs[0].interface, "eth0");
  EXPECT_EQ(legs[0].weight, 7);
  EXPECT_TRUE(legs_of_object(2, {a, hole, group}).empty());
}

}  // namespace
}  // namespace vpndoctor
