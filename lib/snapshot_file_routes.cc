// SPDX-License-Identifier: Apache-2.0
// Reads routes. The legs of a route are looked up by their JSON as it stands, so that a set that a million routes share
// is parsed once.
#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_map>
#include <utility>

#include "snapshot_records.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostRememberedSets = 4096;

/// Remembers what a word was read as; routes in a row mostly have the same.
template <class T>
class RememberedWord {
 public:
  template <class Parse>
  std::optional<T> read(std::string_view text, Parse parse) {
    if (text != text_) {
      value_ = parse(text);
      text_ = text;
    }
    return value_;
  }

 private:
  std::string text_;
  std::optional<T> value_;
};

/// A type that has no word is written as its number.
std::optional<RouteType> parse_any_type(std::string_view text) {
  if (const auto type = parse_route_type(text)) return type;
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return static_cast<RouteType>(number);
}

/// A metric by its own name: the number beside it would be a second one.
std::optional<std::uint16_t> metric_of(std::string_view name) {
  const auto kind = parse_metric_name(name);
  return kind && metric_name(*kind) == name ? kind : std::nullopt;
}

void read_metrics(RecordFields& in, RouteAttributes& attributes) {
  in.number_map("metrics", [&](std::string_view name, std::uint32_t value) {
    const auto kind = metric_of(name);
    if (kind) attributes.metrics.push_back({*kind, value});
    return kind.has_value();
  });
  std::sort(attributes.metrics.begin(), attributes.metrics.end());
  std::vector<std::string> locked;
  in.texts("locked_metrics", locked);
  for (const std::string& name : locked) {
    const auto kind = metric_of(name);
    if (kind && *kind < 32) {
      attributes.locked_metrics |= 1U << *kind;
    } else {
      in.fail("locked_metrics", "has a metric that is not known");
    }
  }
}

void read_attributes(RecordFields& in, RouteAttributes& attributes) {
  in.prefix("source", attributes.source).address("preferred_source", attributes.preferred_source);
  read_metrics(in, attributes);
  in.text("congestion_control", attributes.congestion_control)
      .number("realms", attributes.realms)
      .number("preference", attributes.preference)
      .number("ttl_propagate", attributes.ttl_propagate)
      .number("expires_seconds", attributes.expires_seconds)
      .number("flags", attributes.flags)
      .numbers("not_understood", attributes.not_understood)
      .text("macos_flags", attributes.macos_flags);
}

}  // namespace

struct RouteRecordReader::State {
  RouteTableBuilder builder;
  std::unordered_map<std::string, std::uint32_t> sets;  ///< by their JSON and the id of their nexthop object
  std::optional<std::string> last_key;
  std::uint32_t last_set = 0;
  std::optional<std::uint32_t> no_attributes;
  RememberedWord<RouteType> type;
  RememberedWord<std::uint8_t> protocol;
  RememberedWord<std::uint8_t> scope;

  void read_common(RecordFields& in, Route& route);
  std::uint32_t read_next_hops(RecordFields& in);
  std::uint32_t intern_next_hops(RecordFields& in, std::optional<std::uint32_t> object_id);
  std::uint32_t intern_attributes(RecordFields& in, Family family);
};

RouteRecordReader::RouteRecordReader() : state_(std::make_unique<State>()) {}
RouteRecordReader::~RouteRecordReader() = default;
RouteRecordReader::RouteRecordReader(RouteRecordReader&&) noexcept = default;
RouteRecordReader& RouteRecordReader::operator=(RouteRecordReader&&) noexcept = default;

void RouteRecordReader::State::read_common(RecordFields& in, Route& route) {
  in.number("table", route.table).prefix("destination", route.destination).number("tos", route.tos);
  in.word("type", route.type, [&](std::string_view text) { return type.read(text, parse_any_type); });
  in.word("protocol", route.protocol, [&](std::string_view text) { return protocol.read(text, parse_route_protocol); });
  in.word("scope", route.scope, [&](std::string_view text) { return scope.read(text, parse_route_scope); });
  in.number("metric", route.metric);
}

std::uint32_t RouteRecordReader::State::read_next_hops(RecordFields& in) {
  const std::string_view json = in.raw("nexthops");
  std::optional<std::uint32_t> object_id;
  in.number("nexthop_id", object_id);
  if (last_key && json == *last_key && !object_id) return last_set;
  std::string key(json);
  if (object_id) key += std::to_string(*object_id);
  const auto known = sets.find(key);
  last_set = known != sets.end() ? known->second : intern_next_hops(in, object_id);
  if (in.failed()) return 0;
  if (known == sets.end()) {
    if (sets.size() == kMostRememberedSets) sets.clear();
    sets.emplace(key, last_set);
  }
  last_key = std::move(key);
  return last_set;
}

std::uint32_t RouteRecordReader::State::intern_next_hops(RecordFields& in, std::optional<std::uint32_t> object_id) {
  NextHopSet set;
  set.object_id = object_id;
  in.objects("nexthops", [&](RecordFields& hop) { read_next_hop(hop, set.hops.emplace_back()); });
  return in.failed() ? 0 : builder.intern(set);
}

std::uint32_t RouteRecordReader::State::intern_attributes(RecordFields& in, Family family) {
  if (in.all_are_taken()) {
    if (!no_attributes) no_attributes = builder.intern(RouteAttributes{});
    return *no_attributes;
  }
  RouteAttributes attributes;
  read_attributes(in, attributes);
  if (attributes.source && attributes.source->family() != family) in.fail("source", "is not of the route's family");
  if (attributes.preferred_source && attributes.preferred_source->family != family) {
    in.fail("preferred_source", "is not of the route's family");
  }
  return in.failed() ? 0 : builder.intern(attributes);
}

void RouteRecordReader::read(RecordFields& in) {
  Route route;
  in.required("destination");
  state_->read_common(in, route);
  route.next_hops = state_->read_next_hops(in);
  route.attributes = state_->intern_attributes(in, route.destination.family());
  if (in.done()) state_->builder.add(route);
}

RouteTable RouteRecordReader::take() { return state_->builder.take(); }

}  // namespace vpndoctor
