// SPDX-License-Identifier: Apache-2.0
// Applies events to links, addresses, rules and routes; see the header.
#include "watched_state.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "vpndoctor/route_diff.h"

namespace vpndoctor {
namespace {

/// A facet that could not be read stays unknown: events alone do not make it whole.
template <class T>
std::vector<T>* list_of(Observed<std::vector<T>>& facet) {
  return facet ? &*facet : nullptr;
}

bool is_same_entry(const Address& left, const Address& right) {
  return left.interface == right.interface && left.address == right.address &&
         left.prefix_length == right.prefix_length && left.peer == right.peer;
}

/// The kernel tells the first end of a new veth before the second is there, and not again when it is
/// (drivers/net/veth.c veth_newlink()).
void tell_other_end(const Link& link, std::vector<Link>& links) {
  if (link.kind != "veth" || link.lower.empty() || link.lower_is_elsewhere) return;
  const auto other = std::ranges::find(links, link.lower, &Link::name);
  if (other != links.end() && other->kind == link.kind && other->lower.empty()) other->lower = link.name;
}

}  // namespace

void WatchedState::assign(Snapshot snapshot) {
  const auto* objects = snapshot.next_hop_objects.get();
  routes_.assign(snapshot.routes ? std::exchange(*snapshot.routes, {}) : RouteTable{},
                 objects == nullptr ? std::vector<NextHopObject>{} : *objects);
  rest_ = std::move(snapshot);
  // An interface that is gone keeps its name: events about it may still come.
  if (rest_.links) {
    for (const Link& link : *rest_.links) names_.set(link.index, link.name);
  }
  why_.clear();
  lost_events_ = false;
}

/// The state, which is in no use afterwards until assign(): two large tables need not be three.
Snapshot WatchedState::release() {
  Snapshot snapshot = std::move(rest_);
  if (snapshot.routes) *snapshot.routes = routes_.release();
  return snapshot;
}

void WatchedState::doubt(std::string why) {
  if (why_.empty()) why_ = std::move(why);
}

std::string WatchedState::why_read_again() const {
  if (lost_events_) return "events were lost";
  if (!why_.empty()) return why_;
  return routes_.is_doubtful() ? "events did not say where a route went" : "";
}

Snapshot WatchedState::snapshot() const {
  Snapshot snapshot = rest_;
  if (snapshot.routes) *snapshot.routes = routes_.table();
  return snapshot;
}

void WatchedState::take_reading(Snapshot fresh, const std::function<void(std::size_t)>& begin,
                                const std::function<void(RouteEvent)>& take) {
  Snapshot before = release();
  const SnapshotDiff diff = diff_snapshots(before, fresh);
  begin(count_events(diff, before, fresh));
  for_each_event(diff, before, fresh, take);
  fresh.tunnels = std::move(before.tunnels);
  before.routes = {};
  assign(std::move(fresh));
}

void WatchedState::apply(std::uint16_t type, std::uint16_t flags, Bytes payload, std::vector<RouteEvent>& events) {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return apply_link(type == RTM_NEWLINK, payload, events);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return apply_address(type == RTM_NEWADDR, payload, events);
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return apply_rule(type == RTM_NEWRULE, payload, events);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return apply_route(type == RTM_NEWROUTE, flags, payload, events);
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      return doubt("a nexthop object changed");
    default:
      return;
  }
}

void WatchedState::apply_link(bool is_new, Bytes payload, std::vector<RouteEvent>& events) {
  // A bridge tells of its ports in messages of its own, also when one only leaves it.
  const auto header = read_at<ifinfomsg>(payload);
  if (!header || header->ifi_family != AF_UNSPEC || list_of(rest_.links) == nullptr) return;
  // Wireless extensions tell their own events so, with a name and nothing else of the link
  // (net/wireless/wext-core.c rtnetlink_ifinfo_prep()).
  if (find_attribute(after_aligned(payload, sizeof(ifinfomsg)), IFLA_WIRELESS)) return;
  const auto message = decode_link(payload);
  if (!message) return;
  if (is_new) {
    names_.set(message->link.index, message->link.name);
    routes_.forget_names();
    add_link(resolve_link_names(*message, names_), events);
  } else {
    remove_link(message->link, events);
  }
}

void WatchedState::add_link(Link link, std::vector<RouteEvent>& events) {
  std::vector<Link>& links = *rest_.links;
  const auto known = std::ranges::find(links, link.index, &Link::index);
  if (known == links.end()) {
    events.push_back(event_of(RouteEventKind::kAdded, link));
    tell_other_end(link, links);
    links.push_back(std::move(link));
    return;
  }
  if (known->name != link.name) {
    events.push_back(event_of(RouteEventKind::kChanged, link));
    events.back().text = fmt::format("interface {} is called {} now", known->name, link.name);
    doubt(events.back().text);
  } else {
    for (RouteEvent& event : changes_of(*known, link)) {
      // What else changes about a link can take routes away or bring them: its master, its state.
      doubt(event.text);
      events.push_back(std::move(event));
    }
  }
  *known = std::move(link);
}

void WatchedState::remove_link(const Link& link, std::vector<RouteEvent>& events) {
  std::vector<Link>& links = *rest_.links;
  const auto known = std::ranges::find(links, link.index, &Link::index);
  if (known == links.end()) return;
  events.push_back(event_of(RouteEventKind::kRemoved, *known));
  doubt(events.back().text);
  links.erase(known);
}

void WatchedState::apply_address(bool is_new, Bytes payload, std::vector<RouteEvent>& events) {
  auto address = decode_address(payload, names_);
  if (!address || list_of(rest_.addresses) == nullptr) return;
  if (is_new) {
    add_address(std::move(*address), events);
  } else {
    remove_address(*address, events);
  }
}

void WatchedState::add_address(Address address, std::vector<RouteEvent>& events) {
  std::vector<Address>& addresses = *rest_.addresses;
  const auto known = std::ranges::find_if(addresses, [&](const Address& each) { return is_same_entry(each, address); });
  if (known == addresses.end()) {
    events.push_back(event_of(RouteEventKind::kAdded, address));
    addresses.push_back(std::move(address));
    return;
  }
  if (!same_address(*known, address)) {
    events.push_back(change_of(*known, address));
    doubt(events.back().text);
  }
  *known = std::move(address);
}

void WatchedState::remove_address(const Address& address, std::vector<RouteEvent>& events) {
  std::vector<Address>& addresses = *rest_.addresses;
  const auto known = std::ranges::find_if(addresses, [&](const Address& each) { return is_same_entry(each, address); });
  if (known == addresses.end()) return;
  events.push_back(event_of(RouteEventKind::kRemoved, *known));
  doubt(events.back().text);
  addresses.erase(known);
}

void WatchedState::apply_rule(bool is_new, Bytes payload, std::vector<RouteEvent>& events) {
  auto rule = decode_rule(payload);
  std::vector<Rule>* rules = list_of(rest_.rules);
  if (!rule || rules == nullptr) return;
  const auto known = std::ranges::find_if(*rules, [&](const Rule& each) { return same_rule(each, *rule); });
  if (is_new) {
    // It was read already, or is there twice now, which the kernel allows (net/core/fib_rules.c fib_nl_newrule()).
    if (known != rules->end()) return doubt("a rule came that was there");
    events.push_back(event_of(RouteEventKind::kAdded, *rule));
    rules->push_back(std::move(*rule));
  } else if (known != rules->end()) {
    events.push_back(event_of(RouteEventKind::kRemoved, *known));
    rules->erase(known);
  } else {
    doubt("a rule went that was not known");
  }
}

void WatchedState::apply_route(bool is_new, std::uint16_t flags, Bytes payload, std::vector<RouteEvent>& events) {
  if (!rest_.routes) return;
  const auto change = is_new ? routes_.add(payload, flags, names_) : routes_.remove(payload, names_);
  if (!change) return;
  const RouteTable& sets = routes_.sets();
  if (change->before && change->after) {
    events.push_back(change_of(sets, *change->before, sets, *change->after));
  } else if (change->after) {
    events.push_back(event_of(RouteEventKind::kAdded, sets, *change->after));
  } else {
    events.push_back(event_of(RouteEventKind::kRemoved, sets, *change->before));
  }
}

}  // namespace vpndoctor
