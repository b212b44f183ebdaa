// SPDX-License-Identifier: Apache-2.0
// A default route that nothing speaks for; see the header.
#include "infer_restore_defaults.h"

#include <fmt/format.h>

#include <algorithm>

#include "default_way.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// An address that other networks can answer to, as far as its kind tells: fd00::/8 is often used without a router.
bool is_for_everywhere(const IpAddress& address) {
  const bool is_local = address.family == Family::kInet6 && (address.bytes[0] & 0xfeU) == 0xfcU;
  return !is_local && !address.is_link_local() && !address.is_loopback();
}

/// The first interface by which the machine would reach everything of that family: no tunnel, and nobody's for its own
/// containers or guests.
const Link* way_out(const Snapshot& now, Family family) {
  if (!now.links || !now.addresses) return nullptr;
  for (const Address& each : *now.addresses) {
    if (each.address.family != family || !is_for_everywhere(each.address)) continue;
    const Link* link = now.find_link(each.interface);
    if (link == nullptr || !link->is_running() || link->is_loopback() || is_tunnel(now, link->name)) continue;
    if (!link_owner(now, *link).is_known()) return link;
  }
  return nullptr;
}

/// A default that is only offered, or not possible here, is none.
bool is_in_doubt(const RestoreOperation& operation, Family family) {
  const auto* route = std::get_if<StandaloneRoute>(&operation.object);
  return route != nullptr && operation.action == RestoreAction::kAdd && !operation.is_pending() &&
         route->route.destination == IpPrefix::everything(family);
}

bool has_default(const Snapshot& target, const RestorePlan& plan, Family family) {
  if (!default_way(target, family)) return false;
  Snapshot sure = target;
  for (const RestoreOperation& operation : plan.operations) {
    if (!is_in_doubt(operation, family)) continue;
    const auto& doubtful = std::get<StandaloneRoute>(operation.object);
    std::erase_if(sure.routes->routes, [&](const Route& route) {
      return route.destination == doubtful.route.destination && route.table == doubtful.route.table &&
             route.metric == doubtful.route.metric && sure.routes->hops(route) == doubtful.next_hops.hops;
    });
  }
  return default_way(sure, family).has_value();
}

/// What makes the program that configures the interface ask again.
std::string renewal(const ConfiguredState& configured, const std::string& interface) {
  const std::string name = escape_controls(interface);
  const auto found = configured.managers.find(interface);
  if (found == configured.managers.end()) {
    return fmt::format("renew the lease of {} with the program that configures it", name);
  }
  switch (found->second) {
    case ConfigurationManager::kNetworkd:
      return fmt::format("renew the lease: networkctl reconfigure {}", name);
    case ConfigurationManager::kNetworkManager:
      return fmt::format("renew the lease: nmcli device reapply {}", name);
    case ConfigurationManager::kDhclient:
      return fmt::format("renew the lease: dhclient {}", name);
    case ConfigurationManager::kDhcpcd:
      return fmt::format("renew the lease: dhcpcd -n {}", name);
    case ConfigurationManager::kIfupdown:
      break;
  }
  return fmt::format("bring the interface up again: ifdown {0} && ifup {0}", name);
}

bool kernel_takes_advertisements(const Snapshot& now, const std::string& interface) {
  if (!now.settings) return true;
  const auto found = now.settings->inet6.find(interface);
  return found == now.settings->inet6.end() || found->second.accept_router_advertisements.value_or(1) != 0;
}

std::string next_step(const Snapshot& now, const ConfiguredState& configured, const std::string& interface,
                      Family family) {
  if (family == Family::kInet) return renewal(configured, interface);
  const std::string name = escape_controls(interface);
  if (kernel_takes_advertisements(now, interface)) return fmt::format("ask the router for one: rdisc6 -1 {}", name);
  const auto found = configured.managers.find(interface);
  const bool is_networkds = found != configured.managers.end() && found->second == ConfigurationManager::kNetworkd;
  return fmt::format("a manager handles the router advertisements of {0}: {1} {0}", name,
                     is_networkds ? "networkctl reconfigure" : "nmcli device reapply");
}

}  // namespace

void find_unanswered_defaults(const Snapshot& now, const Snapshot& target, const ConfiguredState& configured,
                              RestorePlan& plan) {
  if (!now.routes || now.platform != Platform::kLinux) return;
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const Link* link = way_out(now, family);
    if (link == nullptr || has_default(target, plan, family)) continue;
    plan.unanswered.push_back(fmt::format("nothing that was found says what the {} default route is; {}",
                                          family == Family::kInet ? "IPv4" : "IPv6",
                                          next_step(now, configured, link->name, family)));
  }
}

}  // namespace vpndoctor
