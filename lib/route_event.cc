// SPDX-License-Identifier: Apache-2.0
// Words changes the way `ip` words the entries; writes them as JSON lines.
#include "vpndoctor/route_event.h"

#include <fmt/format.h>

#include <utility>

#include "derived_routes.h"
#include "timestamp.h"
#include "vpndoctor/json_writer.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

RouteEvent named(RouteEventKind kind, const char* object, std::string entry, std::string interface) {
  RouteEvent event;
  event.kind = kind;
  event.object = object;
  event.entry = std::move(entry);
  event.interface = std::move(interface);
  return event;
}

std::string rule_entry(const Rule& rule) {
  return (rule.family == Family::kInet6 ? "-6 rule " : "rule ") + joined(rule_words(rule));
}

using EventTaker = std::function<void(RouteEvent)>;

/// What came and went of one facet.
template <class T>
void tell_facet(const FacetDiff& facet, const Observed<std::vector<T>>& before, const Observed<std::vector<T>>& after,
                const EventTaker& take) {
  if (!before || !after) return;
  for (const std::uint32_t index : facet.removed) take(event_of(RouteEventKind::kRemoved, (*before)[index]));
  for (const std::uint32_t index : facet.added) take(event_of(RouteEventKind::kAdded, (*after)[index]));
}

void tell_routes(const FacetDiff& facet, const Snapshot& before, const Snapshot& after, const EventTaker& take) {
  if (!before.routes || !after.routes) return;
  const RouteTable& from = *before.routes;
  const RouteTable& to = *after.routes;
  for (const std::uint32_t index : facet.removed) take(event_of(RouteEventKind::kRemoved, from, from.routes[index]));
  for (const std::uint32_t index : facet.added) take(event_of(RouteEventKind::kAdded, to, to.routes[index]));
  for (const FacetDiff::Changed& changed : facet.changed) {
    take(change_of(from, from.routes[changed.before], to, to.routes[changed.after]));
  }
}

std::vector<RouteEvent> link_events(const FacetDiff& facet, const Snapshot& before, const Snapshot& after) {
  std::vector<RouteEvent> events;
  for (const FacetDiff::Changed& changed : facet.changed) {
    const auto changes = changes_of((*before.links)[changed.before], (*after.links)[changed.after]);
    events.insert(events.end(), changes.begin(), changes.end());
  }
  return events;
}

}  // namespace

const char* route_event_kind_name(RouteEventKind kind) {
  switch (kind) {
    case RouteEventKind::kAdded:
      return "added";
    case RouteEventKind::kRemoved:
      return "removed";
    case RouteEventKind::kChanged:
      return "changed";
    case RouteEventKind::kResynchronised:
      break;
  }
  return "resynchronised";
}

RouteEvent event_of(RouteEventKind kind, const RouteTable& table, const Route& route) {
  RouteEvent event = named(kind, "route", joined(route_words(table, route)), interfaces_text(table, route));
  event.text = fmt::format("{} {}", event.entry, route_event_kind_name(kind));
  event.is_derived = is_kernel_made(table, route);
  return event;
}

RouteEvent event_of(RouteEventKind kind, const Rule& rule) {
  RouteEvent event = named(kind, "rule", rule_entry(rule), {});
  event.text = fmt::format("{} {}", event.entry, route_event_kind_name(kind));
  return event;
}

RouteEvent event_of(RouteEventKind kind, const Link& link) {
  RouteEvent event = named(kind, "link", link.name, link.name);
  const std::string of = link.kind.empty() ? "" : fmt::format(" ({})", link.kind);
  event.text =
      fmt::format("interface {}{} {}", link.name, of, kind == RouteEventKind::kRemoved ? "vanished" : "appeared");
  return event;
}

RouteEvent event_of(RouteEventKind kind, const Address& address) {
  RouteEvent event = named(kind, "address", joined(address_words(address)), address.interface);
  event.text = fmt::format("address {}/{} {} {}", address.address, address.prefix_length,
                           kind == RouteEventKind::kRemoved ? "removed from" : "added to", address.interface);
  return event;
}

RouteEvent change_of(const RouteTable& before_table, const Route& before, const RouteTable& after_table,
                     const Route& after) {
  RouteEvent event = event_of(RouteEventKind::kChanged, after_table, after);
  event.text = fmt::format("{} replaced by {}", joined(route_words(before_table, before)), event.entry);
  return event;
}

std::vector<RouteEvent> changes_of(const Link& before, const Link& after) {
  std::vector<RouteEvent> events;
  for (const EntryChange& change : link_changes(before, after)) {
    events.push_back(named(RouteEventKind::kChanged, "link", after.name, after.name));
    events.back().text = fmt::format("{} {}", after.name, change.text);
  }
  return events;
}

RouteEvent change_of(const Address& before, const Address& after) {
  RouteEvent event = named(RouteEventKind::kChanged, "address", joined(address_words(after)), after.interface);
  event.text = fmt::format("address {}/{} on {} {}", after.address, after.prefix_length, after.interface,
                           address_change(before, after));
  return event;
}

void for_each_event(const SnapshotDiff& diff, const Snapshot& before, const Snapshot& after,
                    const std::function<void(RouteEvent)>& take) {
  tell_facet(diff.links, before.links, after.links, take);
  for (RouteEvent& event : link_events(diff.links, before, after)) take(std::move(event));
  tell_facet(diff.addresses, before.addresses, after.addresses, take);
  for (const FacetDiff::Changed& changed : diff.addresses.changed) {
    take(change_of((*before.addresses)[changed.before], (*after.addresses)[changed.after]));
  }
  tell_facet(diff.rules, before.rules, after.rules, take);
  tell_routes(diff.routes, before, after, take);
}

std::size_t count_events(const SnapshotDiff& diff, const Snapshot& before, const Snapshot& after) {
  // A link that changed has an event for each thing; rules that changed are told as removed and added.
  const auto came_and_went = [](const FacetDiff& facet) { return facet.added.size() + facet.removed.size(); };
  return came_and_went(diff.links) + link_events(diff.links, before, after).size() + came_and_went(diff.addresses) +
         diff.addresses.changed.size() + came_and_went(diff.rules) + came_and_went(diff.routes) +
         diff.routes.changed.size();
}

std::vector<RouteEvent> events_between(const Snapshot& before, const Snapshot& after) {
  std::vector<RouteEvent> events;
  for_each_event(diff_snapshots(before, after), before, after,
                 [&events](RouteEvent event) { events.push_back(std::move(event)); });
  return events;
}

std::string author_text(const RouteEvent& event) {
  if (!event.author) return "found by reading again";
  const ChangeAuthor& author = *event.author;
  if (author.name.empty()) {
    return author.port == 0 ? "the kernel does not say who" : "by an unknown process";
  }
  if (!author.pid) return "by the " + author.name;
  const std::string parent = author.parent_name.empty() ? "" : ", started by " + author.parent_name;
  return fmt::format("by {} ({}){}", author.name, *author.pid, parent);
}

std::string route_event_json(const RouteEvent& event) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().field("at", to_timestamp(event.at)).field("kind", route_event_kind_name(event.kind));
  json.field("object", event.object).field("text", event.text).field_or_null("entry", event.entry);
  json.field_or_null("interface", event.interface).field("derived", event.is_derived).key("process");
  if (event.author && !event.author->name.empty()) {
    json.begin_object().field("pid", event.author->pid).field_or_null("name", event.author->name);
    json.field_or_null("parent", event.author->parent_name).end_object();
  } else {
    json.null();
  }
  json.end_object();
  return line;
}

}  // namespace vpndoctor
