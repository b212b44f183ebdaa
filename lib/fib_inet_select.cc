// SPDX-License-Identifier: Apache-2.0
// Chooses among several ways of one IPv4 answer: the legs of a multipath route, which a hash decides, and equal
// defaults, which the state of their gateways decides: net/ipv4/fib_semantics.c fib_select_path().
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "fib_inet.h"

namespace vpndoctor {
namespace {

constexpr std::uint16_t kUsableNeighbour = kNeighbourPermanent | kNeighbourNoArp | kNeighbourReachable |
                                           kNeighbourProbe | kNeighbourStale | kNeighbourDelay;  // NUD_VALID
constexpr std::uint32_t kSourcePrefersLeg = 0x600U + 15U;  // 6.15: a leg whose own source it is comes first

struct Default {
  const Route* route = nullptr;
  const FibLeg* leg = nullptr;
  std::optional<std::uint16_t> state;  ///< of the gateway; null: the kernel knows no such neighbour
};

/// What is chosen for.
struct Chooser {
  const FibIndex& index;
  const KernelFlow& flow;
  const MayLeave& may_leave;

  FlowWay way_of(const Route& route, const FibLeg& leg) const {
    FlowWay way{.interface = {}, .gateway = {}, .route = &route, .weight = leg.hop->weight};
    if (!may_leave(RouteKind::of(route), leg)) return way;
    way.interface = index.links[leg.link].name;
    way.gateway = gateway_of(leg);
    return way;
  }
};

// Nothing depends on the choice where there is none, or where every way is refused.
void put_candidates(std::vector<FlowWay> ways, DependsOn depends_on, FlowAnswer& answer) {
  const auto is_refused = [](const FlowWay& way) { return way.interface.empty(); };
  if (ways.size() < 2 || std::ranges::all_of(ways, is_refused)) return;
  answer.candidates = std::move(ways);
  answer.depends_on = depends_on;
}

// fib_select_multipath(): the hash takes one of the legs that are alive; with a source given, first of those whose own
// source it is.
void select_leg(const Chooser& at, FibResult& result, FlowAnswer& answer) {
  const auto& [index, flow, may_leave] = at;
  std::vector<FlowWay> ways;
  const FibLeg* first = nullptr;
  const FibLeg* preferred = nullptr;
  const bool prefers = (index.kernel_version == 0 || index.kernel_version >= kSourcePrefersLeg) &&
                       !flow.source.is_unspecified() && !index.legs_of(result.kind).object;
  for (const FibLeg& leg : index.legs_in(result.kind)) {
    if (!is_usable(index, leg, flow, false)) continue;
    ways.push_back(at.way_of(*result.route, leg));
    if (leg.gateway_is_doubtful) doubt(answer, kDoubtfulGateway);
    if (first == nullptr) first = &leg;
    if (prefers && preferred == nullptr &&
        select_address(index, leg.link, key_of<std::uint32_t>(leg.hop->gateway.value_or(IpAddress{})),
                       result.route->scope) == key_of<std::uint32_t>(flow.source)) {
      preferred = &leg;
    }
  }
  put_candidates(std::move(ways), DependsOn::kHash, answer);
  if (first != nullptr) result.leg = preferred != nullptr ? preferred : first;
}

// The routes that fib_select_default() compares with the one that was found, which must be the first of them.
std::vector<Default> equal_defaults(const FibIndex& index, const KernelFlow& flow, const FibResult& result) {
  std::vector<Default> found;
  std::uint32_t last_metric = result.route->metric;
  std::uint8_t last_tos = 0;
  for (const std::uint32_t number : result.siblings) {
    const Route& route = index.route(number);
    if (route.tos != 0 && route.tos != (flow.tos & 0x1cU)) continue;
    if (route.metric > last_metric && route.tos == last_tos) {
      if (last_tos != 0) continue;
      break;
    }
    const FibLegs& legs = index.legs_of(route);
    if (legs.all_dead) continue;
    last_tos = route.tos;
    last_metric = route.metric;
    if (route.scope != result.route->scope || route.type != RouteType::kUnicast || legs.count == 0) continue;
    const FibLeg& leg = index.legs[legs.first];
    if (!gateway_of(leg)) continue;
    if (found.empty() && &route != result.route) break;
    found.push_back({.route = &route, .leg = &leg, .state = index.neighbour_state(leg.link, *leg.hop->gateway)});
  }
  return found;
}

// The choice when the kernel's last one was `last`, -1 for none: fib_detect_death().
std::size_t choice(const std::vector<Default>& defaults, int last) {
  std::optional<std::size_t> last_resort;
  for (std::size_t at = 0; at < defaults.size(); ++at) {
    const std::optional<std::uint16_t>& state = defaults[at].state;
    const bool usable = state && (*state & kUsableNeighbour) != 0;
    if (!state || *state == kNeighbourReachable) return at;
    if (usable && static_cast<int>(at) != last) return at;
    if (usable || (!last_resort && static_cast<int>(at) > last && *state != kNeighbourIncomplete)) last_resort = at;
  }
  return last_resort.value_or(0);
}

// The kernel remembers its last choice, which nobody can read: all are tried.
void select_default(const Chooser& at, FibResult& result, FlowAnswer& answer) {
  const std::vector<Default> defaults = equal_defaults(at.index, at.flow, result);
  if (defaults.size() < 2) return;
  std::vector<FlowWay> ways;
  ways.reserve(defaults.size());
  for (const Default& each : defaults) ways.push_back(at.way_of(*each.route, *each.leg));
  put_candidates(std::move(ways), DependsOn::kNeighbour, answer);
  const std::size_t chosen = choice(defaults, -1);
  result.route = defaults[chosen].route;
  result.kind = RouteKind::of(*result.route);
  result.leg = defaults[chosen].leg;
}

}  // namespace

void select_path(const FibIndex& index, const KernelFlow& flow, const MayLeave& may_leave, FibResult& result,
                 FlowAnswer& answer) {
  if (flow.output != kNoLink) return;
  const Chooser at{.index = index, .flow = flow, .may_leave = may_leave};
  if (index.legs_of(result.kind).count > 1) {
    select_leg(at, result, answer);
  } else if (result.kind.is_default && result.kind.type == RouteType::kUnicast) {
    select_default(at, result, answer);
  }
}

void note_choice(const FlowAnswer& answer, FibTrace* trace) {
  if (trace == nullptr || answer.depends_on == DependsOn::kNothing) return;
  trace->note(
      answer.depends_on == DependsOn::kHash
          ? fmt::format("a hash of the flow takes one of {} next hops", answer.candidates.size())
          : fmt::format("the state of the gateways decides between {} equal defaults", answer.candidates.size()));
}

}  // namespace vpndoctor
