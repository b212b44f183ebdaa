// SPDX-License-Identifier: Apache-2.0
// Matches of xtables that look at a packet's headers: addresses, ports, TCP flags, ICMP types. See xt_matches.h.
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "xt_matches.h"

namespace vpndoctor {
namespace {

/// port_match(): the whole range that is not negated says nothing.
void add_ports(XtSteps& steps, std::uint32_t offset, const std::uint16_t* ports, bool inverted) {
  if (!inverted && ports[0] == 0 && ports[1] == 0xffff) return;
  steps.transport(offset, 2).among(xt_port_range(ports[0], ports[1]), 2, inverted);
}

}  // namespace

XtMatchSteps decode_xt_multiport(const XtExtension& match) {
  const auto info = xt_structure<xt_multiport_v1>(match);
  if (!info || match.revision != 1 || info->count > XT_MULTI_PORTS || info->flags > XT_MULTIPORT_EITHER)
    return std::nullopt;
  std::string ranges;
  for (std::size_t i = 0; i < info->count; ++i) {
    const std::uint16_t from = info->ports[i];
    if (info->pflags[i] != 0 && i + 1 >= info->count) return std::nullopt;
    const std::uint16_t to = info->pflags[i] != 0 ? info->ports[++i] : from;
    ranges += xt_port_range(from, to);
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

XtMatchSteps decode_xt_tcp(const XtExtension& match) {
  constexpr std::uint32_t kFlagsOffset = 13;
  const auto info = xt_structure<xt_tcp>(match);
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

XtMatchSteps decode_xt_udp(const XtExtension& match) {
  const auto info = xt_structure<xt_udp>(match);
  if (!info || match.revision != 0) return std::nullopt;
  XtSteps steps;
  add_ports(steps, 0, info->spts, (info->invflags & XT_UDP_INV_SRCPT) != 0);
  add_ports(steps, 2, info->dpts, (info->invflags & XT_UDP_INV_DSTPT) != 0);
  return steps.take();
}

/// icmp_type_code_match(): of ICMP the type 255 means any, of ICMPv6 it does not. Type and code are compared as one.
XtMatchSteps decode_xt_icmp(const XtExtension& match) {
  constexpr std::uint8_t kAnyType = 0xff;
  const auto info = xt_structure<ipt_icmp>(match);
  if (!info || match.revision != 0) return std::nullopt;
  const bool inverted = (info->invflags & IPT_ICMP_INV) != 0;
  const bool is_any = match.name == "icmp" && info->type == kAnyType;
  const auto number = [&](std::uint8_t code) { return static_cast<std::uint16_t>((info->type << 8U) | code); };
  XtSteps steps;
  steps.transport(0, 2).among(
      is_any ? xt_port_range(0, 0xffff) : xt_port_range(number(info->code[0]), number(info->code[1])), 2, inverted);
  return steps.take();
}

XtMatchSteps decode_xt_address_range(const XtExtension& match) {
  const auto info = xt_structure<xt_iprange_mtinfo>(match);
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

}  // namespace vpndoctor
