// SPDX-License-Identifier: Apache-2.0
// Rules and addresses as messages. See rtnl_encode.h.
#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <bit>

#include "netlink.h"
#include "rtnl_encode.h"
#include "rtnl_numbers.h"
#include "rtnl_put.h"

namespace vpndoctor {
namespace {

bool put_ports(nl_msg& message, int type, const std::optional<NumberRange>& ports) {
  if (!ports) return true;
  const fib_rule_port_range range{static_cast<__u16>(ports->first), static_cast<__u16>(ports->last)};
  return nla_put(&message, type, sizeof range, &range) == 0;
}

bool put_port_mask(nl_msg& message, int type, const std::optional<std::uint32_t>& mask) {
  return !mask || nla_put_u16(&message, type, static_cast<std::uint16_t>(*mask)) == 0;
}

bool put_uids(nl_msg& message, const std::optional<NumberRange>& uids) {
  if (!uids) return true;
  const fib_rule_uid_range range{uids->first, uids->last};
  return nla_put(&message, FRA_UID_RANGE, sizeof range, &range) == 0;
}

std::uint64_t network_order(std::uint64_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

bool put_marks(nl_msg& message, const Rule& rule) {
  if (rule.mark_mask == 0 && rule.mark == 0) return true;
  return put(message, FRA_FWMARK, rule.mark) && put(message, FRA_FWMASK, rule.mark_mask);
}

bool put_recent_selectors(nl_msg& message, const Rule& rule) {
  if (rule.dscp && nla_put_u8(&message, kFraDscp, *rule.dscp) != 0) return false;
  if (rule.dscp_mask && nla_put_u8(&message, kFraDscpMask, *rule.dscp_mask) != 0) return false;
  if (rule.flow_label && !put(message, kFraFlowLabel, htonl(*rule.flow_label))) return false;
  if (rule.flow_label_mask && !put(message, kFraFlowLabelMask, htonl(*rule.flow_label_mask))) return false;
  return put_port_mask(message, kFraSourcePortMask, rule.source_port_mask) &&
         put_port_mask(message, kFraDestinationPortMask, rule.destination_port_mask);
}

bool put_selectors(nl_msg& message, const Rule& rule) {
  if (rule.ip_protocol != 0 && nla_put_u8(&message, FRA_IP_PROTO, rule.ip_protocol) != 0) return false;
  if (rule.tunnel_id != 0 && nla_put_u64(&message, FRA_TUN_ID, network_order(rule.tunnel_id)) != 0) return false;
  if (rule.l3mdev && nla_put_u8(&message, FRA_L3MDEV, 1) != 0) return false;
  return put(message, FRA_SRC, rule.source) && put(message, FRA_DST, rule.destination) &&
         put(message, FRA_IIFNAME, rule.input_interface) && put(message, FRA_OIFNAME, rule.output_interface) &&
         put_marks(message, rule) && put_uids(message, rule.uids) &&
         put_ports(message, FRA_SPORT_RANGE, rule.source_ports) &&
         put_ports(message, FRA_DPORT_RANGE, rule.destination_ports) && put_recent_selectors(message, rule);
}

bool put_action(nl_msg& message, const Rule& rule) {
  const bool has_table = rule.action == RuleAction::kToTable && !rule.l3mdev;
  if (has_table && !put(message, FRA_TABLE, rule.table)) return false;
  if (rule.realms != 0 && !put(message, FRA_FLOW, rule.realms)) return false;
  if (rule.protocol != 0 && nla_put_u8(&message, FRA_PROTOCOL, rule.protocol) != 0) return false;
  return put(message, FRA_GOTO, rule.goto_priority) &&
         put(message, FRA_SUPPRESS_PREFIXLEN, rule.suppress_prefix_length) &&
         put(message, FRA_SUPPRESS_IFGROUP, rule.suppress_interface_group);
}

fib_rule_hdr header_of(const Rule& rule) {
  constexpr std::uint32_t kMostInHeader = 255;
  const bool has_table = rule.action == RuleAction::kToTable && !rule.l3mdev;
  fib_rule_hdr header{};
  header.family = kernel_family(rule.family);
  header.dst_len = rule.destination ? rule.destination->length : std::uint8_t{0};
  header.src_len = rule.source ? rule.source->length : std::uint8_t{0};
  header.tos = rule.tos;
  header.table = static_cast<__u8>(has_table && rule.table <= kMostInHeader ? rule.table : RT_TABLE_UNSPEC);
  header.action = static_cast<__u8>(rule.action);
  header.flags = rule.inverted ? FIB_RULE_INVERT : 0;
  return header;
}

ifaddrmsg header_of(const Address& address, int index) {
  ifaddrmsg header{};
  header.ifa_family = kernel_family(address.address.family);
  header.ifa_prefixlen = address.prefix_length;
  header.ifa_scope = address.scope;
  header.ifa_index = static_cast<__u32>(index);
  return header;
}

bool put_lifetimes(nl_msg& message, const Address& address) {
  if (!address.valid_seconds && !address.preferred_seconds) return true;
  constexpr std::uint32_t kForever = 0xffffffff;
  ifa_cacheinfo lifetimes{};
  lifetimes.ifa_valid = address.valid_seconds.value_or(kForever);
  lifetimes.ifa_prefered = address.preferred_seconds.value_or(kForever);
  return nla_put(&message, IFA_CACHEINFO, sizeof lifetimes, &lifetimes) == 0;
}

/// Flags that are configuration; the others tell how an address is.
bool put_flags(nl_msg& message, const Address& address) {
  constexpr std::uint32_t kConfigured = kAddressNoDad | kAddressHome | kAddressManageTemporary | kAddressNoPrefixRoute;
  if (address.address.family == Family::kInet) return put(message, IFA_FLAGS, address.flags & kAddressNoPrefixRoute);
  return put(message, IFA_FLAGS, address.flags & kConfigured);
}

bool put_address(nl_msg& message, const Address& address) {
  if (!put(message, IFA_LOCAL, address.address)) return false;
  if (!put(message, IFA_ADDRESS, address.peer.value_or(address.address))) return false;
  if (!put(message, IFA_BROADCAST, address.broadcast)) return false;
  if (address.address.family == Family::kInet && !put(message, IFA_LABEL, address.label)) return false;
  if (address.route_metric != 0 && !put(message, IFA_RT_PRIORITY, address.route_metric)) return false;
  return put_flags(message, address) && put_lifetimes(message, address);
}

}  // namespace

NlMessage encode_rule(std::uint16_t type, int flags, const Rule& rule) {
  NlMessage message = netlink_message(type, flags);
  if (!message) return nullptr;
  fib_rule_hdr header = header_of(rule);
  if (nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) != 0) return nullptr;
  const bool written =
      put(*message, FRA_PRIORITY, rule.priority) && put_selectors(*message, rule) && put_action(*message, rule);
  return written ? std::move(message) : nullptr;
}

NlMessage encode_address(std::uint16_t type, int flags, const Address& address, const IndexOfInterface& index_of) {
  const auto index = index_of(address.interface);
  NlMessage message = netlink_message(type, flags);
  if (!index || !message) return nullptr;
  ifaddrmsg header = header_of(address, *index);
  if (nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) != 0) return nullptr;
  return put_address(*message, address) ? std::move(message) : nullptr;
}

}  // namespace vpndoctor
