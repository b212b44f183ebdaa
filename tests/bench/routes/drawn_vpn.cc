// SPDX-License-Identifier: Apache-2.0
// Draws them, the same ones each time; see the header.
#include "drawn_vpn.h"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "vpndoctor/route_table_builder.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kFullTable = 1'000'000;
constexpr std::size_t kFullTable6 = 150'000;
constexpr std::size_t kLongerRoutes = 100'000;
constexpr unsigned kNeighbours = 8;
constexpr std::uint32_t kMark = 0xca6c;  // wg-quick's
constexpr std::uint32_t kTunnelTable = 51820;
constexpr std::uint16_t kEther = 1;
constexpr std::uint16_t kNoHardware = 0xfffe;

IpAddress address(const std::string& text) { return IpAddress::parse(text).value(); }
IpPrefix prefix(const std::string& text) { return IpPrefix::parse(text).value(); }

/// A machine that grows: eth0 with both families and a tunnel.
class DrawnMachine {
 public:
  DrawnMachine(const std::string& tunnel, const std::string& kind) {
    state_.kernel_release = "6.1.0";
    state_.stable = true;
    state_.links = {{link("lo", kLinkLoopback, kEther), link("eth0", kLinkBroadcast | kLinkMulticast, kEther),
                     link(tunnel, kLinkPointToPoint | kLinkNoArp, kNoHardware)},
                    "netlink"};
    state_.links->back().kind = kind;
    if (kind == "tun") state_.links->back().tun_type = std::uint8_t{1};
    state_.addresses = {{}, "netlink"};
    state_.rules = {{}, "netlink"};
    state_.next_hop_objects = {{}, "netlink"};
    state_.neighbours = {{}, "netlink"};
    state_.settings = {{}, "/proc/sys/net"};
    state_.names = {{}, "built in"};
    state_.tunnels = {{}, "netlink"};
    state_.xfrm = {{}, "netlink"};
    state_.firewall = {{}, "netlink"};
    state_.leases = {{}, "netlink"};
    state_.vpn_signs = {{}, "/proc"};
    add_tunnel(tunnel, kind);
    for (const char* each : {"all", "default", "lo", "eth0"}) put_settings(each);
    put_settings(tunnel);
    own("lo", "127.0.0.1", 8);
    own("lo", "::1", 128);
    own("eth0", "192.168.50.5", 24);
    own("eth0", "2a0e:50::5", 64);
    own(tunnel, "10.8.0.2", 32);
    for (const Family family : {Family::kInet, Family::kInet6}) {
      rule(family, 0, kTableLocal);
      rule(family, 32766, kTableMain);
    }
  }

  Rule& rule(Family family, std::uint32_t priority, std::uint32_t table) {
    Rule& rule = state_.rules->emplace_back();
    rule.family = family;
    rule.priority = priority;
    rule.table = table;
    rule.protocol = kProtocolBoot;
    return rule;
  }

  /// Empty gateway: on the link.
  void route(const IpPrefix& destination, const std::string& interface, const std::string& gateway,
             std::uint32_t table = kTableMain) {
    Route route;
    route.destination = destination;
    route.protocol = kProtocolStatic;
    route.table = table;
    if (gateway.empty() && destination.family() == Family::kInet) route.scope = kScopeLink;
    NextHop hop;
    hop.interface = interface;
    if (!gateway.empty()) hop.gateway = address(gateway);
    add(route, hop);
  }

  Snapshot take() {
    std::ranges::stable_sort(*state_.rules, {}, [](const Rule& each) { return std::pair(each.family, each.priority); });
    state_.routes = {routes_.take(), "netlink"};
    return std::move(state_);
  }

 private:
  static Link link(const std::string& name, std::uint32_t flags, std::uint16_t hardware) {
    Link link;
    link.name = name;
    link.index = name == "lo" ? 1 : name == "eth0" ? 2 : 3;
    link.flags = flags | kLinkUp | kLinkRunning | kLinkLowerUp;
    link.hardware_type = hardware;
    link.mtu_bytes = 1500U;
    return link;
  }

  void add_tunnel(const std::string& name, const std::string& kind) {
    Tunnel& tunnel = state_.tunnels->emplace_back();
    tunnel.interface = name;
    tunnel.kind = kind;
    tunnel.endpoints = {{address("8.7.6.5"), std::uint16_t{51820}}};
    tunnel.mark = kind == "wireguard" ? kMark : 0U;
  }

  void put_settings(const std::string& interface) {
    state_.settings->inet[interface].forwarding = 0;
    state_.settings->inet[interface].reverse_path_filter = 0;
    state_.settings->inet6[interface].forwarding = 0;
  }

  void own(const std::string& interface, const std::string& text, std::uint8_t length) {
    Address own;
    own.interface = interface;
    own.address = address(text);
    own.prefix_length = length;
    own.scope = interface == "lo" ? std::uint8_t{kScopeHost} : std::uint8_t{kScopeUniverse};
    own.flags = kAddressPermanent;
    state_.addresses->push_back(own);
    Route local;
    local.destination = IpPrefix::host(own.address);
    local.type = RouteType::kLocal;
    local.table = kTableLocal;
    local.scope = kScopeHost;
    local.protocol = kProtocolKernel;
    NextHop hop;
    hop.interface = interface;
    add(local, hop);
    if (interface != "lo" && !own.on_link().is_host()) route(own.on_link(), interface, "");
  }

  void add(Route route, const NextHop& hop) {
    NextHopSet set;
    set.hops.push_back(hop);
    route.next_hops = routes_.intern(set);
    route.attributes = routes_.intern(RouteAttributes{});
    routes_.add(route);
  }

  Snapshot state_;
  RouteTableBuilder routes_;
};

/// Different prefixes of global unicast.
std::vector<IpPrefix> draw_prefixes(Family family, std::size_t count) {
  std::mt19937 random(family == Family::kInet ? 4U : 6U);
  std::vector<IpPrefix> drawn;
  while (drawn.size() < count) {
    while (drawn.size() < count) {
      IpAddress drawn_address{.family = family, .bytes = {}};
      for (std::size_t at = 0; at < 6; ++at) drawn_address.bytes[at] = static_cast<std::uint8_t>(random());
      const bool is_inet = family == Family::kInet;
      // As in the Internet's tables: half of IPv4's are of 24 bits.
      const unsigned length = is_inet ? std::min(24U, 16U + static_cast<unsigned>(random() % 16U))
                                      : 32U + static_cast<unsigned>(random() % 17U);
      drawn_address.bytes[0] = is_inet ? static_cast<std::uint8_t>(11U + random() % 89U) : std::uint8_t{0x24};
      drawn.push_back(IpPrefix::of(drawn_address, length));
    }
    std::ranges::sort(drawn);
    drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  }
  return drawn;
}

void add_drawn(DrawnMachine& machine, Family family, std::size_t count) {
  std::mt19937 random(8);
  for (const IpPrefix& each : draw_prefixes(family, count)) {
    const std::string neighbour = std::to_string(1 + random() % kNeighbours);
    machine.route(each, "eth0", (family == Family::kInet ? "192.168.50.10" : "2a0e:50::10") + neighbour);
  }
}

}  // namespace

Snapshot draw_full_table() {
  DrawnMachine machine("wg0", "wireguard");
  machine.route(prefix("0.0.0.0/0"), "eth0", "192.168.50.1");
  machine.route(prefix("::/0"), "eth0", "2a0e:50::1");
  for (const Family family : {Family::kInet, Family::kInet6}) {
    machine.route(IpPrefix::everything(family), "wg0", "", kTunnelTable);
    machine.rule(family, 32764, kTableMain).suppress_prefix_length = 0U;
    Rule& tunnelled = machine.rule(family, 32765, kTunnelTable);
    tunnelled.mark = kMark;
    tunnelled.mark_mask = UINT32_MAX;
    tunnelled.inverted = true;
  }
  add_drawn(machine, Family::kInet, kFullTable);
  add_drawn(machine, Family::kInet6, kFullTable6);
  return machine.take();
}

Snapshot draw_halves() {
  DrawnMachine machine("tun0", "tun");
  machine.route(prefix("0.0.0.0/0"), "eth0", "192.168.50.1");
  machine.route(prefix("8.7.6.5/32"), "eth0", "192.168.50.1");
  machine.route(prefix("0.0.0.0/1"), "tun0", "10.8.0.1");
  machine.route(prefix("128.0.0.0/1"), "tun0", "10.8.0.1");
  machine.route(prefix("10.8.0.1/32"), "tun0", "");
  add_drawn(machine, Family::kInet, kLongerRoutes);
  return machine.take();
}

}  // namespace vpndoctor
