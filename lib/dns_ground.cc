// SPDX-License-Identifier: Apache-2.0
// Where a DNS query goes by the routes; see the header.
#include "dns_ground.h"

#include <fmt/format.h>

#include <algorithm>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using Where = DnsEgress::Where;

Where where_through(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  if (link != nullptr && link->is_loopback()) return Where::kHere;
  return is_tunnel(snapshot, interface) ? Where::kTunnel : Where::kOutside;
}

/// Judges all ways that the packet may take; they may lead to different places.
DnsEgress egress_of(const Snapshot& snapshot, const FlowAnswer& answer) {
  DnsEgress egress{where_through(snapshot, answer.interface), std::string(answer.interface), {}};
  for (const FlowWay& way : answer.candidates) {
    if (way.interface == answer.interface) continue;
    egress.interface.clear();
    if (where_through(snapshot, way.interface) != egress.where) {
      return {Where::kUnknown, {}, fmt::format("it may leave by {} or {}", answer.interface, way.interface)};
    }
  }
  return egress;
}

std::string why_routes_unknown(const Snapshot& snapshot) {
  if (!snapshot.links) return fmt::format("the links are not known: {}", snapshot.links.why_missing());
  if (!snapshot.routes) return fmt::format("the routes are not known: {}", snapshot.routes.why_missing());
  return {};
}

}  // namespace

bool is_own_address(const Snapshot& snapshot, const IpAddress& address) {
  if (address.is_loopback() || address.is_unspecified()) return true;
  if (!snapshot.addresses) return false;
  const auto is_it = [&](const Address& each) { return each.address == address; };
  return std::ranges::any_of(*snapshot.addresses, is_it);
}

DnsEgress dns_egress(const DnsGround& ground, const DnsServer& server, std::string_view bound_interface) {
  if (is_own_address(ground.snapshot, server.address)) return {Where::kHere, {}, {}};
  if (std::string why = why_routes_unknown(ground.snapshot); !why.empty()) {
    // macOS says by which interface it asks a server; a capture may hold nothing else.
    if (ground.snapshot.platform != Platform::kMacos || bound_interface.empty()) {
      return {Where::kUnknown, {}, std::move(why)};
    }
    return {where_through(ground.snapshot, bound_interface), std::string(bound_interface), {}};
  }
  Flow flow;
  flow.destination = server.address;
  flow.output_interface = bound_interface.empty() ? server.zone : std::string(bound_interface);
  flow.ip_protocol = kProtocolUdp;
  flow.destination_port = server.port;
  const FlowAnswer answer = ground.fib.lookup(flow);
  switch (answer.fate) {
    case FlowFate::kUnicast:
      return egress_of(ground.snapshot, answer);
    case FlowFate::kLocal:
      return {Where::kHere, std::string(answer.interface), {}};
    case FlowFate::kBroadcast:
    case FlowFate::kMulticast:
    case FlowFate::kAnycast:
      return {Where::kNowhere, {}, "it is not the address of one host"};
    case FlowFate::kNoSuchInterface:
      return {Where::kNowhere, {}, fmt::format("{} is not there or is down", flow.output_interface)};
    case FlowFate::kNone:
      return {Where::kNowhere, {}, "there is no route to it"};
    default:
      return {Where::kNowhere, {}, fmt::format("its route says {}", flow_fate_name(answer.fate))};
  }
}

}  // namespace vpndoctor
