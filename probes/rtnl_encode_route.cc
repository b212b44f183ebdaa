// SPDX-License-Identifier: Apache-2.0
// Routes as messages, with all that fib_create_info() and ip6_route_info_create() take. See rtnl_encode.h.
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "rtnl_encode.h"
#include "rtnl_numbers.h"
#include "rtnl_put.h"

namespace vpndoctor {
namespace {

/// Room for a route of a thousand legs; what is larger is refused by libnl, which leaves the message null here.
constexpr std::size_t kMessageBytes = 1 << 16;

/// struct rtvia: the family, then the address.
bool put_via(nl_msg& message, const IpAddress& gateway) {
  const auto octets = gateway.octets();
  std::array<std::uint8_t, sizeof(rtvia) + 16> bytes{};
  const auto family = std::uint16_t{kernel_family(gateway.family)};
  std::memcpy(bytes.data(), &family, sizeof family);
  std::ranges::copy(octets, bytes.begin() + sizeof family);
  return nla_put(&message, RTA_VIA, static_cast<int>(sizeof family + octets.size()), bytes.data()) == 0;
}

/// The gateway and what is put around the packet: the attributes of a leg wherever it stands.
bool put_leg(nl_msg& message, const NextHop& hop, Family family) {
  if (hop.encapsulation.type != 0) {
    const std::string& bytes = hop.encapsulation.attributes;
    if (nla_put_u16(&message, RTA_ENCAP_TYPE, hop.encapsulation.type) != 0) return false;
    if (nla_put(&message, RTA_ENCAP | NLA_F_NESTED, static_cast<int>(bytes.size()), bytes.data()) != 0) return false;
  }
  if (!hop.gateway) return true;
  return hop.gateway->family == family ? put(message, RTA_GATEWAY, *hop.gateway) : put_via(message, *hop.gateway);
}

/// One struct rtnexthop with its attributes; the length is known once they are written.
bool put_next_hop(nl_msg& message, const NextHop& hop, Family family, int index) {
  auto* header = static_cast<rtnexthop*>(nlmsg_reserve(&message, sizeof(rtnexthop), NLMSG_ALIGNTO));
  if (header == nullptr) return false;
  const auto start = reinterpret_cast<std::uintptr_t>(header);
  header->rtnh_ifindex = index;
  header->rtnh_hops = static_cast<unsigned char>(hop.weight - 1);
  header->rtnh_flags = hop.flags & RTNH_F_ONLINK;
  if (!put_leg(message, hop, family)) return false;
  const auto end = reinterpret_cast<std::uintptr_t>(nlmsg_tail(nlmsg_hdr(&message)));
  header->rtnh_len = static_cast<std::uint16_t>(end - start);
  return true;
}

bool put_multipath(nl_msg& message, const StandaloneRoute& route, const IndexOfInterface& index_of) {
  nlattr* nest = nla_nest_start(&message, RTA_MULTIPATH);
  if (nest == nullptr) return false;
  for (const NextHop& hop : route.next_hops.hops) {
    const auto index = index_of(hop.interface);
    if (!index || !put_next_hop(message, hop, route.route.destination.family(), *index)) return false;
  }
  return nla_nest_end(&message, nest) == 0;
}

bool put_next_hops(nl_msg& message, const StandaloneRoute& route, const IndexOfInterface& index_of) {
  const auto& hops = route.next_hops.hops;
  if (route.next_hops.object_id) return put(message, RTA_NH_ID, *route.next_hops.object_id);
  if (hops.empty()) return true;
  if (hops.size() > 1) return put_multipath(message, route, index_of);
  if (!hops.front().interface.empty()) {
    const auto index = index_of(hops.front().interface);
    if (!index || !put(message, RTA_OIF, static_cast<std::uint32_t>(*index))) return false;
  }
  return put_leg(message, hops.front(), route.route.destination.family());
}

bool put_metrics(nl_msg& message, const RouteAttributes& attributes) {
  if (attributes.metrics.empty() && attributes.congestion_control.empty()) return true;
  nlattr* nest = nla_nest_start(&message, RTA_METRICS);
  if (nest == nullptr) return false;
  for (const RouteMetric& metric : attributes.metrics) {
    if (!put(message, metric.kind, metric.value)) return false;
  }
  if (attributes.locked_metrics != 0 && !put(message, RTAX_LOCK, attributes.locked_metrics)) return false;
  const std::string& algorithm = attributes.congestion_control;
  if (!put(message, RTAX_CC_ALGO, algorithm)) return false;
  return nla_nest_end(&message, nest) == 0;
}

bool put_attributes(nl_msg& message, const RouteAttributes& attributes) {
  if (!put(message, RTA_SRC, attributes.source)) return false;
  if (!put(message, RTA_PREFSRC, attributes.preferred_source)) return false;
  if (attributes.realms != 0 && !put(message, RTA_FLOW, attributes.realms)) return false;
  if (attributes.preference != 0 && nla_put_u8(&message, RTA_PREF, attributes.preference) != 0) return false;
  if (attributes.ttl_propagate && nla_put_u8(&message, RTA_TTL_PROPAGATE, *attributes.ttl_propagate) != 0) return false;
  if (!put(message, RTA_EXPIRES, attributes.expires_seconds)) return false;
  return put_metrics(message, attributes);
}

rtmsg header_of(const StandaloneRoute& route) {
  constexpr std::uint32_t kMostInHeader = 255;
  const auto& hops = route.next_hops.hops;
  rtmsg header{};
  header.rtm_family = kernel_family(route.route.destination.family());
  header.rtm_dst_len = route.route.destination.length;
  header.rtm_src_len = route.attributes.source ? route.attributes.source->length : std::uint8_t{0};
  header.rtm_tos = route.route.tos;
  header.rtm_table =
      static_cast<unsigned char>(route.route.table <= kMostInHeader ? route.route.table : RT_TABLE_COMPAT);
  header.rtm_protocol = route.route.protocol;
  header.rtm_scope = route.route.scope;
  header.rtm_type = static_cast<unsigned char>(route.route.type);
  if (hops.size() == 1) header.rtm_flags = hops.front().flags & RTNH_F_ONLINK;
  return header;
}

bool put_route(nl_msg& message, const StandaloneRoute& route, const IndexOfInterface& index_of) {
  rtmsg header = header_of(route);
  if (nlmsg_append(&message, &header, sizeof header, NLMSG_ALIGNTO) != 0) return false;
  if (!put(message, RTA_DST, route.route.destination.address)) return false;
  if (!put(message, RTA_TABLE, route.route.table)) return false;
  if (route.route.metric != 0 && !put(message, RTA_PRIORITY, route.route.metric)) return false;
  return put_attributes(message, route.attributes) && put_next_hops(message, route, index_of);
}

/// A deletion without a gateway takes the first IPv6 route of the key through that interface, with the gateway :: only
/// one on the link itself (net/ipv6/route.c ip6_route_del()).
bool put_no_gateway(nl_msg& message, const StandaloneRoute& route) {
  const auto& hops = route.next_hops.hops;
  const bool is_on_link = hops.size() == 1 && !hops.front().gateway && !route.next_hops.object_id;
  if (route.route.destination.family() == Family::kInet || !is_on_link) return true;
  return put(message, RTA_GATEWAY, IpAddress{.family = Family::kInet6, .bytes = {}});
}

}  // namespace

NlMessage encode_route(std::uint16_t type, int flags, const StandaloneRoute& route, const IndexOfInterface& index_of) {
  NlMessage message(nlmsg_alloc_size(kMessageBytes));
  if (!message) return nullptr;
  nlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags);
  if (!put_route(*message, route, index_of)) return nullptr;
  if (type == RTM_DELROUTE && !put_no_gateway(*message, route)) return nullptr;
  return message;
}

}  // namespace vpndoctor
