// SPDX-License-Identifier: Apache-2.0
// Words changes the way `ip` words the entries; writes them as JSON lines.
#include "vpndoctor/route_event.h"

#include <fmt/format.h>

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

template <class T, class EventOf>
void append(const std::vector<std::uint32_t>& indexes, const std::vector<T>& values, EventOf event_of_value,
            std::vector<RouteEvent>& events) {
  for (const std::uint32_t index : indexes) events.push_back(event_of_value(values[index]));
}

/// What came and went of one facet.
template <class T>
void append_facet(const FacetDiff& facet, const Observed<std::vector<T>>& before, const Observed<std::vector<T>>& after,
                  std::vector<RouteEvent>& events) {
  if (!before || !after) return;
  append(facet.removed, *before, [](const T& value) { return event_of(RouteEventKind::kRemoved, value); }, events);
  append(facet.added, *after, [](const T& value) { return event_of(RouteEventKind::kAdded, value); }, events);
}

void append_routes(const FacetDiff& facet, const Snapshot& before, const Snapshot& after,
                   std::vector<RouteEvent>& events) {
  if (!before.routes || !after.routes) return;
  const RouteTable& from = *before.routes;
  const RouteTable& to = *after.routes;
  append(
      facet.removed, from.routes, [&](const Route& route) { return event_of(RouteEventKind::kRemoved, from, route); },
      events);
  append(
      facet.added, to.routes, [&](const Route& route) { return event_of(RouteEventKind::kAdded, to, route); }, events);
  for (const FacetDiff::Changed& changed : facet.changed) {
    events.push_back(change_of(from, from.routes[changed.before], to, to.routes[changed.after]));
  }
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

std::vector<RouteEvent> events_between(const Snapshot& before, const Snapshot& after) {
  const SnapshotDiff diff = diff_snapshots(before, after);
  std::vector<RouteEvent> events;
  append_facet(diff.links, before.links, after.links, events);
  for (const FacetDiff::Changed& changed : diff.links.changed) {
    const auto changes = changes_of((*before.links)[changed.before], (*after.links)[changed.after]);
    events.insert(events.end(), changes.begin(), changes.end());
  }
  append_facet(diff.addresses, before.addresses, after.addresses, events);
  for (const FacetDiff::Changed& changed : diff.addresses.changed) {
    events.push_back(change_of((*before.addresses)[changed.before], (*after.addresses)[changed.after]));
  }
  append_facet(diff.rules, before.rules, after.rules, events);
  append_routes(diff.routes, before, after, events);
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
