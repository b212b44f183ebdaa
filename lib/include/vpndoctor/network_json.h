// SPDX-License-Identifier: Apache-2.0
// The JSON of routes, rules, links and addresses: the same records in reports and in saved snapshots.
#pragma once

#include <cstddef>
#include <memory>

#include "vpndoctor/json_writer.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Each writes one object. In a report every field of the contract is there, null when unknown; in a snapshot
/// (`terse`) a field with its usual value is left out, and state that only a machine needs is put in.
void write_route(JsonWriter& json, const Snapshot& snapshot, const Route& route, bool terse = false);
void write_rule(JsonWriter& json, const Snapshot& snapshot, const Rule& rule, bool terse = false);
void write_link(JsonWriter& json, const Link& link, bool terse = false);
void write_address(JsonWriter& json, const Address& address, bool terse = false);

/// Writes many routes of one snapshot: what they share is put into words once.
class RouteJsonWriter {
 public:
  /// `snapshot` must outlive this object, with its routes known. The words of up to `cached_texts` sets are kept.
  RouteJsonWriter(const Snapshot& snapshot, bool terse, std::size_t cached_texts = 1024);
  ~RouteJsonWriter();
  RouteJsonWriter(RouteJsonWriter&&) noexcept;
  RouteJsonWriter& operator=(RouteJsonWriter&&) noexcept;

  /// Writes the members of the route's object, without its braces.
  void write_members(JsonWriter& json, const Route& route);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vpndoctor
