// SPDX-License-Identifier: Apache-2.0
// Judges macOS's utun interfaces from a capture. The system makes many for itself, with signs that were the same in all
// public captures; a capture of text shows no holder and no movement, so that no other state is certain.
#include <algorithm>
#include <array>

#include "tunnel_judgement.h"
#include "tunnel_users.h"

namespace vpndoctor {
namespace {

/// What macOS gives to the utun of its own services, beside addresses of fe80::/10 alone.
constexpr auto kSystemMtus = std::to_array<std::uint32_t>({1380, 1500, 2000});
constexpr std::uint32_t kSignatureMtu = 1000;

IpAddress signature_address() { return IpAddress::parse("fe80::ce81:b1c:bd2c:69e").value_or(IpAddress{}); }

bool has_address(const TunnelCase& facts, auto&& condition) {
  return facts.snapshot.addresses && std::ranges::any_of(*facts.snapshot.addresses, [&](const Address& each) {
           return each.interface == facts.link.name && condition(each.address);
         });
}

bool has_resolver(const TunnelCase& facts) {
  return facts.snapshot.dns.macos &&
         std::ranges::any_of(facts.snapshot.dns.macos->resolvers, [&](const MacosResolver& each) {
           return each.interface == facts.link.name && !each.servers.empty();
         });
}

bool has_route(const TunnelCase& facts) {
  return facts.snapshot.routes && std::ranges::any_of(facts.snapshot.routes->routes, [&](const Route& route) {
           return counts_as_use(*facts.snapshot.routes, route) &&
                  std::ranges::count(facts.snapshot.routes->hops(route), facts.link.name, &NextHop::interface) != 0;
         });
}

}  // namespace

bool has_macos_tunnel_name(const std::string& interface) {
  return interface.starts_with("utun") || interface.starts_with("ipsec") || interface.starts_with("ppp");
}

TunnelJudgement judge_macos_tunnel(const TunnelCase& facts) {
  if (!facts.link.name.starts_with("utun")) {
    return {TunnelState::kUnknown, "A capture does not show whether packets move."};
  }
  const auto mtu = facts.link.mtu_bytes;
  const bool has_signature = has_address(facts, [](const IpAddress& each) { return each == signature_address(); });
  if (mtu == kSignatureMtu && has_signature) {
    return {TunnelState::kSystem, "MTU 1000 and fe80::ce81:b1c:bd2c:69e are those of a utun of macOS itself."};
  }
  const bool has_own_address = has_address(facts, [](const IpAddress& each) { return !each.is_link_local(); });
  if (has_own_address)
    return {TunnelState::kUnknown, "It has an address of its own; a capture does not show whether packets move."};
  if (!facts.snapshot.addresses || !facts.snapshot.routes) {
    return {TunnelState::kUnknown, "Its addresses or the routes are not known."};
  }
  if (has_route(facts)) return {TunnelState::kUnknown, "It has no address of its own, and routes lead into it."};
  if (has_resolver(facts)) return {TunnelState::kUnknown, "It has no address of its own, and a resolver uses it."};
  const bool has_system_mtu = mtu && std::ranges::count(kSystemMtus, *mtu) != 0;
  if (has_system_mtu && facts.snapshot.dns.macos) {
    return {TunnelState::kSystem,
            "It has addresses of fe80::/10 alone, no route and no resolver, and an MTU that macOS gives to its own."};
  }
  return {TunnelState::kUnknown,
          has_system_mtu ? "Without the resolvers it cannot be told from one of macOS itself."
                         : "Nothing uses it; it has none of the signs of those that macOS makes for itself."};
}

}  // namespace vpndoctor
