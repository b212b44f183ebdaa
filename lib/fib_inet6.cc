// SPDX-License-Identifier: Apache-2.0
// Answers for IPv6 packets: net/ipv6/route.c ip6_route_output_flags_noref() and ip6_route_input_lookup(), as
// `ip -6 route get` shows them, and what net/ipv6/{ip6_input,ip6_output}.c then do to a packet that arrived.
#include "fib_inet6.h"

#include <algorithm>
#include <utility>

#include "fib_inet.h"

namespace vpndoctor {
namespace {

/// One question on its way.
struct Inet6Question {
  const FibIndex& index;
  const Flow& flow;
  FibTrace* trace;

  bool has_source() const { return flow.source && !flow.source->is_unspecified(); }
  bool arrives() const { return !flow.input_interface.empty(); }
};

KernelFlow kernel_flow6(const Inet6Question& at) {
  KernelFlow flow = kernel_flow(at.index, at.flow);
  flow.source = at.flow.source.value_or(IpAddress{.family = Family::kInet6, .bytes = {}});
  flow.has_source = at.has_source();
  flow.ip_protocol = at.flow.ip_protocol;
  if (at.arrives()) flow.output = kNoLink;
  return flow;
}

// rt6_need_strict()
bool means_one_link(const IpAddress& address) {
  return address.is_multicast() || address.is_link_local() || address.is_loopback();
}

bool forwards(const FibIndex& index) {
  return index.inet6_all != nullptr && index.inet6_all->forwarding.value_or(0) != 0;
}

Inet6Lookup lookup_for(const FibIndex& index, const KernelFlow& flow, bool arrives) {
  Inet6Lookup how;
  how.interface = arrives ? flow.input : flow.output;
  how.only_interface = means_one_link(flow.destination) || (!arrives && flow.output != kNoLink && !flow.has_source);
  how.only_reachable = !forwards(index);
  return how;
}

bool has_vrf_table(const FibIndex& index, LinkId link) { return index.links[link].vrf_table != kTableUnspecified; }

// net/l3mdev/l3mdev.c l3mdev_link_scope_lookup(): what stays on a link is looked up in the VRF's table at once.
bool look_up_vrf_scope(const Inet6Question& at, KernelFlow& flow, Inet6Lookup& how, FibResult& result) {
  const LinkId vrf = at.index.links[flow.output].l3mdev;
  if (vrf == kNoLink || !(flow.destination.is_multicast() || flow.destination.is_link_local())) return false;
  result.verdict = FibVerdict::kNoRule;
  if (flow.output == vrf) return true;
  static const Rule kAnyRule;
  how.only_interface = true;
  look_up_inet6_table({at.index, kAnyRule, at.index.links[vrf].vrf_table, at.trace, &how}, flow, result);
  if (result.verdict == FibVerdict::kAgain) result.verdict = FibVerdict::kNoRule;
  return true;
}

// True when nothing but the kernel's own rules is left, and not all of them. As long as no rule was ever added, the
// kernel does not look at them, also when they were deleted: fib6_has_custom_rules in net/ipv6/fib6_rules.c.
bool may_be_ignored(std::span<const FibRule> rules) {
  const auto is_kernels = [](const FibRule& each) {
    Rule plain;
    plain.family = Family::kInet6;
    plain.protocol = each.rule->protocol;
    plain.priority = each.rule->table == kTableLocal ? 0 : 32766;
    plain.table = each.rule->table == kTableLocal ? kTableLocal : kTableMain;
    return *each.rule == plain;
  };
  return rules.size() < 2 && std::ranges::all_of(rules, is_kernels);
}

FibResult look_up_local_and_main(const Inet6Question& at, KernelFlow& flow, Inet6Lookup& how) {
  static const Rule kAnyRule;
  FibResult result;
  for (const std::uint32_t table : {kTableLocal, kTableMain}) {
    look_up_inet6_table({at.index, kAnyRule, table, at.trace, &how}, flow, result);
    if (result.verdict != FibVerdict::kAgain) break;
  }
  if (result.verdict == FibVerdict::kAgain) result.verdict = FibVerdict::kNoRule;
  result.uncertain = "as long as no rule was ever added, the kernel looks up the tables local and main without any";
  return result;
}

FibResult look_up_rules(const Inet6Question& at, KernelFlow& flow, Inet6Lookup& how) {
  FibResult result;
  if (may_be_ignored(at.index.inet6.rules)) return look_up_local_and_main(at, flow, how);
  if (!at.arrives() && look_up_vrf_scope(at, flow, how, result)) return result;
  const RuleWalk walk{.index = &at.index,
                      .rules = at.index.inet6.rules,
                      .look_up = look_up_inet6_table,
                      .context = &how,
                      .trace = at.trace};
  return walk_rules(walk, flow);
}

// ip6_rt_get_dev_rcu()
LinkId delivering_link(const FibIndex& index, const FibResult& result) {
  const LinkId link = result.leg->link;
  if (result.kind.type != RouteType::kLocal && result.kind.type != RouteType::kAnycast) return link;
  if (has_vrf_table(index, link)) return link;
  const LinkId vrf = index.links[link].l3mdev;
  return vrf != kNoLink && !means_one_link(result.route->destination.address) ? vrf : index.loopback;
}

/// The legs of a multipath route were routes of their own, each with its own preferred source; a dump tells that of the
/// first: net/ipv6/route.c rt6_fill_node().
bool has_hidden_source(const FibIndex& index, const FibResult& result) {
  const auto legs = index.legs_in(result.kind);
  return legs.size() > 1 && !index.legs_of(result.kind).object && result.leg != &legs[0];
}

// ip6_route_get_saddr() with fib6_info_nh_dev(): of a nexthop object the first leg counts, whichever is taken.
void put_source(const Inet6Question& at, const FibResult& result, FlowAnswer& answer) {
  if (at.has_source()) answer.source = at.flow.source;
  if (answer.source || at.arrives()) return;
  if (has_hidden_source(at.index, result)) {
    doubt(answer, "the kernel tells the preferred source of a multipath route's first leg alone");
  }
  const std::optional<IpAddress>& preferred = at.index.routes->attribute_sets[result.kind.attributes].preferred_source;
  if (preferred) {
    answer.source = preferred;
    return;
  }
  const LinkId out = at.index.legs_of(result.kind).object ? at.index.legs_in(result.kind)[0].link : result.leg->link;
  const IpAddress* chosen = choose_source6(at.index, out, at.flow.destination);
  if (chosen != nullptr) answer.source = *chosen;
  if (!at.index.addresses_unknown.empty()) doubt(answer, at.index.addresses_unknown);
}

void put_route(const Inet6Question& at, const FibResult& result, FlowAnswer& answer) {
  answer.route = result.route;
  answer.table = result.table;
  answer.fate = fate_of(result.kind.type);
  if (result.leg == nullptr) return;
  answer.interface = at.index.links[delivering_link(at.index, result)].name;
  if (result.leg->link == kNoLink) answer.interface = result.leg->hop->interface;
  answer.gateway = result.leg->hop->gateway;
  put_source(at, result, answer);
}

/// One walk over the rules, as far as the neighbours and the choice in `how` go.
FlowAnswer walk_once(const Inet6Question& at, Inet6Lookup& how) {
  KernelFlow flow = kernel_flow6(at);
  const FibResult result = look_up_rules(at, flow, how);
  FlowAnswer answer;
  if (!result.uncertain.empty()) doubt(answer, result.uncertain);
  if (put_refusal(result, answer)) {
    if (at.has_source()) answer.source = at.flow.source;
  } else {
    put_route(at, result, answer);
  }
  return answer;
}

bool is_same_way(const FlowWay& way, const FlowAnswer& answer) {
  return way.route == answer.route && way.interface == answer.interface && way.gateway == answer.gateway;
}

void add_candidate(std::vector<FlowWay>& candidates, const FlowAnswer& answer) {
  const auto same = [&](const FlowWay& way) { return is_same_way(way, answer); };
  if (std::ranges::any_of(candidates, same)) return;
  candidates.push_back({answer.interface, answer.gateway, answer.route});
}

// Walks again for every choice that a hash could make, and once as if every router answered.
void add_candidates(const Inet6Question& at, const Inet6Lookup& plain, const Inet6Lookup& met, FlowAnswer& answer) {
  const Inet6Question quiet{at.index, at.flow, nullptr};
  std::vector<FlowWay> candidates;
  add_candidate(candidates, answer);
  for (std::uint32_t choice = 1; choice < met.choices; ++choice) {
    Inet6Lookup how = plain;
    how.choice = choice;
    add_candidate(candidates, walk_once(quiet, how));
  }
  if (candidates.size() > 1) answer.depends_on = DependsOn::kHash;
  const std::size_t hashed = candidates.size();
  Inet6Lookup how = plain;
  how.ignore_neighbours = true;
  for (how.choice = 0; met.avoided_router && how.choice < std::max<std::size_t>(how.choices, 1); ++how.choice) {
    add_candidate(candidates, walk_once(quiet, how));
  }
  if (hashed == 1 && candidates.size() > 1) answer.depends_on = DependsOn::kNeighbour;
  if (candidates.size() > 1) answer.candidates = std::move(candidates);
}

// What becomes of an arriving packet beyond its route: net/ipv6/ip6_input.c ip6_rcv_core() and ip6_forward().
void judge_arrival(const Inet6Question& at, LinkId input, FlowAnswer& answer) {
  const bool loops = at.index.links[input].loopback || has_vrf_table(at.index, input);
  const bool impossible =
      (at.flow.source && (at.flow.source->is_multicast() || (at.flow.source->is_loopback() && !loops))) ||
      (at.flow.destination.is_loopback() && !loops);
  if (impossible) {
    answer.fate = FlowFate::kMartian;
    if (at.trace != nullptr) at.trace->step("", "it is dropped: no packet may arrive with such addresses");
  } else if (answer.fate == FlowFate::kUnicast && !forwards(at.index)) {
    answer.fate = FlowFate::kNotForwarding;
    if (!at.index.settings_unknown.empty()) doubt(answer, at.index.settings_unknown);
    if (at.trace != nullptr) at.trace->step("", "it is dropped: this machine does not forward IPv6");
  }
}

std::optional<FlowAnswer> check_interfaces(const Inet6Question& at, const KernelFlow& flow) {
  const bool missing =
      at.arrives() ? flow.input == kNoLink : !at.flow.output_interface.empty() && flow.output == kNoLink;
  if (!missing) return std::nullopt;
  if (at.trace != nullptr) at.trace->step("", "there is no such interface");
  FlowAnswer answer;
  answer.fate = FlowFate::kNoSuchInterface;
  return answer;
}

}  // namespace

FlowAnswer look_up_inet6(const FibIndex& index, const Flow& flow, FibTrace* trace) {
  const Inet6Question at{index, flow, trace};
  const KernelFlow resolved = kernel_flow6(at);
  if (auto refused = check_interfaces(at, resolved)) return std::move(*refused);
  const Inet6Lookup plain = lookup_for(index, resolved, at.arrives());
  Inet6Lookup how = plain;
  FlowAnswer answer = walk_once(at, how);
  if (!index.uncertain.empty()) doubt(answer, index.uncertain);
  if (how.choices > 1 || how.avoided_router) add_candidates(at, plain, how, answer);
  if (at.arrives()) judge_arrival(at, resolved.input, answer);
  if (trace != nullptr && answer.fate == FlowFate::kNone) {
    trace->step("", "no rule is left: the network is unreachable");
  }
  return answer;
}

}  // namespace vpndoctor
