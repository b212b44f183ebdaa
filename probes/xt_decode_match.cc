// SPDX-License-Identifier: Apache-2.0
// Matches of xtables, as steps of nf_tables that do the same: the table of all, and those that look at marks,
// connections, sockets and devices. See nft_decode.h. Their structures are of the host's byte order
// (linux/netfilter/xt_*.h).
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_devgroup.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_state.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "nft_decode.h"
#include "xt_matches.h"

namespace vpndoctor {
namespace {

using Steps = XtMatchSteps;

Steps mark(const XtExtension& match) {
  const auto info = xt_structure<xt_mark_mtinfo1>(match);
  if (!info || match.revision != 1) return std::nullopt;
  XtSteps steps;
  steps.meta(NFT_META_MARK).mask(info->mask, 0).compare(info->mark, info->invert != 0);
  return steps.take();
}

Steps connection_mark(const XtExtension& match) {
  const auto info = xt_structure<xt_connmark_mtinfo1>(match);
  if (!info || match.revision != 1) return std::nullopt;
  XtSteps steps;
  steps.connection(NFT_CT_MARK).mask(info->mask, 0).compare(info->mark, info->invert != 0);
  return steps.take();
}

/// One range of equal ends for each bit of a mask of route types.
std::string types_of(std::uint16_t mask) {
  std::string ranges;
  for (unsigned type = 0; type < 16; ++type) {
    if ((mask & (1U << type)) == 0) continue;
    ranges += native_text(type);
    ranges += native_text(type);
  }
  return ranges;
}

/// match_type6() asks the routes only for these; the others are told from the address alone.
bool is_type_understood(const XtExtension& match, std::uint16_t mask) {
  return match.family == "ip" || mask == 0 || mask == XT_ADDRTYPE_LOCAL || mask == XT_ADDRTYPE_MULTICAST;
}

Steps address_type(const XtExtension& match) {
  const auto info = xt_structure<xt_addrtype_info_v1>(match);
  if (!info || match.revision != 1) return std::nullopt;
  if (!is_type_understood(match, info->source) || !is_type_understood(match, info->dest)) return std::nullopt;
  std::uint32_t flags = 0;
  if ((info->flags & XT_ADDRTYPE_LIMIT_IFACE_IN) != 0) flags |= NFTA_FIB_F_IIF;
  if ((info->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT) != 0) flags |= NFTA_FIB_F_OIF;
  XtSteps steps;
  if (info->source != 0) {
    steps.address_type(flags | NFTA_FIB_F_SADDR)
        .among(types_of(info->source), 4, (info->flags & XT_ADDRTYPE_INVERT_SOURCE) != 0);
  }
  if (info->dest != 0) {
    steps.address_type(flags | NFTA_FIB_F_DADDR)
        .among(types_of(info->dest), 4, (info->flags & XT_ADDRTYPE_INVERT_DEST) != 0);
  }
  return steps.take();
}

/// xt_conntrack.h has three states more than nf_conntrack_common.h: two are no state, and one has another bit.
void add_state(XtSteps& steps, std::uint32_t mask, bool inverted) {
  constexpr std::uint32_t kUntracked = XT_CONNTRACK_STATE_UNTRACKED;
  constexpr std::uint32_t kNftUntracked = 64;
  constexpr std::uint32_t kSourceNat = 16;       // IPS_SRC_NAT
  constexpr std::uint32_t kDestinationNat = 32;  // IPS_DST_NAT
  std::uint32_t states = mask & 0x1fU;
  if ((mask & kUntracked) != 0) states |= kNftUntracked;
  std::uint32_t status = 0;
  if ((mask & XT_CONNTRACK_STATE_SNAT) != 0) status |= kSourceNat;
  if ((mask & XT_CONNTRACK_STATE_DNAT) != 0) status |= kDestinationNat;
  steps.connection(NFT_CT_STATE).mask(states, 0);
  if (status == 0) {
    steps.compare(0, !inverted);
    return;
  }
  steps.connection(NFT_CT_STATUS, kSecondRegister).mask(status, 0, kSecondRegister);
  steps.among(std::string("\0\0\0\1\xff\xff\xff\xff", 8), 4, inverted, kSecondRegister);
}

/// An address of the connection with the mask that it is compared under, as long as the family's.
struct MaskedAddress {
  std::string address;
  std::string mask;
};
MaskedAddress masked(const XtExtension& match, const nf_inet_addr& address, const nf_inet_addr& mask) {
  const std::size_t length = match.family == "ip6" ? 16 : 4;
  const auto text = [&](const nf_inet_addr& of) { return std::string(reinterpret_cast<const char*>(&of), length); };
  return {text(address), text(mask)};
}

void add_tuple_address(XtSteps& steps, std::uint32_t key, MaskedAddress masked, bool inverted) {
  steps.connection(key)
      .mask_bytes(std::move(masked.mask), std::string(masked.address.size(), '\0'))
      .compare_bytes(std::move(masked.address), inverted);
}

/// conntrack_mt(): every criterion by itself, each with its own negation. Of a new connection the original direction
/// is the packet's own.
Steps connection_track(const XtExtension& match) {
  const auto info = xt_structure<xt_conntrack_mtinfo3>(match);
  constexpr unsigned kUnderstood = XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS | XT_CONNTRACK_PROTO |
                                   XT_CONNTRACK_ORIGSRC | XT_CONNTRACK_ORIGDST | XT_CONNTRACK_DIRECTION |
                                   XT_CONNTRACK_ORIGSRC_PORT | XT_CONNTRACK_ORIGDST_PORT | XT_CONNTRACK_STATUS;
  if (!info || match.revision != 3 || (info->match_flags & ~kUnderstood) != 0) return std::nullopt;
  const auto has = [&](unsigned flag) { return (info->match_flags & flag) != 0; };
  const auto inverted = [&](unsigned flag) { return (info->invert_flags & flag) != 0; };
  XtSteps steps;
  if (has(XT_CONNTRACK_STATE)) add_state(steps, info->state_mask, inverted(XT_CONNTRACK_STATE));
  // The flag means "reply" when it is inverted.
  if (has(XT_CONNTRACK_DIRECTION))
    steps.connection(NFT_CT_DIRECTION).compare_bytes(std::string(1, '\0'), inverted(XT_CONNTRACK_DIRECTION));
  if (has(XT_CONNTRACK_ORIGSRC))
    add_tuple_address(steps, NFT_CT_SRC, masked(match, info->origsrc_addr, info->origsrc_mask),
                      inverted(XT_CONNTRACK_ORIGSRC));
  if (has(XT_CONNTRACK_ORIGDST))
    add_tuple_address(steps, NFT_CT_DST, masked(match, info->origdst_addr, info->origdst_mask),
                      inverted(XT_CONNTRACK_ORIGDST));
  if (has(XT_CONNTRACK_PROTO))
    steps.connection(NFT_CT_PROTOCOL)
        .compare_bytes(std::string(1, static_cast<char>(info->l4proto)), inverted(XT_CONNTRACK_PROTO));
  if (has(XT_CONNTRACK_ORIGSRC_PORT))
    steps.connection(NFT_CT_PROTO_SRC)
        .among(xt_port_range(info->origsrc_port, info->origsrc_port_high), 2, inverted(XT_CONNTRACK_ORIGSRC_PORT));
  if (has(XT_CONNTRACK_ORIGDST_PORT))
    steps.connection(NFT_CT_PROTO_DST)
        .among(xt_port_range(info->origdst_port, info->origdst_port_high), 2, inverted(XT_CONNTRACK_ORIGDST_PORT));
  if (has(XT_CONNTRACK_STATUS))
    steps.connection(NFT_CT_STATUS).mask(info->status_mask, 0).compare(0, !inverted(XT_CONNTRACK_STATUS));
  return steps.take();
}

Steps state(const XtExtension& match) {
  const auto info = xt_structure<xt_state_info>(match);
  if (!info || match.revision != 0) return std::nullopt;
  XtSteps steps;
  add_state(steps, info->statemask, false);
  return steps.take();
}

/// owner_mt(): a packet without a socket matches when every criterion is negated.
Steps owner(const XtExtension& match) {
  const auto info = xt_structure<xt_owner_match_info>(match);
  if (!info || match.revision != 1 || (info->match & XT_OWNER_SUPPL_GROUPS) != 0) return std::nullopt;
  XtSteps steps;
  const auto add = [&](std::uint32_t key, std::uint32_t from, std::uint32_t to, bool inverted) {
    steps.owner(key).among(network_text(from) + network_text(to), 4, inverted);
  };
  constexpr std::uint32_t kNobody = 0xffffffff;
  if ((info->match & XT_OWNER_SOCKET) != 0)
    add(NFT_META_SKUID, kNobody, kNobody, (info->invert & XT_OWNER_SOCKET) == 0);
  if ((info->match & XT_OWNER_UID) != 0)
    add(NFT_META_SKUID, info->uid_min, info->uid_max, (info->invert & XT_OWNER_UID) != 0);
  if ((info->match & XT_OWNER_GID) != 0)
    add(NFT_META_SKGID, info->gid_min, info->gid_max, (info->invert & XT_OWNER_GID) != 0);
  return steps.take();
}

Steps packet_type(const XtExtension& match) {
  const auto info = xt_structure<xt_pkttype_info>(match);
  if (!info || match.revision != 0) return std::nullopt;
  XtSteps steps;
  steps.meta(NFT_META_PKTTYPE).compare_bytes(std::string(1, static_cast<char>(info->pkttype)), info->invert != 0);
  return steps.take();
}

Steps device_group(const XtExtension& match) {
  const auto info = xt_structure<xt_devgroup_info>(match);
  if (!info || match.revision != 0) return std::nullopt;
  XtSteps steps;
  if ((info->flags & XT_DEVGROUP_MATCH_SRC) != 0) {
    steps.meta(NFT_META_IIFGROUP)
        .mask(info->src_mask, 0)
        .compare(info->src_group, (info->flags & XT_DEVGROUP_INVERT_SRC) != 0);
  }
  if ((info->flags & XT_DEVGROUP_MATCH_DST) != 0) {
    steps.meta(NFT_META_OIFGROUP)
        .mask(info->dst_mask, 0)
        .compare(info->dst_group, (info->flags & XT_DEVGROUP_INVERT_DST) != 0);
  }
  return steps.take();
}

Steps limit(const XtExtension& /*match*/) { return std::vector<FirewallExpression>{{.name = "limit"}}; }

struct NamedMatch {
  std::string_view name;
  Steps (*decode)(const XtExtension&);
};
constexpr auto kMatches = std::to_array<NamedMatch>({
    {"addrtype", address_type},
    {"connmark", connection_mark},
    {"conntrack", connection_track},
    {"devgroup", device_group},
    {"icmp", decode_xt_icmp},
    {"icmp6", decode_xt_icmp},
    {"iprange", decode_xt_address_range},
    {"limit", limit},
    {"mark", mark},
    {"multiport", decode_xt_multiport},
    {"owner", owner},
    {"pkttype", packet_type},
    {"state", state},
    {"tcp", decode_xt_tcp},
    {"udp", decode_xt_udp},
});

}  // namespace

std::optional<std::vector<FirewallExpression>> decode_xt_match(const XtExtension& match) {
  const auto found = std::ranges::find(kMatches, match.name, &NamedMatch::name);
  return found == kMatches.end() ? std::nullopt : found->decode(match);
}

}  // namespace vpndoctor
