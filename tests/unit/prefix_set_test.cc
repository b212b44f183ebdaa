// SPDX-License-Identifier: Apache-2.0
// The arithmetic of prefixes against counting one by one in small spaces: the last byte of an IPv4 address, and the
// byte around the middle of an IPv6 address, where the two halves of a number meet.
#include "vpndoctor/prefix_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <random>

namespace vpndoctor {
namespace {

constexpr unsigned kSpace = 256;
using Space = std::bitset<kSpace>;

IpAddress inet(unsigned value) { return {Family::kInet, {10, 0, 0, static_cast<std::uint8_t>(value)}}; }

IpPrefix inet_prefix(unsigned value, unsigned length) { return IpPrefix::of(inet(value), 24 + length); }

/// A prefix of 60 to 68 bits: the four bits before and after the middle count.
IpPrefix inet6_prefix(unsigned value, unsigned length) {
  IpAddress address = *IpAddress::parse("2001:db8::");
  address.bytes[7] = static_cast<std::uint8_t>(value >> 4U);
  address.bytes[8] = static_cast<std::uint8_t>(value << 4U);
  return IpPrefix::of(address, 60 + length);
}

using MakePrefix = IpPrefix (*)(unsigned, unsigned);

Space covered(MakePrefix make, const std::vector<IpPrefix>& prefixes) {
  Space space;
  for (unsigned value = 0; value < kSpace; ++value) {
    const IpAddress address = make(value, 8).address;
    space[value] = std::ranges::any_of(prefixes, [&](const IpPrefix& prefix) { return prefix.contains(address); });
  }
  return space;
}

/// The fewest prefixes that cover exactly `space` below the node (`value`, `length`), by trying.
std::size_t fewest(const Space& space, unsigned value, unsigned length) {
  const unsigned size = kSpace >> length;
  std::size_t set = 0;
  for (unsigned i = value; i < value + size; ++i) set += space[i] ? 1U : 0U;
  if (set == 0) return 0;
  if (set == size) return 1;
  return fewest(space, value, length + 1) + fewest(space, value + size / 2, length + 1);
}

std::vector<IpPrefix> random_prefixes(std::mt19937& random, MakePrefix make) {
  const auto pick = [&random](unsigned below) { return static_cast<unsigned>(random() % below); };
  std::vector<IpPrefix> prefixes(pick(40));
  for (IpPrefix& prefix : prefixes) prefix = make(pick(kSpace), 2 + pick(7));
  return prefixes;
}

void expect_aggregates_exactly(MakePrefix make) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const std::vector<IpPrefix> prefixes = random_prefixes(random, make);
    const Space space = covered(make, prefixes);
    const std::vector<IpPrefix> result = aggregate(prefixes);
    EXPECT_EQ(covered(make, result), space);
    EXPECT_EQ(result.size(), fewest(space, 0, 0));
    EXPECT_TRUE(std::ranges::is_sorted(result));
  }
}

TEST(Aggregate, CoversTheSameInTheFewestIpv4Prefixes) { expect_aggregates_exactly(inet_prefix); }
TEST(Aggregate, CoversTheSameInTheFewestIpv6Prefixes) { expect_aggregates_exactly(inet6_prefix); }

TEST(Aggregate, KeepsFamiliesApart) {
  const IpPrefix low = *IpPrefix::parse("0.0.0.0/1");
  const IpPrefix high = *IpPrefix::parse("128.0.0.0/1");
  const IpPrefix everything6 = *IpPrefix::parse("::/0");
  EXPECT_EQ(aggregate({everything6, high, low}), (std::vector{IpPrefix::everything(Family::kInet), everything6}));
}

TEST(PrefixesOf, CoverEveryRangeInTheFewestPrefixes) {
  for (unsigned first = 0; first < kSpace; ++first) {
    for (unsigned last = first; last < kSpace; ++last) {
      const std::vector<IpPrefix> prefixes = prefixes_of({inet(first), inet(last)});
      Space space;
      for (unsigned value = first; value <= last; ++value) space[value] = true;
      ASSERT_EQ(prefixes.size(), fewest(space, 0, 0));
      ASSERT_EQ(covered(inet_prefix, prefixes), space);
    }
  }
}

TEST(PrefixesOf, EverythingIsOnePrefixOfEachFamily) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const IpPrefix all = IpPrefix::everything(family);
    EXPECT_EQ(prefixes_of({all.address, all.last_address()}), std::vector{all});
  }
  EXPECT_TRUE(prefixes_of({inet(5), inet(4)}).empty());
}

TEST(PrefixesOf, AllButTheFirstAndLastIpv6AddressNeedTwoHundredAndFiftyFour) {
  const auto prefixes =
      prefixes_of({*IpAddress::parse("::1"), *IpAddress::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")});
  EXPECT_EQ(prefixes.size(), 254U);
}

TEST(ShareOf, IsTheCountOverTheWhole) {
  const IpPrefix whole = inet_prefix(0, 0);
  for (unsigned first = 0; first < kSpace; first += 7) {
    for (unsigned last = first; last < kSpace; last += 5) {
      EXPECT_DOUBLE_EQ(share_of({inet(first), inet(last)}, whole), (last - first + 1) / 256.0);
    }
  }
}

TEST(ShareOf, CountsOnlyWhatLiesInside) {
  const IpPrefix half = *IpPrefix::parse("10.0.0.128/25");
  EXPECT_DOUBLE_EQ(share_of({inet(0), inet(255)}, half), 1);
  EXPECT_DOUBLE_EQ(share_of({inet(64), inet(191)}, half), 0.5);
  EXPECT_EQ(share_of({inet(0), inet(127)}, half), 0);
  EXPECT_EQ(share_of({inet(0), inet(127)}, IpPrefix::everything(Family::kInet6)), 0);
  const IpPrefix all6 = IpPrefix::everything(Family::kInet6);
  EXPECT_DOUBLE_EQ(share_of({all6.address, *IpAddress::parse("7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}, all6), 0.5);
}

}  // namespace
}  // namespace vpndoctor
