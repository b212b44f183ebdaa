// SPDX-License-Identifier: Apache-2.0
// The JSON of routes, rules, links and addresses: the same records in reports and in saved snapshots.
#pragma once

#include "vpndoctor/json_writer.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Each writes one object. In a report every field of the contract is there, null when unknown; in a snapshot
/// (`terse`) a field with its usual value is left out, and state that only a machine needs is put in.
void write_route(JsonWriter& json, const Snapshot& snapshot, const Route& route, bool terse = false);
void write_rule(JsonWriter& json, const Snapshot& snapshot, const Rule& rule, bool terse = false);
void write_link(JsonWriter& json, const Link& link, bool terse = false);
void write_address(JsonWriter& json, const Address& address, bool terse = false);

}  // namespace vpndoctor
