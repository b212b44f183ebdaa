// SPDX-License-Identifier: Apache-2.0
// Answers for IPv4 packets that arrive: net/ipv4/route.c ip_route_input_slow(), net/ipv4/fib_frontend.c
// fib_validate_source(). A packet is as `ip route get ... iif` makes it: no tunnel key, no IPsec.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "fib_inet.h"

namespace vpndoctor {
namespace {

struct Input {
  const FibIndex& index;
  const Flow& flow;
  KernelFlow kernel;
  std::uint32_t destination;
  std::uint32_t source;
  InetLookup how;
  FibTrace* trace;
  bool to_many = false;  ///< a broadcast: the check of the source is told no destination
  FlowAnswer answer{};

  int setting(std::optional<int> InterfaceSettings::* which) const { return setting_max(index, kernel.input, which); }
  bool forwards() const {
    const InterfaceSettings* own = index.links[kernel.input].inet;
    return own != nullptr && own->forwarding.value_or(0) != 0;
  }
};

FlowAnswer refuse(Input& at, FlowFate fate, std::string_view why) {
  at.answer.fate = fate;
  at.answer.interface = {};
  at.answer.gateway.reset();
  if (at.trace != nullptr) at.trace->step("", std::string(why));
  return std::move(at.answer);
}

bool uses_interface(const FibIndex& index, const Route& route, LinkId link) {  // fib_info_nh_uses_dev()
  return std::ranges::any_of(index.legs_in(route), [&](const FibLeg& leg) {
    return leg.link == link || (leg.link != kNoLink && index.links[leg.link].l3mdev == link);
  });
}

// __fib_validate_source(): where would an answer go? Returns why the source is refused; empty: it is not.
std::string_view check_in_full(Input& at, LinkId leaves, int filter) {
  KernelFlow back = at.kernel;
  std::swap(back.source, back.destination);
  std::swap(back.source_port, back.destination_port);
  if (!at.index.rules_ask_for_ports) {
    back.ip_protocol = 0;
    back.source_port = 0;
    back.destination_port = 0;
  }
  back.input = leaves != kNoLink ? leaves : at.index.loopback;
  back.output = kNoLink;
  back.l3mdev = at.index.links[at.kernel.input].l3mdev;
  if (at.setting(&InterfaceSettings::source_valid_mark) == 0) back.mark = 0;
  if (at.to_many) back.source = IpAddress{};
  const FibResult result = look_up_inet_rules(at.index, back, at.how, nullptr);
  if (!result.uncertain.empty()) doubt(at.answer, result.uncertain);
  if (result.verdict != FibVerdict::kRoute) {
    return filter != 0 ? "the reverse path filter drops it: there is no route back to its source" : "";
  }
  const RouteType type = result.kind.type;
  const bool accepts_local = at.setting(&InterfaceSettings::accept_local) != 0;
  if (type != RouteType::kUnicast && (type != RouteType::kLocal || !accepts_local)) {
    return type == RouteType::kLocal ? "its source is one of this machine's own addresses"
                                     : "its source is no address of a single machine";
  }
  const bool loops = type == RouteType::kLocal && at.kernel.input == at.index.loopback;
  if (loops || uses_interface(at.index, *result.route, at.kernel.input)) return "";
  if (at.index.links[at.kernel.input].inet_addresses.empty()) {
    return filter != 0 ? "the reverse path filter drops it: the interface has no address" : "";
  }
  return filter == 1 ? "the reverse path filter (strict) drops it: answers would leave through another interface" : "";
}

// fib_validate_source()
std::string_view refused_source(Input& at, LinkId leaves) {
  if (!at.index.settings_unknown.empty()) doubt(at.answer, at.index.settings_unknown);
  if (!at.index.addresses_unknown.empty()) doubt(at.answer, at.index.addresses_unknown);
  const int filter = at.setting(&InterfaceSettings::reverse_path_filter);
  if (filter != 0 || at.index.realms || leaves == at.kernel.input) return check_in_full(at, leaves, filter);
  if (at.setting(&InterfaceSettings::accept_local) != 0) return "";
  if (at.index.custom_local_routes || !at.index.only_kernel_rules) return check_in_full(at, leaves, filter);
  return at.index.inet_local.contains(at.source) ? "its source is one of this machine's own addresses" : "";
}

FlowAnswer deliver(Input& at, const FibResult* result, FlowFate fate) {
  at.to_many = fate == FlowFate::kBroadcast;
  const bool check = fate != FlowFate::kBroadcast || !is_zero_net(at.source);
  if (check) {
    if (const std::string_view why = refused_source(at, kNoLink); !why.empty())
      return refuse(at, FlowFate::kMartian, why);
  }
  at.answer.fate = fate;
  LinkId vrf = kNoLink;
  if (result != nullptr && result->leg != nullptr) vrf = at.index.links[result->leg->link].l3mdev;
  at.answer.interface = at.index.links[vrf != kNoLink ? vrf : at.index.loopback].name;
  return std::move(at.answer);
}

// ip_mkroute_input()
FlowAnswer forward(Input& at, FibResult& result) {
  KernelFlow unbound = at.kernel;
  unbound.output = kNoLink;
  if (at.index.legs_of(result.kind).count > 1) {
    unbound.source = IpAddress{};  // the flow's source does not count among the legs of a forwarded packet
    const auto may_leave = [&](const RouteKind&, const FibLeg& leg) { return refused_source(at, leg.link).empty(); };
    select_path(at.index, unbound, may_leave, result, at.answer);
    note_choice(at.answer, at.trace);
  }
  if (const std::string_view why = refused_source(at, result.leg->link); !why.empty()) {
    return refuse(at, FlowFate::kMartian, why);
  }
  at.answer.fate = result.kind.type == RouteType::kBroadcast ? FlowFate::kBroadcast : FlowFate::kUnicast;
  at.answer.route = result.route;
  at.answer.gateway = gateway_of(*result.leg);
  at.answer.interface =
      result.leg->link != kNoLink ? at.index.links[result.leg->link].name : result.leg->hop->interface;
  return std::move(at.answer);
}

FlowAnswer route(Input& at) {
  FibResult result = look_up_inet_rules(at.index, at.kernel, at.how, at.trace);
  if (!result.uncertain.empty()) doubt(at.answer, result.uncertain);
  at.answer.route = result.route;
  at.answer.table = result.table;
  if (result.verdict == FibVerdict::kRoute) {
    if (result.kind.type == RouteType::kBroadcast) return deliver(at, &result, FlowFate::kBroadcast);
    if (result.kind.type == RouteType::kLocal) return deliver(at, &result, FlowFate::kLocal);
  }
  if (!at.index.settings_unknown.empty()) doubt(at.answer, at.index.settings_unknown);
  if (!at.forwards()) return refuse(at, FlowFate::kNotForwarding, "the interface does not forward packets");
  if (put_refusal(result, at.answer)) return std::move(at.answer);
  if (result.kind.type != RouteType::kUnicast) {
    return refuse(at, FlowFate::kMartian, "a packet that arrives cannot be for such a destination");
  }
  return forward(at, result);
}

std::optional<FlowAnswer> check_addresses(Input& at) {
  if (is_multicast_inet(at.source) || at.source == kLimitedBroadcast) {
    return refuse(at, FlowFate::kMartian, "no packet can have this source address");
  }
  if (at.destination == kLimitedBroadcast || (at.source == 0 && at.destination == 0)) {
    return deliver(at, nullptr, FlowFate::kBroadcast);
  }
  if (is_zero_net(at.source)) {
    return refuse(at, FlowFate::kMartian,
                  at.flow.source ? "no packet can have this source address" : "a packet that arrives has a source");
  }
  if (is_zero_net(at.destination)) return refuse(at, FlowFate::kMartian, "no packet can be sent to 0.0.0.0");
  const bool loopback = is_loopback_inet(at.destination) || is_loopback_inet(at.source);
  if (loopback && at.setting(&InterfaceSettings::route_localnet) == 0) {
    return refuse(at, FlowFate::kMartian, "a loopback address may not come from outside");
  }
  return std::nullopt;
}

// ip_route_input_mc(): who joined which group is not in a snapshot.
FlowAnswer multicast(Input& at) {
  doubt(at.answer, "the multicast groups that the interface joined are not known");
  at.answer.fate = FlowFate::kMulticast;
  at.answer.interface = at.index.links[at.index.loopback].name;
  if (at.trace != nullptr) at.trace->step("", "a multicast packet is taken when the interface joined its group");
  return std::move(at.answer);
}

}  // namespace

FlowAnswer look_up_inet_input(const FibIndex& index, const Flow& flow, InetLookup how, FibTrace* trace) {
  Input at{.index = index,
           .flow = flow,
           .kernel = kernel_flow(index, flow),
           .destination = key_of<std::uint32_t>(flow.destination),
           .source = flow.source ? key_of<std::uint32_t>(*flow.source) : 0,
           .how = how,
           .trace = trace};
  at.kernel.output = kNoLink;
  at.answer.source = flow.source;
  if (at.kernel.input == kNoLink) return refuse(at, FlowFate::kNoSuchInterface, "there is no such interface");
  if (is_multicast_inet(at.destination)) return multicast(at);
  if (auto answer = check_addresses(at)) return std::move(*answer);
  return route(at);
}

}  // namespace vpndoctor
