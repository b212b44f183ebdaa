// SPDX-License-Identifier: Apache-2.0
// Shares equal next hops and attributes by hash; the last one met is tried first, since routes come in runs.
#include "vpndoctor/route_table_builder.h"

#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace vpndoctor {
namespace {

void mix(std::size_t& hash, std::size_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15U + (hash >> 29U); }

std::size_t hash_of(const IpAddress& address) {
  const auto octets = address.octets();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

std::size_t hash_of(const NextHopSet& set) {
  std::size_t hash = set.hops.size();
  mix(hash, set.object_id.value_or(0));
  for (const NextHop& hop : set.hops) {
    mix(hash, hop.gateway ? hash_of(*hop.gateway) : 0);
    mix(hash, std::hash<std::string>{}(hop.interface));
    mix(hash, hop.weight * 256U + hop.flags);
    mix(hash, std::hash<std::string>{}(hop.encapsulation.attributes));
  }
  return hash;
}

std::size_t hash_of(const RouteAttributes& attributes) {
  std::size_t hash = attributes.metrics.size();
  if (attributes.source) mix(hash, hash_of(attributes.source->address) + attributes.source->length);
  if (attributes.preferred_source) mix(hash, hash_of(*attributes.preferred_source));
  for (const RouteMetric& metric : attributes.metrics) mix(hash, metric.kind * 65537U + metric.value);
  mix(hash, attributes.expires_seconds.value_or(0));
  mix(hash, attributes.flags * 4U + attributes.preference);
  mix(hash, std::hash<std::string>{}(attributes.macos_flags));
  return hash;
}

/// Finds an equal value among those with the same hash, or appends it.
template <class T>
class Pool {
 public:
  std::uint32_t intern(const T& value) {
    if (!values_.empty() && values_[last_] == value) return last_;
    const std::size_t hash = hash_of(value);
    const auto [begin, end] = by_hash_.equal_range(hash);
    for (auto each = begin; each != end; ++each) {
      if (values_[each->second] == value) return last_ = each->second;
    }
    last_ = static_cast<std::uint32_t>(values_.size());
    values_.push_back(value);
    by_hash_.emplace(hash, last_);
    return last_;
  }

  std::vector<T> take() {
    by_hash_.clear();
    last_ = 0;
    return std::exchange(values_, {});
  }

 private:
  std::vector<T> values_;
  std::unordered_multimap<std::size_t, std::uint32_t> by_hash_;
  std::uint32_t last_ = 0;
};

}  // namespace

struct RouteTableBuilder::State {
  std::vector<Route> routes;
  Pool<NextHopSet> next_hop_sets;
  Pool<RouteAttributes> attribute_sets;
};

RouteTableBuilder::RouteTableBuilder() : state_(std::make_unique<State>()) {}
RouteTableBuilder::~RouteTableBuilder() = default;
RouteTableBuilder::RouteTableBuilder(RouteTableBuilder&&) noexcept = default;
RouteTableBuilder& RouteTableBuilder::operator=(RouteTableBuilder&&) noexcept = default;

std::uint32_t RouteTableBuilder::intern(const NextHopSet& set) { return state_->next_hop_sets.intern(set); }

std::uint32_t RouteTableBuilder::intern(const RouteAttributes& attributes) {
  return state_->attribute_sets.intern(attributes);
}

void RouteTableBuilder::add(const Route& route) { state_->routes.push_back(route); }

void RouteTableBuilder::reserve(std::size_t routes) { state_->routes.reserve(routes); }

RouteTable RouteTableBuilder::take() {
  return {std::exchange(state_->routes, {}), state_->next_hop_sets.take(), state_->attribute_sets.take()};
}

}  // namespace vpndoctor
