// SPDX-License-Identifier: Apache-2.0
// Decodes rtnetlink messages (routes, links, addresses) from bytes into plain values. Pure: the same on recorded
// bytes as on live ones. Judges nothing and keeps only what an egress needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "netlink_attributes.h"
#include "vpndoctor/ip.h"

namespace vpndoctor {

/// A route as RTM_NEWROUTE tells it. For a multipath route the interface and gateway are its first next hop's.
struct RouteMessage {
  Family family = Family::kInet;
  std::uint8_t type = 0;  ///< RTN_UNICAST, RTN_LOCAL, ...
  bool cloned = false;    ///< RTM_F_CLONED: a cache entry; for IPv6 an exception
  std::optional<int> interface_index;
  std::optional<IpAddress> preferred_source;
  std::optional<IpAddress> gateway;        ///< RTA_GATEWAY, or RTA_VIA of the other family
  std::optional<std::uint32_t> mtu_bytes;  ///< RTAX_MTU; null when absent or 0
  std::uint32_t expires = 0;               ///< RTA_CACHEINFO rta_expires in clock ticks; 0: does not expire
};

/// Decodes the payload of RTM_NEWROUTE; nullopt when it is too short or of another family.
std::optional<RouteMessage> decode_route(Bytes payload);

/// A network interface as RTM_NEWLINK tells it.
struct LinkMessage {
  int index = 0;
  std::string name;
  bool up = false;                  ///< IFF_UP
  bool running = false;             ///< IFF_RUNNING: has a carrier
  std::uint16_t hardware_type = 0;  ///< ARPHRD_*
  std::optional<std::uint32_t> mtu_bytes;
  std::string kind;                        ///< IFLA_INFO_KIND, empty for hardware
  std::optional<std::uint8_t> tun_type;    ///< IFLA_TUN_TYPE: 1 tun, 2 tap
  std::optional<IpAddress> tunnel_remote;  ///< the fixed remote of a GRE, IP-in-IP, SIT or VTI tunnel
};

/// Decodes the payload of RTM_NEWLINK; nullopt when it is too short or has no name.
std::optional<LinkMessage> decode_link(Bytes payload);

/// Decodes the payload of RTM_NEWADDR to the machine's own address in it; nullopt when there is none.
std::optional<IpAddress> decode_own_address(Bytes payload);

}  // namespace vpndoctor
