// SPDX-License-Identifier: Apache-2.0
// Routes of both families. Follows net/ipv4/fib_semantics.c fib_dump_info() and fib_nexthop_info(), net/ipv6/route.c
// rt6_fill_node() and net/core/rtnetlink.c rtnetlink_put_metrics(). See rtnl_decode.h.
#include <linux/rtnetlink.h>

#include <algorithm>

#include "rtnl_decode.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kNextHopFlags = 0xff;  // the low byte of rtm_flags, RTNH_F_*
// The kernel scales what it tells user space to 100 ticks a second, whatever its own clock is (USER_HZ).
constexpr std::uint32_t kTicksPerSecond = 100;

/// RTA_VIA: two bytes of family, then the address (struct rtvia).
std::optional<IpAddress> via_of(Bytes payload) {
  const auto number = read_at<std::uint16_t>(payload);
  if (!number || *number > 0xff) return std::nullopt;
  const auto family = ip_family(static_cast<std::uint8_t>(*number));
  return family ? address_of(payload.subspan(sizeof(std::uint16_t)), *family) : std::nullopt;
}

/// What one walk over a route's attributes has gathered.
struct RouteParts {
  RouteMessage message;
  NextHop hop;  ///< of a route with one leg
  bool has_hop = false;
  std::optional<std::uint32_t> leg_realms;  ///< of the first leg of several
  Family family = Family::kInet;
};

/// What a leg says of itself, inside RTA_MULTIPATH or in the message; true when the attribute is one of these. A
/// gateway that is malformed sets `malformed`.
bool take_leg_attribute(const NetlinkAttribute& attribute, Family family, NextHop& hop, bool& malformed) {
  switch (attribute.type) {
    case RTA_GATEWAY:
      hop.gateway = address_of(attribute.payload, family);
      malformed = malformed || !hop.gateway;
      return true;
    case RTA_VIA:
      hop.gateway = via_of(attribute.payload);
      malformed = malformed || !hop.gateway;
      return true;
    case RTA_ENCAP_TYPE:
      take_encapsulation_type(attribute, hop.encapsulation);
      return true;
    case RTA_ENCAP:
      take_encapsulation(attribute, hop.encapsulation);
      return true;
    default:
      return false;
  }
}

void note_not_understood(std::uint16_t type, RouteAttributes& attributes) {
  auto& list = attributes.not_understood;
  if (std::ranges::find(list, type) == list.end()) list.push_back(type);
}

/// Realms belong to a leg, yet the legs of a route rarely differ in them: where they do it is said.
void take_leg_realms(const NetlinkAttribute& attribute, bool first, RouteParts& parts) {
  const std::uint32_t realms = attribute.as<std::uint32_t>().value_or(0);
  if (first) parts.message.attributes.realms = realms;
  if (realms != parts.message.attributes.realms) note_not_understood(RTA_FLOW, parts.message.attributes);
}

bool take_leg(const rtnexthop& header, Bytes attributes, InterfaceNames& names, RouteParts& parts) {
  NextHop hop;
  hop.interface = names.name_of(header.rtnh_ifindex);
  hop.weight = static_cast<std::uint16_t>(header.rtnh_hops + 1);
  hop.flags = header.rtnh_flags;
  const bool first = parts.message.next_hops.hops.empty();
  if (first) parts.message.interface_index = header.rtnh_ifindex;
  bool malformed = false;
  const bool whole = for_each_attribute(attributes, [&](const NetlinkAttribute& attribute) {
    if (take_leg_attribute(attribute, parts.family, hop, malformed)) return true;
    if (attribute.type == RTA_FLOW) {
      take_leg_realms(attribute, first, parts);
    } else {
      note_not_understood(attribute.type, parts.message.attributes);
    }
    return true;
  });
  parts.message.next_hops.hops.push_back(std::move(hop));
  return whole && !malformed;
}

bool take_legs(Bytes payload, InterfaceNames& names, RouteParts& parts) {
  while (!payload.empty()) {
    const auto header = read_at<rtnexthop>(payload);
    if (!header || header->rtnh_len < sizeof(rtnexthop) || header->rtnh_len > payload.size()) return false;
    const Bytes attributes = payload.subspan(sizeof(rtnexthop), header->rtnh_len - sizeof(rtnexthop));
    if (!take_leg(*header, attributes, names, parts)) return false;
    payload = after_aligned(payload, header->rtnh_len);
  }
  return true;
}

bool take_metrics(Bytes payload, RouteAttributes& attributes) {
  const bool whole = for_each_attribute(payload, [&](const NetlinkAttribute& metric) {
    if (metric.type == RTAX_CC_ALGO) {
      attributes.congestion_control = metric.text();
    } else if (metric.type == RTAX_LOCK) {
      attributes.locked_metrics = metric.as<std::uint32_t>().value_or(0);
    } else if (const auto value = metric.as<std::uint32_t>()) {
      attributes.metrics.push_back({metric.type, *value});
    }
    return true;
  });
  std::ranges::sort(attributes.metrics);
  return whole;
}

/// Null when the route stays; a route that expired and was not collected yet has none left.
std::optional<std::uint32_t> expiry(Bytes payload) {
  const auto info = read_at<rta_cacheinfo>(payload);
  if (!info || info->rta_expires == 0) return std::nullopt;
  if (info->rta_expires < 0) return 0;
  return (static_cast<std::uint32_t>(info->rta_expires) + kTicksPerSecond - 1) / kTicksPerSecond;
}

/// Attributes that few routes have; true when the attribute is one of these. A malformed one sets `malformed`.
bool take_route_attribute(const NetlinkAttribute& attribute, RouteParts& parts, bool& malformed) {
  RouteAttributes& attributes = parts.message.attributes;
  switch (attribute.type) {
    case RTA_PREFSRC:
      attributes.preferred_source = address_of(attribute.payload, parts.family);
      return true;
    case RTA_METRICS:
      malformed = malformed || !take_metrics(attribute.payload, attributes);
      return true;
    case RTA_CACHEINFO:
      attributes.expires_seconds = expiry(attribute.payload);
      return true;
    case RTA_FLOW:
      attributes.realms = attribute.as<std::uint32_t>().value_or(0);
      return true;
    case RTA_PREF:
      attributes.preference = attribute.as<std::uint8_t>().value_or(0);
      return true;
    case RTA_TTL_PROPAGATE:
      attributes.ttl_propagate = attribute.as<std::uint8_t>();
      return true;
    case RTA_NH_ID:
      parts.message.next_hops.object_id = attribute.as<std::uint32_t>();
      return true;
    // Of the question, which an answer to a lookup repeats; and padding.
    case RTA_IIF:
    case RTA_MARK:
    case RTA_UID:
    case RTA_PAD:
      return true;
    default:
      return false;
  }
}

/// The key; true when the attribute is a part of it. A malformed one sets `malformed`.
bool take_key_attribute(const NetlinkAttribute& attribute, Route& route, bool& malformed) {
  switch (attribute.type) {
    case RTA_DST: {
      const auto address = address_of(attribute.payload, route.destination.family());
      malformed = malformed || !address;
      if (address) route.destination = IpPrefix::of(*address, route.destination.length);
      return true;
    }
    case RTA_TABLE:
      route.table = attribute.as<std::uint32_t>().value_or(route.table);
      return true;
    case RTA_PRIORITY:
      route.metric = attribute.as<std::uint32_t>().value_or(0);
      return true;
    default:
      return false;
  }
}

bool take_attribute(const NetlinkAttribute& attribute, InterfaceNames& names, RouteParts& parts) {
  bool malformed = false;
  if (take_key_attribute(attribute, parts.message.route, malformed)) return !malformed;
  if (take_leg_attribute(attribute, parts.family, parts.hop, malformed)) {
    parts.has_hop = true;
    return !malformed;
  }
  if (attribute.type == RTA_MULTIPATH) return take_legs(attribute.payload, names, parts);
  if (attribute.type == RTA_OIF) {
    parts.message.interface_index = attribute.as<std::int32_t>().value_or(0);
    parts.hop.interface = names.name_of(parts.message.interface_index);
    parts.has_hop = true;
  } else if (attribute.type == RTA_SRC) {
    const auto source = address_of(attribute.payload, parts.family);
    if (!source) return false;
    auto& prefix = parts.message.attributes.source;
    if (prefix) prefix = IpPrefix::of(*source, prefix->length);
  } else if (!take_route_attribute(attribute, parts, malformed)) {
    note_not_understood(attribute.type, parts.message.attributes);
  }
  return !malformed;
}

std::optional<Route> route_of(const rtmsg& header) {
  const auto family = ip_family(header.rtm_family);
  if (!family || header.rtm_dst_len > address_bits(*family) || header.rtm_src_len > address_bits(*family)) {
    return std::nullopt;
  }
  Route route;
  route.destination = {{*family, {}}, header.rtm_dst_len};
  route.tos = header.rtm_tos;
  route.type = static_cast<RouteType>(header.rtm_type);
  route.protocol = header.rtm_protocol;
  route.scope = header.rtm_scope;
  route.table = header.rtm_table;
  return route;
}

void append(std::string& text, Bytes bytes) { text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }

/// All attributes that are no part of the key, whole: type, length and payload. The counters of RTA_CACHEINFO say
/// nothing, unless the route expires.
void append_rest(const NetlinkAttribute& attribute, std::string& rest) {
  if (attribute.type == RTA_CACHEINFO && !expiry(attribute.payload)) return;
  const std::uint32_t head =
      std::uint32_t{attribute.type} << 16U | static_cast<std::uint32_t>(attribute.payload.size());
  append(rest, std::as_bytes(std::span(&head, 1)));
  append(rest, attribute.payload);
}

}  // namespace

bool RouteMessage::is_cloned() const { return (attributes.flags & RTM_F_CLONED) != 0; }

std::optional<RouteMessage> decode_route(Bytes payload, InterfaceNames& names) {
  const auto header = read_at<rtmsg>(payload);
  const auto route = header ? route_of(*header) : std::nullopt;
  if (!route) return std::nullopt;
  RouteParts parts;
  parts.family = route->destination.family();
  parts.message.route = *route;
  parts.message.attributes.flags = header->rtm_flags & ~kNextHopFlags;
  if (header->rtm_src_len != 0) parts.message.attributes.source = IpPrefix::of({parts.family, {}}, header->rtm_src_len);
  const bool whole = for_each_attribute(after_aligned(payload, sizeof(rtmsg)),
                                        [&](const auto& attribute) { return take_attribute(attribute, names, parts); });
  if (!whole) return std::nullopt;
  if (parts.message.next_hops.hops.empty() && parts.has_hop) {
    parts.hop.flags = static_cast<std::uint8_t>(header->rtm_flags & kNextHopFlags);
    parts.message.next_hops.hops.push_back(std::move(parts.hop));
  }
  return std::move(parts.message);
}

std::optional<RouteKey> decode_route_key(Bytes payload, std::string& rest) {
  rest.clear();
  const auto header = read_at<rtmsg>(payload);
  const auto route = header ? route_of(*header) : std::nullopt;
  if (!route) return std::nullopt;
  RouteKey key{*route, (header->rtm_flags & RTM_F_CLONED) != 0};
  rest.push_back(static_cast<char>(header->rtm_family));
  rest.push_back(static_cast<char>(header->rtm_src_len));
  append(rest, std::as_bytes(std::span(&header->rtm_flags, 1)));
  bool malformed = false;
  const bool whole = for_each_attribute(after_aligned(payload, sizeof(rtmsg)), [&](const auto& attribute) {
    if (!take_key_attribute(attribute, key.route, malformed)) append_rest(attribute, rest);
    return !malformed;
  });
  return whole ? std::optional(key) : std::nullopt;
}

}  // namespace vpndoctor
