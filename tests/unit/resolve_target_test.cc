// SPDX-License-Identifier: Apache-2.0
// What is accepted as a host and what is refused before anything is asked. Needs no network: literals and "localhost".
#include "vpndoctor/resolve_target.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <string>

#include "host_name.h"

namespace vpndoctor {
namespace {

std::string error_of(const std::string& host, std::optional<Family> wanted = std::nullopt) {
  const auto target = resolve_target(host, wanted);
  return target ? "none" : error_kind_name(target.error().kind);
}

TEST(ResolveTarget, LiteralsAreTakenAsTheyAre) {
  for (const auto& [text, address] : std::vector<std::pair<std::string, std::string>>{
           {"192.0.2.1", "192.0.2.1"}, {"2001:DB8::1", "2001:db8::1"}, {"[2001:db8::1]", "2001:db8::1"}}) {
    const auto target = resolve_target(text, std::nullopt);
    ASSERT_TRUE(target.has_value()) << text;
    EXPECT_EQ(target->address.to_string(), address);
    EXPECT_EQ(target->host, text);
    EXPECT_EQ(target->zone, "");
    EXPECT_FALSE(target->other_family.has_value());
  }
}

TEST(ResolveTarget, ALinkLocalAddressNeedsAZoneThatExists) {
  EXPECT_EQ(resolve_target("fe80::1%lo", std::nullopt).value().zone, "lo");
  EXPECT_EQ(resolve_target("[fe80::1%lo]", std::nullopt).value().zone, "lo");
  EXPECT_EQ(resolve_target("fe80::1%1", std::nullopt).value().zone, "lo");
  EXPECT_EQ(error_of("fe80::1"), "usage");
  EXPECT_EQ(error_of("fe80::1%"), "usage");
  EXPECT_EQ(error_of("fe80::1%nosuchif"), "usage");
  EXPECT_EQ(error_of("fe80::1%99999999999999999999"), "usage");
  EXPECT_EQ(error_of("2001:db8::1%lo"), "usage");
  EXPECT_EQ(error_of("192.0.2.1%lo"), "usage");
  EXPECT_EQ(error_of("example.org%lo"), "usage");
}

TEST(ResolveTarget, WhatIsNoSingleHostIsAUsageError) {
  for (const char* host :
       {"0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "239.1.2.3", "ff02::1%lo", "::ffff:192.0.2.1"}) {
    EXPECT_EQ(error_of(host), "usage") << host;
  }
}

TEST(ResolveTarget, WhatIsNoHostIsNeverLookedUp) {
  const std::string label(64, 'a');
  for (const std::string& host : std::vector<std::string>{"",
                                                          " ",
                                                          "a b",
                                                          "a..b",
                                                          ".",
                                                          "..",
                                                          ".a",
                                                          "-a.example",
                                                          "a/b",
                                                          "user@host",
                                                          "http://host",
                                                          "[192.0.2.1]",
                                                          "[::1",
                                                          "::1]",
                                                          "[]",
                                                          "[localhost]",
                                                          "300.1.1.1",
                                                          "1.2.3",
                                                          "1.2.3.4.5",
                                                          "1:2",
                                                          "2001:db8::g",
                                                          label + ".example",
                                                          std::string("a\0b", 3),
                                                          "a\nb",
                                                          "\x1b[31m",
                                                          std::string(10'000, 'x'),
                                                          std::string(300, 'y') + ".example"}) {
    EXPECT_EQ(error_of(host), "usage") << host;
  }
}

TEST(ResolveTarget, AMessageShowsLittleOfTheHostAndNoControlCharacter) {
  for (const std::string& host : {std::string(10'000, 'x'), std::string(500, '\x1b'), std::string(500, '\xff')}) {
    const auto target = resolve_target(host, std::nullopt);
    ASSERT_FALSE(target.has_value());
    EXPECT_LT(target.error().message.size(), 160U);
    EXPECT_EQ(target.error().message.find('\x1b'), std::string::npos);
    EXPECT_EQ(target.error().message.find('\xff'), std::string::npos);
  }
  EXPECT_LE(shown_host(std::string(10'000, 'x')).size(), 64U);
}

TEST(ResolveTarget, AWantedFamilyIsObeyed) {
  EXPECT_EQ(error_of("192.0.2.1", Family::kInet6), "usage");
  EXPECT_EQ(error_of("2001:db8::1", Family::kInet), "usage");
  EXPECT_EQ(error_of("192.0.2.1", Family::kInet), "none");
  // A machine without /etc/hosts does not know this name; glibc is the oracle.
  addrinfo hints{};
  hints.ai_family = AF_INET;
  addrinfo* found = nullptr;
  const bool is_known = getaddrinfo("localhost", nullptr, &hints, &found) == 0;
  if (is_known) freeaddrinfo(found);
  const auto target = resolve_target("localhost", Family::kInet);
  ASSERT_EQ(target.has_value(), is_known);
  if (is_known) {
    EXPECT_EQ(target->address.family, Family::kInet);
  }
}

TEST(ResolveTarget, AnInternationalisedNameThatIsNoneIsRefusedBeforeTheLookup) {
  // A right-to-left letter beside a left-to-right one breaks the bidi rule (RFC 5893).
  EXPECT_EQ(error_of("a\u05d0.example"), "usage");
  // Bytes that are not UTF-8 are taken in the locale's charset; the C locale has none above 127.
  EXPECT_EQ(error_of("b\xfc"
                     "cher.example"),
            "usage");
}

TEST(HostName, UnderscoresAndAFinalDotOccurInNames) {
  EXPECT_TRUE(check_ascii_name("_sip.example.org.", "x").has_value());
  EXPECT_TRUE(check_ascii_name(std::string(63, 'a') + ".example", "x").has_value());
  EXPECT_FALSE(check_ascii_name("example..", "x").has_value());
}

}  // namespace
}  // namespace vpndoctor
