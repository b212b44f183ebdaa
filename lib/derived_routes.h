// SPDX-License-Identifier: Apache-2.0
// Which differences of route tables merely follow from an address or a link that differs: the kernel made those routes.
#pragma once

#include "vpndoctor/route_diff.h"

namespace vpndoctor {

/// Takes the routes that follow from `diff.links` and `diff.addresses` out of `diff.routes` and counts them. A route
/// that the kernel made and that differs without such a reason stays.
void fold_derived_routes(const Snapshot& before, const Snapshot& after, SnapshotDiff& diff);

/// True for a route of the kind that the kernel makes by itself for an address or a link: the local table's, those of
/// connected prefixes, link-local and multicast ones.
bool is_kernel_made(const RouteTable& table, const Route& route);

}  // namespace vpndoctor
