// SPDX-License-Identifier: Apache-2.0
// Names tunnels; see the header.
#include "tunnel_kind.h"

#include <linux/if_arp.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace vpndoctor {
namespace {

constexpr std::uint8_t kTap = 2;  // IFF_TAP, what IFLA_TUN_TYPE says

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

/// Hardware types of tunnels whose driver names no kind.
constexpr auto kHardware = std::to_array<std::pair<std::uint16_t, std::string_view>>({
    {ARPHRD_PPP, "ppp"},
    {ARPHRD_TUNNEL, "ipip"},
    {ARPHRD_TUNNEL6, "ip6tnl"},
    {ARPHRD_SIT, "sit"},
    {ARPHRD_IPGRE, "gre"},
    {ARPHRD_IP6GRE, "ip6gre"},
});

/// Programs that make a VPN of a tap device.
constexpr auto kTapVpns =
    std::to_array<std::string_view>({"edge", "n2n", "openvpn", "tincd", "vpnclient", "zerotier-one"});

template <class Table, class Key>
std::string look_up(const Table& table, const Key& key) {
  const auto row = std::ranges::find(table, key, [](const auto& entry) { return entry.first; });
  return row == table.end() ? std::string() : std::string(row->second);
}

std::string tun_kind(const Link& link, const TunHolderFacts& holder) {
  if (holder.wireguard_socket) return "wireguard";
  if (holder.process == "openvpn") return "openvpn";
  const bool tap = link.tun_type ? *link.tun_type == kTap : link.hardware_type == ARPHRD_ETHER;
  if (!tap) return "tun";
  return std::ranges::find(kTapVpns, holder.process) == kTapVpns.end() ? "" : "tap";
}

}  // namespace

std::string tunnel_kind(const Link& link, const TunHolderFacts& holder) {
  if (link.kind == "tun") return tun_kind(link, holder);
  return link.kind.empty() ? look_up(kHardware, link.hardware_type) : look_up(kKinds, std::string_view(link.kind));
}

}  // namespace vpndoctor
