// SPDX-License-Identifier: Apache-2.0
// One change of the routing state as it was seen to happen, in words. Pure: who watches is elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// The process that asked for a change.
struct ChangeAuthor {
  std::uint32_t port = 0;  ///< the netlink port of the requester; 0: the kernel itself
  std::optional<std::uint32_t> pid;
  std::string name;         ///< empty: unknown
  std::string parent_name;  ///< empty: unknown
};

enum class RouteEventKind : std::uint8_t {
  kAdded,
  kRemoved,
  kChanged,
  kResynchronised,  ///< events were lost or a link went away: the state was read again; what differed follows
};
const char* route_event_kind_name(RouteEventKind kind);  ///< "added", "removed", "changed", "resynchronised"

struct RouteEvent {
  std::chrono::system_clock::time_point at;
  RouteEventKind kind = RouteEventKind::kAdded;
  std::string object;                  ///< "route", "rule", "link", "address", "neighbour"
  std::string text;                    ///< in words: "default via 192.0.2.1 dev eth0 added"
  std::string entry;                   ///< the entry in the words of `ip`; empty: none
  std::optional<ChangeAuthor> author;  ///< null: not known (found by reading again)
};

/// {"at":...,"kind":...,"object":...,"text":...,"entry":...,"process":{"pid","name","parent"}|null} on one line.
std::string route_event_json(const RouteEvent& event);

}  // namespace vpndoctor
