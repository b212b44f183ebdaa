// SPDX-License-Identifier: Apache-2.0
// Writes identity and content of links, addresses and rules into bytes; links and addresses are sorted and merged,
// rules compared in their order.
#include "facet_diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "byte_key.h"
#include "order_pairs.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kLinkFlagsThatCount =
    kLinkUp | kLinkBroadcast | kLinkLoopback | kLinkPointToPoint | kLinkRunning | kLinkNoArp | kLinkMulticast;
constexpr std::uint32_t kAddressFlagsThatCount = kAddressDadFailed | kAddressNoPrefixRoute;
/// IFA_PROTO of a link-local address that the kernel made (include/uapi/linux/if_addr.h, IFAPROT_KERNEL_LL).
constexpr std::uint8_t kMadeLinkLocal = 3;

struct Item {
  const Identified* entry = nullptr;
  std::uint32_t index = 0;
};
using Items = std::span<const Item>;

std::vector<Item> sorted(const std::vector<std::optional<Identified>>& list) {
  std::vector<Item> items;
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    if (list[i]) items.push_back({&*list[i], i});
  }
  std::sort(items.begin(), items.end(), [](const Item& left, const Item& right) {
    return std::tie(left.entry->key, left.entry->content, left.index) <
           std::tie(right.entry->key, right.entry->content, right.index);
  });
  return items;
}

Items take_run(Items& rest, const std::string& key) {
  std::size_t count = 0;
  while (count < rest.size() && rest[count].entry->key == key) ++count;
  const Items run = rest.first(count);
  rest = rest.subspan(count);
  return run;
}

/// Entries of one key, sorted by content.
void compare_run(Items left, Items right, FacetDiff& diff) {
  if (left.size() == 1 && right.size() == 1) {
    if (left[0].entry->content != right[0].entry->content) diff.changed.push_back({left[0].index, right[0].index});
    return;
  }
  while (!left.empty() || !right.empty()) {
    const int order = left.empty()    ? 1
                      : right.empty() ? -1
                                      : left.front().entry->content.compare(right.front().entry->content);
    if (order < 0) diff.removed.push_back(left.front().index);
    if (order > 0) diff.added.push_back(right.front().index);
    if (order <= 0) left = left.subspan(1);
    if (order >= 0) right = right.subspan(1);
  }
}

template <class T, class Identify>
std::vector<std::optional<Identified>> identified(const std::vector<T>& values, Identify identify) {
  std::vector<std::optional<Identified>> list;
  list.reserve(values.size());
  for (const T& value : values) list.push_back(identify(value));
  return list;
}

Identified identify(const Link& link) {
  ByteKey content;
  content.put(link.flags & kLinkFlagsThatCount).put(link.hardware_type).put(link.mtu_bytes).put(link.master);
  content.put(link.lower).put(link.lower_is_elsewhere).put(link.group).put(link.vrf_table).put(link.tun_type);
  content.put(link.tun_persistent).put(link.tunnel_local).put(link.tunnel_remote);
  content.put(is_drawn_hardware_address(link.hardware_address) ? std::string{} : link.hardware_address);
  for (const std::string& name : link.alternative_names) content.put(name);
  return {ByteKey().put(link.name).put(link.kind).take(), content.take()};
}

Identified identify(const Address& address) {
  ByteKey key;
  key.put(address.interface).put(address.prefix_length).put(address.peer);
  if (is_wandering(address)) {
    key.put('w').put(address.on_link()).put(address.is_temporary());
  } else {
    key.put('f').put(address.address);
  }
  const bool is_second = address.address.family == Family::kInet && (address.flags & kAddressSecondary) != 0;
  ByteKey content;
  content.put(address.scope).put(address.broadcast).put(address.route_metric).put(address.label).put(is_second);
  content.put(address.flags & kAddressFlagsThatCount);
  return {key.take(), content.take()};
}

std::vector<std::optional<Identified>> identified_addresses(const std::vector<Address>& addresses) {
  auto list = identified(addresses, [](const Address& address) { return std::optional(identify(address)); });
  std::set<std::string> wandering;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (is_wandering(addresses[i]) && !wandering.insert(list[i]->key).second) list[i].reset();
  }
  return list;
}

ByteKey& put(ByteKey& key, const std::optional<NumberRange>& range) {
  return range ? key.put(true).put(range->first).put(range->last) : key.put(false);
}

Identified identify(const Rule& rule) {
  ByteKey key;
  key.put(static_cast<std::uint8_t>(rule.family)).put(rule.priority).put(rule.inverted).put(rule.source);
  key.put(rule.destination).put(rule.input_interface).put(rule.output_interface).put(rule.mark).put(rule.mark_mask);
  key.put(rule.tos).put(rule.dscp).put(rule.dscp_mask).put(rule.ip_protocol).put(rule.source_port_mask);
  key.put(rule.destination_port_mask).put(rule.tunnel_id).put(rule.l3mdev).put(static_cast<std::uint8_t>(rule.action));
  put(key, rule.uids);
  put(key, rule.source_ports);
  put(key, rule.destination_ports);
  key.put(rule.table).put(rule.goto_priority).put(rule.suppress_prefix_length).put(rule.suppress_interface_group);
  key.put(rule.realms).put(rule.protocol).put(rule.flow_label).put(rule.flow_label_mask);
  for (const std::uint16_t attribute : rule.not_understood) key.put(attribute);
  return {key.take(), {}};
}

template <class T>
FacetDiff diff_identified(const std::vector<T>& before, const std::vector<T>& after) {
  const auto identify_each = [](const T& value) { return std::optional(identify(value)); };
  return diff_lists(identified(before, identify_each), identified(after, identify_each));
}

/// A rule's identity and its place in the list.
struct PlacedRule {
  std::string key;
  std::uint32_t index = 0;
};
/// By family and priority, each in the list's order, in which the kernel tries them.
using RuleGroups = std::map<std::pair<Family, std::uint32_t>, std::vector<PlacedRule>>;

RuleGroups grouped_rules(const std::vector<Rule>& rules) {
  RuleGroups groups;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    groups[{rules[i].family, rules[i].priority}].push_back({identify(rules[i]).key, i});
  }
  return groups;
}

/// Pairs equal rules, the first with the first; ascending by `before`.
std::vector<OrderPair> match(const std::vector<PlacedRule>& left, const std::vector<PlacedRule>& right) {
  std::map<std::string_view, std::vector<std::size_t>> places;
  for (std::size_t i = right.size(); i-- > 0;) places[right[i].key].push_back(i);
  std::vector<OrderPair> pairs;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const auto found = places.find(left[i].key);
    if (found == places.end() || found->second.empty()) continue;
    pairs.push_back({i, found->second.back()});
    found->second.pop_back();
  }
  return pairs;
}

/// The rules of one family and priority: the first that matches decides, so that their order counts.
void compare_rules(const std::vector<PlacedRule>& left, const std::vector<PlacedRule>& right, FacetDiff& diff) {
  const std::vector<OrderPair> pairs = match(left, right);
  std::vector<bool> left_kept(left.size());
  std::vector<bool> right_kept(right.size());
  for (const OrderPair& pair : longest_in_order(pairs)) left_kept[pair.before] = right_kept[pair.after] = true;
  for (const OrderPair& pair : pairs) {
    if (!left_kept[pair.before]) diff.reordered.push_back({left[pair.before].index, right[pair.after].index});
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!left_kept[i]) diff.removed.push_back(left[i].index);
  }
  for (std::size_t i = 0; i < right.size(); ++i) {
    if (!right_kept[i]) diff.added.push_back(right[i].index);
  }
}

}  // namespace

bool is_wandering(const Address& address) {
  const bool made = address.protocol == kMadeLinkLocal || (address.flags & kAddressStablePrivacy) != 0;
  return address.is_temporary() ||
         (address.address.family == Family::kInet6 && address.address.is_link_local() && made);
}

bool is_drawn_hardware_address(const std::string& hardware_address) {
  // The second lowest bit of the first octet: IEEE 802-2014 section 8.2.2.
  constexpr std::string_view kLocallyAdministered = "2367abefABEF";
  return hardware_address.size() < 2 || kLocallyAdministered.find(hardware_address[1]) != std::string_view::npos;
}

FacetDiff diff_lists(const std::vector<std::optional<Identified>>& before,
                     const std::vector<std::optional<Identified>>& after) {
  const std::vector<Item> all_before = sorted(before);
  const std::vector<Item> all_after = sorted(after);
  Items left = all_before;
  Items right = all_after;
  FacetDiff diff;
  while (!left.empty() || !right.empty()) {
    const bool from_left = !left.empty() && (right.empty() || left.front().entry->key <= right.front().entry->key);
    const std::string& key = from_left ? left.front().entry->key : right.front().entry->key;
    const Items left_run = take_run(left, key);
    compare_run(left_run, take_run(right, key), diff);
  }
  std::sort(diff.added.begin(), diff.added.end());
  std::sort(diff.removed.begin(), diff.removed.end());
  std::sort(diff.changed.begin(), diff.changed.end(),
            [](const auto& one, const auto& other) { return one.after < other.after; });
  return diff;
}

FacetDiff diff_links(const std::vector<Link>& before, const std::vector<Link>& after) {
  return diff_identified(before, after);
}

FacetDiff diff_addresses(const std::vector<Address>& before, const std::vector<Address>& after) {
  return diff_lists(identified_addresses(before), identified_addresses(after));
}

FacetDiff diff_rules(const std::vector<Rule>& before, const std::vector<Rule>& after) {
  const RuleGroups all_before = grouped_rules(before);
  const RuleGroups all_after = grouped_rules(after);
  FacetDiff diff;
  for (const auto& [place, group] : all_before) {
    const auto found = all_after.find(place);
    compare_rules(group, found == all_after.end() ? std::vector<PlacedRule>{} : found->second, diff);
  }
  for (const auto& [place, group] : all_after) {
    if (!all_before.contains(place)) compare_rules({}, group, diff);
  }
  std::sort(diff.added.begin(), diff.added.end());
  std::sort(diff.removed.begin(), diff.removed.end());
  std::sort(diff.reordered.begin(), diff.reordered.end(),
            [](const auto& one, const auto& other) { return one.after < other.after; });
  return diff;
}

bool same_address(const Address& left, const Address& right) {
  const Identified one = identify(left);
  const Identified other = identify(right);
  return left.address == right.address && one.key == other.key && one.content == other.content;
}

bool same_rule(const Rule& left, const Rule& right) { return identify(left).key == identify(right).key; }

}  // namespace vpndoctor
