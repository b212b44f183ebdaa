// SPDX-License-Identifier: Apache-2.0
// The plan without a baseline: a target is made from what is there, less what VPN clients left behind, plus what the
// configuration asks for; planning the way there is restore_plan's.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "infer_restore_defaults.h"
#include "vpn_leftovers.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

bool contains(const std::vector<Leftover>& sorted, std::size_t index) {
  return std::ranges::binary_search(sorted, index, {}, &Leftover::index);
}

/// Returns the vector without the leftovers.
template <class T>
std::vector<T> without(const std::vector<T>& all, const std::vector<Leftover>& leftovers) {
  std::vector<T> kept;
  kept.reserve(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!contains(leftovers, i)) kept.push_back(all[i]);
  }
  return kept;
}

std::string way_text(const ConfiguredRoute& wish) {
  const NextHop& hop = wish.route.next_hops.hops.front();
  return fmt::format("{}{} dev {}", wish.route.route.destination,
                     hop.gateway ? fmt::format(" via {}", *hop.gateway) : std::string(),
                     escape_controls(hop.interface));
}

/// What the table that stays says to a wished route.
enum class Standing { kMissing, kThere, kPlaceTaken, kTunnelInstead };

/// `kept` is the table without leftovers. A route of the same key stands in the way of a new one; a live tunnel that
/// holds the destination took it over on purpose.
Standing standing_of(const Snapshot& now, const RouteTable& kept, const ConfiguredRoute& wish) {
  const Route& wanted = wish.route.route;
  Standing standing = Standing::kMissing;
  for (const Route& route : kept.routes) {
    if (route.destination != wanted.destination || route.table != wanted.table || route.tos != 0) continue;
    const auto& hops = kept.hops(route);
    if (is_same_way(hops, wish.route.next_hops.hops)) return Standing::kThere;
    const bool is_tunnelled =
        std::ranges::any_of(hops, [&](const NextHop& hop) { return is_tunnel(now, hop.interface); });
    if (is_tunnelled) {
      standing = Standing::kTunnelInstead;
    } else if (route.metric == wanted.metric && standing == Standing::kMissing) {
      standing = Standing::kPlaceTaken;
    }
  }
  return standing;
}

class Inference {
 public:
  Inference(const Snapshot& now, const ConfiguredState& configured)
      : now_(now), configured_(configured), leftovers_(find_vpn_leftovers(now, configured.routes)), target_(now) {}

  RestorePlan plan() {
    if (now_.rules) *target_.rules = without(*now_.rules, leftovers_.rules);
    if (now_.addresses) *target_.addresses = without(*now_.addresses, leftovers_.addresses);
    if (now_.routes) {
      target_.routes->routes = without(now_.routes->routes, leftovers_.routes);
      add_wished();
    }
    RestorePlan plan = plan_restore(now_, target_);
    for (RestoreOperation& operation : plan.operations) explain(operation);
    find_unanswered_defaults(now_, target_, configured_, plan);
    append(plan.unanswered, leftovers_.undecided);
    append(plan.notes, leftovers_.notes);
    append(plan.notes, notes_);
    append(plan.notes, configured_.not_read);
    return plan;
  }

 private:
  static void append(std::vector<std::string>& notes, const std::vector<std::string>& more) {
    notes.insert(notes.end(), more.begin(), more.end());
  }
  void add_wished();
  void add(const ConfiguredRoute& wish);
  void explain(RestoreOperation& operation) const;
  void explain_route(const StandaloneRoute& route, RestoreOperation& operation) const;
  static void tell(const Leftover& leftover, RestoreOperation& operation) {
    operation.reason = leftover.reason;
    operation.source = leftover.source;
    operation.confidence = leftover.confidence;
  }

  const Snapshot& now_;
  const ConfiguredState& configured_;
  VpnLeftovers leftovers_;
  Snapshot target_;
  std::vector<std::string> notes_;
};

void Inference::add(const ConfiguredRoute& wish) {
  RouteTable& table = *target_.routes;
  Route route = wish.route.route;
  route.next_hops = static_cast<std::uint32_t>(table.next_hop_sets.size());
  route.attributes = static_cast<std::uint32_t>(table.attribute_sets.size());
  table.next_hop_sets.push_back(wish.route.next_hops);
  table.attribute_sets.push_back(wish.route.attributes);
  table.routes.push_back(route);
}

void Inference::add_wished() {
  const RouteTable kept = *target_.routes;
  for (const ConfiguredRoute& wish : configured_.routes) {
    switch (standing_of(now_, kept, wish)) {
      case Standing::kMissing:
        add(wish);
        break;
      case Standing::kThere:
        break;
      case Standing::kPlaceTaken:
        notes_.push_back(
            fmt::format("{} ({}) is not put back: another route holds its place", way_text(wish), wish.source));
        break;
      case Standing::kTunnelInstead:
        notes_.push_back(
            fmt::format("{} ({}) is not put back: a tunnel that is up took its place", way_text(wish), wish.source));
        break;
    }
  }
}

void Inference::explain_route(const StandaloneRoute& route, RestoreOperation& operation) const {
  if (operation.action == RestoreAction::kDelete) {
    for (const Leftover& leftover : leftovers_.routes) {
      const Route& candidate = now_.routes->routes[leftover.index];
      const bool is_it = candidate.destination == route.route.destination && candidate.table == route.route.table &&
                         candidate.metric == route.route.metric &&
                         is_same_way(now_.routes->hops(candidate), route.next_hops.hops);
      if (is_it) return tell(leftover, operation);
    }
    return;
  }
  for (const ConfiguredRoute& wish : configured_.routes) {
    if (wish.route.route.destination != route.route.destination || wish.route.route.table != route.route.table ||
        !is_same_way(wish.route.next_hops.hops, route.next_hops.hops)) {
      continue;
    }
    operation.reason =
        wish.is_bridge ? "a bridge until the router's next advertisement: it expires by itself, and the kernel's own "
                         "route comes beside it"
                       : "the interface's own configuration asks for it, and it is missing";
    operation.source = wish.source;
    operation.confidence = wish.confidence;
    operation.optional = wish.is_bridge;
    return;
  }
}

/// Where each operation comes from, instead of a baseline that there is none of.
void Inference::explain(RestoreOperation& operation) const {
  if (const auto* route = std::get_if<StandaloneRoute>(&operation.object)) return explain_route(*route, operation);
  if (const auto* rule = std::get_if<Rule>(&operation.object)) {
    for (const Leftover& leftover : leftovers_.rules) {
      if (same_rule((*now_.rules)[leftover.index], *rule)) return tell(leftover, operation);
    }
    return;
  }
  for (const Leftover& leftover : leftovers_.addresses) {
    if ((*now_.addresses)[leftover.index] == std::get<Address>(operation.object)) return tell(leftover, operation);
  }
}

}  // namespace

RestorePlan infer_restore(const Snapshot& now, const ConfiguredState& configured) {
  return Inference(now, configured).plan();
}

}  // namespace vpndoctor
