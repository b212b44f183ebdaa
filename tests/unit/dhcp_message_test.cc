// SPDX-License-Identifier: Apache-2.0
// DHCP messages: one that dhcpcd saved, built ones, cut ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "vpndoctor/interface_configuration.h"

namespace vpndoctor {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// An acknowledgement that gives 192.0.2.56, with these options and no end yet.
Bytes message(std::initializer_list<Bytes> options) {
  Bytes bytes(236, 0);
  bytes[0] = 2;
  const std::array<std::uint8_t, 4> address = {192, 0, 2, 56};
  std::ranges::copy(address, bytes.begin() + 16);
  bytes.insert(bytes.end(), {99, 130, 83, 99});
  for (const Bytes& option : options) bytes.insert(bytes.end(), option.begin(), option.end());
  return bytes;
}

Result<InterfaceConfiguration> parse(std::span<const std::uint8_t> bytes) {
  return parse_dhcp_message(std::as_bytes(bytes));
}

std::string ways_text(const InterfaceConfiguration& lease) {
  std::string text;
  for (const ConfiguredWay& way : lease.ways) {
    text += way.destination.to_string() + (way.gateway ? " via " + way.gateway->to_string() : " on link") + " by " +
            way.place + "\n";
  }
  return text;
}

/// What dhcpcd 9.4.1 saved when dnsmasq gave it options 3 and 121.
Bytes saved_by_dhcpcd() {
  return message({{53, 1, 5},
                  {54, 4, 192, 0, 2, 1},
                  {51, 4, 0, 0, 0x0e, 0x10},
                  {1, 4, 255, 255, 255, 0},
                  {28, 4, 192, 0, 2, 255},
                  {121, 12, 0, 192, 0, 2, 1, 16, 10, 77, 192, 0, 2, 3},
                  {3, 4, 192, 0, 2, 1},
                  {255}});
}

TEST(DhcpMessage, ClasslessRoutesOverruleTheRouter) {
  const auto lease = parse(saved_by_dhcpcd());
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_TRUE(lease->is_lease);
  ASSERT_EQ(lease->addresses.size(), 1U);
  EXPECT_EQ(lease->addresses[0].address.to_string(), "192.0.2.56");
  EXPECT_EQ(lease->addresses[0].prefix_length, 24);
  EXPECT_EQ(lease->lifetime, std::chrono::seconds(3600));
  EXPECT_EQ(ways_text(*lease), "0.0.0.0/0 via 192.0.2.1 by option 121\n10.77.0.0/16 via 192.0.2.3 by option 121\n");
}

TEST(DhcpMessage, RoutersAndHostRoutesCountWithoutClasslessRoutes) {
  const auto lease = parse(message({{33, 8, 10, 1, 2, 3, 192, 0, 2, 3}, {3, 8, 192, 0, 2, 1, 192, 0, 2, 2}, {255}}));
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(ways_text(*lease),
            "10.1.2.3/32 via 192.0.2.3 by option 33\n0.0.0.0/0 via 192.0.2.1 by option 3\n"
            "0.0.0.0/0 via 192.0.2.2 by option 3\n");
  EXPECT_FALSE(lease->lifetime);
  EXPECT_FALSE(lease->never_expires);
}

TEST(DhcpMessage, LongOptionIsJoinedFromItsParts) {
  const auto lease = parse(message({{121, 3, 16, 10, 77}, {51, 4, 255, 255, 255, 255}, {121, 4, 192, 0, 2, 3}, {255}}));
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(ways_text(*lease), "10.77.0.0/16 via 192.0.2.3 by option 121\n");
  EXPECT_TRUE(lease->never_expires);
}

TEST(DhcpMessage, OverloadedFieldsHoldOptions) {
  Bytes bytes = message({{52, 1, 3}, {255}});
  const Bytes in_file = {3, 4, 192, 0, 2, 1, 255};
  const Bytes in_name = {51, 4, 0, 0, 0, 60, 255};
  std::ranges::copy(in_file, bytes.begin() + 108);
  std::ranges::copy(in_name, bytes.begin() + 44);
  const auto lease = parse(bytes);
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(ways_text(*lease), "0.0.0.0/0 via 192.0.2.1 by option 3\n");
  EXPECT_EQ(lease->lifetime, std::chrono::seconds(60));
}

TEST(DhcpMessage, RouteOnLinkHasNoGatewayAndHostBitsAreDropped) {
  const auto lease = parse(message({{121, 9, 30, 10, 1, 1, 7, 0, 0, 0, 0}, {255}}));
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(ways_text(*lease), "10.1.1.4/30 on link by option 121\n");
}

TEST(DhcpMessage, EveryPrefixLengthIsReadAndALongerOneRefused) {
  for (unsigned length = 0; length <= 33; ++length) {
    Bytes option = {121, 0, static_cast<std::uint8_t>(length)};
    option.insert(option.end(), (length + 7) / 8, 0xff);
    option.insert(option.end(), {192, 0, 2, 1});
    option[1] = static_cast<std::uint8_t>(option.size() - 2);
    const auto lease = parse(message({option, {255}}));
    ASSERT_EQ(lease.has_value(), length <= 32) << length;
    if (lease) {
      EXPECT_EQ(lease->ways.at(0).destination.length, length);
    }
  }
}

TEST(DhcpMessage, WhatIsCutInAnOptionIsRefusedWithThePlace) {
  const Bytes whole = saved_by_dhcpcd();
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto lease = parse(std::span(whole).first(size));
    if (lease) {
      ++accepted;
    } else {
      EXPECT_EQ(lease.error().kind, ErrorKind::kUsage);
    }
  }
  // A message may end between two options: the standard asks for an end, saved files do without.
  EXPECT_EQ(accepted, 8U);
}

TEST(DhcpMessage, MessageWithoutAddressOrCookieIsRefused) {
  Bytes without_address = saved_by_dhcpcd();
  without_address[16] = without_address[17] = without_address[18] = without_address[19] = 0;
  EXPECT_FALSE(parse(without_address));
  Bytes without_cookie = saved_by_dhcpcd();
  without_cookie[236] = 0;
  EXPECT_FALSE(parse(without_cookie));
}

TEST(DhcpMessage, ChangedBytesNeverGiveAWayThatIsNone) {
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same changes in every run
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes = saved_by_dhcpcd();
    for (int change = 0; change < 4; ++change) {
      bytes[236 + random() % (bytes.size() - 236)] = static_cast<std::uint8_t>(random());
    }
    const auto lease = parse(bytes);
    if (!lease) continue;
    for (const ConfiguredWay& way : lease->ways) {
      EXPECT_EQ(IpPrefix::of(way.destination.address, way.destination.length), way.destination);
      EXPECT_FALSE(way.gateway && way.gateway->is_unspecified());
    }
  }
}

}  // namespace
}  // namespace vpndoctor
