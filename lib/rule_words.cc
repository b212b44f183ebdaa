// SPDX-License-Identifier: Apache-2.0
// Policy rules as arguments of `ip rule`: complete, so that an equal rule comes of them.
#include <fmt/format.h>

#include "vpndoctor/route_words.h"
#include "word_list.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kAllBits = 0xffffffff;

std::string prefix_word(const IpPrefix& prefix) {
  return prefix.is_host() ? prefix.address.to_string() : prefix.to_string();
}

std::string range_text(const NumberRange& range) {
  return range.first == range.last ? std::to_string(range.first) : fmt::format("{}-{}", range.first, range.last);
}

std::string port_text(const NumberRange& range, const std::optional<std::uint32_t>& mask) {
  return mask && *mask != 0xffff ? fmt::format("{:#x}/{:#x}", range.first, *mask) : range_text(range);
}

std::string mark_text(const Rule& rule) {
  return rule.mark_mask == kAllBits && rule.mark != 0 ? fmt::format("{:#x}", rule.mark)
                                                      : fmt::format("{:#x}/{:#x}", rule.mark, rule.mark_mask);
}

void add_packet_selectors(Words& words, const Rule& rule) {
  add(words, "from", rule.source ? prefix_word(*rule.source) : "all");
  if (rule.destination) add(words, "to", prefix_word(*rule.destination));
  if (rule.tos != 0) add(words, "tos", fmt::format("{:#x}", rule.tos));
  if (rule.dscp) {
    add(words, "dscp",
        rule.dscp_mask ? fmt::format("{:#x}/{:#x}", *rule.dscp, *rule.dscp_mask) : std::to_string(*rule.dscp));
  }
  if (rule.mark != 0 || rule.mark_mask != 0) add(words, "fwmark", mark_text(rule));
  if (!rule.input_interface.empty()) add(words, "iif", rule.input_interface);
  if (!rule.output_interface.empty()) add(words, "oif", rule.output_interface);
}

void add_socket_selectors(Words& words, const Rule& rule) {
  if (rule.uids) add(words, "uidrange", fmt::format("{}-{}", rule.uids->first, rule.uids->last));
  // A number: without /etc/protocols, as in small images, ip knows no names.
  if (rule.ip_protocol != 0) add(words, "ipproto", std::to_string(rule.ip_protocol));
  if (rule.source_ports) add(words, "sport", port_text(*rule.source_ports, rule.source_port_mask));
  if (rule.destination_ports) add(words, "dport", port_text(*rule.destination_ports, rule.destination_port_mask));
  if (rule.tunnel_id != 0) add(words, "tun_id", std::to_string(rule.tunnel_id));
  if (rule.flow_label) {
    add(words, "flowlabel", fmt::format("{:#x}/{:#x}", *rule.flow_label, rule.flow_label_mask.value_or(0xfffff)));
  }
}

void add_action(Words& words, const Rule& rule) {
  switch (rule.action) {
    case RuleAction::kToTable:
      if (rule.l3mdev) {
        words.emplace_back("l3mdev");
      } else {
        add(words, "lookup", table_name(rule.table));
      }
      break;
    case RuleAction::kGoto:
      add(words, "goto", std::to_string(rule.goto_priority.value_or(0)));
      break;
    default:
      words.push_back(rule_action_name(rule.action));
  }
}

}  // namespace

std::vector<std::string> rule_words(const Rule& rule) {
  Words words;
  if (rule.inverted) words.emplace_back("not");
  add_packet_selectors(words, rule);
  add_socket_selectors(words, rule);
  add_action(words, rule);
  if (rule.suppress_prefix_length) add(words, "suppress_prefixlength", std::to_string(*rule.suppress_prefix_length));
  if (rule.suppress_interface_group) add(words, "suppress_ifgroup", std::to_string(*rule.suppress_interface_group));
  if (rule.realms != 0) add(words, "realms", realms_text(rule.realms));
  if (rule.protocol != kProtocolUnspecified) add(words, "protocol", route_protocol_name(rule.protocol));
  add(words, "pref", std::to_string(rule.priority));
  return words;
}

}  // namespace vpndoctor
