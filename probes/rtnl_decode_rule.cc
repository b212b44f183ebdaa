// SPDX-License-Identifier: Apache-2.0
// Policy routing rules, with the attributes that are newer than the headers this is built with. Follows
// net/core/fib_rules.c fib_nl_fill_rule(), net/ipv4/fib_rules.c and net/ipv6/fib6_rules.c. See rtnl_decode.h.
#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <bit>

#include "rtnl_decode.h"
#include "rtnl_numbers.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kNotSuppressed = 0xffffffff;
constexpr std::uint16_t kWholePort = 0xffff;
constexpr std::uint8_t kWholeDscp = 0x3f;

std::optional<std::uint32_t> host_order(const NetlinkAttribute& attribute) {
  const auto value = attribute.as<std::uint32_t>();
  return value ? std::optional(ntohl(*value)) : std::nullopt;
}

std::uint64_t host_order64(const NetlinkAttribute& attribute) {
  const auto value = attribute.as<std::uint64_t>().value_or(0);
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

std::optional<NumberRange> port_range(Bytes payload) {
  const auto range = read_at<fib_rule_port_range>(payload);
  return range ? std::optional(NumberRange{range->start, range->end}) : std::nullopt;
}

std::optional<NumberRange> uid_range(Bytes payload) {
  const auto range = read_at<fib_rule_uid_range>(payload);
  return range ? std::optional(NumberRange{range->start, range->end}) : std::nullopt;
}

/// A mask that covers everything says nothing; the kernel adds it to every rule on one port or DSCP.
std::optional<std::uint32_t> port_mask(const NetlinkAttribute& attribute) {
  const auto mask = attribute.as<std::uint16_t>();
  return mask && *mask != kWholePort ? std::optional<std::uint32_t>(*mask) : std::nullopt;
}

std::optional<std::uint8_t> dscp_mask(const NetlinkAttribute& attribute) {
  const auto mask = attribute.as<std::uint8_t>();
  return mask && *mask != kWholeDscp ? mask : std::nullopt;
}

std::optional<std::uint32_t> suppressed(const NetlinkAttribute& attribute) {
  const auto value = attribute.as<std::uint32_t>();
  return value && *value != kNotSuppressed ? value : std::nullopt;
}

/// The attributes since Linux 6.13; false for one that is not known.
bool take_recent_attribute(const NetlinkAttribute& attribute, Rule& rule) {
  switch (attribute.type) {
    case kFraDscp:
      rule.dscp = attribute.as<std::uint8_t>();
      return true;
    case kFraDscpMask:
      rule.dscp_mask = dscp_mask(attribute);
      return true;
    case kFraFlowLabel:
      rule.flow_label = host_order(attribute);
      return true;
    case kFraFlowLabelMask:
      rule.flow_label_mask = host_order(attribute);
      return true;
    case kFraSourcePortMask:
      rule.source_port_mask = port_mask(attribute);
      return true;
    case kFraDestinationPortMask:
      rule.destination_port_mask = port_mask(attribute);
      return true;
    default:
      return false;
  }
}

/// Who made it and where it leads; false for an attribute that is none of these.
bool take_action_attribute(const NetlinkAttribute& attribute, Rule& rule) {
  switch (attribute.type) {
    case FRA_PRIORITY:
      rule.priority = attribute.as<std::uint32_t>().value_or(0);
      return true;
    case FRA_TABLE:
      rule.table = attribute.as<std::uint32_t>().value_or(rule.table);
      return true;
    case FRA_GOTO:
      rule.goto_priority = attribute.as<std::uint32_t>();
      return true;
    case FRA_SUPPRESS_PREFIXLEN:
      rule.suppress_prefix_length = suppressed(attribute);
      return true;
    case FRA_SUPPRESS_IFGROUP:
      rule.suppress_interface_group = suppressed(attribute);
      return true;
    case FRA_FLOW:
      rule.realms = attribute.as<std::uint32_t>().value_or(0);
      return true;
    case FRA_PROTOCOL:
      rule.protocol = attribute.as<std::uint8_t>().value_or(0);
      return true;
    case FRA_PAD:
      return true;
    default:
      return false;
  }
}

/// What a packet must have; false for an attribute that is none of these.
bool take_selector_attribute(const NetlinkAttribute& attribute, Rule& rule) {
  switch (attribute.type) {
    case FRA_IIFNAME:
      rule.input_interface = attribute.text();
      return true;
    case FRA_OIFNAME:
      rule.output_interface = attribute.text();
      return true;
    case FRA_FWMARK:
      rule.mark = attribute.as<std::uint32_t>().value_or(0);
      return true;
    case FRA_FWMASK:
      rule.mark_mask = attribute.as<std::uint32_t>().value_or(0);
      return true;
    case FRA_TUN_ID:
      rule.tunnel_id = host_order64(attribute);
      return true;
    case FRA_L3MDEV:
      rule.l3mdev = attribute.as<std::uint8_t>().value_or(0) != 0;
      return true;
    case FRA_UID_RANGE:
      rule.uids = uid_range(attribute.payload);
      return true;
    case FRA_IP_PROTO:
      rule.ip_protocol = attribute.as<std::uint8_t>().value_or(0);
      return true;
    case FRA_SPORT_RANGE:
      rule.source_ports = port_range(attribute.payload);
      return true;
    case FRA_DPORT_RANGE:
      rule.destination_ports = port_range(attribute.payload);
      return true;
    default:
      return false;
  }
}

/// False when the address is not one of the family.
bool take_prefix(Bytes payload, unsigned length, Family family, std::optional<IpPrefix>& prefix) {
  const auto address = address_of(payload, family);
  if (address) prefix = IpPrefix::of(*address, length);
  return address.has_value();
}

Rule rule_of(const fib_rule_hdr& header, Family family) {
  Rule rule;
  rule.family = family;
  rule.inverted = (header.flags & FIB_RULE_INVERT) != 0;
  rule.goto_unresolved = (header.flags & FIB_RULE_UNRESOLVED) != 0;
  rule.input_interface_detached = (header.flags & FIB_RULE_IIF_DETACHED) != 0;
  rule.output_interface_detached = (header.flags & FIB_RULE_OIF_DETACHED) != 0;
  rule.tos = header.tos;
  rule.action = static_cast<RuleAction>(header.action);
  rule.table = header.table;
  // A prefix whose attribute is missing is one of zeroes.
  if (header.src_len != 0) rule.source = IpPrefix::of({family, {}}, header.src_len);
  if (header.dst_len != 0) rule.destination = IpPrefix::of({family, {}}, header.dst_len);
  return rule;
}

/// False when the attribute is malformed.
bool take_attribute(const NetlinkAttribute& attribute, const fib_rule_hdr& header, Rule& rule) {
  if (attribute.type == FRA_SRC) return take_prefix(attribute.payload, header.src_len, rule.family, rule.source);
  if (attribute.type == FRA_DST) return take_prefix(attribute.payload, header.dst_len, rule.family, rule.destination);
  if (!take_selector_attribute(attribute, rule) && !take_action_attribute(attribute, rule) &&
      !take_recent_attribute(attribute, rule)) {
    rule.not_understood.push_back(attribute.type);
  }
  return true;
}

}  // namespace

std::optional<Rule> decode_rule(Bytes payload) {
  const auto header = read_at<fib_rule_hdr>(payload);
  const auto family = header ? ip_family(header->family) : std::nullopt;
  if (!family || header->src_len > address_bits(*family) || header->dst_len > address_bits(*family)) {
    return std::nullopt;
  }
  Rule rule = rule_of(*header, *family);
  const bool whole = for_each_attribute(after_aligned(payload, sizeof(fib_rule_hdr)), [&](const auto& attribute) {
    return take_attribute(attribute, *header, rule);
  });
  return whole ? std::optional(rule) : std::nullopt;
}

}  // namespace vpndoctor
