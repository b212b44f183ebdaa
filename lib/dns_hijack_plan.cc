// SPDX-License-Identifier: Apache-2.0
// Where to look for an interception; see the header.
#include "dns_hijack_plan.h"

#include <array>
#include <optional>
#include <span>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxInterfaces = 32;
constexpr std::array kInetAddresses{"198.51.100.177", "203.0.113.177", "192.0.2.177"};
constexpr std::array kInet6Addresses{"2001:db8:ffff::177", "3fff:ffff::177"};

std::span<const char* const> addresses_of(Family family) {
  if (family == Family::kInet) return kInetAddresses;
  return kInet6Addresses;
}

/// A default route, or half of one, as VPN clients set it (0.0.0.0/1 and 128.0.0.0/1).
bool is_default(const FlowAnswer& answer) {
  return answer.fate == FlowFate::kUnicast && answer.route != nullptr && answer.route->destination.length <= 1;
}

std::optional<IpAddress> unused_address(const DnsGround& ground, Flow flow, Family family) {
  for (const char* text : addresses_of(family)) {
    flow.destination = IpAddress::parse(text).value_or(IpAddress{});
    const FlowAnswer answer = ground.fib.lookup(flow);
    if (is_default(answer) && answer.interface == flow.output_interface) return flow.destination;
  }
  return std::nullopt;
}

DnsHijackProbe probe_of(const DnsGround& ground, const std::string& interface, const IpAddress& address) {
  DnsHijackProbe probe;
  probe.egress = interface;
  probe.through_tunnel = is_tunnel(ground.snapshot, interface);
  probe.exchange.server.address = address;
  probe.exchange.interface = interface;
  probe.exchange.name.push_back('.');
  probe.exchange.type = kDnsTypeNs;
  return probe;
}

}  // namespace

std::vector<DnsHijackProbe> plan_hijack_probes(const DnsGround& ground, std::uint32_t uid) {
  std::vector<DnsHijackProbe> probes;
  if (!ground.snapshot.links || !ground.snapshot.routes) return probes;
  for (const Link& link : *ground.snapshot.links) {
    if (link.is_loopback() || !link.is_up() || probes.size() >= kMaxInterfaces) continue;
    Flow flow;
    flow.output_interface = link.name;
    flow.uid = uid;
    flow.ip_protocol = kProtocolUdp;
    flow.destination_port = kDnsPort;
    for (const Family family : {Family::kInet, Family::kInet6}) {
      const auto address = unused_address(ground, flow, family);
      if (address) probes.push_back(probe_of(ground, link.name, *address));
    }
  }
  return probes;
}

}  // namespace vpndoctor
