// SPDX-License-Identifier: Apache-2.0
// Snapshots as they would be: without an interface, with one more route. Does to the tables what the kernel would:
// net/ipv4/fib_semantics.c fib_sync_down_dev(), fib_check_nh(); net/ipv6/route.c.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "fib_inet.h"
#include "fib_part.h"
#include "route_parse.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using Names = std::set<std::string, std::less<>>;

// A VLAN or macvlan goes with the interface it stands on.
bool stands_on(const Link& link, const Names& gone) {
  const bool stacked = link.kind.starts_with("vlan") || link.kind.starts_with("macv") || link.kind.starts_with("ipv");
  return stacked && !link.lower_is_elsewhere && gone.contains(link.lower);
}

Names gone_with(const Snapshot& snapshot, const std::vector<std::string>& interfaces) {
  Names gone;
  for (const std::string& interface : interfaces) {
    const Link* link = snapshot.find_link(interface);
    gone.insert(link != nullptr ? link->name : interface);
  }
  if (!snapshot.links) return gone;
  for (bool more = true; more;) {
    more = false;
    for (const Link& other : *snapshot.links) {
      if (stands_on(other, gone) && gone.insert(other.name).second) more = true;
    }
  }
  return gone;
}

// An address of the interface, which no other has.
std::set<IpAddress> gone_addresses(const Snapshot& snapshot, const Names& gone) {
  std::set<IpAddress> addresses;
  if (!snapshot.addresses) return addresses;
  for (const Address& each : *snapshot.addresses) {
    if (gone.contains(each.interface)) addresses.insert(each.address);
  }
  for (const Address& each : *snapshot.addresses) {
    if (!gone.contains(each.interface)) addresses.erase(each.address);
  }
  return addresses;
}

// IPv4 drops a multipath route with the first leg that goes, unless the legs are a nexthop object's; IPv6 drops the
// leg.
void remove_routes(RouteTable& table, const Names& gone, const std::set<IpAddress>& addresses) {
  const auto leaves = [&](const NextHop& hop) { return gone.contains(hop.interface); };
  std::vector<bool> touched(table.next_hop_sets.size());
  for (std::size_t at = 0; at < touched.size(); ++at) {
    touched[at] = std::erase_if(table.next_hop_sets[at].hops, leaves) > 0;
  }
  std::vector<bool> sourceless(table.attribute_sets.size());
  for (std::size_t at = 0; at < sourceless.size(); ++at) {
    const auto& source = table.attribute_sets[at].preferred_source;
    sourceless[at] = source && addresses.contains(*source);
    if (sourceless[at] && source->family == Family::kInet6) table.attribute_sets[at].preferred_source.reset();
  }
  std::erase_if(table.routes, [&](const Route& route) {
    const bool inet = route.destination.family() == Family::kInet;
    if (inet && sourceless[route.attributes]) return true;
    if (!touched[route.next_hops]) return false;
    const NextHopSet& set = table.next_hop_sets[route.next_hops];
    return set.hops.empty() || (inet && !set.object_id);
  });
}

void detach_rules(std::vector<Rule>& rules, const Names& gone) {
  for (Rule& rule : rules) {
    if (gone.contains(rule.input_interface)) rule.input_interface_detached = true;
    if (gone.contains(rule.output_interface)) rule.output_interface_detached = true;
  }
}

void remove_objects(std::vector<NextHopObject>& objects, const Names& gone) {
  std::set<std::uint32_t> ids;
  std::erase_if(objects, [&](const NextHopObject& object) {
    const bool leaves = object.group.empty() && !object.blackhole && gone.contains(object.hop.interface);
    if (leaves) ids.insert(object.id);
    return leaves;
  });
  for (NextHopObject& object : objects) {
    std::erase_if(object.group, [&](const auto& member) { return ids.contains(member.id); });
  }
}

constexpr const char* kWordsOfRoute = "write it as ip-route(8) does: '10.0.0.0/8 via 192.0.2.1 dev wg0'";
constexpr const char* kSayWhere = "add 'dev IF', and 'onlink' when the gateway is on no network of the interface";

std::unexpected<Error> refused(std::string message, std::string hint) {
  return failure(ErrorKind::kUsage, std::move(message), std::move(hint));
}

bool has_same_key(const RouteTable& table, const Route& route, const RouteAttributes& attributes) {
  return std::ranges::any_of(table.routes, [&](const Route& other) {
    // macOS: a route that is scoped to its interface has another key.
    if (table.attributes(other).macos_flags.find('I') != std::string::npos) return false;
    return other.destination == route.destination && other.table == route.table && other.metric == route.metric &&
           other.tos == route.tos && table.attributes(other).source == attributes.source;
  });
}

// fib_check_nh_v4_gw(): the gateway must be reached without another gateway. Returns the interface.
Result<LinkId> resolve_gateway(const FibIndex& index, const Route& route, const NextHop& hop) {
  KernelFlow flow;
  flow.destination = *hop.gateway;
  flow.input = index.loopback;
  flow.output = index.find(hop.interface);
  InetLookup how{.ignore_linkstate = true, .scope = kScopeLink};
  FibResult result;
  const Rule none;
  if (route.table != kTableMain) {
    look_up_inet_table({.index = index, .rule = none, .table = route.table, .trace = nullptr, .context = &how}, flow,
                       result);
  }
  if (result.verdict != FibVerdict::kRoute) result = look_up_inet_rules(index, flow, how, nullptr);
  const bool reaches = result.verdict == FibVerdict::kRoute &&
                       (result.kind.type == RouteType::kUnicast || result.kind.type == RouteType::kLocal);
  if (!reaches) {
    return refused(fmt::format("the gateway {} is not on a link of this machine", *hop.gateway), kSayWhere);
  }
  return result.leg->link;
}

Result<LinkId> resolve_gateway6(const FibIndex& index, const NextHop& hop) {
  if (hop.gateway->is_link_local() && hop.interface.empty()) {
    return refused(fmt::format("the gateway {} is link-local and needs an interface (dev)", *hop.gateway),
                   "add 'dev IF'");
  }
  if (hop.gateway->is_link_local()) return index.find(hop.interface);
  Flow flow;
  flow.destination = *hop.gateway;
  flow.output_interface = hop.interface;
  const FlowAnswer answer = look_up(index, flow, nullptr);
  if (answer.fate == FlowFate::kLocal) {
    return refused("the gateway is an address of this machine", "give the gateway's own address");
  }
  if (answer.fate != FlowFate::kUnicast || answer.gateway) {
    return refused(fmt::format("the gateway {} is not on a link of this machine", *hop.gateway), kSayWhere);
  }
  return index.find(answer.interface);
}

Result<LinkId> resolve(const FibIndex& index, const Route& route, const NextHop& hop) {
  const LinkId named = index.find(hop.interface);
  if (!hop.interface.empty() && named == kNoLink) {
    return refused(fmt::format("there is no interface {}", in_quotes(hop.interface)),
                   "vpndoctor routes show lists the interfaces");
  }
  const bool on_link = (hop.flags & kNextHopOnLink) != 0;
  if (on_link && named == kNoLink) return refused("onlink needs an interface (dev)", "add 'dev IF'");
  if (!hop.gateway || on_link) return named;
  if (hop.gateway->family == Family::kInet) return resolve_gateway(index, route, hop);
  return resolve_gateway6(index, hop);
}

// The kernel gives an IPv6 route that refuses the loopback interface, whatever was named (fib6_nh_init()), and looks no
// further than at its next hops; IPv4's has none.
std::vector<NextHop> hops_of_refusal(const FibIndex& index, Family family) {
  if (family == Family::kInet || index.loopback == kNoLink) return {};
  NextHop hop;
  hop.interface = index.links[index.loopback].name;
  return {std::move(hop)};
}

// A route that refuses needs no next hop; any other does, and IPv4's local ones may leave it to the kernel.
Result<void> resolve_hops(const FibIndex& index, ParsedRoute& parsed) {
  const RouteType type = parsed.route.type;
  const bool refuses = type == RouteType::kBlackhole || type == RouteType::kUnreachable ||
                       type == RouteType::kProhibit || type == RouteType::kThrow;
  if (refuses) {
    parsed.next_hops.hops = hops_of_refusal(index, parsed.route.destination.family());
    return {};
  }
  if (parsed.next_hops.hops.empty()) {
    return refused("the route needs a gateway (via) or an interface (dev)", kWordsOfRoute);
  }
  for (NextHop& hop : parsed.next_hops.hops) {
    const auto link = resolve(index, parsed.route, hop);
    if (!link) return std::unexpected(link.error());
    const FibLink& device = index.links[*link];
    if (device.link == nullptr) return refused("the route needs an interface (dev)", "add 'dev IF'");
    if (!device.up) {
      return refused(fmt::format("the interface {} is down", device.name), "the kernel takes no route through it");
    }
    hop.interface = device.name;
    if (!device.link->is_running()) hop.flags |= kNextHopLinkDown;
  }
  return {};
}

}  // namespace

void take_links_away(Snapshot& snapshot, const std::vector<std::string>& interfaces) {
  if (interfaces.empty()) return;
  const Names gone = gone_with(snapshot, interfaces);
  const std::set<IpAddress> addresses = gone_addresses(snapshot, gone);
  const auto is_gone = [&](const auto& each) { return gone.contains(each.interface); };
  if (snapshot.links) {
    std::erase_if(*snapshot.links, [&](const Link& link) { return gone.contains(link.name); });
    for (Link& link : *snapshot.links) {
      if (gone.contains(link.master)) link.master.clear();
    }
  }
  if (snapshot.addresses) std::erase_if(*snapshot.addresses, is_gone);
  if (snapshot.routes) remove_routes(*snapshot.routes, gone, addresses);
  if (snapshot.rules) detach_rules(*snapshot.rules, gone);
  if (snapshot.next_hop_objects) remove_objects(*snapshot.next_hop_objects, gone);
  if (snapshot.neighbours) std::erase_if(*snapshot.neighbours, is_gone);
  if (snapshot.tunnels) std::erase_if(*snapshot.tunnels, is_gone);
  // What was changed in place is looked for anew.
  snapshot.link_places = {};
  snapshot.tunnel_places = {};
}

Snapshot without_interface(const Snapshot& snapshot, std::string_view interface) {
  Snapshot changed = snapshot;
  take_links_away(changed, {std::string(interface)});
  return changed;
}

Result<Snapshot> with_route(const Snapshot& snapshot, std::string_view text) {
  auto parsed = parse_route(text);
  if (!parsed) {
    if (parsed.error().hint.empty()) parsed.error().hint = kWordsOfRoute;
    return std::unexpected(std::move(parsed.error()));
  }
  if (!snapshot.routes) {
    return refused("the routes are not known: " + snapshot.routes.why_missing(), "give a state that has them");
  }
  if (has_same_key(*snapshot.routes, parsed->route, parsed->attributes)) {
    return refused("the table has a route to that destination with that metric already", "add another 'metric N'");
  }
  const FibIndex index(snapshot);
  if (const auto right = resolve_hops(index, *parsed); !right) return std::unexpected(right.error());
  Snapshot changed = snapshot;
  parsed->route.next_hops = static_cast<std::uint32_t>(changed.routes->next_hop_sets.size());
  parsed->route.attributes = static_cast<std::uint32_t>(changed.routes->attribute_sets.size());
  changed.routes->next_hop_sets.push_back(std::move(parsed->next_hops));
  changed.routes->attribute_sets.push_back(std::move(parsed->attributes));
  changed.routes->routes.push_back(parsed->route);
  return changed;
}

}  // namespace vpndoctor
