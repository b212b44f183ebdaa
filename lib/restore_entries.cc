// SPDX-License-Identifier: Apache-2.0
// The objects of a restore plan by themselves; see the header.
#include "restore_entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "vpndoctor/route_words.h"
#include "word_list.h"

namespace vpndoctor {
namespace {

RouteTable as_table(const StandaloneRoute& route) {
  Route only = route.route;
  only.next_hops = 0;
  only.attributes = 0;
  return {{only}, {route.next_hops}, {route.attributes}};
}

Words words_of(const StandaloneRoute& route) {
  const RouteTable table = as_table(route);
  return route_words(table, table.routes.front());
}

/// An IPv6 route on the link itself, which a request without a gateway might miss: it takes the first route of the key
/// through that interface (net/ipv6/route.c ip6_route_del()). The gateway :: is that of no gateway.
bool needs_no_gateway_said(const StandaloneRoute& route) {
  const auto& hops = route.next_hops.hops;
  return route.route.destination.family() == Family::kInet6 && hops.size() == 1 && !hops.front().gateway;
}

/// A route of a nexthop object is found by the object's number alone (fib_nh_match()).
Words words_to_delete(const StandaloneRoute& route, bool is_alone) {
  StandaloneRoute bare = route;
  if (!route.next_hops.object_id) {
    if (!is_alone && needs_no_gateway_said(route)) {
      bare.next_hops.hops.front().gateway = IpAddress{.family = Family::kInet6, .bytes = {}};
    }
    return words_of(bare);
  }
  bare.next_hops.hops.clear();
  Words words = words_of(bare);
  words.insert(words.end(), {"nhid", std::to_string(*route.next_hops.object_id)});
  return words;
}

/// Only what names it: an address is never added.
Words words_to_delete(const Address& address) {
  Words words = {fmt::format("{}/{}", address.address, address.prefix_length), "dev", address.interface};
  if (!address.peer) return words;
  words.front() = address.address.to_string();
  words.insert(words.begin() + 1, {"peer", fmt::format("{}/{}", *address.peer, address.prefix_length)});
  return words;
}

const char* verb(const RestoreOperation& operation) {
  if (operation.action == RestoreAction::kDelete) return "del";
  if (operation.action == RestoreAction::kReplace) return "replace";
  switch (operation.placement) {
    case RoutePlacement::kFirst:
      return "prepend";
    case RoutePlacement::kLast:
      return "append";
    case RoutePlacement::kAlone:
      break;
  }
  return "add";
}

Words command(Family family, const char* object, const char* action, const Words& words) {
  Words argv = {"ip", family == Family::kInet ? "-4" : "-6", object, action};
  std::ranges::copy(words, std::back_inserter(argv));
  return argv;
}

bool same_leg(const NextHop& asked, const NextHop& present) {
  return asked.interface == present.interface && (!asked.gateway || asked.gateway == present.gateway) &&
         (asked.encapsulation.type == 0 || asked.encapsulation == present.encapsulation);
}

/// One asked leg is compared with the first that is present, several with each in its place.
bool legs_cover(const std::vector<NextHop>& asked, const std::vector<NextHop>& present) {
  if (asked.empty()) return true;
  const std::size_t count = std::min(asked.size(), present.size());
  return std::equal(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(count), present.begin(), same_leg);
}

bool metrics_cover(const RouteAttributes& asked, const RouteAttributes& present) {
  const auto is_present = [&](const RouteMetric& metric) { return std::ranges::count(present.metrics, metric) != 0; };
  return std::ranges::all_of(asked.metrics, is_present) &&
         (asked.congestion_control.empty() || asked.congestion_control == present.congestion_control);
}

template <class T>
bool matches(const T& asked, const T& present) {
  return asked == T{} || asked == present;
}

bool names_and_marks_cover(const Rule& request, const Rule& present) {
  return matches(request.input_interface, present.input_interface) &&
         matches(request.output_interface, present.output_interface) && matches(request.mark, present.mark) &&
         matches(request.mark_mask, present.mark_mask) && matches(request.tunnel_id, present.tunnel_id) &&
         matches(request.uids, present.uids);
}

bool selectors_cover(const Rule& request, const Rule& present) {
  return matches(request.source, present.source) && matches(request.destination, present.destination) &&
         matches(request.tos, present.tos) && matches(request.dscp, present.dscp) &&
         matches(request.ip_protocol, present.ip_protocol) && matches(request.source_ports, present.source_ports) &&
         matches(request.destination_ports, present.destination_ports) && matches(request.realms, present.realms);
}

}  // namespace

StandaloneRoute standalone(const RouteTable& table, const Route& route) {
  StandaloneRoute alone{route, table.next_hop_sets[route.next_hops], table.attributes(route)};
  for (NextHop& hop : alone.next_hops.hops) hop.flags &= kNextHopOnLink;
  alone.attributes.flags = 0;
  return alone;
}

std::vector<std::string> restore_argv(const RestoreOperation& operation) {
  if (const auto* route = std::get_if<StandaloneRoute>(&operation.object)) {
    const bool deletes = operation.action == RestoreAction::kDelete;
    const bool is_alone = operation.placement == RoutePlacement::kAlone;
    Words words = deletes ? words_to_delete(*route, is_alone) : words_of(*route);
    // Elsewhere the time that is left is state; of a route that is put back it is a part.
    const auto& expires = route->attributes.expires_seconds;
    const bool can_expire = route->route.destination.family() == Family::kInet6 && !deletes;
    if (can_expire && expires) words.insert(words.end(), {"expires", std::to_string(*expires)});
    return command(route->route.destination.family(), "route", verb(operation), words);
  }
  if (const auto* rule = std::get_if<Rule>(&operation.object)) {
    return command(rule->family, "rule", verb(operation), rule_words(*rule));
  }
  const Address& address = std::get<Address>(operation.object);
  return command(address.address.family, "address", verb(operation), words_to_delete(address));
}

std::string route_text(const StandaloneRoute& route) {
  StandaloneRoute brief = route;
  brief.attributes = {};
  brief.attributes.source = route.attributes.source;
  return joined(words_of(brief));
}

bool deletion_covers(const StandaloneRoute& request, const StandaloneRoute& present) {
  if (request.next_hops.object_id || present.next_hops.object_id) {
    return request.next_hops.object_id == present.next_hops.object_id;
  }
  const auto& asked = request.attributes.preferred_source;
  return request.route.type == present.route.type && matches(request.route.protocol, present.route.protocol) &&
         (request.route.scope == kScopeNowhere || request.route.scope == present.route.scope) &&
         (!asked || asked == present.attributes.preferred_source) &&
         legs_cover(request.next_hops.hops, present.next_hops.hops) &&
         metrics_cover(request.attributes, present.attributes);
}

bool deletion_covers(const Rule& request, const Rule& present) {
  return matches(request.action, present.action) && matches(request.table, present.table) &&
         matches(request.suppress_interface_group, present.suppress_interface_group) &&
         matches(request.suppress_prefix_length, present.suppress_prefix_length) &&
         matches(request.l3mdev, present.l3mdev) && matches(request.protocol, present.protocol) &&
         names_and_marks_cover(request, present) && selectors_cover(request, present);
}

bool joins_siblings(const StandaloneRoute& route) {
  const auto& hops = route.next_hops.hops;
  return route.route.destination.family() == Family::kInet6 && !route.next_hops.object_id && !hops.empty() &&
         hops.front().gateway.has_value() && route.route.protocol != kProtocolRouterAdvertisement;
}

}  // namespace vpndoctor
