// SPDX-License-Identifier: Apache-2.0
// Decodes IPsec policies and states; see the header.
#include "xfrm_message.h"

#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <sys/socket.h>

#include <algorithm>

#include "parse_number.h"

namespace vpndoctor {
namespace {

constexpr std::uint8_t kDirectionBits = 7;  // xfrm_policy_id2dir()

std::optional<IpAddress> address_of(const xfrm_address_t& address, std::uint16_t family) {
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  const auto bytes = std::as_bytes(std::span(&address, 1));
  return IpAddress::from_bytes(bytes.first(family == AF_INET ? 4 : 16));
}

std::optional<IpPrefix> prefix_of(const xfrm_address_t& address, std::uint8_t length, std::uint16_t family) {
  const auto ip = address_of(address, family);
  if (!ip || length > address_bits(ip->family)) return std::nullopt;
  return IpPrefix::of(*ip, length);
}

/// A port under its mask as a range, with the mask where the ports that fit are no range.
void set_ports(std::uint16_t port, std::uint16_t mask, std::optional<NumberRange>& range,
               std::optional<std::uint16_t>& kept_mask) {
  if (mask == 0) return;
  const auto free_bits = static_cast<std::uint16_t>(~mask);
  const auto first = static_cast<std::uint16_t>(port & mask);
  range = NumberRange{first, static_cast<std::uint32_t>(first | free_bits)};
  const bool is_range = (free_bits & (free_bits + 1U)) == 0;
  if (!is_range) kept_mask = mask;
}

bool take_selector(const xfrm_selector& selector, const InterfaceNamer& name_of, XfrmPolicy& policy) {
  const auto source = prefix_of(selector.saddr, selector.prefixlen_s, selector.family);
  const auto destination = prefix_of(selector.daddr, selector.prefixlen_d, selector.family);
  if (!source || !destination) return false;
  policy.family = source->family();
  policy.source = *source;
  policy.destination = *destination;
  policy.ip_protocol = selector.proto;
  set_ports(ntohs(selector.sport), ntohs(selector.sport_mask), policy.source_ports, policy.source_port_mask);
  set_ports(ntohs(selector.dport), ntohs(selector.dport_mask), policy.destination_ports, policy.destination_port_mask);
  if (selector.ifindex != 0) policy.interface = name_of(selector.ifindex);
  return true;
}

bool take_templates(Bytes list, XfrmPolicy& policy) {
  while (const auto each = read_at<xfrm_user_tmpl>(list)) {
    const auto source = address_of(each->saddr, each->family);
    const auto destination = address_of(each->id.daddr, each->family);
    if (!source || !destination) return false;
    XfrmTemplate& wanted = policy.templates.emplace_back();
    if (!source->is_unspecified()) wanted.source = source;
    if (!destination->is_unspecified()) wanted.destination = destination;
    wanted.ip_protocol = each->id.proto;
    wanted.mode = each->mode;
    wanted.is_optional = each->optional != 0;
    list = list.subspan(sizeof(xfrm_user_tmpl));
  }
  return list.empty();
}

bool take_attributes(Bytes attributes, XfrmPolicy& policy, std::uint8_t& type) {
  return for_each_attribute(attributes, [&](const NetlinkAttribute& attribute) {
    if (attribute.type == XFRMA_TMPL) return take_templates(attribute.payload, policy);
    if (attribute.type == XFRMA_MARK) {
      const auto mark = attribute.as<xfrm_mark>();
      if (mark) policy.mark = mark->v;
      if (mark) policy.mark_mask = mark->m;
      return mark.has_value();
    }
    if (attribute.type == XFRMA_IF_ID) {
      const auto id = attribute.as<std::uint32_t>();
      policy.interface_id = id.value_or(0);
      return id.has_value();
    }
    if (attribute.type == XFRMA_POLICY_TYPE) {
      const auto info = read_at<xfrm_userpolicy_type>(attribute.payload);
      if (info) type = info->type;
      return info.has_value();
    }
    return true;
  });
}

}  // namespace

XfrmTaken take_xfrm_policy(Bytes payload, const InterfaceNamer& name_of, std::vector<XfrmPolicy>& policies) {
  const auto info = read_at<xfrm_userpolicy_info>(payload);
  if (!info) return XfrmTaken::kMalformed;
  const auto direction = static_cast<std::uint8_t>(info->index & kDirectionBits);
  if (direction > XFRM_POLICY_FWD || info->dir > XFRM_POLICY_FWD) return XfrmTaken::kLeftOut;
  XfrmPolicy policy;
  std::uint8_t type = XFRM_POLICY_TYPE_MAIN;
  const Bytes attributes = after_aligned(payload, sizeof(xfrm_userpolicy_info));
  if (!take_selector(info->sel, name_of, policy) || !take_attributes(attributes, policy, type)) {
    return XfrmTaken::kMalformed;
  }
  if (type != XFRM_POLICY_TYPE_MAIN) return XfrmTaken::kNotUnderstood;
  policy.direction = static_cast<XfrmDirection>(info->dir);
  policy.priority = info->priority;
  policy.index = info->index;
  policy.blocks = info->action != XFRM_POLICY_ALLOW;
  policies.push_back(std::move(policy));
  return XfrmTaken::kTaken;
}

XfrmTaken take_xfrm_state(Bytes payload, std::vector<XfrmState>& states) {
  const auto info = read_at<xfrm_usersa_info>(payload);
  if (!info) return XfrmTaken::kMalformed;
  const auto source = address_of(info->saddr, info->family);
  const auto destination = address_of(info->id.daddr, info->family);
  if (!source || !destination) return XfrmTaken::kMalformed;
  XfrmState state{*source, *destination, ntohl(info->id.spi), info->id.proto, info->mode, {}, {}};
  const bool is_whole =
      for_each_attribute(after_aligned(payload, sizeof(xfrm_usersa_info)), [&](const NetlinkAttribute& attribute) {
        if (attribute.type != XFRMA_ENCAP) return true;
        const auto encapsulation = attribute.as<xfrm_encap_tmpl>();
        if (!encapsulation) return false;
        state.udp_source_port = ntohs(encapsulation->encap_sport);
        state.udp_destination_port = ntohs(encapsulation->encap_dport);
        return true;
      });
  if (!is_whole) return XfrmTaken::kMalformed;
  states.push_back(state);
  return XfrmTaken::kTaken;
}

std::optional<bool> decode_xfrm_default(Bytes payload) {
  const auto defaults = read_at<xfrm_userpolicy_default>(payload);
  if (!defaults) return std::nullopt;
  return defaults->out == XFRM_USERPOLICY_BLOCK;
}

/// Fields: address, kind, port, and others.
std::optional<bool> lists_netlink_protocol(std::string_view table, unsigned protocol) {
  constexpr std::string_view kBlanks = " \t";
  if (!table.starts_with("sk ")) return std::nullopt;
  while (!table.empty()) {
    std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    line.remove_prefix(std::min(line.find_first_of(kBlanks), line.size()));
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (parse_number<unsigned>(line.substr(0, line.find_first_of(kBlanks))) == protocol) return true;
  }
  return false;
}

}  // namespace vpndoctor
