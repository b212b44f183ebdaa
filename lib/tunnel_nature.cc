// SPDX-License-Identifier: Apache-2.0
// Says what is not known of an interface's use; see the header.
#include "tunnel_nature.h"

#include <fmt/format.h>

#include "vpndoctor/ppp_use.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kTunTypeTap = 2;         // IFF_TAP of linux/if_tun.h
constexpr std::uint16_t kHardwareEthernet = 1;  // ARPHRD_ETHER

bool is_tap(const Link& link) {
  if (link.kind != "tun" || is_systems_own(link)) return false;
  return link.tun_type ? *link.tun_type == kTunTypeTap : link.hardware_type == kHardwareEthernet;
}

/// Its holder tells, whom not everybody may see. One that is listed and that nobody holds has routes which lead on.
std::string why_tap_unknown(const Snapshot& snapshot, const Link& link) {
  const Tunnel* tunnel = snapshot.find_tunnel(link.name);
  if (tunnel != nullptr && (tunnel->holder_pid || tunnel->holder_not_seen.empty())) return {};
  const std::string why = tunnel == nullptr ? "" : escape_controls(tunnel->holder_not_seen);
  return fmt::format("whether {}, a tap device, is a VPN's is not known{}{}", escape_controls(link.name),
                     why.empty() ? "" : ": ", why);
}

}  // namespace

std::string why_nature_unknown(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  if (link != nullptr && is_tap(*link)) return why_tap_unknown(snapshot, *link);
  return why_ppp_unknown(snapshot, interface);
}

}  // namespace vpndoctor
