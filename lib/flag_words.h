// SPDX-License-Identifier: Apache-2.0
// The words that stand for the bits of link, address and next hop flags in JSON, and for the states of a link. Knows
// what iproute2 calls them, not what they mean.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vpndoctor/ip.h"

namespace vpndoctor {

/// A bit and its word; several words may share a bit, then the first is written.
struct FlagWord {
  std::uint32_t bit = 0;
  std::string_view word;
};

std::span<const FlagWord> link_flag_words();  ///< IFF_*: "up", "lower_up", ...
/// IFA_F_*: "nodad", ...; the first bit is "secondary" for IPv4 and "temporary" for IPv6, both are read.
std::span<const FlagWord> address_flag_words(Family family);
std::span<const FlagWord> next_hop_flag_words();   ///< RTNH_F_*: "onlink", "linkdown", ...
std::span<const FlagWord> neighbour_state_bits();  ///< NUD_*: "reachable", ...

/// Calls `visit(word)` for every set bit, lowest first; a bit without a word is given as "0x80".
template <class Visit>
void for_each_flag(std::span<const FlagWord> words, std::uint32_t flags, Visit visit);

/// Returns the bits of one word of `words`, or of a number after 0x; nullopt for anything else.
std::optional<std::uint32_t> parse_flag(std::span<const FlagWord> words, std::string_view text);

/// IF_OPER_*: "up", "down", "dormant", ...; the number as text when it has no word.
std::string operational_state_name(std::uint8_t state);
std::optional<std::uint8_t> parse_operational_state(std::string_view text);

/// IFAPROT_*: "kernel_lo", "kernel_ra", "kernel_ll"; the number as text when it has no word.
std::string address_protocol_name(std::uint8_t protocol);
std::optional<std::uint8_t> parse_address_protocol(std::string_view text);

/// Returns the word of one bit: "0x80" when it has none.
std::string flag_word(std::span<const FlagWord> words, std::uint32_t bit);

template <class Visit>
void for_each_flag(std::span<const FlagWord> words, std::uint32_t flags, Visit visit) {
  while (flags != 0) {
    const std::uint32_t lowest = flags & (~flags + 1);
    visit(flag_word(words, lowest));
    flags &= ~lowest;
  }
}

}  // namespace vpndoctor
