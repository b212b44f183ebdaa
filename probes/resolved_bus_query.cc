// SPDX-License-Identifier: Apache-2.0
// systemd-resolved over D-Bus; see the header.
#include "resolved_bus_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace vpndoctor {
namespace {

constexpr const char* kPath = "/org/freedesktop/resolve1";
constexpr const char* kLinks = "/org/freedesktop/resolve1/link";

/// The objects below kLinks, which are all links that the daemon knows.
Asked<std::vector<int>> links_of(SystemBus& bus, const Deadline& deadline) {
  const auto answer =
      bus.call({kResolvedBusName, kLinks, "org.freedesktop.DBus.Introspectable", "Introspect"}, deadline);
  if (!answer) return std::unexpected(answer.error());
  return indexes_in_introspection(answer->item(0).text());
}

std::string name_of(const Snapshot& snapshot, int index) {
  if (!snapshot.links) return {};
  const auto link = std::ranges::find(*snapshot.links, index, &Link::index);
  return link == snapshot.links->end() ? std::string() : link->name;
}

/// All links that may exist: those that have objects, and those that the manager has servers or domains for.
Asked<std::set<int>> links_to_read(SystemBus& bus, const BusValue& manager, const Deadline& deadline) {
  std::set<int> indexes;
  for (const int index : indexes_in_manager(manager)) indexes.insert(index);
  const auto listed = links_of(bus, deadline);
  if (!listed && listed.error().kind == DaemonFailure::Kind::kSilent) return std::unexpected(listed.error());
  if (listed) indexes.insert(listed->begin(), listed->end());
  return indexes;
}

}  // namespace

Asked<ResolvedReply> read_resolved_over_bus(SystemBus& bus, const Snapshot& snapshot, const Deadline& deadline) {
  const auto owned = bus.has_owner(kResolvedBusName, deadline);
  if (!owned) return std::unexpected(owned.error());
  if (!*owned) {
    return std::unexpected(DaemonFailure{DaemonFailure::Kind::kAbsent, "nobody has its name on D-Bus"});
  }
  const auto manager = bus.properties({kResolvedBusName, kPath, "org.freedesktop.resolve1.Manager"}, deadline);
  if (!manager) return std::unexpected(manager.error());
  ResolvedReply reply = read_resolved_manager(*manager);
  const auto indexes = links_to_read(bus, *manager, deadline);
  if (!indexes) return std::unexpected(indexes.error());
  std::vector<std::string> paths;
  for (const int index : *indexes) paths.push_back(fmt::format("{}/_3{}", kLinks, index));
  const auto links = bus.properties_of_each({kResolvedBusName, "", "org.freedesktop.resolve1.Link"}, paths, deadline);
  if (!links) return std::unexpected(links.error());
  auto link = links->begin();
  for (const int index : *indexes) {
    const std::optional<BusValue>& properties = *link++;
    if (!properties) continue;  // it has gone meanwhile
    reply.interfaces.emplace_back(index, std::string());
    reply.state.scopes.push_back(read_resolved_link(*properties, index, name_of(snapshot, index)));
  }
  assign_global_servers(reply, *manager);
  return reply;
}

}  // namespace vpndoctor
