// SPDX-License-Identifier: Apache-2.0
// Answers for IPv4 packets of this machine: net/ipv4/route.c ip_route_output_key_hash_rcu() and __mkroute_output(), as
// `ip route get` shows them.
#include "fib_inet.h"

#include <fmt/format.h>

namespace vpndoctor {
namespace {

constexpr std::uint32_t kLoopbackAddress = 0x7f000001;
constexpr std::uint8_t kProtocolIgmp = 2;
constexpr std::uint32_t kSmallestMtu = 68;  // below, an interface has no IPv4

/// One lookup on its way.
struct Output {
  const FibIndex& index;
  KernelFlow flow;
  std::uint32_t destination;
  std::uint32_t source;  ///< 0: none yet
  InetLookup how;
  FibTrace* trace;
  FlowAnswer answer{};

  bool to_many() const { return is_multicast_inet(destination) || destination == kLimitedBroadcast; }
};

FlowAnswer refuse(Output& at, FlowFate fate, std::string_view why) {
  at.answer.fate = fate;
  at.answer.interface = {};
  at.answer.gateway.reset();
  if (at.trace != nullptr) at.trace->step("", std::string(why));
  return std::move(at.answer);
}

void put_source(Output& at) {
  at.answer.source.reset();
  if (at.source != 0) at.answer.source = inet_address(at.source);
}

void forget_gateways(FlowAnswer& answer) {
  answer.gateway.reset();
  for (FlowWay& way : answer.candidates) way.gateway.reset();
}

bool has_inet(const FibLink& device) {
  return device.link == nullptr || device.link->mtu_bytes.value_or(kSmallestMtu) >= kSmallestMtu;
}

// A loopback address leaves the machine only where the interface's route_localnet lets it.
bool may_have_source(const FibIndex& index, LinkId link, std::uint32_t source) {
  const FibLink& device = index.links[link];
  if (!is_loopback_inet(source) || device.loopback || (device.link != nullptr && device.link->is_vrf())) return true;
  return setting_max(index, link, &InterfaceSettings::route_localnet) != 0;
}

// __mkroute_output(): `at.answer` holds route, gateway and fate as the tables gave them.
FlowAnswer leave(Output& at, LinkId link) {
  const FibLink& device = at.index.links[link];
  if (!has_inet(device)) {
    return refuse(at, FlowFate::kNoSuchInterface, "the interface's MTU is too small for IPv4");
  }
  if (!may_have_source(at.index, link, at.source)) {
    return refuse(at, FlowFate::kInvalidSource, "a loopback source address may not leave the machine");
  }
  if (at.destination == kLimitedBroadcast) {
    at.answer.fate = FlowFate::kBroadcast;
    forget_gateways(at.answer);
  } else {
    if (is_multicast_inet(at.destination)) at.answer.fate = FlowFate::kMulticast;
    // A route this short says nothing of multicast: the packet stays on the link. (Looked at last: it is far away.)
    const bool to_group = at.answer.fate == FlowFate::kMulticast && at.answer.route != nullptr;
    if (to_group && at.answer.route->destination.length < 4) forget_gateways(at.answer);
  }
  if (is_zero_net(at.destination)) {
    return refuse(at, FlowFate::kMartian, "no packet can be sent to 0.0.0.0");
  }
  if (link != kNoLink) at.answer.interface = device.name;
  put_source(at);
  return std::move(at.answer);
}

FlowAnswer leave_directly(Output& at, LinkId link, std::string why) {
  at.answer.fate = FlowFate::kUnicast;
  if (at.trace != nullptr) at.trace->step("", std::move(why));
  return leave(at, link);
}

FlowAnswer deliver(Output& at, const FibResult& result) {
  const std::optional<IpAddress>& preferred = at.index.routes->attribute_sets[result.kind.attributes].preferred_source;
  if (at.source == 0) at.source = preferred ? key_of<std::uint32_t>(*preferred) : at.destination;
  at.answer.fate = FlowFate::kLocal;
  const LinkId vrf = at.index.links[result.leg->link].l3mdev;
  return leave(at, vrf != kNoLink ? vrf : at.index.loopback);
}

// The end of fib_select_path(): a flow of a VRF whose route leaves the VRF takes the VRF's address.
std::uint32_t source_for(const Output& at, const RouteKind& kind, const FibLeg& leg) {
  const LinkId vrf = at.flow.l3mdev;
  if (vrf == kNoLink || at.index.links[leg.link].l3mdev == vrf) return leg_source(at.index, kind, leg);
  return select_address(at.index, vrf, 0, kScopeLink);
}

// Each leg gives the packet its own source, unless it has one.
void choose_path(const Output& at, FibResult& result, FlowAnswer& answer) {
  if (result.kind.type == RouteType::kLocal || !has_choice(at.index, result.kind)) return;
  const auto may_leave = [&](const RouteKind& kind, const FibLeg& leg) {
    const std::uint32_t source = at.source != 0 ? at.source : source_for(at, kind, leg);
    return has_inet(at.index.links[leg.link]) && may_have_source(at.index, leg.link, source);
  };
  select_path(at.index, at.flow, may_leave, result, answer);
}

FlowAnswer forward(Output& at, FibResult& result) {
  choose_path(at, result, at.answer);
  note_choice(at.answer, at.trace);
  at.answer.route = result.route;
  at.answer.table = result.table;
  if (result.leg->link == kNoLink) at.answer.interface = result.leg->hop->interface;
  if (result.kind.type == RouteType::kLocal) return deliver(at, result);
  at.answer.fate = fate_of(result.kind.type);
  at.answer.gateway = gateway_of(*result.leg);
  if (at.source == 0) {
    at.source = source_for(at, result.kind, *result.leg);
    if (is_source_of_another_time(at.index, result.kind, *result.leg)) {
      doubt(at.answer, "the source address of a nexthop object: it may have been chosen before an address changed");
    }
  }
  return leave(at, result.leg->link);
}

FlowAnswer look_up_rules(Output& at, LinkId bound, InetLookup how) {
  FibResult result = look_up_inet_rules(at.index, at.flow, how, at.trace);
  if (!result.uncertain.empty()) doubt(at.answer, result.uncertain);
  if (result.verdict == FibVerdict::kRoute) return forward(at, result);
  // A socket bound to an interface needs no route: the destination is taken to be on its link. Within a VRF it is not.
  if (at.flow.output != kNoLink && (is_multicast_inet(at.destination) || at.flow.l3mdev == kNoLink)) {
    if (at.source == 0) at.source = select_address(at.index, bound, 0, kScopeLink);
    return leave_directly(at, bound,
                          fmt::format("no route through {}, and the socket is bound to it: the destination is taken to "
                                      "be on its link",
                                      at.index.links[bound].name));
  }
  put_refusal(result, at.answer);
  put_source(at);
  if (at.trace != nullptr && result.verdict == FibVerdict::kNoRule) {
    at.trace->step("", "no rule is left: the network is unreachable");
  }
  return std::move(at.answer);
}

// The interface is given: what needs no table.
std::optional<FlowAnswer> leave_bound(Output& at) {
  const LinkId bound = at.flow.output;
  if (is_local_multicast(at.destination) || at.destination == kLimitedBroadcast ||
      at.flow.ip_protocol == kProtocolIgmp) {
    if (at.source == 0) at.source = select_address(at.index, bound, 0, kScopeLink);
    return leave_directly(at, bound, "it goes straight out of the interface that the socket is bound to");
  }
  if (at.source == 0 && is_multicast_inet(at.destination)) {
    at.source = select_address(at.index, bound, 0, kScopeUniverse);
  } else if (at.source == 0 && at.destination == 0) {
    at.source = select_address(at.index, bound, 0, kScopeHost);
  }
  if (at.source != 0) at.flow.source = inet_address(at.source);
  return std::nullopt;
}

std::optional<FlowAnswer> check_source(Output& at) {
  if (at.source == 0) return std::nullopt;
  put_source(at);
  if (is_multicast_inet(at.source) || at.source == kLimitedBroadcast || is_zero_net(at.source)) {
    return refuse(at, FlowFate::kInvalidSource, "no packet can have this source address");
  }
  if (!at.index.addresses_unknown.empty()) doubt(at.answer, at.index.addresses_unknown);
  const LinkId link = link_of_address(at.index, at.source, at.how);
  if (link == kNoLink) {
    return refuse(at, FlowFate::kInvalidSource, "the source is none of this machine's addresses");
  }
  if (at.flow.output == kNoLink && at.to_many()) {
    if (at.index.inet_local_twice.contains(at.source)) doubt(at.answer, "several interfaces have the source address");
    return leave_directly(at, link, "it goes straight out of the interface that has the source address");
  }
  return std::nullopt;
}

std::optional<FlowAnswer> check_bound(Output& at, const Flow& flow) {
  if (flow.output_interface.empty()) return std::nullopt;
  if (at.flow.output == kNoLink) return refuse(at, FlowFate::kNoSuchInterface, "there is no such interface");
  if (!at.index.links[at.flow.output].up) return refuse(at, FlowFate::kNoSuchInterface, "the interface is down");
  return leave_bound(at);
}

FlowAnswer look_up_output(const FibIndex& index, const Flow& flow, InetLookup how, FibTrace* trace) {
  Output at{.index = index,
            .flow = kernel_flow(index, flow),
            .destination = key_of<std::uint32_t>(flow.destination),
            .source = flow.source ? key_of<std::uint32_t>(*flow.source) : 0,
            .how = how,
            .trace = trace};
  if (auto answer = check_source(at)) return std::move(*answer);
  if (auto answer = check_bound(at, flow)) return std::move(*answer);
  if (at.destination == 0) {  // this machine itself
    if (at.source == 0) at.source = kLoopbackAddress;
    at.destination = at.source;
    at.answer.fate = FlowFate::kLocal;
    if (trace != nullptr) trace->step("", "0.0.0.0 means this machine itself");
    return leave(at, index.loopback);
  }
  return look_up_rules(at, at.flow.output, how);
}

FlowAnswer look_up(const FibIndex& index, const Flow& flow, InetLookup how, FibTrace* trace) {
  return flow.input_interface.empty() ? look_up_output(index, flow, how, trace)
                                      : look_up_inet_input(index, flow, how, trace);
}

bool same_way(const FlowAnswer& a, const FlowAnswer& b) {
  return a.fate == b.fate && a.interface == b.interface && a.gateway == b.gateway && a.route == b.route;
}

}  // namespace

FlowAnswer look_up_inet(const FibIndex& index, const Flow& flow, FibTrace* trace) {
  // With nothing but the kernel's own rules, most likely none was ever added.
  FlowAnswer answer = look_up(index, flow, {.merged = index.may_be_merged}, trace);
  if (!index.uncertain.empty()) doubt(answer, index.uncertain);
  if (index.may_be_merged && !same_way(answer, look_up(index, flow, {}, nullptr))) {
    doubt(answer, "as long as no rule was ever added, the kernel looks up the tables local and main as one");
  }
  return answer;
}

}  // namespace vpndoctor
