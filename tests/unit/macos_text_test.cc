// SPDX-License-Identifier: Apache-2.0
// Captures of macOS as routes, links and addresses. The captures are made up after the forms of several releases.
#include "vpndoctor/macos_text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "golden.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

const std::string kFolder = testing_support::source_file("tests/data/macos/tunnel");

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// "destination via gateway dev interface flags" of each route.
std::vector<std::string> in_words(const RouteTable& table) {
  std::vector<std::string> lines;
  for (const Route& route : table.routes) {
    const NextHop& hop = table.hops(route).at(0);
    lines.push_back(fmt::format("{} via {} dev {} {}", route.destination,
                                hop.gateway ? hop.gateway->to_string() : "link", hop.interface,
                                table.attributes(route).macos_flags));
  }
  return lines;
}

std::string only_route(const std::string& lines) {
  const auto words = in_words(parse_macos_netstat(lines).table);
  return words.size() == 1 ? words[0] : fmt::format("{} routes", words.size());
}

TEST(MacosNetstat, AbbreviationsAreWrittenOut) {
  const MacosRoutes routes = parse_macos_netstat(content_of(kFolder + "/netstat-rn.txt"));
  EXPECT_TRUE(routes.not_understood.empty()) << routes.not_understood[0];
  const std::vector<std::string> expected = {
      "0.0.0.0/1 via 10.8.0.1 dev utun4 UGSc",
      "0.0.0.0/0 via 192.0.2.1 dev en0 UGScg",
      "0.0.0.0/0 via link dev bridge100 UCSIg",
      "10.8.0.1/32 via link dev utun4 UH",
      "10.8.0.0/16 via 10.8.0.1 dev utun4 UGSc",
      "127.0.0.0/8 via link dev lo0 UCS",
      "127.0.0.1/32 via link dev lo0 UH",
      "128.0.0.0/1 via 10.8.0.1 dev utun4 UGSc",
      "169.254.0.0/16 via link dev en0 UCS",
      "192.0.2.0/24 via link dev en0 UCS",
      "192.0.2.1/32 via link dev en0 UCS",
      "192.0.2.1/32 via link dev en0 UHLWIir",
      "198.51.100.7/32 via 192.0.2.1 dev en0 UGSc",
      "203.0.113.0/25 via 192.0.2.1 dev en0 UGSc",
      "224.0.0.0/4 via link dev en0 UmCS",
      "255.255.255.255/32 via link dev en0 UCS",
      "::/0 via fe80:: dev utun0 UGcIg",
      "::1/128 via link dev lo0 UHL",
      "2001:db8:7::/48 via fe80::1 dev en0 UGSc",
      "fe80::/64 via link dev utun0 UcI",
      "fe80::ce81:b1c:bd2c:69e/128 via link dev lo0 UHLI",
      "ff01::/32 via link dev en0 UmCI",
  };
  EXPECT_EQ(in_words(routes.table), expected);
}

TEST(MacosNetstat, OlderReleasesHaveMoreColumns) {
  EXPECT_EQ(only_route("Internet:\nDestination Gateway Flags Refs Use Netif Expire\n"
                       "default 192.0.2.1 UGSc 38 0 en0\n"),
            "0.0.0.0/0 via 192.0.2.1 dev en0 UGSc");
  EXPECT_EQ(only_route("Internet:\r\nDestination Gateway Flags Refs Use Mtu Netif Expire\r\n"
                       "10.1/16 192.0.2.1 UGSc 38 0 1500 en0 12\r\n"),
            "10.1.0.0/16 via 192.0.2.1 dev en0 UGSc");
}

TEST(MacosNetstat, RefusingRoutesHaveTheirType) {
  const auto routes = parse_macos_netstat(
      "Internet:\nDestination Gateway Flags Netif\n10 127.0.0.1 UGBS lo0\n"
      "11 127.0.0.1 UGRS lo0\n");
  ASSERT_EQ(routes.table.routes.size(), 2U);
  EXPECT_EQ(routes.table.routes[0].type, RouteType::kBlackhole);
  EXPECT_EQ(routes.table.routes[1].type, RouteType::kUnreachable);
}

TEST(MacosNetstat, WhatIsNoRouteIsSaidNotGuessed) {
  for (const char* line :
       {"300 192.0.2.1 UGSc en0", "10/33 192.0.2.1 UGSc en0", "10&0xff00ff00 192.0.2.1 UGSc en0", "10 gateway UGSc en0",
        "10 192.0.2.1 UGSc en/0", "10 192.0.2.1 UGSc \x1b[0m", "1.2.3.4.5 192.0.2.1 UGSc en0", "10 192.0.2.1 UGSc"}) {
    const auto routes = parse_macos_netstat("Internet:\nDestination Gateway Flags Netif\n" + std::string(line) + "\n");
    EXPECT_TRUE(routes.table.routes.empty()) << line;
    ASSERT_EQ(routes.not_understood.size(), 1U) << line;
    EXPECT_EQ(routes.not_understood[0].find('\x1b'), std::string::npos);
  }
  EXPECT_FALSE(parse_macos_netstat("Active Internet connections\ntcp4 0 0 a b LISTEN\n").has_table);
}

TEST(MacosIfconfig, LinksAndAddressesAreRead) {
  const MacosInterfaces all = parse_macos_ifconfig(content_of(kFolder + "/ifconfig-v.txt"));
  ASSERT_EQ(all.links.size(), 5U);
  EXPECT_EQ(all.links[1].name, "en0");
  EXPECT_EQ(all.links[1].mtu_bytes, 1500U);
  EXPECT_EQ(all.links[1].hardware_address, "02:00:00:00:00:02");
  EXPECT_EQ(all.links[1].operational_state, 6);
  EXPECT_EQ(all.links[2].operational_state, 2);
  EXPECT_TRUE(all.links[1].is_running());
  EXPECT_TRUE(all.links[2].is_up() && !all.links[2].is_running()) << "status: inactive";
  EXPECT_TRUE(all.links[0].is_loopback() && all.links[0].is_up() && all.links[0].is_running());
  EXPECT_EQ(all.links[4].flags, kLinkUp | kLinkPointToPoint | kLinkRunning | kLinkMulticast);
  ASSERT_EQ(all.addresses.size(), 7U);
  EXPECT_EQ(all.addresses[0].prefix_length, 8);
  EXPECT_EQ(all.addresses[2].scope, kScopeLink);
  EXPECT_EQ(all.addresses[3].flags, kAddressTemporary | kAddressDeprecated);
  EXPECT_EQ(all.addresses[4].broadcast, IpAddress::parse("192.0.2.255"));
  EXPECT_EQ(all.addresses[6].peer, IpAddress::parse("10.8.0.1"));
  EXPECT_EQ(all.addresses[6].interface, "utun4");
}

TEST(MacosCaptures, AFolderIsASnapshot) {
  const auto snapshot = load_snapshot(kFolder);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->platform, Platform::kMacos);
  EXPECT_FALSE(snapshot->stable.has_value());
  EXPECT_EQ(snapshot->routes->routes.size(), 22U);
  EXPECT_EQ(snapshot->routes.source(), "netstat -rn in netstat-rn.txt");
  EXPECT_EQ(snapshot->links->size(), 5U);
  EXPECT_FALSE(snapshot->rules.is_known());
  const auto nothing = load_snapshot(testing_support::source_file("tests/unit"));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace vpndoctor
