// SPDX-License-Identifier: Apache-2.0
// The sections of `routes show` that list entries: rules, links, routes.
#pragma once

#include "page.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Writes the policy rules in their order, those that both families have once, with who made them.
void write_rules(const Snapshot& snapshot, Page& page);
/// Writes the links with their state and addresses; unless `unfolded`, those of containers are only counted.
void write_links(const Snapshot& snapshot, bool unfolded, Page& page);
/// Writes the routes by table, family and purpose; unless `unfolded`, many that do the same become one line.
void write_routes(const Snapshot& snapshot, bool unfolded, Page& page);

}  // namespace vpndoctor
