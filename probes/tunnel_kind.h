// SPDX-License-Identifier: Apache-2.0
// Names the kind of tunnel that an interface is, from what the kernel and the process holding it say. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "vpndoctor/network.h"

namespace vpndoctor {

inline constexpr std::uint8_t kTapDevice = 2;  ///< IFF_TAP of linux/if_tun.h, what IFLA_TUN_TYPE says

/// What is known of a tun or tap device beyond netlink.
struct TunHolderFacts {
  bool wireguard_socket = false;  ///< a userspace WireGuard answers for it
  std::string process;            ///< name of the process that holds it; empty: none, or not readable
  bool leads_on = false;          ///< routes lead through it, further than the networks of its own addresses
};

/// Returns "wireguard", "openvpn", "tun", "gre", "ppp", ...; empty when the interface is no VPN tunnel: hardware,
/// overlays of containers (VXLAN, Geneve, flannel's tun), the system's own (sit0, tunl0, gre0, clat), and taps, unless
/// a VPN program holds them (a tap is what virtual machines use), or nobody is seen to and it leads on: then it may be.
std::string tunnel_kind(const Link& link, const TunHolderFacts& holder);

}  // namespace vpndoctor
