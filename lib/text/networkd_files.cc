// SPDX-License-Identifier: Apache-2.0
// Reads what systemd-networkd writes about a link and its lease, and the settings of systemd.network(5) that make
// routes. Knows the text alone.
#include <fmt/format.h>

#include <utility>

#include "text/configuration_text.h"

namespace vpndoctor {
namespace {

/// Reads "0.0.0.0/0,192.0.2.1 10.77.0.0/16,192.0.2.3".
void take_pairs(const Setting& setting, InterfaceConfiguration& lease) {
  for (const std::string_view pair : split(setting.value, kBlanks)) {
    const auto pieces = split(pair, ",");
    const auto destination = pieces.empty() ? std::nullopt : parse_destination(pieces[0], Family::kInet);
    const auto gateway = pieces.size() == 2 ? IpAddress::parse(pieces[1]) : std::nullopt;
    if (!destination || !gateway || gateway->family != Family::kInet) {
      add_not_understood(lease, fmt::format("line {}: {}", setting.line, setting.key));
      continue;
    }
    ConfiguredWay way;
    way.destination = *destination;
    if (!gateway->is_unspecified()) way.gateway = gateway;
    way.place = fmt::format("line {}, {}", setting.line, setting.key);
    add_way(lease, std::move(way));
  }
}

/// What a lease says before option 121 is weighed against the others.
struct NetworkdLease {
  InterfaceConfiguration configuration;
  std::vector<Setting> routers;
  bool has_classless = false;
  std::optional<std::uint8_t> prefix_length;
};

void take_lease_setting(const Setting& setting, NetworkdLease& lease) {
  const auto address = IpAddress::parse(setting.value);
  if (setting.key == "ADDRESS" && address) lease.configuration.addresses.push_back({*address, std::nullopt});
  if (setting.key == "NETMASK" && address) lease.prefix_length = mask_length(*address);
  if (setting.key == "ROUTER") lease.routers.push_back(setting);
  if (setting.key == "LIFETIME") {
    const auto seconds = parse_number<std::uint32_t>(setting.value);
    if (seconds) lease.configuration.lifetime = std::chrono::seconds(*seconds);
    if (seconds && *seconds == 0xffffffff) lease.configuration.never_expires = true;
  }
  // ROUTES held option 33 and 121 alike before version 249.
  if (setting.key == "CLASSLESS_ROUTES" || setting.key == "ROUTES") {
    lease.has_classless = true;
    take_pairs(setting, lease.configuration);
  }
}

/// Only the first router becomes a route (src/network/networkd-dhcp4.c dhcp4_request_routes()).
void take_router(const Setting& setting, InterfaceConfiguration& lease) {
  const auto routers = split(setting.value, kBlanks);
  const auto router = routers.empty() ? std::nullopt : IpAddress::parse(routers[0]);
  if (!router || router->family != Family::kInet) return;
  ConfiguredWay way;
  way.destination = IpPrefix::everything(Family::kInet);
  way.gateway = router;
  way.place = fmt::format("line {}, ROUTER", setting.line);
  add_way(lease, std::move(way));
}

/// A section [Route] as it grows.
struct OpenRoute {
  std::size_t section_line = 0;
  std::string_view destination = {};
  std::string_view gateway = {};
  std::string_view preferred_source = {};
  std::string_view type = {};
  std::optional<std::uint32_t> metric = {};
  std::optional<std::uint32_t> table = {};
  bool on_link = false;
};

void take_route_setting(const Setting& setting, OpenRoute& route) {
  if (setting.key == "Destination") route.destination = setting.value;
  if (setting.key == "Gateway") route.gateway = setting.value;
  if (setting.key == "PreferredSource") route.preferred_source = setting.value;
  if (setting.key == "Type") route.type = setting.value;
  if (setting.key == "Metric") route.metric = parse_number<std::uint32_t>(setting.value);
  if (setting.key == "Table") route.table = parse_table(setting.value);
  if (setting.key == "GatewayOnLink") route.on_link = is_truth(setting.value);
}

/// `Gateway=_dhcp4` and its like take the router from a lease: not understood here.
void finish_route(const OpenRoute& route, InterfaceConfiguration& file) {
  if (route.section_line == 0) return;
  const auto gateway = IpAddress::parse(route.gateway);
  const auto family = gateway ? std::optional(gateway->family) : std::nullopt;
  auto destination = parse_destination(route.destination, family);
  if (route.destination.empty() && gateway) destination = IpPrefix::everything(gateway->family);
  const auto type = route.type.empty() ? RouteType::kUnicast : parse_route_type(route.type).value_or(RouteType::kNat);
  if (!destination || (!gateway && !route.gateway.empty()) || type == RouteType::kNat) {
    add_not_understood(file, fmt::format("line {}: [Route]", route.section_line));
    return;
  }
  add_way(file, {.destination = *destination,
                 .gateway = gateway,
                 .type = type,
                 .metric = route.metric,
                 .table = route.table,
                 .preferred_source = IpAddress::parse(route.preferred_source),
                 .on_link = route.on_link,
                 .place = fmt::format("line {}, [Route]", route.section_line)});
}

/// What the interface takes from its lease. Of the gateway `UseGateway` decides, and where it is not set `UseRoutes`
/// (systemd.network(5)), in whatever order they come.
struct LeaseUse {
  bool routes = true;
  std::optional<bool> gateway;
};

void take_network_setting(const Setting& setting, InterfaceConfiguration& file, LeaseUse& uses) {
  const bool is_network = setting.section == "Network";
  if ((is_network || setting.section == "Address") && setting.key == "Address") {
    const auto address = parse_configured_address(setting.value);
    if (address) file.addresses.push_back(*address);
  }
  if (is_network && setting.key == "Gateway") {
    const auto gateway = IpAddress::parse(setting.value);
    if (!gateway) return add_not_understood(file, fmt::format("line {}: Gateway", setting.line));
    add_way(file, {.destination = IpPrefix::everything(gateway->family),
                   .gateway = gateway,
                   .place = fmt::format("line {}, Gateway", setting.line)});
  }
  if (setting.section == "DHCPv4" || setting.section == "DHCP") {
    if (setting.key == "RouteMetric") file.metric = parse_number<std::uint32_t>(setting.value);
    if (setting.key == "UseRoutes") uses.routes = is_truth(setting.value);
    if (setting.key == "UseGateway") uses.gateway = is_truth(setting.value);
  }
}

}  // namespace

Result<InterfaceConfiguration> parse_networkd_lease(std::string_view text) {
  NetworkdLease lease;
  lease.configuration.manager = ConfigurationManager::kNetworkd;
  lease.configuration.is_lease = true;
  for_each_setting(text, [&](const Setting& setting) { take_lease_setting(setting, lease); });
  if (lease.configuration.addresses.empty()) return failure(ErrorKind::kUsage, "the lease gives no address");
  for (ConfiguredAddress& address : lease.configuration.addresses) address.prefix_length = lease.prefix_length;
  if (!lease.has_classless) {
    for (const Setting& setting : lease.routers) take_router(setting, lease.configuration);
  }
  return std::move(lease.configuration);
}

InterfaceConfiguration parse_network_file(std::string_view text) {
  InterfaceConfiguration file;
  file.manager = ConfigurationManager::kNetworkd;
  OpenRoute route;
  LeaseUse uses;
  for_each_setting(text, [&](const Setting& setting) {
    if (setting.section != "Route") return take_network_setting(setting, file, uses);
    if (setting.section_line != route.section_line) {
      finish_route(route, file);
      route = OpenRoute{.section_line = setting.section_line};
    }
    take_route_setting(setting, route);
  });
  finish_route(route, file);
  file.ignores_lease_routes = !uses.routes;
  file.ignores_lease_gateway = !uses.gateway.value_or(uses.routes);
  return file;
}

NetworkdLinkState parse_networkd_link_state(std::string_view text) {
  NetworkdLinkState state;
  for_each_setting(text, [&](const Setting& setting) {
    if (setting.key == "NETWORK_FILE") state.network_file = setting.value;
    if (setting.key != "NETWORK_FILE_DROPINS") return;
    for (std::string_view path : split(setting.value, kBlanks)) {
      // Each path is quoted.
      while (path.starts_with('"')) path.remove_prefix(1);
      while (path.ends_with('"')) path.remove_suffix(1);
      state.drop_ins.emplace_back(path);
    }
  });
  return state;
}

}  // namespace vpndoctor
