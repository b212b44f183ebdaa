// SPDX-License-Identifier: Apache-2.0
// Decodes rtnetlink messages; see the header.
#include "rtnl_message.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

namespace vpndoctor {
namespace {

std::optional<Family> family_of(std::uint8_t family) {
  if (family == AF_INET) return Family::kInet;
  if (family == AF_INET6) return Family::kInet6;
  return std::nullopt;
}

/// RTA_VIA: two bytes of family, then the address (struct rtvia).
std::optional<IpAddress> decode_via(Bytes payload) {
  const auto family = read_at<std::uint16_t>(payload);
  if (!family) return std::nullopt;
  auto address = IpAddress::from_bytes(payload.subspan(sizeof(std::uint16_t)));
  const int expected = address && address->family == Family::kInet ? AF_INET : AF_INET6;
  return address && *family == expected ? address : std::nullopt;
}

std::optional<std::uint32_t> decode_mtu_metric(Bytes metrics) {
  const auto mtu = find_attribute(metrics, RTAX_MTU);
  if (!mtu) return std::nullopt;
  const auto value = mtu->as<std::uint32_t>();
  return value.value_or(0) == 0 ? std::nullopt : value;
}

bool take_gateway(const NetlinkAttribute& attribute, RouteMessage& route) {
  if (attribute.type == RTA_GATEWAY) {
    route.gateway = IpAddress::from_bytes(attribute.payload);
    return true;
  }
  if (attribute.type == RTA_VIA) {
    route.gateway = decode_via(attribute.payload);
    return true;
  }
  return false;
}

/// Takes the first next hop of RTA_MULTIPATH; the kernel's answer to a lookup has one, a FIB entry several.
void take_multipath(Bytes payload, RouteMessage& route) {
  const auto hop = read_at<rtnexthop>(payload);
  if (!hop || hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > payload.size()) return;
  route.interface_index = hop->rtnh_ifindex;
  Bytes rest = payload.subspan(sizeof(rtnexthop), hop->rtnh_len - sizeof(rtnexthop));
  while (const auto attribute = next_attribute(rest)) take_gateway(*attribute, route);
}

void take_route_attribute(const NetlinkAttribute& attribute, RouteMessage& route) {
  if (take_gateway(attribute, route)) return;
  switch (attribute.type) {
    case RTA_OIF:
      route.interface_index = attribute.as<std::int32_t>();
      break;
    case RTA_PREFSRC:
      route.preferred_source = IpAddress::from_bytes(attribute.payload);
      break;
    case RTA_METRICS:
      route.mtu_bytes = decode_mtu_metric(attribute.payload);
      break;
    case RTA_CACHEINFO:
      if (const auto info = read_at<rta_cacheinfo>(attribute.payload)) {
        route.expires = static_cast<std::uint32_t>(info->rta_expires);
      }
      break;
    case RTA_MULTIPATH:
      take_multipath(attribute.payload, route);
      break;
    default:
      break;
  }
}

/// Which attribute of IFLA_INFO_DATA holds the remote, by kind; 0 for kinds that have none.
std::uint16_t remote_attribute(const std::string& kind) {
  if (kind == "ipip" || kind == "sit" || kind == "ip6tnl") return IFLA_IPTUN_REMOTE;
  if (kind == "gre" || kind == "gretap" || kind == "ip6gre" || kind == "ip6gretap") return IFLA_GRE_REMOTE;
  if (kind == "vti" || kind == "vti6") return IFLA_VTI_REMOTE;
  return 0;
}

void take_link_info(Bytes info, LinkMessage& link) {
  if (const auto kind = find_attribute(info, IFLA_INFO_KIND)) link.kind = kind->text();
  const auto data = find_attribute(info, IFLA_INFO_DATA);
  if (!data) return;
  if (link.kind == "tun") {
    if (const auto type = find_attribute(data->payload, IFLA_TUN_TYPE)) link.tun_type = type->as<std::uint8_t>();
  }
  const std::uint16_t type = remote_attribute(link.kind);
  const auto remote = type == 0 ? std::nullopt : find_attribute(data->payload, type);
  if (!remote) return;
  link.tunnel_remote = IpAddress::from_bytes(remote->payload);
  if (link.tunnel_remote && link.tunnel_remote->is_unspecified()) link.tunnel_remote.reset();
}

}  // namespace

std::optional<RouteMessage> decode_route(Bytes payload) {
  const auto header = read_at<rtmsg>(payload);
  const auto family = header ? family_of(header->rtm_family) : std::nullopt;
  if (!family) return std::nullopt;
  RouteMessage route;
  route.family = *family;
  route.type = header->rtm_type;
  route.cloned = (header->rtm_flags & RTM_F_CLONED) != 0;
  Bytes rest = after_aligned(payload, sizeof(rtmsg));
  while (const auto attribute = next_attribute(rest)) take_route_attribute(*attribute, route);
  return route;
}

std::optional<LinkMessage> decode_link(Bytes payload) {
  const auto header = read_at<ifinfomsg>(payload);
  if (!header) return std::nullopt;
  LinkMessage link;
  link.index = header->ifi_index;
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.running = (header->ifi_flags & IFF_RUNNING) != 0;
  link.hardware_type = header->ifi_type;
  Bytes rest = after_aligned(payload, sizeof(ifinfomsg));
  while (const auto attribute = next_attribute(rest)) {
    if (attribute->type == IFLA_IFNAME) link.name = attribute->text();
    if (attribute->type == IFLA_MTU) link.mtu_bytes = attribute->as<std::uint32_t>();
    if (attribute->type == IFLA_LINKINFO) take_link_info(attribute->payload, link);
  }
  if (link.name.empty()) return std::nullopt;
  return link;
}

std::optional<IpAddress> decode_own_address(Bytes payload) {
  // IFA_LOCAL is this end of a point-to-point address, where IFA_ADDRESS is the peer; IPv6 has the latter alone.
  const Bytes attributes = after_aligned(payload, sizeof(ifaddrmsg));
  auto own = find_attribute(attributes, IFA_LOCAL);
  if (!own) own = find_attribute(attributes, IFA_ADDRESS);
  return own ? IpAddress::from_bytes(own->payload) : std::nullopt;
}

}  // namespace vpndoctor
