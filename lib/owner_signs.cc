// SPDX-License-Identifier: Apache-2.0
// The signs, as the programs' own sources have them.
#include "owner_signs.h"

#include <algorithm>
#include <array>

namespace vpndoctor {
namespace {

constexpr std::uint32_t kAllBits = 0xffffffff;

constexpr std::array kClients = {
    ClientSigns{"Tailscale", 52, 0x80000, 0xff0000, 0, 5210, 5270},
    ClientSigns{"Mullvad", 0x6d6f6c65, 0x6d6f6c65, kAllBits, 0, 0, 0},
    ClientSigns{"NetBird", 0x1bd0, 0x1bd00, kAllBits, 0, 100, 110},
    ClientSigns{"NordVPN", 0, 0xe1f1, kAllBits, 57841, 0, 0},
    ClientSigns{"Cloudflare WARP", 65743, 0x100cf, kAllBits, 0, 0, 0},
    ClientSigns{"sing-box", 2022, 0, kAllBits, 0, 9000, 9020},
};

constexpr std::array kLinks = {
    LinkSign{"tailscale", NameEnd::kDigits, "", "Tailscale", true},
    LinkSign{"wg0-mullvad", NameEnd::kNothing, "", "Mullvad", true},
    LinkSign{"wg-mullvad", NameEnd::kNothing, "", "Mullvad", true},
    LinkSign{"wt", NameEnd::kDigits, "", "NetBird", true},
    LinkSign{"nordlynx", NameEnd::kNothing, "", "NordVPN", true},
    LinkSign{"nordtun", NameEnd::kNothing, "", "NordVPN", true},
    LinkSign{"CloudflareWARP", NameEnd::kNothing, "", "Cloudflare WARP", true},
    LinkSign{"proton", NameEnd::kDigits, "", "Proton VPN", true},
    LinkSign{"pvpnksintrf", NameEnd::kDigits, "", "Proton VPN", true},
    LinkSign{"wgpia", NameEnd::kDigits, "", "Private Internet Access", true},
    LinkSign{"wgivpn", NameEnd::kNothing, "", "IVPN", true},
    LinkSign{"zt", NameEnd::kAnything, "tun", "ZeroTier", true},
    LinkSign{"docker", NameEnd::kDigits, "bridge", "Docker", false},
    LinkSign{"docker_gwbridge", NameEnd::kNothing, "bridge", "Docker", false},
    LinkSign{"br-", NameEnd::kTwelveHexDigits, "bridge", "Docker", false},
    LinkSign{"podman", NameEnd::kDigits, "bridge", "Podman", false},
    LinkSign{"cni-podman", NameEnd::kDigits, "bridge", "Podman", false},
    LinkSign{"cni", NameEnd::kDigits, "bridge", "Kubernetes", false},
    LinkSign{"flannel.", NameEnd::kDigits, "vxlan", "Kubernetes", false},
    LinkSign{"virbr", NameEnd::kDigits, "bridge", "libvirt", false},
    LinkSign{"lxcbr", NameEnd::kDigits, "bridge", "LXC", false},
    LinkSign{"lxdbr", NameEnd::kDigits, "bridge", "LXD", false},
    LinkSign{"incusbr", NameEnd::kDigits, "bridge", "Incus", false},
};

constexpr std::array kHolders = {
    HolderSign{"openvpn", "OpenVPN", true},
    HolderSign{"openconnect", "OpenConnect", true},
    HolderSign{"tailscaled", "Tailscale", true},
    HolderSign{"wireguard-go", "WireGuard", true},
    HolderSign{"boringtun-cli", "WireGuard", true},
    HolderSign{"mullvad-daemon", "Mullvad", true},
    HolderSign{"nordvpnd", "NordVPN", true},
    HolderSign{"netbird", "NetBird", true},
    HolderSign{"sing-box", "sing-box", true},
    HolderSign{"warp-svc", "Cloudflare WARP", true},
    HolderSign{"zerotier-one", "ZeroTier", true},
    HolderSign{"vpnc", "vpnc", true},
    HolderSign{"openfortivpn", "openfortivpn", true},
    HolderSign{"charon", "strongSwan", true},
    HolderSign{"charon-systemd", "strongSwan", true},
    HolderSign{"tincd", "tinc", true},
    HolderSign{"nebula", "Nebula", true},
    HolderSign{"pppd", "pppd", true},
};

constexpr std::array kProtocolSigns = {
    ProtocolSign{1, "ICMP redirect"}, ProtocolSign{2, "kernel"},  ProtocolSign{9, "router advertisement"},
    ProtocolSign{11, "FRR"},          ProtocolSign{12, "BIRD"},   ProtocolSign{16, "DHCP"},
    ProtocolSign{18, "keepalived"},   ProtocolSign{42, "babeld"}, ProtocolSign{99, "Open/R"},
    ProtocolSign{186, "FRR"},         ProtocolSign{187, "FRR"},   ProtocolSign{188, "FRR"},
    ProtocolSign{189, "FRR"},         ProtocolSign{192, "FRR"},
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool ends_so(std::string_view rest, NameEnd end) {
  constexpr std::size_t kDockerIdDigits = 12;
  switch (end) {
    case NameEnd::kNothing:
      return rest.empty();
    case NameEnd::kDigits:
      return !rest.empty() && std::ranges::all_of(rest, is_digit);
    case NameEnd::kTwelveHexDigits:
      return rest.size() == kDockerIdDigits && std::ranges::all_of(rest, is_hex_digit);
    case NameEnd::kAnything:
      return !rest.empty();
  }
  return false;
}

}  // namespace

std::span<const ClientSigns> client_signs() { return kClients; }
std::span<const LinkSign> link_signs() { return kLinks; }
std::span<const HolderSign> holder_signs() { return kHolders; }
std::span<const ProtocolSign> protocol_signs() { return kProtocolSigns; }

bool is_sign_of(const LinkSign& sign, std::string_view name, std::string_view kind) {
  if (!name.starts_with(sign.beginning)) return false;
  return ends_so(name.substr(sign.beginning.size()), sign.end) && (sign.kind.empty() || sign.kind == kind);
}

bool is_wg_quick_rule(const Rule& rule) {
  return rule.inverted && rule.action == RuleAction::kToTable && rule.table != kTableUnspecified &&
         rule.mark == rule.table && rule.mark_mask == kAllBits;
}

}  // namespace vpndoctor
