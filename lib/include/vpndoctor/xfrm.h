// SPDX-License-Identifier: Apache-2.0
// IPsec as the kernel has it: policies, which decide what is encrypted without any interface, and the states that do it
// (include/uapi/linux/xfrm.h). Has no place for a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/network.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// XFRM_POLICY_*: which packets a policy looks at. Directions 3 and 4 belong to single sockets.
enum class XfrmDirection : std::uint8_t { kIn = 0, kOut = 1, kForward = 2 };

/// One transformation that a policy asks for (xfrm_user_tmpl).
struct XfrmTemplate {
  std::optional<IpAddress> source = {};       ///< of the outer packet; null: any, or transport mode
  std::optional<IpAddress> destination = {};  ///< the other end; null: any, or transport mode
  std::uint8_t ip_protocol = 0;               ///< 50 ESP, 51 AH, 108 IPComp
  std::uint8_t mode = 0;                      ///< 0 transport, 1 tunnel, 4 BEET
  bool is_optional = false;                   ///< a packet without a state goes on in clear
  bool operator==(const XfrmTemplate&) const = default;
};

struct XfrmPolicy {
  XfrmDirection direction = XfrmDirection::kOut;
  Family family = Family::kInet;
  IpPrefix source = {};                               ///< the selector
  IpPrefix destination = {};                          ///< the selector
  std::uint8_t ip_protocol = 0;                       ///< 0: any
  std::optional<NumberRange> source_ports = {};       ///< null: any
  std::optional<NumberRange> destination_ports = {};  ///< null: any
  /// Where a mask of the selector's port is no prefix: the bits that must be those of the range's first; null: all
  /// ports of the range fit.
  std::optional<std::uint16_t> source_port_mask = {};
  std::optional<std::uint16_t> destination_port_mask = {};
  std::string interface = {};  ///< the selector's; empty: any
  std::uint32_t priority = 0;  ///< the lowest one that matches decides
  std::uint32_t index = 0;
  bool blocks = false;                       ///< XFRM_POLICY_BLOCK
  std::uint32_t mark = 0;                    ///< the packet's, under the mask
  std::uint32_t mark_mask = 0;               ///< 0: marks do not matter
  std::uint32_t interface_id = 0;            ///< of an xfrm interface; other packets do not meet the policy
  std::vector<XfrmTemplate> templates = {};  ///< none: the packet goes on as it is
  bool operator==(const XfrmPolicy&) const = default;
};

/// A security association: one direction of a tunnel between two hosts.
struct XfrmState {
  IpAddress source = {};
  IpAddress destination = {};
  std::uint32_t spi = 0;
  std::uint8_t ip_protocol = 0;  ///< 50 ESP, 51 AH, 108 IPComp
  std::uint8_t mode = 0;
  std::optional<std::uint16_t> udp_source_port = {};       ///< of NAT traversal (RFC 3948); null: none
  std::optional<std::uint16_t> udp_destination_port = {};  ///< the same
  bool operator==(const XfrmState&) const = default;
};

/// What the kernel has; per-socket policies are left out, they concern the IKE daemon's own packets.
struct Xfrm {
  std::vector<XfrmPolicy> policies = {};  ///< in the order in which the kernel tells them: the newest first
  std::vector<XfrmState> states = {};
  /// XFRM_MSG_GETDEFAULT: outgoing packets that no policy takes are blocked, but for those to the loopback device.
  bool blocks_output_by_default = false;
  bool operator==(const Xfrm&) const = default;
};

}  // namespace vpndoctor
