// SPDX-License-Identifier: Apache-2.0
// Lists as people have them, and what is wrong with those that are not.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "vpndoctor/cidr_audit.h"

namespace vpndoctor {
namespace {

std::string parsed(std::string_view text) {
  const auto list = parse_prefix_list(text);
  return list ? fmt::format("{}", fmt::join(*list, " ")) : "error: " + list.error().message;
}

TEST(PrefixList, CidrsStandOnLinesOrBetweenCommas) {
  EXPECT_EQ(parsed("# office\n10.0.0.0/8, 192.168.0.0/16\n\n2001:db8::/32 # v6\r\n192.0.2.7"),
            "10.0.0.0/8 192.168.0.0/16 2001:db8::/32 192.0.2.7/32");
  EXPECT_EQ(parsed("fd00::/8"), "fd00::/8");
}

TEST(PrefixList, AByteOrderMarkIsNoPartOfTheFirstLine) {
  EXPECT_EQ(parsed("\xef\xbb\xbf"
                   "10.0.0.0/8\r\n10.9.0.0/16\r\n"),
            "10.0.0.0/8 10.9.0.0/16");
  EXPECT_EQ(parsed("\xef\xbb\xbf"), "error: the list names no prefix");
}

TEST(PrefixList, AllowedIpsOfAWholeConfigurationAreTaken) {
  EXPECT_EQ(parsed("[Interface]\nPrivateKey = abc=\nAddress = 10.8.0.2/24\n[Peer]\nallowedips=10.0.0.0/8,\t::/0\n"
                   "Endpoint = 198.51.100.1:51820\n[Peer]\nAllowedIPs = 172.16.0.0/12"),
            "10.0.0.0/8 ::/0 172.16.0.0/12");
  EXPECT_EQ(parsed("AllowedIPs = 0.0.0.0/0"), "0.0.0.0/0");
}

TEST(PrefixList, WireguardIgnoresHostBitsAndSoDoWe) {
  EXPECT_EQ(parsed("AllowedIPs = 10.0.0.2/24, 10.8.0.1"), "10.0.0.0/24 10.8.0.1/32");
  EXPECT_EQ(parsed("AllowedIPs = 10.0.0.2/33"), "error: line 1: '10.0.0.2/33' has a prefix length beyond its address");
}

TEST(PrefixList, OpenvpnRoutesAreTakenAndTheRestIsNot) {
  EXPECT_EQ(
      parsed("client\nremote vpn.example.org 1194\nroute 10.0.0.0 255.0.0.0\nroute 192.0.2.7\n"
             "route 172.16.0.0 255.240.0.0 vpn_gateway 50 ; comment\nroute-ipv6 2001:db8::/32\n"
             "push \"route 10.9.0.0 255.255.0.0\"\nroute 203.0.113.0 255.255.255.0 net_gateway\n<ca>\nMII\n</ca>"),
      "10.0.0.0/8 192.0.2.7/32 172.16.0.0/12 2001:db8::/32 10.9.0.0/16");
}

TEST(PrefixList, RedirectGatewayIsTheDefaultOfItsFamilies) {
  EXPECT_EQ(parsed("redirect-gateway def1"), "0.0.0.0/0");
  EXPECT_EQ(parsed("client\nredirect-gateway def1 ipv6"), "0.0.0.0/0 ::/0");
  EXPECT_EQ(parsed("redirect-gateway ipv6 !ipv4"), "::/0");
}

TEST(PrefixList, AWrongLineIsNamed) {
  EXPECT_EQ(parsed("10.0.0.0/8\n10.0.0.1/8"), "error: line 2: '10.0.0.1/8' has host bits set");
  EXPECT_EQ(parsed("10.0.0.0/8\nexample.org"), "error: line 2: 'example.org' is not an address or a prefix");
  EXPECT_EQ(parsed("client\nroute 10.0.0.1 255.0.0.0"), "error: line 2: '10.0.0.1/8' has host bits set");
  EXPECT_EQ(parsed("client\n\nroute 10.0.0.0 255.0.255.0"), "error: line 3: '255.0.255.0' is not a netmask");
  EXPECT_EQ(parsed("client\nroute vpn.example.org"), "error: line 2: 'vpn.example.org' is not an IPv4 address");
  EXPECT_EQ(parsed("client\nroute"), "error: line 2: \"route\" names no network");
  EXPECT_EQ(parsed("client\nroute-ipv6 10.0.0.0/8"), "error: line 2: 10.0.0.0/8 is not an IPv6 network");
}

TEST(PrefixList, AListWithoutPrefixesIsAnError) {
  for (const char* text : {"", "\n\n", "# nothing", "[Interface]\nAddress = 10.0.0.1/8", "client\n", "AllowedIPs ="}) {
    EXPECT_EQ(parsed(text), "error: the list names no prefix") << text;
  }
}

TEST(PrefixList, AnyCutOfAnyOfThemEndsInAListOrAnError) {
  const std::string text =
      "[Peer]\nAllowedIPs = 10.0.0.2/24, ::/0\nroute 10.0.0.0 255.0.0.0\npush \"route-ipv6 fd00::/8\"";
  for (std::size_t from = 0; from < text.size(); ++from) {
    for (std::size_t length = 0; from + length <= text.size(); ++length) {
      const auto list = parse_prefix_list(std::string_view(text).substr(from, length));
      EXPECT_EQ(list.has_value(), list.has_value() && !list->empty());
    }
  }
}

}  // namespace
}  // namespace vpndoctor
