// SPDX-License-Identifier: Apache-2.0
// Looks an IPv4 table up: net/ipv4/fib_trie.c fib_table_lookup(), with its way back to shorter prefixes.
#include <fmt/format.h>

#include "fib_inet.h"

namespace vpndoctor {
namespace {

using InetPrefixes = LongestPrefix<std::uint32_t>;

constexpr std::uint8_t kRouteTosMask = 0x1c;  // IPTOS_RT_MASK; later kernels keep it for routes

enum class Step : std::uint8_t { kNext, kLeaveKey, kDone };

void say(const LookupArguments& at, std::uint32_t route, std::string_view what) {
  if (at.trace != nullptr) at.trace->note(fmt::format("{} {}", short_words(at.index, at.index.route(route)), what));
}

std::string_view why_unusable(const FibIndex& index, const FibLeg& leg, const KernelFlow& flow) {
  if (leg.dead) return "is skipped: its interface is down (dead)";
  if (flow.output != kNoLink && flow.output != leg.link) return "is skipped: it does not leave through that interface";
  if (index.links[leg.link].ignores_linkdown) return "is skipped: its interface has no carrier (linkdown)";
  return "is skipped";
}

/// A route on trial: what the tables need of it lies in `kind`, since the route itself is far away in memory.
struct Candidate {
  std::uint32_t route;
  RouteKind kind;
};

Step refuse(const LookupArguments& at, std::uint32_t route, FibVerdict verdict, FibResult& result) {
  result.verdict = verdict;
  result.route = &at.index.route(route);
  result.table = at.table;
  say(at, route, verdict_text(verdict));
  return Step::kDone;
}

Step take(const LookupArguments& at, const Candidate& candidate, const FibLeg& leg, FibResult& result) {
  result.verdict = FibVerdict::kRoute;
  result.route = &at.index.route(candidate.route);
  result.kind = candidate.kind;
  result.leg = &leg;
  result.suppress_link = at.index.legs[at.index.leg_sets[candidate.kind.next_hops].first].link;
  if (!at.index.routes->attribute_sets[candidate.kind.attributes].not_understood.empty()) {
    result.uncertain = "the route has an attribute that is not understood";
  }
  if (leg.link == kNoLink) result.uncertain = "the route's interface is not known";
  if (leg.gateway_is_doubtful) result.uncertain = kDoubtfulGateway;
  say(at, candidate.route, verdict_text(FibVerdict::kRoute));
  return Step::kDone;
}

Step try_route(const LookupArguments& at, const Candidate& candidate, const KernelFlow& flow, FibResult& result) {
  const RouteKind& kind = candidate.kind;
  if (kind.tos != 0 && kind.tos != (flow.tos & kRouteTosMask)) {
    say(at, candidate.route, "is skipped: it is for another TOS");
    return Step::kNext;
  }
  if (kind.scope < static_cast<const InetLookup*>(at.context)->scope) {
    say(at, candidate.route, "is skipped: its scope is too wide");
    return Step::kNext;
  }
  if (const FibVerdict verdict = verdict_of(kind.type); verdict != FibVerdict::kRoute) {
    return refuse(at, candidate.route, verdict, result);
  }
  const FibLegs& legs = at.index.leg_sets[kind.next_hops];
  if (legs.all_dead) {
    say(at, candidate.route, "is skipped: its interface is down (dead)");
    return Step::kNext;
  }
  if (legs.blackhole) return refuse(at, candidate.route, FibVerdict::kBlackhole, result);
  const bool ignore_linkstate = static_cast<const InetLookup*>(at.context)->ignore_linkstate;
  for (std::uint32_t number = 0; number < legs.count; ++number) {
    const FibLeg& leg = at.index.legs[legs.first + number];
    if (is_usable(at.index, leg, flow, ignore_linkstate)) return take(at, candidate, leg, result);
    if (at.trace != nullptr) say(at, candidate.route, why_unusable(at.index, leg, flow));
  }
  if (legs.count == 0) result.uncertain = "a route on the way has no next hop";
  // A nexthop object without a usable leg leaves the whole leaf, also the shorter prefixes of the same address.
  return legs.object ? Step::kLeaveKey : Step::kNext;
}

// The nodes around an address of one table or of two that are one, the longest first; the first table goes first.
struct Around {
  const InetPrefixes* first = nullptr;
  const InetPrefixes* second = nullptr;
  const InetPrefixes::Node* first_node = nullptr;
  const InetPrefixes::Node* second_node = nullptr;

  std::span<const std::uint32_t> next(std::uint32_t& table) {
    const bool takes_first =
        second_node == nullptr || (first_node != nullptr && first_node->length >= second_node->length);
    const InetPrefixes* prefixes = takes_first ? first : second;
    if (takes_first) table = kTableLocal;
    const InetPrefixes::Node*& node = takes_first ? first_node : second_node;
    const auto routes = prefixes->routes(*node);
    node = prefixes->covering(*node);
    return routes;
  }
  bool done() const { return first_node == nullptr && second_node == nullptr; }
};

void walk(const LookupArguments& at, Around around, const KernelFlow& flow, FibResult& result) {
  const IpAddress* left_key = nullptr;
  while (!around.done()) {
    std::uint32_t table = at.table;
    const auto routes = around.next(table);
    const IpAddress& key = at.index.route(routes[0]).destination.address;
    if (left_key != nullptr && *left_key == key) continue;
    for (const std::uint32_t number : routes) {
      const Candidate candidate{.route = number, .kind = RouteKind::of(at.index.route(number))};
      const Step step = try_route(at, candidate, flow, result);
      if (step == Step::kDone) {
        result.siblings = routes;
        result.table = table;
        return;
      }
      if (step == Step::kLeaveKey) {
        left_key = &key;
        break;
      }
    }
  }
  result.verdict = FibVerdict::kAgain;
  result.route = nullptr;
  if (at.trace != nullptr) at.trace->note("no route matches");
}

// Most lookups end with the first route of the longest prefix. False: they do not, and nothing was decided or said.
bool takes_the_first(const LookupArguments& at, const InetPrefixes::Range& range, const KernelFlow& flow,
                     FibResult& result) {
  if (range.route == InetPrefixes::kNone) return false;
  const auto& how = *static_cast<const InetLookup*>(at.context);
  const RouteKind& kind = at.index.kinds[range.kind];
  const FibLegs& legs = at.index.leg_sets[kind.next_hops];
  if (how.scope != kScopeUniverse || kind.tos != 0 || kind.type > RouteType::kBroadcast || legs.count != 1)
    return false;
  if (range.is_shared != 0 && kind.is_default) return false;  // its siblings may be asked for
  if (!is_usable(at.index, at.index.legs[legs.first], flow, false)) return false;
  return try_route(at, {.route = range.route, .kind = kind}, flow, result) == Step::kDone;
}

}  // namespace

bool is_usable(const FibIndex& index, const FibLeg& leg, const KernelFlow& flow, bool ignore_linkstate) {
  if (leg.dead) return false;
  if (leg.linkdown && !ignore_linkstate && index.links[leg.link].ignores_linkdown) return false;
  return flow.output == kNoLink || flow.output == leg.link;
}

void look_up_inet_table(const LookupArguments& at, KernelFlow& flow, FibResult& result) {
  const auto key = key_of<std::uint32_t>(flow.destination);
  const bool merged = static_cast<const InetLookup*>(at.context)->merged;
  if (merged && at.table == kTableLocal) {  // looked up together with main
    result.verdict = FibVerdict::kAgain;
    if (at.trace != nullptr) at.trace->note("one table with main");
    return;
  }
  Around around;
  const auto* table = at.index.inet.table(at.table);
  if (table != nullptr) {
    const std::size_t position = table->prefixes.position(key);
    if (!merged && takes_the_first(at, table->prefixes.ranges()[position], flow, result)) {
      result.table = at.table;
      return;
    }
    around = {.second = &table->prefixes, .second_node = table->prefixes.node_at(position)};
  }
  if (merged && at.table == kTableMain) {
    const auto* local = at.index.inet.table(kTableLocal);
    if (local != nullptr) around.first = &local->prefixes, around.first_node = local->prefixes.find(key);
  }
  if (table == nullptr && around.first == nullptr && at.trace != nullptr) {
    at.trace->note("the table is empty");
    result.verdict = FibVerdict::kAgain;
    return;
  }
  walk(at, around, flow, result);
}

FibResult look_up_inet_rules(const FibIndex& index, KernelFlow& flow, InetLookup how, FibTrace* trace) {
  return walk_rules(
      {.index = &index, .rules = index.inet.rules, .look_up = look_up_inet_table, .context = &how, .trace = trace},
      flow);
}

}  // namespace vpndoctor
