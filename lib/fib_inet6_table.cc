// SPDX-License-Identifier: Apache-2.0
// Looks an IPv6 table up: net/ipv6/ip6_fib.c fib6_node_lookup(), net/ipv6/route.c fib6_table_lookup(), rt6_select() and
// fib6_select_path(). Kernels without CONFIG_IPV6_ROUTER_PREF or CONFIG_IPV6_SUBTREES are not known here.
#include <fmt/format.h>

#include <algorithm>

#include "fib_inet6.h"

namespace vpndoctor {
namespace {

using Inet6Prefixes = LongestPrefix<Uint128>;
using Numbers = std::span<const std::uint32_t>;

constexpr std::uint16_t kValidNeighbour =
    kNeighbourPermanent | kNeighbourNoArp | kNeighbourReachable | kNeighbourProbe | kNeighbourStale | kNeighbourDelay;
constexpr int kInterfaceScore = 2;
constexpr int kNotThatInterface = -3;  // RT6_NUD_FAIL_HARD
constexpr int kDoesNotAnswer = -2;     // RT6_NUD_FAIL_PROBE

/// The routes around an address in the order in which the kernel comes back to them: those of one destination and
/// one source at a time.
class Tree {
 public:
  Tree(const FibIndex& index, const Inet6Prefixes& prefixes, const KernelFlow& flow)
      : index_(&index), prefixes_(&prefixes), source_(&flow.source) {
    begin(prefixes.find(key_of<Uint128>(flow.destination)));
  }

  /// Empty at the end.
  Numbers current() const { return current_; }
  /// fib6_backtrack()
  void go_back() {
    current_ = {};
    while (current_.empty() && node_ != nullptr) {
      if (rest_.empty()) enter(prefixes_->covering(*node_));
      take_group();
    }
  }

 private:
  const IpPrefix* source_of(std::uint32_t number) const {
    const auto& source = index_->routes->attributes(index_->route(number)).source;
    return source && !source->is_default() ? &*source : nullptr;
  }

  void enter(const Inet6Prefixes::Node* node) {
    node_ = node;
    rest_ = node == nullptr ? Numbers{} : prefixes_->routes(*node);
  }

  // Takes the next routes of one source that the packet's is in; those for any source come last.
  void take_group() {
    current_ = {};
    while (current_.empty() && !rest_.empty()) {
      const IpPrefix* source = source_of(rest_[0]);
      std::size_t count = source == nullptr ? rest_.size() : 1;
      while (count < rest_.size() && source_of(rest_[count]) != nullptr && *source_of(rest_[count]) == *source) ++count;
      if (source == nullptr || source->contains(*source_)) current_ = rest_.first(count);
      rest_ = rest_.subspan(count);
    }
  }

  // fib6_node_lookup_1(): a destination that has routes for certain sources, of which none is the packet's, is passed
  // over with its routes for any source; the root of the tree is not.
  void begin(const Inet6Prefixes::Node* node) {
    for (enter(node); node_ != nullptr; enter(prefixes_->covering(*node_))) {
      const bool has_sources = source_of(rest_[0]) != nullptr;
      take_group();
      const bool is_for_source = !current_.empty() && source_of(current_[0]) != nullptr;
      if (!has_sources || is_for_source || node_->length == 0) return;
    }
    current_ = {};
  }

  const FibIndex* index_;
  const Inet6Prefixes* prefixes_;
  const IpAddress* source_;
  const Inet6Prefixes::Node* node_ = nullptr;
  Numbers rest_{};  // of the node, after current_
  Numbers current_{};
};

void say(const LookupArguments& at, const Route& route, std::string_view what) {
  if (at.trace != nullptr) at.trace->note(fmt::format("{} {}", short_words(at.index, route), what));
}

// RFC 4191's preference as the kernel compares it: low, medium, high.
int preference_score(std::uint8_t preference) { return (preference & 3) ^ 2; }

// rt6_score_route()
int score_of(const FibIndex& index, const Route& route, const FibLeg& leg, const Inet6Lookup& how, bool reachable) {
  const bool fits = how.interface == kNoLink || leg.link == how.interface;
  if (!fits && how.only_interface) return kNotThatInterface;
  if (reachable && leg.hop->gateway && (leg.neighbour & kNeighbourFailed) != 0) return kDoesNotAnswer;
  return (fits ? kInterfaceScore : 0) + preference_score(index.routes->attributes(route).preference) * 4;
}

bool is_alive(const FibIndex& index, const FibLeg& leg) {
  return !leg.dead && !(leg.linkdown && index.links[leg.link].ignores_linkdown6);
}

struct Pick {
  const Route* route = nullptr;
  const FibLeg* leg = nullptr;
  int score = -1;
};

std::string_view why_skipped(const FibIndex& index, const FibLeg& leg, int score) {
  if (leg.dead) return "is skipped: its interface is down (dead)";
  if (!is_alive(index, leg)) return "is skipped: its interface has no carrier (linkdown)";
  if (score == kNotThatInterface) return "is skipped: it does not leave through that interface";
  if (score == kDoesNotAnswer) return "is skipped: its router does not answer (neighbour failed)";
  return "is no better than the route before";
}

// find_match()
void try_leg(const LookupArguments& at, const Route& route, const FibLeg& leg, bool reachable, Pick& pick) {
  auto& how = *static_cast<Inet6Lookup*>(at.context);
  int score = kNotThatInterface;
  if (is_alive(at.index, leg)) {
    score = score_of(at.index, route, leg, how, reachable);
    how.avoided_router = how.avoided_router || score == kDoesNotAnswer;
    if (score > pick.score) {
      pick = {&route, &leg, score};
      return;
    }
  }
  if (at.trace != nullptr) say(at, route, why_skipped(at.index, leg, score));
}

// The inner loop of __find_rr_leaf(). True when nothing after it is looked at.
bool try_route(const LookupArguments& at, const Route& route, bool reachable, Pick& pick) {
  const std::span<const FibLeg> legs = at.index.legs_in(route);
  if (at.index.legs_of(route).object && route.type == RouteType::kBlackhole) {
    pick = {&route, legs.empty() ? nullptr : &legs[0], 0};
    return true;
  }
  for (const FibLeg& leg : legs) try_leg(at, route, leg, reachable, pick);
  return false;
}

// rt6_select() and find_rr_leaf(): among the routes of the smallest metric the best score, the first of equals; when
// none of them will do, the best score among all others, whatever their metric.
Pick select(const LookupArguments& at, Numbers routes, bool reachable) {
  Pick pick;
  const std::uint32_t metric = at.index.route(routes[0]).metric;
  for (const std::uint32_t number : routes) {
    const Route& route = at.index.route(number);
    if (route.metric != metric && pick.route != nullptr && pick.route->metric == metric) break;
    if (try_route(at, route, reachable, pick)) break;
  }
  return pick;
}

// What find() comes to where one route of one next hop has the longest prefix, without a visit to the route itself: at
// a million routes that costs more than all the rest.
bool takes_the_only(const LookupArguments& at, const Inet6Prefixes::Range& range, FibResult& result) {
  if (range.route == Inet6Prefixes::kNone || range.is_shared != 0) return false;
  const RouteKind& kind = at.index.kinds[range.kind];
  const RouteAttributes& attributes = at.index.routes->attribute_sets[kind.attributes];
  const FibLegs& legs = at.index.legs_of(kind);
  if (kind.type != RouteType::kUnicast || legs.count != 1 || legs.object || attributes.source) return false;
  const auto& how = *static_cast<const Inet6Lookup*>(at.context);
  const FibLeg& leg = at.index.legs[legs.first];
  const bool fits = how.interface == kNoLink || how.interface == leg.link;
  const bool failed = leg.hop->gateway && (leg.neighbour & kNeighbourFailed) != 0;
  if (!is_alive(at.index, leg) || failed || (!fits && how.only_interface)) return false;
  result.route = &at.index.route(range.route);
  result.kind = kind;
  result.verdict = FibVerdict::kRoute;
  result.leg = &leg;
  result.table = at.table;
  result.suppress_link = leg.link;
  if (!attributes.not_understood.empty()) result.uncertain = "the route has an attribute that is not understood";
  return true;
}

// fib6_table_lookup(): when no router on the way answers, any will do.
Pick find(const LookupArguments& at, const Inet6Prefixes& prefixes, const KernelFlow& flow) {
  const auto& how = *static_cast<const Inet6Lookup*>(at.context);
  const Tree start(at.index, prefixes, flow);
  const bool reachable = how.only_reachable && !how.ignore_neighbours;
  for (const bool pass : {true, false}) {
    if (!pass && !(reachable && how.avoided_router)) break;
    for (Tree tree = start; !tree.current().empty(); tree.go_back()) {
      const Pick pick = select(at, tree.current(), pass && reachable);
      if (pick.route != nullptr) return pick;
    }
  }
  return {};
}

// nexthop_select_path_hthr(): those whose neighbour is not known to be bad; when there is none, the first. A flow that
// is bound to an interface is no exception on Linux 6.18; on others it takes `found`, so that this one comes first.
std::vector<const FibLeg*> object_choices(std::span<const FibLeg> legs, const FibLeg* found, bool ignore_neighbours) {
  std::vector<const FibLeg*> choices;
  if (found != nullptr) choices.push_back(found);
  for (const FibLeg& leg : legs) {
    if (&leg == found) continue;
    if (ignore_neighbours || leg.neighbour == 0 || (leg.neighbour & kValidNeighbour) != 0) choices.push_back(&leg);
  }
  if (choices.empty()) choices.push_back(&legs[0]);
  return choices;
}

const FibLeg* chosen_leg(const LookupArguments& at, const Pick& pick, const KernelFlow& flow) {
  if (at.index.legs_of(*pick.route).count < 2) return pick.leg;
  auto& how = *static_cast<Inet6Lookup*>(at.context);
  const auto choices = choices6(at.index, *pick.route, *pick.leg, how, flow);
  how.choices = std::max(how.choices, choices.size());
  how.avoided_router = how.avoided_router || choices.size() < at.index.legs_of(*pick.route).count;
  return choices[how.choice % choices.size()];
}

}  // namespace

// A flow that is bound to an interface takes what was found on it where the kernel looks at that (Linux 6.1.192 does),
// and is hashed like any other where it does not (6.18.44): then what was found comes first.
std::vector<const FibLeg*> choices6(const FibIndex& index, const Route& route, const FibLeg& found,
                                    const Inet6Lookup& how, const KernelFlow& flow) {
  const std::span<const FibLeg> legs = index.legs_in(route);
  if (legs.size() < 2) return {&found};
  const bool bound = flow.input == index.loopback && how.interface != kNoLink && how.interface == found.link;
  if (index.legs_of(route).object) return object_choices(legs, bound ? &found : nullptr, how.ignore_neighbours);
  std::vector<const FibLeg*> choices;
  if (bound) choices.push_back(&found);
  const bool reachable = how.only_reachable && !how.ignore_neighbours;
  for (const FibLeg& leg : legs) {
    if (bound && &leg == &found) continue;
    if (is_alive(index, leg) && (&leg == &found || score_of(index, route, leg, how, reachable) >= 0)) {
      choices.push_back(&leg);
    }
  }
  return choices;
}

void look_up_inet6_table(const LookupArguments& arguments, KernelFlow& flow, FibResult& result) {
  result.verdict = FibVerdict::kAgain;
  result.route = nullptr;
  result.leg = nullptr;
  const FibTable<Uint128>* table = arguments.index.inet6.table(arguments.table);
  if (table != nullptr && arguments.trace == nullptr) {
    const auto at = table->prefixes.position(key_of<Uint128>(flow.destination));
    if (takes_the_only(arguments, table->prefixes.ranges()[at], result)) return;
  }
  const Pick pick = table == nullptr ? Pick{} : find(arguments, table->prefixes, flow);
  if (pick.route == nullptr) {
    if (arguments.trace != nullptr) arguments.trace->note("no route matches");
    return;
  }
  result.route = pick.route;
  result.kind = RouteKind::of(*pick.route);
  result.table = arguments.table;
  result.verdict = verdict_of(pick.route->type);
  result.leg = pick.leg == nullptr ? nullptr : chosen_leg(arguments, pick, flow);
  result.suppress_link = result.leg == nullptr ? kNoLink : result.leg->link;
  if (!arguments.index.routes->attributes(*pick.route).not_understood.empty()) {
    result.uncertain = "the route has an attribute that is not understood";
  }
  // The routes of one nexthop object share its per-CPU cache, and the suppression looks at the route that filled it:
  // net/ipv6/route.c rt6_get_pcpu_route(), net/ipv6/fib6_rules.c fib6_rule_suppress().
  if (arguments.rule.suppress_prefix_length && arguments.index.legs_of(*pick.route).object) {
    result.uncertain =
        "a route of a nexthop object behind suppress_prefixlength: the kernel may look at another's length";
  }
  say(arguments, *pick.route, verdict_text(result.verdict));
}

}  // namespace vpndoctor
