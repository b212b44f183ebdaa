// SPDX-License-Identifier: Apache-2.0
// The rules that are advised for a kill switch: what is a tunnel's own is let out, and none is offered where that is
// not known. That they work is shown with real tunnels (tests/leaks/test_kill_switch.py).
#include "kill_switch_advice.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "machine.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;

/// tun0, and a second one of which all is known.
Snapshot with_tunnel(const Tunnel& tunnel) {
  Machine machine = Machine::ordinary();
  Snapshot snapshot = machine.tun("tun0").tun("tun1").snapshot();
  Tunnel second;
  second.interface = "tun1";
  second.mark = 5;
  snapshot.tunnels = {{tunnel, second}, "netlink"};
  return snapshot;
}

Tunnel tun0() {
  Tunnel tunnel;
  tunnel.interface = "tun0";
  tunnel.endpoints = {{*IpAddress::parse("9.9.9.1"), 1194}};
  return tunnel;
}

/// The commands, one a line; empty: none are offered.
std::string commands(const Tunnel& tunnel, const std::string& interface = "eth0") {
  Finding finding;
  add_kill_switch_steps(with_tunnel(tunnel), interface, finding);
  EXPECT_FALSE(finding.remedy.steps.empty()) << "the client's own is always advised";
  std::string text;
  for (const Command& each : finding.remedy.commands) text += fmt::format("{}\n", fmt::join(each.argv, " "));
  return text;
}

bool lets_out(const Tunnel& tunnel, const std::string& match) {
  return commands(tunnel).find("out oifname eth0 " + match + " accept\n") != std::string::npos;
}

TEST(KillSwitchAdvice, TheTunnelsOwnPacketsAreLetOut) {
  Tunnel marked = tun0();
  marked.mark = 0xca6c;
  EXPECT_TRUE(lets_out(marked, "meta mark 0xca6c"));
  EXPECT_TRUE(lets_out(marked, "meta mark 0x5")) << "the other tunnel's";
  EXPECT_FALSE(lets_out(marked, "ip daddr 9.9.9.1 udp dport 1194"));
  EXPECT_TRUE(lets_out(tun0(), "ip daddr 9.9.9.1 meta l4proto { tcp, udp } th dport 1194"));
  Tunnel connected = tun0();
  connected.outer_sockets = {{6, *IpAddress::parse("192.168.50.5"), 40000, IpAddress::parse("9.9.9.1"), 1194}};
  EXPECT_TRUE(lets_out(connected, "ip daddr 9.9.9.1 tcp dport 1194"));
  Tunnel wireguard = tun0();
  wireguard.endpoints = {{*IpAddress::parse("2a0e::1"), 51820}};
  wireguard.peers.emplace();
  EXPECT_TRUE(lets_out(wireguard, "ip6 daddr 2a0e::1 udp dport 51820"));
  Tunnel gre = tun0();
  gre.endpoints = {{*IpAddress::parse("9.9.9.1"), std::nullopt}};
  EXPECT_TRUE(lets_out(gre, "ip daddr 9.9.9.1"));
}

TEST(KillSwitchAdvice, NoRuleIsOfferedThatWouldEndTheTunnel) {
  EXPECT_TRUE(commands(tun0()).ends_with("out oifname eth0 reject\n"));
  Tunnel unknown = tun0();
  unknown.endpoints.clear();
  EXPECT_EQ(commands(unknown), "");
  for (const char* name : {"eth0 accept", "eth*", "\"eth0\"", "-n", "7eth", "eth\\x00", ""}) {
    EXPECT_EQ(commands(tun0(), name), "") << name;
  }
}

}  // namespace
}  // namespace vpndoctor
