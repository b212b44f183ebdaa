// SPDX-License-Identifier: Apache-2.0
// Reads the words of `ip route add` (iproute2's ip/iproute.c is the authority on defaults). Knows neither
// encapsulations nor nexthop objects.
#include "route_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kDefaultMetric6 = 1024;  // IP6_RT_PRIO_USER
constexpr std::size_t kMostLegs = 256;
constexpr std::uint16_t kMetricMtu = 2;  // RTAX_MTU
constexpr std::uint16_t kMetricAdvMss = 8;

std::unexpected<Error> wrong(std::string message) { return failure(ErrorKind::kUsage, std::move(message)); }

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(" \t"); at != text.npos; at = text.find_first_not_of(" \t", at)) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

template <class Number>
std::optional<Number> number_of(std::string_view text, int base = 10) {
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <class T>
bool put(T& place, const std::optional<T>& value) {
  if (value) place = *value;
  return value.has_value();
}

template <class T>
bool put(std::optional<T>& place, const std::optional<T>& value) {
  place = value;
  return value.has_value();
}

/// The words on their way into a route.
class Reader {
 public:
  explicit Reader(std::string_view text) : words_(words_of(text)) {}

  Result<ParsedRoute> read() {
    if (const auto right = read_destination(); !right) return std::unexpected(right.error());
    while (at_ < words_.size()) {
      const std::string_view word = words_[at_++];
      if (const auto right = read_word(word); !right) return std::unexpected(right.error());
    }
    return complete();
  }

 private:
  std::string_view peek() const { return at_ < words_.size() ? words_[at_] : std::string_view{}; }
  std::string_view next() { return at_ < words_.size() ? words_[at_++] : std::string_view{}; }

  Result<void> read_destination() {
    if (const auto type = parse_route_type(peek()); type && !number_of<unsigned>(peek())) {
      parsed_.route.type = *type;
      ++at_;
    }
    if (peek() == "to") ++at_;
    const std::string_view text = next();
    if (text.empty()) return wrong("a route needs a destination");
    if (text == "default" || text == "all" || text == "any") {
      any_family_ = true;
      return {};
    }
    const auto prefix = IpPrefix::parse(text);
    if (!prefix) return std::unexpected(prefix.error());
    parsed_.route.destination = *prefix;
    return {};
  }

  Result<void> read_word(std::string_view word) {
    if (word == "nexthop") return read_legs();
    if (word == "onlink") {
      single_.flags |= kNextHopOnLink;
      return {};
    }
    const std::string_view value = next();
    if (value.empty()) return wrong(fmt::format("{} needs a value", in_quotes(word)));
    const std::optional<bool> read = read_hop_value(word, value, single_);
    const std::optional<bool> right = read ? read : read_value(word, value);
    if (!right) return wrong(fmt::format("{} is no word of a route that can be tried out", in_quotes(word)));
    if (!*right) return wrong(fmt::format("{} is no value for {}", in_quotes(value), word));
    return {};
  }

  // nullopt: no such word; false: not such a value.
  std::optional<bool> read_hop_value(std::string_view word, std::string_view value, NextHop& hop) {
    if (word == "via") {
      if (value == "inet" || value == "inet6") value = next();
      return put(hop.gateway, IpAddress::parse(value));
    }
    if (word == "dev") {
      hop.interface = value;
      return value.size() < 128;
    }
    return std::nullopt;
  }

  std::optional<bool> read_value(std::string_view word, std::string_view value) {
    Route& route = parsed_.route;
    RouteAttributes& attributes = parsed_.attributes;
    if (word == "metric" || word == "priority" || word == "preference") {
      return put(route.metric, number_of<std::uint32_t>(value));
    }
    if (word == "table") return has_table_ = put(route.table, parse_table(value));
    if (word == "src") return put(attributes.preferred_source, IpAddress::parse(value));
    if (word == "tos" || word == "dsfield") return put(route.tos, number_of<std::uint8_t>(value, 16));
    if (word == "proto" || word == "protocol") return has_protocol_ = put(route.protocol, parse_route_protocol(value));
    if (word == "scope") return has_scope_ = put(route.scope, parse_route_scope(value));
    if (word == "mtu") return read_metric(kMetricMtu, value);
    if (word == "advmss") return read_metric(kMetricAdvMss, value);
    if (word == "pref") return value == "low" || value == "medium" || value == "high" ? read_preference(value) : false;
    if (word != "from") return std::nullopt;
    const auto prefix = IpPrefix::parse(value);
    if (prefix) attributes.source = *prefix;
    return prefix.has_value();
  }

  bool read_metric(std::uint16_t kind, std::string_view value) {
    if (value == "lock") {
      parsed_.attributes.locked_metrics |= 1U << kind;
      value = next();
    }
    const auto number = number_of<std::uint32_t>(value);
    if (number) parsed_.attributes.metrics.push_back({.kind = kind, .value = *number});
    std::ranges::sort(parsed_.attributes.metrics);
    return number.has_value();
  }

  bool read_preference(std::string_view value) {
    parsed_.attributes.preference = value == "high" ? 1 : value == "low" ? 3 : 0;
    return true;
  }

  Result<void> read_legs() {
    --at_;
    while (at_ < words_.size()) {
      const std::string_view word = next();
      auto& hops = parsed_.next_hops.hops;
      if (word == "nexthop") {
        if (hops.size() == kMostLegs) return wrong("too many next hops");
        hops.emplace_back();
        continue;
      }
      if (word == "onlink") {
        hops.back().flags |= kNextHopOnLink;
        continue;
      }
      const std::string_view value = next();
      const auto weight = number_of<std::uint16_t>(value);
      const bool weighs = word == "weight" && weight && *weight >= 1 && *weight <= 256;
      if (weighs) hops.back().weight = *weight;
      if (!weighs && !read_hop_value(word, value, hops.back()).value_or(false)) {
        return wrong(fmt::format("{} {} is no part of a next hop", in_quotes(word), in_quotes(value)));
      }
    }
    return {};
  }

  Result<ParsedRoute> complete() {
    if (parsed_.next_hops.hops.empty() && (single_.gateway || !single_.interface.empty())) {
      parsed_.next_hops.hops.push_back(single_);
    }
    Route& route = parsed_.route;
    const auto& hops = parsed_.next_hops.hops;
    const bool gateway = std::ranges::any_of(hops, [](const NextHop& hop) { return hop.gateway.has_value(); });
    if (any_family_) route.destination = IpPrefix::everything(family_of_hops());
    const Family family = route.destination.family();
    if (family == Family::kInet6 && route.metric == 0) route.metric = kDefaultMetric6;
    const bool own = route.type == RouteType::kLocal || route.type == RouteType::kNat;
    const bool to_many =
        route.type == RouteType::kBroadcast || route.type == RouteType::kMulticast || route.type == RouteType::kAnycast;
    if (!has_table_ && (own || (to_many && route.type != RouteType::kMulticast))) route.table = kTableLocal;
    if (!has_protocol_) route.protocol = kProtocolBoot;
    if (!has_scope_ && family == Family::kInet) {
      const bool on_link = route.type == RouteType::kUnicast && !gateway;
      route.scope = own ? kScopeHost : to_many || on_link ? kScopeLink : kScopeUniverse;
    }
    return check();
  }

  Result<ParsedRoute> check() const {
    const Family family = parsed_.route.destination.family();
    const auto& source = parsed_.attributes.preferred_source;
    if (source && source->family != family) return wrong("the source address is not of the route's IP version");
    if (parsed_.attributes.source && (family == Family::kInet || parsed_.attributes.source->family() != family)) {
      return wrong("only an IPv6 route has a source prefix");
    }
    for (const NextHop& hop : parsed_.next_hops.hops) {
      if (family == Family::kInet6 && hop.gateway && hop.gateway->family != family) {
        return wrong("an IPv6 route cannot have an IPv4 gateway");
      }
    }
    return parsed_;
  }

  Family family_of_hops() const {
    const auto is_inet6 = [](const NextHop& hop) { return hop.gateway && hop.gateway->family == Family::kInet6; };
    const bool inet6 = std::ranges::any_of(parsed_.next_hops.hops, is_inet6) || parsed_.attributes.source;
    return inet6 ? Family::kInet6 : Family::kInet;
  }

  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
  ParsedRoute parsed_;
  NextHop single_;
  bool any_family_ = false, has_table_ = false, has_protocol_ = false, has_scope_ = false;
};

}  // namespace

Result<ParsedRoute> parse_route(std::string_view text) { return Reader(text).read(); }

}  // namespace vpndoctor
