// SPDX-License-Identifier: Apache-2.0
// Tables, chains, rules, sets and their elements; see nft_decode.h.
#include "nft_decode.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <bit>

namespace vpndoctor {
namespace {

// linux/netfilter/nf_tables.h, newer than the headers this is built with.
constexpr std::uint16_t kDevicePrefix = 2;  // NFTA_DEVICE_PREFIX, Linux 6.16
constexpr std::size_t kLongestKey = 64;

struct NamedFamily {
  std::string_view name;
  std::uint8_t number;
};
constexpr auto kTableFamilies = std::to_array<NamedFamily>({{"inet", NFPROTO_INET},
                                                            {"ip", NFPROTO_IPV4},
                                                            {"arp", NFPROTO_ARP},
                                                            {"netdev", NFPROTO_NETDEV},
                                                            {"bridge", NFPROTO_BRIDGE},
                                                            {"ip6", NFPROTO_IPV6}});

std::string family_of(Bytes payload) {
  const auto header = read_at<nfgenmsg>(payload);
  if (!header) return {};
  const auto found = std::ranges::find(kTableFamilies, header->nfgen_family, &NamedFamily::number);
  return found == kTableFamilies.end() ? std::to_string(header->nfgen_family) : std::string(found->name);
}

bool has_header(Bytes payload) { return payload.size() >= sizeof(nfgenmsg); }
Bytes attributes_of(Bytes payload) { return after_aligned(payload, sizeof(nfgenmsg)); }

FirewallHook inet_hook(std::uint32_t number) {
  switch (number) {
    case NF_INET_PRE_ROUTING:
      return FirewallHook::kPrerouting;
    case NF_INET_LOCAL_IN:
      return FirewallHook::kInput;
    case NF_INET_FORWARD:
      return FirewallHook::kForward;
    case NF_INET_LOCAL_OUT:
      return FirewallHook::kOutput;
    case NF_INET_POST_ROUTING:
      return FirewallHook::kPostrouting;
    case NF_INET_INGRESS:
      return FirewallHook::kIngress;
    default:
      return FirewallHook::kNone;
  }
}

FirewallHook hook_of(std::string_view family, std::uint32_t number) {
  if (family != "netdev") return inet_hook(number);
  return number == NF_NETDEV_INGRESS ? FirewallHook::kIngress : FirewallHook::kEgress;
}

void add_device(FirewallChain& chain, std::string name) {
  const bool is_new = std::ranges::find(chain.devices, name) == chain.devices.end();
  if (!name.empty() && is_new) chain.devices.push_back(std::move(name));
}

bool take_devices(Bytes devices, FirewallChain& chain) {
  return for_each_attribute(devices, [&](const NetlinkAttribute& device) {
    add_device(chain, device.type == kDevicePrefix ? device.text() + "*" : device.text());
    return true;
  });
}

bool take_hook(Bytes hook, std::string_view family, FirewallChain& chain) {
  return for_each_attribute(hook, [&](const NetlinkAttribute& attribute) {
    const auto number = nft_number(attribute);
    switch (attribute.type) {
      case NFTA_HOOK_HOOKNUM:
        if (number) chain.hook = hook_of(family, *number);
        return number.has_value();
      case NFTA_HOOK_PRIORITY:
        if (number) chain.priority = std::bit_cast<std::int32_t>(*number);
        return number.has_value();
      case NFTA_HOOK_DEV:
        add_device(chain, attribute.text());
        return true;
      case NFTA_HOOK_DEVS:
        return take_devices(attribute.payload, chain);
      default:
        return true;
    }
  });
}

/// The comment among NFTNL_UDATA_RULE_*: type, length, bytes.
std::string comment_of(Bytes user_data) {
  constexpr auto kComment = std::byte{0};
  while (user_data.size() >= 2) {
    const auto length = std::to_integer<std::size_t>(user_data[1]);
    if (user_data.size() - 2 < length) return {};
    const NetlinkAttribute text{0, user_data.subspan(2, length)};
    if (user_data[0] == kComment) return text.text();
    user_data = user_data.subspan(2 + length);
  }
  return {};
}

bool take_expressions(Bytes list, std::string_view family, FirewallRule& rule) {
  return for_each_attribute(list, [&](const NetlinkAttribute& element) {
    return element.type != NFTA_LIST_ELEM ||
           decode_nft_expression(element.payload, family, rule.expressions, rule.comment);
  });
}

bool take_fields(Bytes list, FirewallSet& set) {
  return for_each_attribute(list, [&](const NetlinkAttribute& field) {
    const auto length = find_attribute(field.payload, NFTA_SET_FIELD_LEN);
    const auto bytes = length ? nft_number(*length) : std::nullopt;
    if (bytes) set.field_bytes.push_back(*bytes);
    return bytes && *bytes <= kLongestKey && set.field_bytes.size() <= kLongestKey;
  });
}

bool take_expression_names(const NetlinkAttribute& attribute, FirewallSet& set) {
  const auto note = [&set](Bytes expression) {
    const auto name = find_attribute(expression, NFTA_EXPR_NAME);
    if (name && name->text() != "counter" && name->text() != "last") set.flags |= kFirewallSetDecides;
    return name.has_value();
  };
  if (attribute.type == NFTA_SET_EXPR) return note(attribute.payload);
  return for_each_attribute(attribute.payload, [&](const NetlinkAttribute& each) { return note(each.payload); });
}

bool take_set_attribute(const NetlinkAttribute& attribute, NftSet& found) {
  const auto number = nft_number(attribute);
  switch (attribute.type) {
    case NFTA_SET_TABLE:
      found.owner.table = attribute.text();
      return true;
    case NFTA_SET_NAME:
      found.set.name = attribute.text();
      return true;
    case NFTA_SET_FLAGS:
      found.set.flags |= number.value_or(0);
      return number.has_value();
    case NFTA_SET_KEY_LEN:
      found.set.key_bytes = number.value_or(0);
      return number && *number <= kLongestKey;
    case NFTA_SET_DESC: {
      const auto fields = find_attribute(attribute.payload, NFTA_SET_DESC_CONCAT);
      return !fields || take_fields(fields->payload, found.set);
    }
    case NFTA_SET_EXPR:
    case NFTA_SET_EXPRESSIONS:
      return take_expression_names(attribute, found.set);
    default:
      return true;
  }
}

bool take_element_attribute(const NetlinkAttribute& attribute, FirewallElement& element) {
  FirewallDecision none;
  switch (attribute.type) {
    case NFTA_SET_ELEM_KEY:
      return decode_nft_data(attribute.payload, element.key, none);
    case NFTA_SET_ELEM_KEY_END:
      return decode_nft_data(attribute.payload, element.key_end, none);
    case NFTA_SET_ELEM_DATA:
      return decode_nft_data(attribute.payload, element.data, element.decision);
    case NFTA_SET_ELEM_FLAGS: {
      const auto flags = nft_number(attribute);
      element.is_interval_end = flags && (*flags & NFT_SET_ELEM_INTERVAL_END) != 0;
      element.is_catch_all = flags && (*flags & NFT_SET_ELEM_CATCHALL) != 0;
      return flags.has_value();
    }
    default:
      return true;
  }
}

bool take_elements(Bytes list, std::vector<FirewallElement>& elements) {
  return for_each_attribute(list, [&](const NetlinkAttribute& each) {
    FirewallElement element;
    const bool is_whole = for_each_attribute(
        each.payload, [&](const NetlinkAttribute& attribute) { return take_element_attribute(attribute, element); });
    elements.push_back(std::move(element));
    return is_whole;
  });
}

}  // namespace

std::uint8_t nft_family_number(std::string_view family) {
  const auto found = std::ranges::find(kTableFamilies, family, &NamedFamily::name);
  return found == kTableFamilies.end() ? std::uint8_t{NFPROTO_UNSPEC} : found->number;
}

std::optional<std::uint32_t> nft_number(const NetlinkAttribute& attribute) {
  const auto number = attribute.as<std::uint32_t>();
  if (!number) return std::nullopt;
  return std::endian::native == std::endian::little ? __builtin_bswap32(*number) : *number;
}

std::optional<FirewallTable> decode_nft_table(Bytes payload) {
  if (!has_header(payload)) return std::nullopt;
  FirewallTable table{.family = family_of(payload), .name = {}};
  const bool is_whole = for_each_attribute(attributes_of(payload), [&](const NetlinkAttribute& attribute) {
    if (attribute.type == NFTA_TABLE_NAME) table.name = attribute.text();
    if (attribute.type != NFTA_TABLE_FLAGS) return true;
    const auto flags = nft_number(attribute);
    table.is_dormant = flags && (*flags & NFT_TABLE_F_DORMANT) != 0;
    return flags.has_value();
  });
  return is_whole && !table.name.empty() ? std::optional(std::move(table)) : std::nullopt;
}

std::optional<NftChain> decode_nft_chain(Bytes payload) {
  if (!has_header(payload)) return std::nullopt;
  NftChain found{.owner = {family_of(payload), {}}, .chain = {.name = {}}};
  const bool is_whole = for_each_attribute(attributes_of(payload), [&](const NetlinkAttribute& attribute) {
    const auto number = nft_number(attribute);
    switch (attribute.type) {
      case NFTA_CHAIN_TABLE:
        found.owner.table = attribute.text();
        return true;
      case NFTA_CHAIN_NAME:
        found.chain.name = attribute.text();
        return true;
      case NFTA_CHAIN_TYPE:
        found.chain.type = attribute.text();
        return true;
      case NFTA_CHAIN_POLICY:
        found.chain.drops_by_default = number == NF_DROP;
        return number.has_value();
      case NFTA_CHAIN_HOOK:
        return take_hook(attribute.payload, found.owner.family, found.chain);
      default:
        return true;
    }
  });
  return is_whole && !found.chain.name.empty() ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<NftRule> decode_nft_rule(Bytes payload) {
  if (!has_header(payload)) return std::nullopt;
  NftRule found{.owner = {family_of(payload), {}}, .chain = {}, .rule = {}};
  const bool is_whole = for_each_attribute(attributes_of(payload), [&](const NetlinkAttribute& attribute) {
    switch (attribute.type) {
      case NFTA_RULE_TABLE:
        found.owner.table = attribute.text();
        return true;
      case NFTA_RULE_CHAIN:
        found.chain = attribute.text();
        return true;
      case NFTA_RULE_HANDLE: {
        const auto handle = attribute.as<std::uint64_t>().value_or(0);
        found.rule.handle = std::endian::native == std::endian::little ? __builtin_bswap64(handle) : handle;
        return true;
      }
      case NFTA_RULE_EXPRESSIONS:
        return take_expressions(attribute.payload, found.owner.family, found.rule);
      case NFTA_RULE_USERDATA:
        if (auto comment = comment_of(attribute.payload); !comment.empty()) found.rule.comment = std::move(comment);
        return true;
      default:
        return true;
    }
  });
  return is_whole && !found.chain.empty() ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<NftSet> decode_nft_set(Bytes payload) {
  if (!has_header(payload)) return std::nullopt;
  NftSet found{.owner = {family_of(payload), {}}, .set = {.name = {}}};
  const bool is_whole = for_each_attribute(
      attributes_of(payload), [&](const NetlinkAttribute& attribute) { return take_set_attribute(attribute, found); });
  return is_whole && !found.set.name.empty() ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<NftElements> decode_nft_elements(Bytes payload) {
  if (!has_header(payload)) return std::nullopt;
  NftElements found{.owner = {family_of(payload), {}}, .set = {}, .elements = {}};
  const bool is_whole = for_each_attribute(attributes_of(payload), [&](const NetlinkAttribute& attribute) {
    if (attribute.type == NFTA_SET_ELEM_LIST_TABLE) found.owner.table = attribute.text();
    if (attribute.type == NFTA_SET_ELEM_LIST_SET) found.set = attribute.text();
    return attribute.type != NFTA_SET_ELEM_LIST_ELEMENTS || take_elements(attribute.payload, found.elements);
  });
  return is_whole ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<std::uint32_t> decode_nft_generation(Bytes payload) {
  if (!has_header(payload)) return std::nullopt;
  const auto generation = find_attribute(attributes_of(payload), NFTA_GEN_ID);
  return generation ? nft_number(*generation) : std::nullopt;
}

}  // namespace vpndoctor
