// SPDX-License-Identifier: Apache-2.0
// Shares by the raw bytes first; see the header.
#include "route_reader.h"

#include <algorithm>
#include <utility>

namespace vpndoctor {
namespace {

// Enough for any real table; one in which every route has legs of its own must not be held twice.
constexpr std::size_t kMostKnown = 4096;

const NextHopObject* find_object(std::uint32_t id, const std::vector<NextHopObject>& objects) {
  const auto found = std::ranges::find(objects, id, &NextHopObject::id);
  return found == objects.end() ? nullptr : &*found;
}

}  // namespace

std::vector<NextHop> legs_of_object(std::uint32_t id, const std::vector<NextHopObject>& objects) {
  const NextHopObject* object = find_object(id, objects);
  if (object == nullptr || object->blackhole) return {};
  if (object->group.empty()) return {object->hop};
  std::vector<NextHop> legs;
  for (const NextHopObject::Member& member : object->group) {
    // The kernel has no groups of groups (net/ipv4/nexthop.c nh_check_attr_group()).
    const NextHopObject* each = find_object(member.id, objects);
    if (each == nullptr || each->blackhole || !each->group.empty()) continue;
    legs.push_back(each->hop);
    legs.back().weight = member.weight;
  }
  return legs;
}

bool complete_legs(NextHopSet& set, const std::vector<NextHopObject>& objects) {
  if (!set.object_id) return true;
  std::vector<NextHop> legs = legs_of_object(*set.object_id, objects);
  if (set.hops.empty()) {
    set.hops = std::move(legs);
    return find_object(*set.object_id, objects) != nullptr;
  }
  const bool fits = std::ranges::equal(set.hops, legs, [](const NextHop& own, const NextHop& leg) {
    return own.gateway == leg.gateway && own.interface == leg.interface;
  });
  for (std::size_t i = 0; fits && i < legs.size(); ++i) set.hops[i].weight = legs[i].weight;
  return fits;
}

std::optional<RouteReader::Shared> RouteReader::shared_of(Bytes payload) {
  if (const auto found = known_.find(rest_); found != known_.end()) return found->second;
  auto message = decode_route(payload, names_);
  if (!message) return std::nullopt;
  NextHopSet& set = message->next_hops;
  complete_legs(set, objects_);
  const Shared shared{builder_.intern(set), builder_.intern(message->attributes)};
  if (known_.size() >= kMostKnown) known_.clear();
  known_.emplace(rest_, shared);
  return shared;
}

void RouteReader::take(Family family, Bytes payload) {
  const auto key = decode_route_key(payload, rest_);
  if (!key) {
    ++malformed_;
    return;
  }
  // A kernel without IPv6 answers the question for its routes with all that it has.
  if (key->cloned || key->route.destination.family() != family) return;
  if (rest_ != last_rest_) {
    const auto shared = shared_of(payload);
    if (!shared) {
      ++malformed_;
      return;
    }
    last_ = *shared;
    last_rest_ = rest_;
  }
  Route route = key->route;
  route.next_hops = last_.next_hops;
  route.attributes = last_.attributes;
  builder_.add(route);
}

}  // namespace vpndoctor
