// SPDX-License-Identifier: Apache-2.0
// The words and names of fields that writing and reading the records of leak facets share.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "vpndoctor/interface_configuration.h"
#include "vpndoctor/tunnel.h"
#include "vpndoctor/vpn_sign.h"
#include "vpndoctor/xfrm.h"

namespace vpndoctor {

/// In the order of their enumerators.
constexpr std::array<std::string_view, 3> kXfrmDirections = {"in", "out", "forward"};
constexpr std::array<std::string_view, 5> kConfigurationManagers = {"networkd", "network_manager", "dhclient", "dhcpcd",
                                                                    "ifupdown"};
constexpr std::array<std::string_view, 5> kVpnSignKinds = {"ipsec_socket", "xfrm_counters", "userspace_client",
                                                           "proxy_client", "abandoned_socket"};

struct CounterField {
  std::string_view name;
  std::uint64_t InterfaceCounters::* value;
};
constexpr std::array<CounterField, 5> kInterfaceCounters = {{
    {"received_packets", &InterfaceCounters::received_packets},
    {"received_bytes", &InterfaceCounters::received_bytes},
    {"sent_packets", &InterfaceCounters::sent_packets},
    {"sent_bytes", &InterfaceCounters::sent_bytes},
    {"sent_dropped", &InterfaceCounters::sent_dropped},
}};

template <class Enum, std::size_t kCount>
constexpr std::string_view word_of(const std::array<std::string_view, kCount>& words, Enum value) {
  return words[static_cast<std::size_t>(value)];
}

/// Returns what turns a word into its enumerator; it gives nullopt for another word.
template <class Enum, std::size_t kCount>
constexpr auto parser_of(const std::array<std::string_view, kCount>& words) {
  return [&words](std::string_view word) -> std::optional<Enum> {
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end()) return std::nullopt;
    return static_cast<Enum>(found - words.begin());
  };
}

/// A letter as /proc/PID/stat has it.
constexpr bool is_process_state(char letter) {
  return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
}

}  // namespace vpndoctor
