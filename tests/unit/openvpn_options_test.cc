// SPDX-License-Identifier: Apache-2.0
// Which servers an OpenVPN client was told to use.
#include "vpndoctor/openvpn_options.h"

#include <gtest/gtest.h>

namespace vpndoctor {
namespace {

using Remotes = std::vector<OpenvpnRemote>;

TEST(OpenvpnOptions, RemotesComeFromTheCommandLine) {
  const auto options =
      parse_openvpn_arguments({"openvpn", "--remote", "vpn.example.org", "443", "tcp-client", "--remote", "192.0.2.1",
                               "--port", "1195", "--proto", "udp4", "--cd", "/etc/openvpn", "--config", "a.conf"});
  EXPECT_EQ(options.remotes, (Remotes{{"vpn.example.org", 443, true}, {"192.0.2.1", 1195, false}}));
  EXPECT_EQ(options.configs, std::vector<std::string>{"a.conf"});
  EXPECT_EQ(options.directory, "/etc/openvpn");
}

TEST(OpenvpnOptions, ASingleArgumentIsAConfigurationFile) {
  EXPECT_EQ(parse_openvpn_arguments({"openvpn", "client.ovpn"}).configs, std::vector<std::string>{"client.ovpn"});
  EXPECT_TRUE(parse_openvpn_arguments({"openvpn"}).configs.empty());
  EXPECT_TRUE(parse_openvpn_arguments({}).remotes.empty());
}

TEST(OpenvpnOptions, AConfigurationIsReadPastCommentsQuotesAndInlineKeys) {
  const auto options = parse_openvpn_config(
      "client\r\n# remote comment.example\n; remote other.example\n  remote \"vpn.example.org\" 443 # why\n"
      "<ca>\nremote in-a-certificate.example 1\n</ca>\n<tls-crypt>\nremote key.example\n</tls-crypt>\n"
      "proto tcp\nrport 992\nremote 'second.example'\nremote\n");
  EXPECT_EQ(options.remotes, (Remotes{{"vpn.example.org", 443, true}, {"second.example", 992, true}}));
}

TEST(OpenvpnOptions, ConnectionBlocksReplaceGlobalRemotesAndInheritWhatCameBefore) {
  const auto options = parse_openvpn_config(
      "remote ignored.example\nport 1300\n<connection>\nremote one.example\nproto tcp\n</connection>\n"
      "<connection>\nremote two.example 443 udp\n</connection>\n");
  EXPECT_EQ(options.remotes, (Remotes{{"one.example", 1300, true}, {"two.example", 443, false}}));
}

TEST(OpenvpnOptions, UnendedBlocksAndQuotesEndWithTheText) {
  EXPECT_TRUE(parse_openvpn_config("<ca>\nremote a\n").remotes.empty());
  EXPECT_EQ(parse_openvpn_config("remote \"a b").remotes, (Remotes{{"a b", 1194, false}}));
  EXPECT_EQ(parse_openvpn_config("<connection>\nremote a").remotes, (Remotes{{"a", 1194, false}}));
  EXPECT_EQ(parse_openvpn_config("remote a 99999").remotes, (Remotes{{"a", 1194, false}}));
}

}  // namespace
}  // namespace vpndoctor
