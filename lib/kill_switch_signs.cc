// SPDX-License-Identifier: Apache-2.0
// What a table of the packet filter was meant for, by what it does to packets that leave by the interfaces that it
// names and by the names that VPN clients give to their tables. See kill_switch.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <set>

#include "firewall_machine.h"
#include "flow_kinds.h"
#include "kill_switch.h"
#include "leak_checks_coverage.h"
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

/// What the text of a register names: the interfaces that begin so where no zero byte ends it ("wg*"), if any do.
std::set<std::string> names_of(const Snapshot& snapshot, const std::string& bytes) {
  const std::string text = bytes.substr(0, std::min(bytes.find('\0'), bytes.size()));
  std::set<std::string> names;
  for (const Link& link : *snapshot.links) {
    if (text.size() == bytes.size() && link.name.starts_with(text)) names.insert(link.name);
  }
  if (names.empty()) names.insert(text);
  return names;
}

std::string name_of_index(const Snapshot& snapshot, bool is_big_endian, const std::string& bytes) {
  if (bytes.size() != 4) return {};
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
    if (key == kOutputIndex) {
      names.insert(name_of_index(snapshot, snapshot.firewall->is_big_endian, bytes));
    } else {
      names.merge(names_of(snapshot, bytes));
    }
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

/// True when the table drops packets on their way out, by a policy or a rule.
bool drops_on_the_way_out(const FirewallTable& table) {
  bool has_drop = false;
  bool is_hooked = false;
  for (const FirewallChain& chain : table.chains) {
    if (chain.hook != FirewallHook::kNone && !is_on_the_way_out(chain.hook)) continue;
    for (const FirewallRule& rule : chain.rules) has_drop = has_drop || std::ranges::any_of(rule.expressions, drops);
    has_drop = has_drop || chain.drops_by_default;
    is_hooked = is_hooked || chain.hook != FirewallHook::kNone;
  }
  return has_drop && is_hooked;
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
  const std::string interface = table.name.substr(kWgQuick.size());
  signs.push_back({.table = fmt::format("table {} {}", table.family, escape_controls(table.name)),
                   .why = "wg-quick's rules against spoofed packets stop nothing that this machine sends",
                   .is_spoof_guard = true,
                   .is_left_behind = !is_there(snapshot, interface),
                   .source = &table,
                   .tunnel = interface});
}

/// True for a tunnel by its kind, or an interface that is gone: where one was named, there was one.
bool is_or_was_tunnel(const Snapshot& snapshot, const std::string& name) {
  if (is_there(snapshot, name)) return is_tunnel(snapshot, name);
  constexpr std::array<std::string_view, 8> kTunnelNames = {"wg",     "tun", "nordlynx",  "nordtun",
                                                            "proton", "ppp", "tailscale", "CloudflareWARP"};
  return std::ranges::any_of(kTunnelNames, [&](auto start) { return name.starts_with(start); });
}

/// One table as if it were the whole packet filter.
class LoneTable {
 public:
  LoneTable(const LeakFacts& facts, const FirewallTable& table)
      : facts_(facts),
        filter_(Firewall{.tables = {table},
                         .others = {},
                         .others_may_mark = facts.snapshot.firewall->others_may_mark,
                         .is_big_endian = facts.snapshot.firewall->is_big_endian},
                "netlink") {}

  /// True when some kind of new public flow is let out by the tunnel and stopped by the other interface.
  bool keeps_in(Family family, const std::string& tunnel, const std::string& other) const {
    return std::ranges::any_of(kFlowKinds, [&](const FlowKind& kind) {
      return verdict(family, kind, other) == FirewallVerdict::kDropped &&
             verdict(family, kind, tunnel) == FirewallVerdict::kAccepted;
    });
  }

 private:
  FirewallVerdict verdict(Family family, const FlowKind& kind, const std::string& interface) const {
    Flow flow = public_flow(unnamed_addresses(family).front(), kind, facts_.uid);
    Flow bound = flow;
    bound.output_interface = interface;
    flow.source = facts_.fib.lookup(bound).source;
    return follow_output({facts_.snapshot, facts_.fib, filter_}, flow, interface).verdict;
  }

  const LeakFacts& facts_;
  Observed<Firewall> filter_;
};

struct Interfaces {
  std::set<std::string> tunnels;
  std::set<std::string> others;  ///< that packets would leave by when the tunnels are gone, and more that rules name
};

/// Each tunnel is tried with each of the others, and a foreign snapshot may name very many.
void keep_first(std::set<std::string>& names) {
  constexpr std::size_t kMost = 8;
  while (names.size() > kMost) names.erase(std::prev(names.end()));
}

Interfaces interfaces_of(const Snapshot& snapshot, const FirewallTable& table) {
  Interfaces found;
  for (const std::string& name : named_outputs(snapshot, table)) {
    const Link* link = snapshot.find_link(name);
    if (is_or_was_tunnel(snapshot, name)) {
      found.tunnels.insert(name);
    } else if (link == nullptr || !link->is_loopback()) {
      found.others.insert(name);
    }
  }
  if (found.tunnels.empty()) return found;
  std::set<std::string> uplinks = find_uplinks(snapshot);
  for (std::set<std::string>* names : {&found.tunnels, &found.others, &uplinks}) keep_first(*names);
  found.others.merge(uplinks);
  return found;
}

void judge_family(const LoneTable& alone, const Interfaces& interfaces, Family family, ProtectionSign& sign) {
  bool& is_meant = sign.families[static_cast<std::size_t>(family)];
  for (const std::string& tunnel : interfaces.tunnels) {
    for (const std::string& other : interfaces.others) {
      is_meant = is_meant || alone.keeps_in(family, tunnel, other);
      if (!is_meant) continue;
      if (sign.why.empty()) {
        sign.why = fmt::format("it stops packets that leave by {} and lets those out that leave by the tunnel {}",
                               escape_controls(other), escape_controls(tunnel));
      }
      return;
    }
  }
}

/// What each sign says of its table and of the tunnel that it names: one that is there before one that is gone.
ProtectionSign sign_of(const Snapshot& snapshot, const FirewallTable& table, const std::set<std::string>& tunnels) {
  const auto there = std::ranges::find_if(tunnels, [&](const auto& name) { return is_there(snapshot, name); });
  const bool is_gone = there == tunnels.end();
  ProtectionSign sign{.table = fmt::format("table {} {}", table.family, escape_controls(table.name)), .why = {}};
  sign.is_left_behind = is_gone;
  sign.source = &table;
  if (!tunnels.empty()) sign.tunnel = is_gone ? *tunnels.begin() : *there;
  return sign;
}

void add_filter(const LeakFacts& facts, const FirewallTable& table, std::vector<ProtectionSign>& signs) {
  const Interfaces interfaces = interfaces_of(facts.snapshot, table);
  if (interfaces.tunnels.empty()) return;
  const LoneTable alone(facts, table);
  ProtectionSign sign = sign_of(facts.snapshot, table, interfaces.tunnels);
  for (const Family family : kFamilies) judge_family(alone, interfaces, family, sign);
  if (!sign.why.empty()) signs.push_back(std::move(sign));
}

/// The rules of a product that name no tunnel are those that it keeps while it has none.
void add_of_product(const Snapshot& snapshot, const FirewallTable& table, const Product& product,
                    std::vector<ProtectionSign>& signs) {
  if (!drops_on_the_way_out(table)) return;
  ProtectionSign sign = sign_of(snapshot, table, interfaces_of(snapshot, table).tunnels);
  sign.why = fmt::format("{} makes a table of this name", product.name);
  sign.families = {table.family != "ip6", table.family != "ip"};
  sign.product = product.name;
  signs.push_back(std::move(sign));
}

}  // namespace

std::vector<ProtectionSign> protection_signs(const LeakFacts& facts) {
  std::vector<ProtectionSign> signs;
  if (!facts.snapshot.firewall) return signs;
  for (const FirewallTable& table : facts.snapshot.firewall->tables) {
    if (table.name.starts_with(kWgQuick)) {
      add_spoof_guard(facts.snapshot, table, signs);
    } else if (const Product* product = product_of(table); table.is_dormant) {
      continue;
    } else if (product != nullptr) {
      add_of_product(facts.snapshot, table, *product, signs);
    } else {
      add_filter(facts, table, signs);
    }
  }
  return signs;
}

}  // namespace vpndoctor
