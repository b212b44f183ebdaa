// SPDX-License-Identifier: Apache-2.0
// Names tunnels; see the header.
#include "tunnel_kind.h"

#include <linux/if_arp.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {
namespace {

/// rtnl_link_ops kinds that are tunnels, and the word we use.
constexpr auto kKinds = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"amneziawg", "amneziawg"},
    {"gre", "gre"},
    {"gretap", "gretap"},
    {"ip6gre", "ip6gre"},
    {"ip6gretap", "ip6gretap"},
    {"ip6tnl", "ip6tnl"},
    {"ipip", "ipip"},
    {"ovpn", "openvpn"},
    {"ovpn-dco", "openvpn"},
    {"ppp", "ppp"},
    {"sit", "sit"},
    {"vti", "vti"},
    {"vti6", "vti6"},
    {"wireguard", "wireguard"},
    {"xfrm", "xfrm"},
});

/// Programs that make no VPN of a tun device: an overlay of containers, translators between IPv4 and IPv6.
constexpr auto kNoVpns = std::to_array<std::string_view>({"clatd", "flanneld", "tayga"});

/// Programs that make a VPN of a tap device.
constexpr auto kTapVpns =
    std::to_array<std::string_view>({"edge", "n2n", "openvpn", "tincd", "vpnclient", "zerotier-one"});

std::string kind_word(std::string_view kind) {
  const auto row = std::ranges::find(kKinds, kind, &std::pair<std::string_view, std::string_view>::first);
  return row == kKinds.end() ? std::string() : std::string(row->second);
}

std::string tun_kind(const Link& link, const TunHolderFacts& holder) {
  if (holder.wireguard_socket) return "wireguard";
  if (holder.process == "openvpn") return "openvpn";
  if (std::ranges::find(kNoVpns, holder.process) != kNoVpns.end()) return {};
  const bool tap = link.tun_type ? *link.tun_type == kTapDevice : link.hardware_type == ARPHRD_ETHER;
  if (!tap) return "tun";
  // A virtual machine's tap is a port of a bridge, or its own network is all that is reached by it.
  if (holder.process.empty()) return link.master.empty() && holder.leads_on ? "tap" : "";
  return std::ranges::find(kTapVpns, holder.process) == kTapVpns.end() ? "" : "tap";
}

}  // namespace

std::string tunnel_kind(const Link& link, const TunHolderFacts& holder) {
  if (is_systems_own(link)) return {};
  if (link.kind == "tun") return tun_kind(link, holder);
  // pppd's own interfaces name no kind before Linux 4.7.
  if (link.kind.empty()) return link.hardware_type == ARPHRD_PPP ? "ppp" : "";
  return kind_word(link.kind);
}

}  // namespace vpndoctor
