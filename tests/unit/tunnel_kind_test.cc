// SPDX-License-Identifier: Apache-2.0
// Which interfaces are tunnels: by what the kernel says of them, and by who holds them. The system's own are none.
#include "tunnel_kind.h"

#include <gtest/gtest.h>
#include <linux/if_arp.h>

#include <string>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

Link link_of(const char* name, const char* kind, std::uint16_t hardware = ARPHRD_NONE) {
  Link link;
  link.name = name;
  link.kind = kind;
  link.hardware_type = hardware;
  return link;
}

Link tun(const char* name) {
  Link link = link_of(name, "tun");
  link.tun_type = 1;
  return link;
}

Link tap(const char* name) {
  Link link = link_of(name, "tun", ARPHRD_ETHER);
  link.tun_type = 2;
  return link;
}

std::string kind_held_by(const Link& link, const char* process) {
  return tunnel_kind(link, {.wireguard_socket = false, .process = process});
}

/// What is_tunnel() says of a link where no tunnels were collected.
bool is_tunnel_by_link(const Link& link) {
  Snapshot snapshot;
  snapshot.links = {{link}, "test"};
  return is_tunnel(snapshot, link.name);
}

TEST(TunnelKind, WhatDriversMakeByThemselvesIsNoTunnel) {
  for (const auto& [name, kind] : std::vector<std::pair<const char*, const char*>>{{"sit0", "sit"},
                                                                                   {"tunl0", "ipip"},
                                                                                   {"gre0", "gre"},
                                                                                   {"gretap0", "gretap"},
                                                                                   {"ip6tnl0", "ip6tnl"},
                                                                                   {"ip6gre0", "ip6gre"},
                                                                                   {"ip_vti0", "vti"},
                                                                                   {"ip6_vti0", "vti6"}}) {
    Link link = link_of(name, kind);
    EXPECT_EQ(tunnel_kind(link, {}), "") << name;
    EXPECT_FALSE(is_tunnel_by_link(link)) << name;
    link.tunnel_remote = ip("192.0.2.1");
    EXPECT_EQ(tunnel_kind(link, {}), kind) << name;
    EXPECT_TRUE(is_tunnel_by_link(link)) << name;
    link.tunnel_remote.reset();
    link.tunnel_local = ip("192.0.2.2");  // to many remotes, as NHRP or 6to4 finds them
    EXPECT_EQ(tunnel_kind(link, {}), kind) << name;
    EXPECT_TRUE(is_tunnel_by_link(link)) << name;
  }
}

TEST(TunnelKind, ASystemsOwnInterfaceIsNoTunnelEvenWhereASnapshotListsIt) {
  Snapshot snapshot;
  snapshot.links = {{link_of("sit0", "sit"), tun("clat")}, "test"};
  Tunnel sit;
  sit.interface = "sit0";
  Tunnel clat;
  clat.interface = "clat";
  snapshot.tunnels = {{sit, clat}, "test"};
  EXPECT_FALSE(is_tunnel(snapshot, "sit0"));
  EXPECT_FALSE(is_tunnel(snapshot, "clat"));
}

TEST(TunnelKind, TapsOfMachinesAndOverlaysOfContainersAreNoTunnels) {
  EXPECT_EQ(kind_held_by(tap("vnet0"), "qemu-system-x86"), "");
  EXPECT_EQ(kind_held_by(tap("tap0"), ""), "");
  EXPECT_EQ(tunnel_kind(tap("tap0"), {.wireguard_socket = false, .process = "qemu-system-x86", .leads_on = true}), "");
  EXPECT_EQ(kind_held_by(tap("tap0"), "zerotier-one"), "tap");
  EXPECT_EQ(kind_held_by(tap("tap0"), "openvpn"), "openvpn");
  EXPECT_EQ(kind_held_by(tun("flannel0"), "flanneld"), "");
  EXPECT_EQ(kind_held_by(tun("nat64"), "tayga"), "");
  EXPECT_EQ(kind_held_by(tun("clat"), ""), "");
  EXPECT_EQ(kind_held_by(tun("v4-wlan0"), ""), "");
  for (const char* kind : {"vxlan", "geneve", "bridge", "veth", "macvlan", "dummy", "ipvlan", "bond", "vrf", "ifb"}) {
    Link link = link_of("flannel.1", kind, ARPHRD_ETHER);
    link.tunnel_remote = ip("192.0.2.1");
    EXPECT_EQ(tunnel_kind(link, {}), "") << kind;
    EXPECT_FALSE(is_tunnel_by_link(link)) << kind;
  }
  EXPECT_FALSE(is_tunnel_by_link(tap("vnet0")));
  EXPECT_FALSE(is_tunnel_by_link(tun("clat")));
  EXPECT_FALSE(is_tunnel_by_link(link_of("eth0", "", ARPHRD_ETHER)));
}

TEST(TunnelKind, ATapThatNobodyIsSeenToHoldMayBeATunnelWhenItLeadsOn) {
  Link link = tap("tap0");
  const TunHolderFacts unheld{.wireguard_socket = false, .process = "", .leads_on = true};
  EXPECT_EQ(tunnel_kind(link, unheld), "tap");
  link.master = "br0";
  EXPECT_EQ(tunnel_kind(link, unheld), "");
}

TEST(TunnelKind, VpnsAreTunnels) {
  EXPECT_EQ(kind_held_by(tun("tun0"), ""), "tun");
  EXPECT_EQ(kind_held_by(tun("tun0"), "openvpn"), "openvpn");
  EXPECT_EQ(tunnel_kind(tun("wg0"), {true, "wireguard-go"}), "wireguard");
  EXPECT_EQ(tunnel_kind(link_of("wg0", "wireguard"), {}), "wireguard");
  EXPECT_EQ(tunnel_kind(link_of("ppp0", "", ARPHRD_PPP), {}), "ppp");
  EXPECT_EQ(tunnel_kind(link_of("ipsec0", "xfrm"), {}), "xfrm");
  for (const Link& link : {tun("tun0"), link_of("wg0", "wireguard"), link_of("ppp0", "", ARPHRD_PPP)}) {
    EXPECT_TRUE(is_tunnel_by_link(link)) << link.name;
  }
}

}  // namespace
}  // namespace vpndoctor
