// SPDX-License-Identifier: Apache-2.0
// Links, with what their driver says of a tunnel, a tun device or a VRF. Follows net/core/rtnetlink.c
// rtnl_fill_ifinfo(). See rtnl_decode.h.
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "rtnl_decode.h"

namespace vpndoctor {
namespace {

/// Which attributes of IFLA_INFO_DATA hold the ends of a tunnel, by kind; 0: none.
struct TunnelEnds {
  std::string_view kind;
  std::uint16_t local = 0;
  std::uint16_t remote = 0;
  std::uint16_t local6 = 0;
  std::uint16_t remote6 = 0;
};

constexpr auto kTunnelEnds = std::to_array<TunnelEnds>({
    {"ipip", IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE},
    {"sit", IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE},
    {"ip6tnl", IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE},
    {"gre", IFLA_GRE_LOCAL, IFLA_GRE_REMOTE},
    {"gretap", IFLA_GRE_LOCAL, IFLA_GRE_REMOTE},
    {"ip6gre", IFLA_GRE_LOCAL, IFLA_GRE_REMOTE},
    {"ip6gretap", IFLA_GRE_LOCAL, IFLA_GRE_REMOTE},
    {"vti", IFLA_VTI_LOCAL, IFLA_VTI_REMOTE},
    {"vti6", IFLA_VTI_LOCAL, IFLA_VTI_REMOTE},
    {"vxlan", IFLA_VXLAN_LOCAL, IFLA_VXLAN_GROUP, IFLA_VXLAN_LOCAL6, IFLA_VXLAN_GROUP6},
    {"geneve", 0, IFLA_GENEVE_REMOTE, 0, IFLA_GENEVE_REMOTE6},
});

/// An end that is fixed: neither "any" nor, for VXLAN, a multicast group.
std::optional<IpAddress> tunnel_end(Bytes data, std::uint16_t type) {
  const auto attribute = type == 0 ? std::nullopt : find_attribute(data, type);
  const auto address = attribute ? IpAddress::from_bytes(attribute->payload) : std::nullopt;
  return address && !address->is_unspecified() && !address->is_multicast() ? address : std::nullopt;
}

void take_tunnel_ends(Bytes data, Link& link) {
  const auto ends = std::ranges::find(kTunnelEnds, link.kind, &TunnelEnds::kind);
  if (ends == kTunnelEnds.end()) return;
  link.tunnel_local = tunnel_end(data, ends->local);
  if (!link.tunnel_local) link.tunnel_local = tunnel_end(data, ends->local6);
  link.tunnel_remote = tunnel_end(data, ends->remote);
  if (!link.tunnel_remote) link.tunnel_remote = tunnel_end(data, ends->remote6);
}

template <class T>
std::optional<T> number(Bytes attributes, std::uint16_t type) {
  const auto attribute = find_attribute(attributes, type);
  return attribute ? attribute->as<T>() : std::nullopt;
}

void take_link_info(Bytes info, Link& link) {
  if (const auto kind = find_attribute(info, IFLA_INFO_KIND)) link.kind = kind->text();
  const auto data = find_attribute(info, IFLA_INFO_DATA);
  if (!data) return;
  if (link.kind == "tun") {
    link.tun_type = number<std::uint8_t>(data->payload, IFLA_TUN_TYPE);
    const auto persistent = number<std::uint8_t>(data->payload, IFLA_TUN_PERSIST);
    if (persistent) link.tun_persistent = *persistent != 0;
  }
  if (link.kind == "vrf") link.vrf_table = number<std::uint32_t>(data->payload, IFLA_VRF_TABLE);
  take_tunnel_ends(data->payload, link);
}

void take_alternative_names(Bytes properties, Link& link) {
  while (const auto property = next_attribute(properties)) {
    if (property->type == IFLA_ALT_IFNAME) link.alternative_names.push_back(property->text());
  }
}

void take_link_attribute(const NetlinkAttribute& attribute, LinkMessage& message) {
  Link& link = message.link;
  switch (attribute.type) {
    case IFLA_IFNAME:
      link.name = attribute.text();
      break;
    case IFLA_MTU:
      link.mtu_bytes = attribute.as<std::uint32_t>();
      break;
    case IFLA_OPERSTATE:
      link.operational_state = attribute.as<std::uint8_t>().value_or(0);
      break;
    case IFLA_CARRIER:
      if (const auto carrier = attribute.as<std::uint8_t>()) link.carrier = *carrier != 0;
      break;
    case IFLA_ADDRESS:
      link.hardware_address = hardware_address_text(attribute.payload);
      break;
    case IFLA_GROUP:
      link.group = attribute.as<std::uint32_t>().value_or(0);
      break;
    case IFLA_MASTER:
      message.master_index = attribute.as<std::int32_t>().value_or(0);
      break;
    case IFLA_LINK:
      message.lower_index = attribute.as<std::int32_t>().value_or(0);
      break;
    case IFLA_LINK_NETNSID:
      link.lower_is_elsewhere = true;
      break;
    case IFLA_LINKINFO:
      take_link_info(attribute.payload, link);
      break;
    case IFLA_PROP_LIST:
      take_alternative_names(attribute.payload, link);
      break;
    default:
      break;
  }
}

}  // namespace

std::optional<LinkMessage> decode_link(Bytes payload) {
  const auto header = read_at<ifinfomsg>(payload);
  if (!header) return std::nullopt;
  LinkMessage message;
  message.link.index = header->ifi_index;
  message.link.flags = header->ifi_flags;
  message.link.hardware_type = header->ifi_type;
  const bool whole = for_each_attribute(after_aligned(payload, sizeof(ifinfomsg)), [&](const auto& attribute) {
    take_link_attribute(attribute, message);
    return true;
  });
  if (!whole || message.link.name.empty()) return std::nullopt;
  // The index below is one of another namespace.
  if (message.link.lower_is_elsewhere) message.lower_index = 0;
  return message;
}

Link resolve_link_names(const LinkMessage& message, InterfaceNames& names) {
  Link link = message.link;
  link.master = names.name_of(message.master_index);
  link.lower = names.name_of(message.lower_index);
  return link;
}

}  // namespace vpndoctor
