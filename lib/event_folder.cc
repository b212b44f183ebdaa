// SPDX-License-Identifier: Apache-2.0
// Holds back route events of one kind, interface and author until the burst is over.
#include "vpndoctor/event_folder.h"

#include <fmt/format.h>

#include <utility>

namespace vpndoctor {
namespace {

EventLine line_of(const RouteEvent& event) {
  if (event.kind == RouteEventKind::kResynchronised) return {event.at, event.text, event.kind};
  return {event.at, fmt::format("{} ({})", event.text, author_text(event)), event.kind};
}

bool may_be_folded(const RouteEvent& event) {
  return event.object == "route" && (event.kind == RouteEventKind::kAdded || event.kind == RouteEventKind::kRemoved);
}

}  // namespace

bool EventFolder::continues_burst(const RouteEvent& event) const {
  if (held_.empty() || !may_be_folded(event)) return false;
  const RouteEvent& first = held_.front();
  return first.kind == event.kind && first.interface == event.interface && author_text(first) == author_text(event) &&
         event.at - first.at < kLongest;
}

std::vector<EventLine> EventFolder::take(const RouteEvent& event) {
  if (event.is_derived) return {};
  std::vector<EventLine> lines;
  if (!continues_burst(event)) lines = flush();
  if (!may_be_folded(event)) {
    lines.push_back(line_of(event));
    return lines;
  }
  if (held_.size() < kMostSingle) held_.push_back(event);
  ++held_count_;
  return lines;
}

std::vector<EventLine> EventFolder::flush() {
  const std::vector<RouteEvent> held = std::exchange(held_, {});
  const std::size_t count = std::exchange(held_count_, 0);
  std::vector<EventLine> lines;
  if (count <= kMostSingle) {
    for (const RouteEvent& event : held) lines.push_back(line_of(event));
    return lines;
  }
  const RouteEvent& first = held.front();
  const std::string through = first.interface.empty() ? "" : " through " + first.interface;
  lines.push_back({first.at,
                   fmt::format("{} routes {}{}, the first {} ({})", count, route_event_kind_name(first.kind), through,
                               first.entry, author_text(first)),
                   first.kind});
  return lines;
}

}  // namespace vpndoctor
