// SPDX-License-Identifier: Apache-2.0
// Addresses as text: the C library's own parser and printer are the oracle.
#include "vpndoctor/ip.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace vpndoctor {
namespace {

constexpr int kRounds = 200'000;

int address_family(Family family) { return family == Family::kInet ? AF_INET : AF_INET6; }

std::optional<IpAddress> parse_by_libc(const std::string& text) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    IpAddress address{.family = family};
    if (inet_pton(address_family(family), text.c_str(), address.bytes.data()) == 1) return address;
  }
  return std::nullopt;
}

std::string format_by_libc(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address_family(address.family), address.bytes.data(), text.data(), text.size());
  return text.data();
}

/// Addresses with many zero bytes, so that runs of zeros of every length and place occur.
IpAddress random_address(std::mt19937& random) {
  IpAddress address{.family = random() % 4 == 0 ? Family::kInet : Family::kInet6};
  const auto zeros_in_8 = random() % 9;
  const std::size_t size = address.octets().size();
  for (std::size_t i = 0; i < size; ++i) {
    if (random() % 8 >= zeros_in_8) address.bytes[i] = static_cast<std::uint8_t>(random() % 3 == 0 ? 0xff : random());
  }
  return address;
}

/// A right text with a few characters replaced, dropped or doubled.
std::string random_text(std::mt19937& random) {
  constexpr std::string_view kAlphabet = "0123456789abcdefABCDEFg:.:.:: %/-x0";
  std::string text = random_address(random).to_string();
  for (auto edits = random() % 4; edits > 0; --edits) {
    const auto at = text.empty() ? 0 : random() % text.size();
    const char letter = kAlphabet[random() % kAlphabet.size()];
    if (random() % 3 == 0) {
      text.insert(at, 1, letter);
    } else if (!text.empty() && random() % 2 == 0) {
      text.erase(at, 1);
    } else if (!text.empty()) {
      text[at] = letter;
    }
  }
  return text;
}

TEST(IpAddress, PrintsEveryAddressAsTheCLibraryDoes) {
  std::mt19937 random(1);
  for (int i = 0; i < kRounds; ++i) {
    const IpAddress address = random_address(random);
    ASSERT_EQ(address.to_string(), format_by_libc(address));
    ASSERT_EQ(IpAddress::parse(address.to_string()), address);
  }
}

TEST(IpAddress, AcceptsAndRefusesEveryTextAsTheCLibraryDoes) {
  std::mt19937 random(2);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string text = random_text(random);
    const auto expected = parse_by_libc(text);
    ASSERT_EQ(IpAddress::parse(text), expected) << '"' << text << '"';
    ++(expected ? accepted : refused);
  }
  EXPECT_GT(accepted, kRounds / 10);
  EXPECT_GT(refused, kRounds / 10);
}

TEST(IpAddress, RefusesWhatIsMoreThanAnAddress) {
  for (const char* text :
       {"", " 192.0.2.1", "192.0.2.1 ", "192.0.2.1/24", "fe80::1%eth0", "[::1]", "192.0.2.01", "0x7f.1", "1.2.3",
        "::1::", ":1", "1:", "1:2:3:4:5:6:7:8::", "12345::", "::ffff:1.2.3.256"}) {
    EXPECT_EQ(IpAddress::parse(text), std::nullopt) << text;
  }
  EXPECT_EQ(IpAddress::parse(std::string_view("::1\0", 4)), std::nullopt);
}

TEST(IpAddress, ParsesAbbreviatedAndMixedForms) {
  EXPECT_EQ(IpAddress::parse("2001:0DB8:0:0::1")->to_string(), "2001:db8::1");
  EXPECT_EQ(IpAddress::parse("1:2:3:4:5:6:7::")->to_string(), "1:2:3:4:5:6:7:0");
  EXPECT_EQ(IpAddress::parse("64:ff9b::192.0.2.33")->to_string(), "64:ff9b::c000:221");
  EXPECT_EQ(IpAddress::parse("::ffff:c000:221")->to_string(), "::ffff:192.0.2.33");
}

TEST(IpAddress, TakesFourOrSixteenBytesOnly) {
  std::array<std::byte, 17> bytes{};
  bytes[0] = std::byte{10};
  bytes[3] = std::byte{1};
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const auto address = IpAddress::from_bytes(std::span(bytes).first(length));
    EXPECT_EQ(address.has_value(), length == 4 || length == 16) << length;
  }
  EXPECT_EQ(IpAddress::from_bytes(std::span(bytes).first(4)), IpAddress::parse("10.0.0.1"));
  EXPECT_EQ(IpAddress::from_bytes(std::span(bytes).first(16)), IpAddress::parse("a00:1::"));
}

struct Kinds {
  const char* text;
  bool unspecified, loopback, multicast, broadcast, link_local;
};

TEST(IpAddress, KnowsTheSpecialRanges) {
  constexpr Kinds kCases[] = {
      {"0.0.0.0", true, false, false, false, false},
      {"::", true, false, false, false, false},
      {"127.0.0.1", false, true, false, false, false},
      {"127.255.255.255", false, true, false, false, false},
      {"::1", false, true, false, false, false},
      {"::2", false, false, false, false, false},
      {"1::1", false, false, false, false, false},
      {"224.0.0.1", false, false, true, false, false},
      {"239.255.255.255", false, false, true, false, false},
      {"223.255.255.255", false, false, false, false, false},
      {"240.0.0.0", false, false, false, false, false},
      {"ff02::1", false, false, true, false, false},
      {"feff::1", false, false, false, false, false},
      {"255.255.255.255", false, false, false, true, false},
      {"255.255.255.254", false, false, false, false, false},
      {"169.254.0.1", false, false, false, false, true},
      {"169.253.0.1", false, false, false, false, false},
      {"fe80::1", false, false, false, false, true},
      {"febf::1", false, false, false, false, true},
      {"fec0::1", false, false, false, false, false},
      {"ffff:ffff::", false, false, true, false, false},
      {"::ffff:127.0.0.1", false, false, false, false, false},
  };
  for (const Kinds& kinds : kCases) {
    const IpAddress address = IpAddress::parse(kinds.text).value();
    EXPECT_EQ(address.is_unspecified(), kinds.unspecified) << kinds.text;
    EXPECT_EQ(address.is_loopback(), kinds.loopback) << kinds.text;
    EXPECT_EQ(address.is_multicast(), kinds.multicast) << kinds.text;
    EXPECT_EQ(address.is_limited_broadcast(), kinds.broadcast) << kinds.text;
    EXPECT_EQ(address.is_link_local(), kinds.link_local) << kinds.text;
  }
}

TEST(IpAddress, FormatsWithWidth) { EXPECT_EQ(fmt::format("{:>9}|", IpAddress::parse("::1").value()), "      ::1|"); }

}  // namespace
}  // namespace vpndoctor
