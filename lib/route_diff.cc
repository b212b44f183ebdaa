// SPDX-License-Identifier: Apache-2.0
// Compares facet by facet, says which could not be, and takes out what merely follows.
#include "vpndoctor/route_diff.h"

#include <fmt/format.h>

#include <utility>

#include "derived_routes.h"
#include "dns_diff_compare.h"
#include "facet_diff.h"
#include "route_diff_pairs.h"
#include "route_diff_summary.h"
#include "route_meaning.h"
#include "route_table_diff.h"

namespace vpndoctor {
namespace {

template <class T>
std::string why_not_whole(const Observed<T>& before, const Observed<T>& after) {
  if (!before.is_known()) return fmt::format("not known before: {}", before.why_missing());
  if (!after.is_known()) return fmt::format("not known after: {}", after.why_missing());
  if (!before.is_complete()) return fmt::format("not whole before: {}", before.limits().front());
  if (!after.is_complete()) return fmt::format("not whole after: {}", after.limits().front());
  return {};
}

/// A list that was cut can prove that something is there, never that it is not.
template <class T, class Compare>
FacetDiff diff_facet(const Observed<T>& before, const Observed<T>& after, Compare compare) {
  FacetDiff diff;
  if (before.is_known() && after.is_known()) diff = compare(*before, *after);
  if (!before.is_complete()) diff.added.clear();
  if (!after.is_complete()) diff.removed.clear();
  if (!before.is_complete() || !after.is_complete()) diff.reordered.clear();
  diff.not_compared = why_not_whole(before, after);
  return diff;
}

/// Nothing of one platform means the same on another.
SnapshotDiff incomparable() {
  SnapshotDiff diff;
  for (FacetDiff* facet : {&diff.routes, &diff.rules, &diff.links, &diff.addresses, &diff.dns}) {
    facet->not_compared = "one state is of Linux and the other of macOS";
  }
  return diff;
}

}  // namespace

bool SnapshotDiff::is_partial() const {
  return !routes.not_compared.empty() || !rules.not_compared.empty() || !links.not_compared.empty() ||
         !addresses.not_compared.empty() || dns_is_partial;
}

SnapshotDiff diff_snapshots(const Snapshot& before, const Snapshot& after) {
  if (before.platform != after.platform) return incomparable();
  SnapshotDiff diff;
  diff.links = diff_facet(before.links, after.links, diff_links);
  diff.addresses = diff_facet(before.addresses, after.addresses, diff_addresses);
  diff.rules = diff_facet(before.rules, after.rules, diff_rules);
  // macOS has no policy rules: both sides are without them, and nothing is left open.
  if (before.platform == Platform::kMacos && !before.rules && !after.rules) diff.rules.not_compared.clear();
  diff.routes = diff_facet(before.routes, after.routes, diff_route_tables);
  fold_derived_routes(before, after, diff);
  diff_dns(before.dns, after.dns, diff);
  RoutePairs pairs;
  if (before.routes && after.routes) pairs = pair_routes(*before.routes, *after.routes, diff.routes);
  diff.routes.reordered = std::move(pairs.reordered);
  diff.summary = summarize(before, after, diff, pairs.new_metric);
  return diff;
}

bool same_route(const RouteTable& left_table, const Route& left, const RouteTable& right_table, const Route& right) {
  if (left.destination != right.destination || left.table != right.table || left.metric != right.metric ||
      left.tos != right.tos || left.type != right.type || left.protocol != right.protocol ||
      left.scope != right.scope) {
    return false;
  }
  const RouteAttributes& one = left_table.attributes(left);
  const RouteAttributes& other = right_table.attributes(right);
  return one.source == other.source && (one == other || meaning_of(one) == meaning_of(other)) &&
         meaning_of(left_table.next_hop_sets[left.next_hops]) == meaning_of(right_table.next_hop_sets[right.next_hops]);
}

}  // namespace vpndoctor
