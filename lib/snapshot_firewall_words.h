// SPDX-License-Identifier: Apache-2.0
// The words of snapshot files for verdicts and hooks of the packet filter.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "vpndoctor/firewall.h"

namespace vpndoctor {

constexpr std::array<std::string_view, 10> kFirewallActionWords = {"none", "continue", "break", "return", "jump",
                                                                   "goto", "accept",   "drop",  "queue",  "other"};
constexpr std::string_view firewall_action_word(FirewallAction action) {
  return kFirewallActionWords[static_cast<std::size_t>(action)];
}
constexpr std::optional<FirewallAction> parse_firewall_action(std::string_view word) {
  for (std::size_t i = 0; i < kFirewallActionWords.size(); ++i) {
    if (kFirewallActionWords[i] == word) return static_cast<FirewallAction>(i);
  }
  return std::nullopt;
}

/// The inverse of firewall_hook_name(); no word is none.
inline std::optional<FirewallHook> parse_firewall_hook(std::string_view word) {
  for (auto hook = FirewallHook::kNone;; hook = static_cast<FirewallHook>(static_cast<unsigned>(hook) + 1)) {
    if (firewall_hook_name(hook) == word) return hook;
    if (hook == FirewallHook::kEgress) return std::nullopt;
  }
}

}  // namespace vpndoctor
