// SPDX-License-Identifier: Apache-2.0
// Fills a snapshot as the kernel would after the matching commands.
#include "machine.h"

#include <algorithm>
#include <utility>

namespace vpndoctor::testing_support {
namespace {

constexpr std::uint16_t kEther = 1;
constexpr std::uint16_t kNone = 0xfffe;
constexpr std::uint32_t kEthernetMtu = 1500;

Rule lookup_rule(Family family, std::uint32_t priority, std::uint32_t table) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.table = table;
  rule.protocol = kProtocolKernel;
  return rule;
}

IpPrefix prefix_of(const std::string& text) {
  return text == "default" ? IpPrefix::everything(Family::kInet) : IpPrefix::parse(text).value();
}

}  // namespace

Machine::Machine() {
  state_.kernel_release = "6.1.0";
  state_.stable = true;
  state_.links = {{}, "netlink"};
  state_.addresses = {{}, "netlink"};
  state_.rules = {{}, "netlink"};
  state_.next_hop_objects = {{}, "netlink"};
  state_.neighbours = {{}, "netlink"};
  state_.settings = {{}, "/proc/sys/net"};
  state_.tunnels = {{}, "netlink"};
  state_.names = {{}, "built in"};
  link("lo", "", kLinkUp | kLinkRunning | kLinkLowerUp | kLinkLoopback);
  address("lo", "127.0.0.1/8").address("lo", "::1/128");
  for (const Family family : {Family::kInet, Family::kInet6}) {
    rule(lookup_rule(family, 0, kTableLocal));
    rule(lookup_rule(family, 32766, kTableMain));
  }
  rule(lookup_rule(Family::kInet, 32767, kTableDefault));
  auto& settings = *state_.settings;
  for (const char* name : {"all", "default"}) {
    settings.inet[name].forwarding = 0;
    settings.inet6[name].forwarding = 0;
    filter(name, 0);
  }
}

Machine& Machine::link(const std::string& name, const std::string& kind, std::uint32_t flags) {
  Link link;
  link.index = static_cast<int>(state_.links->size()) + 1;
  link.name = name;
  link.kind = kind;
  link.flags = flags;
  link.hardware_type = kEther;
  link.operational_state = (flags & kLinkRunning) != 0 ? 6 : 2;
  link.mtu_bytes = kEthernetMtu;
  state_.links->push_back(link);
  return *this;
}

Machine& Machine::tun(const std::string& name, bool running) {
  const std::uint32_t carrier = running ? kLinkRunning | kLinkLowerUp : 0U;
  link(name, "tun", kLinkUp | kLinkPointToPoint | kLinkNoArp | carrier);
  state_.links->back().hardware_type = kNone;
  state_.links->back().tun_type = std::uint8_t{1};
  return *this;
}

Machine& Machine::address(const std::string& interface, const std::string& address_and_length) {
  const std::size_t slash = address_and_length.find('/');
  Address address;
  address.interface = interface;
  address.address = IpAddress::parse(address_and_length.substr(0, slash)).value();
  address.prefix_length = static_cast<std::uint8_t>(std::stoi(address_and_length.substr(slash + 1)));
  address.scope = interface == "lo" ? std::uint8_t{kScopeHost} : std::uint8_t{kScopeUniverse};
  address.flags = kAddressPermanent;
  state_.addresses->push_back(address);
  route({.destination = IpPrefix::host(address.address).to_string(),
         .interface = interface,
         .gateway = {},
         .table = kTableLocal,
         .protocol = kProtocolKernel,
         .type = RouteType::kLocal});
  const bool is_local_net = interface == "lo" && address.address.family == Family::kInet;
  if (interface != "lo" || is_local_net) {
    route({.destination = address.on_link().to_string(),
           .interface = interface,
           .gateway = {},
           .table = is_local_net ? std::uint32_t{kTableLocal} : std::uint32_t{kTableMain},
           .protocol = kProtocolKernel,
           .type = is_local_net ? RouteType::kLocal : RouteType::kUnicast});
  }
  return *this;
}

Machine& Machine::route(const RouteSpec& spec) {
  Route route;
  route.destination = prefix_of(spec.destination);
  route.type = spec.type;
  route.protocol = spec.protocol;
  route.table = spec.table;
  route.metric = spec.metric;
  if (route.destination.family() == Family::kInet && spec.gateway.empty()) route.scope = kScopeLink;
  if (spec.type == RouteType::kLocal) route.scope = kScopeHost;
  NextHopSet set;
  if (!spec.interface.empty()) {
    NextHop hop;
    hop.interface = spec.interface;
    if (!spec.gateway.empty()) hop.gateway = IpAddress::parse(spec.gateway).value();
    set.hops.push_back(hop);
  }
  route.next_hops = routes_.intern(set);
  route.attributes = routes_.intern(RouteAttributes{});
  routes_.add(route);
  return *this;
}

Machine& Machine::rule(const Rule& rule) {
  auto& rules = *state_.rules;
  const auto later = std::find_if(rules.begin(), rules.end(), [&](const Rule& each) {
    return each.family == rule.family && each.priority > rule.priority;
  });
  rules.insert(later, rule);
  return *this;
}

Machine& Machine::tunnel(const std::string& interface, const std::string& endpoint, std::optional<std::uint32_t> mark) {
  Tunnel tunnel;
  tunnel.interface = interface;
  tunnel.kind = "tun";
  tunnel.mark = mark;
  if (!endpoint.empty()) tunnel.endpoints.push_back({IpAddress::parse(endpoint).value(), std::uint16_t{1194}});
  state_.tunnels->push_back(tunnel);
  return *this;
}

Machine& Machine::filter(const std::string& interface, int reverse_path_filter, int source_valid_mark) {
  InterfaceSettings& settings = state_.settings->inet[interface];
  settings.reverse_path_filter = reverse_path_filter;
  settings.source_valid_mark = source_valid_mark;
  return *this;
}

Machine Machine::ordinary() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24").address("eth0", "2001:db8:1::2/64");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.0.2.1", .protocol = kProtocolDhcp});
  machine.route({.destination = "::/0",
                 .interface = "eth0",
                 .gateway = "2001:db8:1::1",
                 .metric = 1024,
                 .protocol = kProtocolStatic});
  return machine;
}

Snapshot Machine::snapshot() {
  state_.routes = {routes_.take(), "netlink"};
  return std::move(state_);
}

}  // namespace vpndoctor::testing_support
