// SPDX-License-Identifier: Apache-2.0
// Programs that are recognised by their names and arguments, and the tables of the kernel that tell of IPsec.
#include <gtest/gtest.h>

#include <sstream>

#include "control_sockets.h"
#include "vpndoctor/vpn_sign.h"
#include "xfrm_counters.h"

namespace vpndoctor {
namespace {

/// 'u' for a VPN, 'p' for a proxy, '-' for nothing.
char recognized(const std::string& name, const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> arguments;
  for (std::string word; words >> word;) arguments.push_back(word);
  const std::vector<std::string_view> views(arguments.begin(), arguments.end());
  const auto sign = recognize_vpn_client(name, views);
  EXPECT_TRUE(!sign || may_be_vpn_client(name));
  if (!sign) return '-';
  EXPECT_FALSE(sign->text.empty());
  return sign->kind == VpnSignKind::kUserspaceClient ? 'u' : 'p';
}

TEST(VpnClient, TailscaleCountsInUserspaceModeOnly) {
  EXPECT_EQ(recognized("tailscaled", "tailscaled --tun=userspace-networking --socks5-server=localhost:1055"), 'u');
  EXPECT_EQ(recognized("tailscaled", "/usr/sbin/tailscaled -tun userspace-networking"), 'u');
  EXPECT_EQ(recognized("tailscaled", "tailscaled --state=/var/lib/x --tun=tailscale0"), '-');
  EXPECT_EQ(recognized("tailscaled", "tailscaled userspace-networking"), '-');
  EXPECT_EQ(recognized("tailscaled", "tailscaled tun=userspace-networking --tunx=userspace-networking"), '-');
  EXPECT_EQ(recognized("tailscaled", "tailscaled --tun"), '-');
}

TEST(VpnClient, OpenconnectCountsWithAScriptInPlaceOfItsInterface) {
  EXPECT_EQ(recognized("openconnect", "openconnect --script-tun --script ocproxy vpn.example"), 'u');
  EXPECT_EQ(recognized("openconnect", "openconnect -S -s ocproxy vpn.example"), 'u');
  EXPECT_EQ(recognized("openconnect", "openconnect vpn.example"), '-');
  EXPECT_EQ(recognized("ocproxy", "ocproxy -D 11080"), 'u');
}

TEST(VpnClient, OptionsOfSshEndAtItsDestination) {
  EXPECT_EQ(recognized("ssh", "ssh -D 1080 host"), 'p');
  EXPECT_EQ(recognized("ssh", "ssh -D1080 host"), 'p');
  EXPECT_EQ(recognized("ssh", "ssh -NfD 1080 host"), 'p');
  EXPECT_EQ(recognized("ssh", "ssh -o DynamicForward=1080 host"), 'p');
  EXPECT_EQ(recognized("ssh", "ssh -w 0:0 host"), 'p');
  EXPECT_EQ(recognized("ssh", "ssh -4 -i -D host"), '-');
  EXPECT_EQ(recognized("ssh", "ssh -L 1:2:3 host"), '-');
  EXPECT_EQ(recognized("ssh", "ssh host -D 1080"), '-');
  EXPECT_EQ(recognized("ssh", "ssh -- -D"), '-');
  EXPECT_EQ(recognized("ssh", "ssh -"), '-');
  EXPECT_EQ(recognized("ssh", "ssh -p"), '-');
  EXPECT_EQ(recognized("ssh", ""), '-');
}

TEST(VpnClient, NamesCountAsTheyStandInProc) {
  EXPECT_EQ(recognized("psiphon-tunnel-", "x"), 'p');  // 15 characters of it
  EXPECT_EQ(recognized("tor", "tor"), 'p');
  EXPECT_EQ(recognized("wireproxy", "wireproxy -c secret"), 'u');
  EXPECT_EQ(recognized("hysteria", "hysteria -c x"), 'p');
  EXPECT_EQ(recognized("hysteria", "hysteria server -c x"), '-');
  for (const char* name : {"", "to", "torx", "sshd", "systemd-resolve", "bash", "openvpn", "charon", "xray\n"}) {
    EXPECT_EQ(recognized(name, name), '-') << name;
  }
}

TEST(VpnClient, NothingOfTheCommandLineIsKept) {
  const std::vector<std::string_view> arguments = {"ssh", "-D", "s3cret", "-p", "s3cret", "s3cret@host"};
  const auto sign = recognize_vpn_client("ssh", arguments);
  ASSERT_TRUE(sign);
  EXPECT_EQ(sign->name, "ssh");
  EXPECT_EQ(sign->text.find("s3cret"), std::string::npos);
}

TEST(XfrmCounters, ThoseThatCountAreGiven) {
  using Counters = std::vector<std::pair<std::string, std::uint64_t>>;
  EXPECT_EQ(non_zero_xfrm_counters("XfrmInError             \t0\nXfrmOutNoStates         \t6\nXfrmOutPolBlock \t4\n"),
            (Counters{{"XfrmOutNoStates", 6}, {"XfrmOutPolBlock", 4}}));
  EXPECT_EQ(non_zero_xfrm_counters("\nX\n9\nX y\nX 99999999999999999999\nX -1x\n\x1b[2J 5\nX 18446744073709551615"),
            (Counters{{"X", 18446744073709551615U}}));
}

TEST(ListeningUnixPaths, OnlyThoseThatAcceptConnections) {
  const std::string table =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 20000 /run/wireguard/wg0.sock\n"
      "0000000000000000: 00000003 00000000 00000000 0001 03 20001 /run/wireguard/wg1.sock\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 20002\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 20003 @abstract\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 20004 /run/a b.sock\n"
      "garbage";
  EXPECT_EQ(listening_unix_paths(table),
            (std::set<std::string>{"/run/wireguard/wg0.sock", "@abstract", "/run/a b.sock"}));
}

}  // namespace
}  // namespace vpndoctor
