// SPDX-License-Identifier: Apache-2.0
// Matches of xtables, as steps of nf_tables that do the same. See nft_decode.h. Their structures are of the host's byte
// order (linux/netfilter/xt_*.h).
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_devgroup.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "nft_decode.h"
#include "xt_steps.h"

namespace vpndoctor {
namespace {

using Steps = std::optional<std::vector<FirewallExpression>>;

/// The structure at the front of `info`, into which no text is read beyond its end.
template <class T>
std::optional<T> structure(const XtExtension& extension) {
  return read_at<T>(extension.info);
}

Steps mark(const XtExtension& match) {
  const auto info = structure<xt_mark_mtinfo1>(match);
  if (!info || match.revision != 1) return std::nullopt;
  XtSteps steps;
  steps.meta(NFT_META_MARK).mask(info->mask, 0).compare(info->mark, info->invert != 0);
  return steps.take();
}

Steps connection_mark(const XtExtension& match) {
  const auto info = structure<xt_connmark_mtinfo1>(match);
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
  const auto info = structure<xt_addrtype_info_v1>(match);
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

std::string port_range(std::uint16_t from, std::uint16_t to) { return network_text(from) + network_text(to); }

/// conntrack_mt(): every criterion by itself, each with its own negation. Of a new connection the original direction
/// is the packet's own.
Steps connection_track(const XtExtension& match) {
  const auto info = structure<xt_conntrack_mtinfo3>(match);
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
        .among(port_range(info->origsrc_port, info->origsrc_port_high), 2, inverted(XT_CONNTRACK_ORIGSRC_PORT));
  if (has(XT_CONNTRACK_ORIGDST_PORT))
    steps.connection(NFT_CT_PROTO_DST)
        .among(port_range(info->origdst_port, info->origdst_port_high), 2, inverted(XT_CONNTRACK_ORIGDST_PORT));
  if (has(XT_CONNTRACK_STATUS))
    steps.connection(NFT_CT_STATUS).mask(info->status_mask, 0).compare(0, !inverted(XT_CONNTRACK_STATUS));
  return steps.take();
}

Steps state(const XtExtension& match) {
  const auto info = structure<xt_state_info>(match);
  if (!info || match.revision != 0) return std::nullopt;
  XtSteps steps;
  add_state(steps, info->statemask, false);
  return steps.take();
}

/// owner_mt(): a packet without a socket matches when every criterion is negated.
Steps owner(const XtExtension& match) {
  const auto info = structure<xt_owner_match_info>(match);
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

Steps multiport(const XtExtension& match) {
  const auto info = structure<xt_multiport_v1>(match);
  if (!info || match.revision != 1 || info->count > XT_MULTI_PORTS || info->flags > XT_MULTIPORT_EITHER)
    return std::nullopt;
  std::string ranges;
  for (std::size_t i = 0; i < info->count; ++i) {
    const std::uint16_t from = info->ports[i];
    if (info->pflags[i] != 0 && i + 1 >= info->count) return std::nullopt;
    const std::uint16_t to = info->pflags[i] != 0 ? info->ports[++i] : from;
    ranges += port_range(from, to);
  }
  XtSteps steps;
  const bool inverted = info->invert != 0;
  steps.transport(info->flags == XT_MULTIPORT_DESTINATION ? 2 : 0, 2);
  if (info->flags == XT_MULTIPORT_EITHER) {
    steps.transport(2, 2, kSecondRegister).among(ranges, 2, inverted, kSecondRegister);
  } else {
    steps.among(ranges, 2, inverted);
  }
  return steps.take();
}

/// port_match(): the whole range that is not negated says nothing.
void add_ports(XtSteps& steps, std::uint32_t offset, const std::uint16_t* ports, bool inverted) {
  if (!inverted && ports[0] == 0 && ports[1] == 0xffff) return;
  steps.transport(offset, 2).among(port_range(ports[0], ports[1]), 2, inverted);
}

Steps tcp(const XtExtension& match) {
  constexpr std::uint32_t kFlagsOffset = 13;
  const auto info = structure<xt_tcp>(match);
  if (!info || match.revision != 0 || info->option != 0) return std::nullopt;
  XtSteps steps;
  add_ports(steps, 0, info->spts, (info->invflags & XT_TCP_INV_SRCPT) != 0);
  add_ports(steps, 2, info->dpts, (info->invflags & XT_TCP_INV_DSTPT) != 0);
  const bool inverted = (info->invflags & XT_TCP_INV_FLAGS) != 0;
  if (info->flg_mask == 0 && info->flg_cmp == 0 && !inverted) return steps.take();
  steps.transport(kFlagsOffset, 1)
      .mask_bytes(std::string(1, static_cast<char>(info->flg_mask)), {})
      .compare_bytes(std::string(1, static_cast<char>(info->flg_cmp)), inverted);
  return steps.take();
}

Steps udp(const XtExtension& match) {
  const auto info = structure<xt_udp>(match);
  if (!info || match.revision != 0) return std::nullopt;
  XtSteps steps;
  add_ports(steps, 0, info->spts, (info->invflags & XT_UDP_INV_SRCPT) != 0);
  add_ports(steps, 2, info->dpts, (info->invflags & XT_UDP_INV_DSTPT) != 0);
  return steps.take();
}

/// icmp_type_code_match(): of ICMP the type 255 means any, of ICMPv6 it does not. Type and code are compared as one.
Steps icmp(const XtExtension& match) {
  constexpr std::uint8_t kAnyType = 0xff;
  const auto info = structure<ipt_icmp>(match);
  if (!info || match.revision != 0) return std::nullopt;
  const bool inverted = (info->invflags & IPT_ICMP_INV) != 0;
  const bool is_any = match.name == "icmp" && info->type == kAnyType;
  const auto number = [&](std::uint8_t code) { return static_cast<std::uint16_t>((info->type << 8U) | code); };
  XtSteps steps;
  steps.transport(0, 2).among(is_any ? port_range(0, 0xffff) : port_range(number(info->code[0]), number(info->code[1])),
                              2, inverted);
  return steps.take();
}

Steps address_range(const XtExtension& match) {
  const auto info = structure<xt_iprange_mtinfo>(match);
  if (!info || match.revision != 1) return std::nullopt;
  const bool is_inet6 = match.family == "ip6";
  const std::uint32_t length = is_inet6 ? 16 : 4;
  const auto text = [&](const nf_inet_addr& of) { return std::string(reinterpret_cast<const char*>(&of), length); };
  XtSteps steps;
  if ((info->flags & IPRANGE_SRC) != 0) {
    steps.network(is_inet6 ? 8 : 12, length)
        .among(text(info->src_min) + text(info->src_max), length, (info->flags & IPRANGE_SRC_INV) != 0);
  }
  if ((info->flags & IPRANGE_DST) != 0) {
    steps.network(is_inet6 ? 24 : 16, length)
        .among(text(info->dst_min) + text(info->dst_max), length, (info->flags & IPRANGE_DST_INV) != 0);
  }
  return steps.take();
}

Steps packet_type(const XtExtension& match) {
  const auto info = structure<xt_pkttype_info>(match);
  if (!info || match.revision != 0) return std::nullopt;
  XtSteps steps;
  steps.meta(NFT_META_PKTTYPE).compare_bytes(std::string(1, static_cast<char>(info->pkttype)), info->invert != 0);
  return steps.take();
}

Steps device_group(const XtExtension& match) {
  const auto info = structure<xt_devgroup_info>(match);
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
    {"icmp", icmp},
    {"icmp6", icmp},
    {"iprange", address_range},
    {"limit", limit},
    {"mark", mark},
    {"multiport", multiport},
    {"owner", owner},
    {"pkttype", packet_type},
    {"state", state},
    {"tcp", tcp},
    {"udp", udp},
});

}  // namespace

std::optional<std::vector<FirewallExpression>> decode_xt_match(const XtExtension& match) {
  const auto found = std::ranges::find(kMatches, match.name, &NamedMatch::name);
  return found == kMatches.end() ? std::nullopt : found->decode(match);
}

}  // namespace vpndoctor
