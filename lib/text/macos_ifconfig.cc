// SPDX-License-Identifier: Apache-2.0
// An interface begins with its name at the start of a line; indented lines tell more of it.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>

#include "lines.h"
#include "macos_limits.h"
#include "vpndoctor/macos_text.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// The word that follows `name`; empty when there is none.
std::string_view after(const std::vector<std::string_view>& words, std::string_view name) {
  const auto found = std::find(words.begin(), words.end(), name);
  return found == words.end() || found + 1 == words.end() ? std::string_view() : *(found + 1);
}

std::optional<std::uint32_t> to_number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct FlagName {
  std::string_view name;
  std::uint32_t flag;
};
constexpr std::array<FlagName, 7> kFlagNames = {{
    {"UP", kLinkUp},
    {"BROADCAST", kLinkBroadcast},
    {"LOOPBACK", kLinkLoopback},
    {"POINTOPOINT", kLinkPointToPoint},
    {"RUNNING", kLinkRunning},
    {"NOARP", kLinkNoArp},
    {"MULTICAST", kLinkMulticast},
}};

/// "flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST>"
std::uint32_t parse_flags(std::string_view text) {
  std::uint32_t flags = 0;
  const std::size_t open = text.find('<');
  if (open == std::string_view::npos) return 0;
  std::string_view names = text.substr(open + 1, text.find('>') - open - 1);
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    for (const FlagName& each : kFlagNames) {
      if (each.name == names.substr(0, end)) flags |= each.flag;
    }
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return flags;
}

std::optional<IpAddress> parse_address(std::string_view text) {
  return IpAddress::parse(text.substr(0, text.find('%')));
}

/// "inet 10.8.0.2 --> 10.8.0.1 netmask 0xffffffff", "inet6 fe80::1%lo0 prefixlen 64 scopeid 0x1"
std::optional<Address> parse_address_line(const std::vector<std::string_view>& words, const std::string& interface) {
  const auto own = words.size() < 2 ? std::nullopt : parse_address(words[1]);
  if (!own || (own->family == Family::kInet) != (words[0] == "inet")) return std::nullopt;
  Address address;
  address.interface = interface;
  address.address = *own;
  address.prefix_length = static_cast<std::uint8_t>(address_bits(own->family));
  if (own->is_link_local()) address.scope = kScopeLink;
  if (own->is_loopback()) address.scope = kScopeHost;
  address.peer = parse_address(after(words, "-->"));
  address.broadcast = parse_address(after(words, "broadcast"));
  if (std::string_view mask = after(words, "netmask"); mask.starts_with("0x")) {
    mask.remove_prefix(2);
    if (const auto bits = to_number(mask, 16))
      address.prefix_length = static_cast<std::uint8_t>(std::countl_one(*bits));
  }
  if (const auto length = to_number(after(words, "prefixlen"), 10); length && *length <= address_bits(own->family)) {
    address.prefix_length = static_cast<std::uint8_t>(*length);
  }
  if (std::find(words.begin(), words.end(), "temporary") != words.end()) address.flags |= kAddressTemporary;
  if (std::find(words.begin(), words.end(), "deprecated") != words.end()) address.flags |= kAddressDeprecated;
  return address;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestMacosInterface && escape_non_ascii(text) == text &&
         text.find('/') == std::string_view::npos;
}

void add_detail(MacosInterfaces& all, const std::vector<std::string_view>& words) {
  Link& link = all.links.back();
  if (words[0] == "inet" || words[0] == "inet6") {
    if (auto address = parse_address_line(words, link.name)) all.addresses.push_back(std::move(*address));
  } else if (words[0] == "ether" && words.size() > 1) {
    link.hardware_address = escape_non_ascii(words[1]);
  } else if (words[0] == "status:" && words.size() > 1) {
    constexpr std::uint8_t kDown = 2;
    constexpr std::uint8_t kUp = 6;
    link.operational_state = words[1] == "active" ? kUp : kDown;
    // RUNNING says that the driver is ready, not that there is a carrier.
    if (words[1] != "active") link.flags &= ~static_cast<std::uint32_t>(kLinkRunning);
  }
}

}  // namespace

MacosInterfaces parse_macos_ifconfig(std::string_view text) {
  MacosInterfaces all;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto words = split(line, " \t\r");
    if (words.empty()) continue;
    const std::size_t colon = words[0].find(':');
    const bool begins = line[0] != ' ' && line[0] != '\t' && words.size() > 1 && words[1].starts_with("flags=");
    if (begins && is_name(words[0].substr(0, colon))) {
      Link& link = all.links.emplace_back();
      link.index = static_cast<int>(all.links.size());
      link.name = words[0].substr(0, colon);
      link.flags = parse_flags(words[1]);
      link.mtu_bytes = to_number(after(words, "mtu"), 10);
    } else if (!all.links.empty() && !begins) {
      add_detail(all, words);
    }
  }
  return all;
}

}  // namespace vpndoctor
