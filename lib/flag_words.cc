// SPDX-License-Identifier: Apache-2.0
// Tables of words: include/uapi/linux/{if,if_addr,rtnetlink,neighbour}.h.
#include "flag_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace vpndoctor {
namespace {

constexpr std::array kLinkFlags = {
    FlagWord{1U << 0U, "up"},         FlagWord{1U << 1U, "broadcast"},   FlagWord{1U << 2U, "debug"},
    FlagWord{1U << 3U, "loopback"},   FlagWord{1U << 4U, "pointopoint"}, FlagWord{1U << 5U, "notrailers"},
    FlagWord{1U << 6U, "running"},    FlagWord{1U << 7U, "noarp"},       FlagWord{1U << 8U, "promisc"},
    FlagWord{1U << 9U, "allmulti"},   FlagWord{1U << 10U, "master"},     FlagWord{1U << 11U, "slave"},
    FlagWord{1U << 12U, "multicast"}, FlagWord{1U << 13U, "portsel"},    FlagWord{1U << 14U, "automedia"},
    FlagWord{1U << 15U, "dynamic"},   FlagWord{1U << 16U, "lower_up"},   FlagWord{1U << 17U, "dormant"},
    FlagWord{1U << 18U, "echo"},
};

// The same bit has a name for each family; whichever stands first is written.
constexpr std::array kAddressFlags6 = {
    FlagWord{0x01, "temporary"},       FlagWord{0x01, "secondary"},      FlagWord{0x02, "nodad"},
    FlagWord{0x04, "optimistic"},      FlagWord{0x08, "dadfailed"},      FlagWord{0x10, "home"},
    FlagWord{0x20, "deprecated"},      FlagWord{0x40, "tentative"},      FlagWord{0x80, "permanent"},
    FlagWord{0x100, "mngtmpaddr"},     FlagWord{0x200, "noprefixroute"}, FlagWord{0x400, "autojoin"},
    FlagWord{0x800, "stable-privacy"},
};
constexpr std::array kAddressFlags = [] {
  auto flags = kAddressFlags6;
  std::swap(flags[0], flags[1]);
  return flags;
}();

constexpr std::array kNextHopFlags = {
    FlagWord{1, "dead"},      FlagWord{2, "pervasive"},   FlagWord{4, "onlink"}, FlagWord{8, "offload"},
    FlagWord{16, "linkdown"}, FlagWord{32, "unresolved"}, FlagWord{64, "trap"},
};

constexpr std::array kNeighbourStates = {
    FlagWord{0x01, "incomplete"}, FlagWord{0x02, "reachable"}, FlagWord{0x04, "stale"}, FlagWord{0x08, "delay"},
    FlagWord{0x10, "probe"},      FlagWord{0x20, "failed"},    FlagWord{0x40, "noarp"}, FlagWord{0x80, "permanent"},
};

constexpr std::array<std::string_view, 7> kOperationalStates = {"unknown", "notpresent", "down", "lowerlayerdown",
                                                                "testing", "dormant",    "up"};
constexpr std::array<std::string_view, 4> kAddressProtocols = {"unspec", "kernel_lo", "kernel_ra", "kernel_ll"};

template <std::size_t kCount>
std::string name_of(const std::array<std::string_view, kCount>& names, std::uint8_t number) {
  return number < kCount ? std::string(names[number]) : fmt::format("{}", number);
}

template <std::size_t kCount>
std::optional<std::uint8_t> number_of(const std::array<std::string_view, kCount>& names, std::string_view text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<std::uint8_t>(found - names.begin());
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::span<const FlagWord> link_flag_words() { return kLinkFlags; }
std::span<const FlagWord> address_flag_words(Family family) {
  return family == Family::kInet ? std::span(kAddressFlags) : std::span(kAddressFlags6);
}
std::span<const FlagWord> next_hop_flag_words() { return kNextHopFlags; }
std::span<const FlagWord> neighbour_state_bits() { return kNeighbourStates; }

std::string flag_word(std::span<const FlagWord> words, std::uint32_t bit) {
  const auto found = std::find_if(words.begin(), words.end(), [bit](const FlagWord& each) { return each.bit == bit; });
  return found != words.end() ? std::string(found->word) : fmt::format("{:#x}", bit);
}

std::optional<std::uint32_t> parse_flag(std::span<const FlagWord> words, std::string_view text) {
  for (const FlagWord& each : words) {
    if (each.word == text) return each.bit;
  }
  if (!text.starts_with("0x")) return std::nullopt;
  text.remove_prefix(2);
  std::uint32_t bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return bits;
}

std::string operational_state_name(std::uint8_t state) { return name_of(kOperationalStates, state); }
std::optional<std::uint8_t> parse_operational_state(std::string_view text) {
  return number_of(kOperationalStates, text);
}

std::string address_protocol_name(std::uint8_t protocol) { return name_of(kAddressProtocols, protocol); }
std::optional<std::uint8_t> parse_address_protocol(std::string_view text) { return number_of(kAddressProtocols, text); }

}  // namespace vpndoctor
