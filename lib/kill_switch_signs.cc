// SPDX-License-Identifier: Apache-2.0
// What a table of the packet filter was meant for, by the interfaces that it names and by the names that VPN clients
// give to their tables. Decides nothing about packets. See kill_switch.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "kill_switch.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kOutputIndex = 5;  // NFT_META_OIF
constexpr std::uint32_t kOutputName = 7;   // NFT_META_OIFNAME
constexpr std::string_view kWgQuick = "wg-quick-";

struct Product {
  std::string_view table;
  std::string_view name;
};
constexpr auto kProducts = std::to_array<Product>({
    {"mullvad", "Mullvad"},
    {"nordvpn", "NordVPN"},
    {"cloudflare-warp", "Cloudflare WARP"},
    {"mozvpn-inet", "Mozilla VPN"},
    {"mozvpn-v4", "Mozilla VPN"},
    {"mozvpn-v6", "Mozilla VPN"},
    {"proton", "Proton VPN"},
    {"protonvpn", "Proton VPN"},
});

bool is_on_the_way_out(FirewallHook hook) {
  return hook == FirewallHook::kOutput || hook == FirewallHook::kPostrouting || hook == FirewallHook::kEgress ||
         hook == FirewallHook::kForward;
}

/// A text of a register: up to the first zero byte.
std::string name_of(const std::string& bytes) { return bytes.substr(0, std::min(bytes.find('\0'), bytes.size())); }

std::string name_of_index(const Snapshot& snapshot, bool is_big_endian, const std::string& bytes) {
  if (bytes.size() != 4 || !snapshot.links) return {};
  std::uint32_t index = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t shift = is_big_endian ? 24 - 8 * i : 8 * i;
    index |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << shift;
  }
  const auto found = std::ranges::find(*snapshot.links, static_cast<int>(index), &Link::index);
  return found == snapshot.links->end() ? std::string() : found->name;
}

/// The outgoing interfaces that the rules of a table name, directly or in a set.
std::set<std::string> named_outputs(const Snapshot& snapshot, const FirewallTable& table) {
  std::set<std::string> names;
  const auto add = [&](std::uint32_t key, const std::string& bytes) {
    names.insert(key == kOutputName ? name_of(bytes)
                                    : name_of_index(snapshot, snapshot.firewall->is_big_endian, bytes));
  };
  for (const FirewallChain& chain : table.chains) {
    for (const FirewallRule& rule : chain.rules) {
      for (std::size_t i = 0; i + 1 < rule.expressions.size(); ++i) {
        const FirewallExpression& load = rule.expressions[i];
        const bool is_output = load.name == "meta" && (load.key == kOutputName || load.key == kOutputIndex);
        if (!is_output) continue;
        const FirewallExpression& test = rule.expressions[i + 1];
        if (test.name == "cmp") add(load.key, test.data);
        const auto set = std::ranges::find(table.sets, test.subject, &FirewallSet::name);
        if (test.name != "lookup" || set == table.sets.end()) continue;
        for (const FirewallElement& element : set->elements) add(load.key, element.key);
      }
    }
  }
  names.erase("");
  return names;
}

bool drops(const FirewallExpression& step) {
  return step.name == "reject" || step.decision.action == FirewallAction::kDrop;
}

/// The hook at which the table drops packets on their way out, by a policy or a rule; none when it does not.
FirewallHook dropping_hook(const FirewallTable& table) {
  bool has_drop = false;
  for (const FirewallChain& chain : table.chains) {
    if (chain.hook != FirewallHook::kNone && !is_on_the_way_out(chain.hook)) continue;
    for (const FirewallRule& rule : chain.rules) has_drop = has_drop || std::ranges::any_of(rule.expressions, drops);
  }
  for (const FirewallChain& chain : table.chains) {
    const bool is_candidate = is_on_the_way_out(chain.hook) && (has_drop || chain.drops_by_default);
    if (is_candidate) return chain.hook;
  }
  return FirewallHook::kNone;
}

const Product* product_of(const FirewallTable& table) {
  const auto found = std::ranges::find(kProducts, table.name, &Product::table);
  return found == kProducts.end() ? nullptr : &*found;
}

bool is_there(const Snapshot& snapshot, const std::string& interface) {
  return snapshot.find_link(interface) != nullptr;
}

/// By wg-quick(8): "table ip wg-quick-wg0" with rules against packets to the tunnel's address that came another way.
void add_spoof_guard(const Snapshot& snapshot, const FirewallTable& table, std::vector<ProtectionSign>& signs) {
  if (!table.name.starts_with(kWgQuick)) return;
  const std::string interface = table.name.substr(kWgQuick.size());
  signs.push_back({.table = fmt::format("table {} {}", table.family, escape_controls(table.name)),
                   .why = "wg-quick's rules against spoofed packets stop nothing that this machine sends",
                   .is_spoof_guard = true,
                   .is_left_behind = !is_there(snapshot, interface),
                   .source = &table,
                   .tunnel = interface});
}

/// A tunnel by its kind, or an interface that is gone: where one was named, there was one.
std::string tunnel_among(const Snapshot& snapshot, const std::set<std::string>& names, bool& is_gone) {
  for (const std::string& name : names) {
    if (is_there(snapshot, name) && is_tunnel(snapshot, name)) return name;
  }
  constexpr std::array<std::string_view, 8> kTunnelNames = {"wg",     "tun", "nordlynx",  "nordtun",
                                                            "proton", "ppp", "tailscale", "CloudflareWARP"};
  for (const std::string& name : names) {
    const bool sounds_so = std::ranges::any_of(kTunnelNames, [&](auto start) { return name.starts_with(start); });
    is_gone = sounds_so && !is_there(snapshot, name);
    if (is_gone) return name;
  }
  return {};
}

void add_filter(const Snapshot& snapshot, const FirewallTable& table, std::vector<ProtectionSign>& signs) {
  const FirewallHook hook = dropping_hook(table);
  if (hook == FirewallHook::kNone || table.is_dormant) return;
  const std::string phrase = fmt::format("table {} {}", table.family, escape_controls(table.name));
  bool is_gone = false;
  const std::string tunnel = tunnel_among(snapshot, named_outputs(snapshot, table), is_gone);
  const Product* product = product_of(table);
  if (product == nullptr && tunnel.empty()) return;
  std::string why = product != nullptr ? fmt::format("{} makes a table of this name", product->name)
                                       : fmt::format("it drops packets at its hook {} and names the tunnel {}",
                                                     firewall_hook_name(hook), escape_controls(tunnel));
  // The rules of a product that name no tunnel are those that it keeps while it has none.
  signs.push_back({.table = phrase,
                   .why = std::move(why),
                   .is_spoof_guard = false,
                   .is_left_behind = is_gone || tunnel.empty(),
                   .source = &table,
                   .tunnel = tunnel,
                   .product = product == nullptr ? "" : std::string(product->name)});
}

}  // namespace

std::vector<ProtectionSign> protection_signs(const Snapshot& snapshot) {
  std::vector<ProtectionSign> signs;
  if (!snapshot.firewall) return signs;
  for (const FirewallTable& table : snapshot.firewall->tables) {
    add_spoof_guard(snapshot, table, signs);
    if (!table.name.starts_with(kWgQuick)) add_filter(snapshot, table, signs);
  }
  return signs;
}

}  // namespace vpndoctor
