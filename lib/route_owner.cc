// SPDX-License-Identifier: Apache-2.0
// Who made it, by the signs of owner_signs.h. What is not shown by a fact has no owner: a route of protocol boot may be
// anybody's.
#include "vpndoctor/route_owner.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "owner_signs.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr std::string_view kWgQuick = "wg-quick";

Owner owner(std::string_view name, std::string evidence, bool is_vpn) {
  return {std::string(name), std::move(evidence), is_vpn};
}

const Rule* find_rule(const Snapshot& snapshot, auto&& condition) {
  if (!snapshot.rules) return nullptr;
  const auto found = std::ranges::find_if(*snapshot.rules, condition);
  return found == snapshot.rules->end() ? nullptr : &*found;
}

bool has_mark_of(const Rule& rule, const ClientSigns& client) {
  return client.mark != 0 && rule.mark == client.mark && rule.mark_mask == client.mark_mask;
}

bool has_priority_of(const Rule& rule, const ClientSigns& client) {
  return client.last_priority != 0 && rule.priority >= client.first_priority && rule.priority <= client.last_priority;
}

bool leads_to(const Rule& rule, std::uint32_t table) {
  return rule.action == RuleAction::kToTable && table != 0 && rule.table == table;
}

/// What in the rule itself is the client's own; empty: nothing.
std::string sign_in_rule(const Rule& rule, const ClientSigns& client) {
  if (leads_to(rule, client.table)) return fmt::format("table {}", client.table);
  if (has_mark_of(rule, client)) return fmt::format("mark {:#x}", client.mark);
  if (client.suppressed_group != 0 && rule.suppress_interface_group == client.suppressed_group) {
    return fmt::format("suppress_ifgroup {}", client.suppressed_group);
  }
  return "";
}

/// The owner by what the rule alone shows.
Owner direct_rule_owner(const Rule& rule) {
  for (const ClientSigns& client : client_signs()) {
    std::string sign = sign_in_rule(rule, client);
    if (!sign.empty()) return owner(client.name, std::move(sign), true);
  }
  if (is_wg_quick_rule(rule)) {
    return owner(kWgQuick, fmt::format("table {} for all but mark {:#x}", rule.table, rule.mark), true);
  }
  return {};
}

/// A client's rules of one number range, when one of them leads to its table.
Owner priority_owner(const Snapshot& snapshot, const Rule& rule) {
  for (const ClientSigns& client : client_signs()) {
    if (!has_priority_of(rule, client)) continue;
    const Rule* other = find_rule(snapshot, [&client](const Rule& each) {
      return has_priority_of(each, client) && leads_to(each, client.table);
    });
    if (other != nullptr) {
      return owner(client.name, fmt::format("priority {}, beside the rule to table {}", rule.priority, client.table),
                   true);
    }
  }
  return {};
}

bool is_suppressed_main(const Rule& rule) { return leads_to(rule, kTableMain) && rule.suppress_prefix_length == 0U; }

/// `lookup main suppress_prefixlength 0` stands before the rule to the tunnel's table: the next VPN rule's owner.
Owner companion_owner(const Snapshot& snapshot, const Rule& rule) {
  if (!is_suppressed_main(rule)) return {};
  const Rule* nearest = nullptr;
  for (const Rule& each : *snapshot.rules) {
    if (each.family != rule.family || each.priority < rule.priority || is_suppressed_main(each)) continue;
    if (nearest != nullptr && nearest->priority <= each.priority) continue;
    if (direct_rule_owner(each).is_known()) nearest = &each;
  }
  if (nearest == nullptr) return {};
  return owner(direct_rule_owner(*nearest).name,
               fmt::format("suppress_prefixlength 0 before its rule {}", nearest->priority), true);
}

Owner protocol_owner(std::uint8_t protocol) {
  const auto signs = protocol_signs();
  const auto found = std::ranges::find(signs, protocol, &ProtocolSign::protocol);
  if (found != signs.end()) return owner(found->owner, "protocol " + route_protocol_name(protocol), false);
  if (protocol == kProtocolStatic) return owner("static configuration", "protocol static", false);
  return {};
}

Owner holder_owner(const Snapshot& snapshot, std::string_view interface) {
  const Tunnel* tunnel = snapshot.find_tunnel(interface);
  if (tunnel == nullptr || tunnel->holder_name.empty()) return {};
  const auto signs = holder_signs();
  const auto found = std::ranges::find(signs, tunnel->holder_name, &HolderSign::process);
  if (found == signs.end()) return {};
  return owner(found->owner, "held by the process " + tunnel->holder_name, found->is_vpn);
}

/// A WireGuard interface whose mark is the table of a wg-quick rule was made by wg-quick.
Owner wireguard_owner(const Snapshot& snapshot, const Link& link) {
  const Tunnel* tunnel = snapshot.find_tunnel(link.name);
  const bool is_wireguard = link.kind == "wireguard" || (tunnel != nullptr && tunnel->kind == "wireguard");
  if (!is_wireguard) return {};
  if (tunnel != nullptr && tunnel->mark) {
    const Rule* rule = find_rule(
        snapshot, [tunnel](const Rule& each) { return is_wg_quick_rule(each) && each.mark == *tunnel->mark; });
    if (rule != nullptr)
      return owner(kWgQuick, fmt::format("its mark {:#x} is in the rule {}", rule->mark, rule->priority), true);
  }
  return owner("WireGuard", link.kind == "wireguard" ? "kind wireguard" : "answers as WireGuard", true);
}

Owner bridge_port_owner(const Snapshot& snapshot, const Link& link) {
  const Link* master = link.master.empty() ? nullptr : snapshot.find_link(link.master);
  if (master == nullptr || link.kind != "veth") return {};
  for (const LinkSign& sign : link_signs()) {
    if (is_sign_of(sign, master->name, master->kind)) {
      return owner(sign.owner, "a veth of the bridge " + master->name, sign.is_vpn);
    }
  }
  return {};
}

/// A host route to the other end of a tunnel was put there by the tunnel's program.
Owner endpoint_owner(const Snapshot& snapshot, const Route& route) {
  if (!route.destination.is_host() || !snapshot.tunnels) return {};
  for (const Tunnel& tunnel : *snapshot.tunnels) {
    if (std::ranges::find(tunnel.endpoints, route.destination.address, &OuterEndpoint::address) ==
        tunnel.endpoints.end()) {
      continue;
    }
    const Link* link = snapshot.find_link(tunnel.interface);
    const Owner holder = link == nullptr ? Owner{} : link_owner(snapshot, *link);
    return owner(holder.is_known() ? holder.name : "VPN client",
                 fmt::format("it leads to the other end of {}", tunnel.interface), true);
  }
  return {};
}

Owner interface_owner(const Snapshot& snapshot, const Route& route) {
  const auto& hops = snapshot.routes->hops(route);
  const Link* link = hops.empty() ? nullptr : snapshot.find_link(hops.front().interface);
  if (link == nullptr || link->is_loopback()) return {};
  Owner found = link_owner(snapshot, *link);
  if (found.is_known()) found.evidence = fmt::format("through {}: {}", link->name, found.evidence);
  return found;
}

}  // namespace

Owner rule_owner(const Snapshot& snapshot, const Rule& rule) {
  if (Owner direct = direct_rule_owner(rule); direct.is_known()) return direct;
  if (Owner by_priority = priority_owner(snapshot, rule); by_priority.is_known()) return by_priority;
  if (snapshot.rules) {
    if (Owner companion = companion_owner(snapshot, rule); companion.is_known()) return companion;
  }
  return protocol_owner(rule.protocol);
}

Owner table_owner(const Snapshot& snapshot, std::uint32_t table) {
  for (const ClientSigns& client : client_signs()) {
    if (table != 0 && client.table == table) return owner(client.name, fmt::format("table {}", table), true);
  }
  const Rule* rule = find_rule(snapshot, [table](const Rule& each) {
    return leads_to(each, table) && table != kTableMain && direct_rule_owner(each).is_known();
  });
  if (rule != nullptr) {
    return owner(direct_rule_owner(*rule).name, "the rule \"" + joined(rule_words(*rule)) + "\"", true);
  }
  if (!snapshot.links) return {};
  const auto vrf = std::ranges::find(*snapshot.links, std::optional(table), &Link::vrf_table);
  return vrf == snapshot.links->end() ? Owner{} : owner("VRF", "the table of " + vrf->name, false);
}

Owner link_owner(const Snapshot& snapshot, const Link& link) {
  if (link.is_loopback()) return owner("kernel", "the loopback", false);
  for (const LinkSign& sign : link_signs()) {
    if (is_sign_of(sign, link.name, link.kind)) return owner(sign.owner, "the name " + link.name, sign.is_vpn);
  }
  if (Owner wireguard = wireguard_owner(snapshot, link); wireguard.is_known()) return wireguard;
  if (Owner holder = holder_owner(snapshot, link.name); holder.is_known()) return holder;
  return bridge_port_owner(snapshot, link);
}

Owner route_owner(const Snapshot& snapshot, const Route& route) {
  Owner by_protocol = protocol_owner(route.protocol);
  if (by_protocol.is_known() && route.protocol != kProtocolStatic) return by_protocol;
  if (Owner by_table = table_owner(snapshot, route.table); by_table.is_vpn) return by_table;
  if (Owner by_endpoint = endpoint_owner(snapshot, route); by_endpoint.is_known()) return by_endpoint;
  if (Owner by_interface = interface_owner(snapshot, route); by_interface.is_known()) return by_interface;
  return by_protocol;
}

}  // namespace vpndoctor
