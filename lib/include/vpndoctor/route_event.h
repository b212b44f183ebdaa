// SPDX-License-Identifier: Apache-2.0
// One change of the routing state as it was seen to happen, in words. Pure: who watches is elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/route_diff.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// The process that asked for a change.
struct ChangeAuthor {
  std::uint32_t port = 0;  ///< the netlink port of the requester; 0: the kernel itself, or an ioctl
  std::optional<std::uint32_t> pid;
  std::string name;         ///< "kernel" without a pid where the kernel did it by itself; empty: unknown
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
  std::string object;                  ///< "route", "rule", "link", "address"; "state" of kResynchronised
  std::string text;                    ///< in words: "default via 192.0.2.1 dev eth0 added"
  std::string entry;                   ///< the entry in the words of `ip`; empty: none
  std::string interface;               ///< what it is about or goes through: "tun0", "eth0 and eth1"; empty: none
  bool is_derived = false;             ///< a route that the kernel made for an address or a link by itself
  std::optional<ChangeAuthor> author;  ///< null: not known (found by reading again)
};

/// Each words one change; `at` and `author` are the caller's to fill in.
RouteEvent event_of(RouteEventKind kind, const RouteTable& table, const Route& route);
RouteEvent event_of(RouteEventKind kind, const Rule& rule);
RouteEvent event_of(RouteEventKind kind, const Link& link);
RouteEvent event_of(RouteEventKind kind, const Address& address);
RouteEvent change_of(const RouteTable& before_table, const Route& before, const RouteTable& after_table,
                     const Route& after);
/// An event for each thing that changed about a link.
std::vector<RouteEvent> changes_of(const Link& before, const Link& after);
RouteEvent change_of(const Address& before, const Address& after);

/// Words every difference between two states, links first, routes last.
std::vector<RouteEvent> events_between(const Snapshot& before, const Snapshot& after);
/// The same one after the other, of two states that were compared: of a million routes not all are held at once.
void for_each_event(const SnapshotDiff& diff, const Snapshot& before, const Snapshot& after,
                    const std::function<void(RouteEvent)>& take);
/// How many events for_each_event() hands over.
std::size_t count_events(const SnapshotDiff& diff, const Snapshot& before, const Snapshot& after);

/// "by ip (4711), started by wg-quick"; "found by reading again" without an author.
std::string author_text(const RouteEvent& event);

/// {"at":...,"kind":...,"object":...,"text":...,"entry":...,"process":{"pid","name","parent"}|null} on one line.
std::string route_event_json(const RouteEvent& event);

}  // namespace vpndoctor
