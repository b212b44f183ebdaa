// SPDX-License-Identifier: Apache-2.0
// The share of the public addresses that prefixes have, against a count of drawn addresses.
#include "address_classes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vpndoctor {
namespace {

IpPrefix prefix(const char* text) { return *IpPrefix::parse(text); }

TEST(PublicShare, IsNoneOfPrivateAndAllOfEverything) {
  EXPECT_EQ(public_share({}, Family::kInet), 0);
  EXPECT_EQ(public_share({prefix("10.0.0.0/8"), prefix("fc00::/7")}, Family::kInet), 0);
  EXPECT_EQ(public_share({prefix("fc00::/7")}, Family::kInet6), 0);
  EXPECT_EQ(public_share({prefix("0.0.0.0/0")}, Family::kInet), 1);
  EXPECT_EQ(public_share({prefix("::/0")}, Family::kInet6), 1);
  EXPECT_EQ(public_share({prefix("2000::/3")}, Family::kInet6), 1);
  EXPECT_EQ(public_share({prefix("::/0")}, Family::kInet), 0);
}

TEST(PublicShare, IsWhatDrawnAddressesCount) {
  std::mt19937 random(7);
  std::uniform_int_distribution<unsigned> byte(0, 255);
  std::vector<IpAddress> addresses;
  while (addresses.size() < 20'000) {
    IpAddress address{.family = Family::kInet, .bytes = {}};
    for (std::size_t at = 0; at < 4; ++at) address.bytes[at] = static_cast<std::uint8_t>(byte(random));
    if (is_public_class(registered_class(address))) addresses.push_back(address);
  }
  for (int round = 0; round < 50; ++round) {
    std::vector<IpPrefix> prefixes;
    for (unsigned count = byte(random) % 12; count > 0; --count) {
      prefixes.push_back(IpPrefix::of(addresses[byte(random)], 1 + byte(random) % 12));
    }
    prefixes = aggregate(std::move(prefixes));
    const auto is_had = [&](const IpAddress& address) {
      return std::ranges::any_of(prefixes, [&](const IpPrefix& each) { return each.contains(address); });
    };
    const double counted =
        static_cast<double>(std::ranges::count_if(addresses, is_had)) / static_cast<double>(addresses.size());
    EXPECT_NEAR(public_share(prefixes, Family::kInet), counted, 0.015) << "round " << round;
  }
}

}  // namespace
}  // namespace vpndoctor
