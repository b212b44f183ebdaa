// SPDX-License-Identifier: Apache-2.0
// Reads NetworkManager's connections in keyfile form (nm-settings-keyfile(5)) and its state of a device. Knows the text
// alone. The addresses and routes of a lease that its internal client holds are in no file.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/configuration_text.h"

namespace vpndoctor {
namespace {

constexpr std::string_view kOptions = "_options";

/// "route1", "address12": the word and a number.
bool is_numbered(std::string_view key, std::string_view word) {
  return key.starts_with(word) && parse_number<std::uint16_t>(key.substr(word.size())).has_value();
}

std::optional<Family> section_family(std::string_view section) {
  if (section == "ipv4") return Family::kInet;
  if (section == "ipv6") return Family::kInet6;
  return std::nullopt;
}

/// The settings that hold for all routes of a section.
struct SectionDefaults {
  std::optional<std::uint32_t> metric;
  std::optional<std::uint32_t> table;
  bool never_default = false;
};

class Connection {
 public:
  void take(const Setting& setting) {
    if (setting.section == "connection" && setting.key == "uuid") result_.uuid = setting.value;
    if (setting.section == "connection" && setting.key == "interface-name") file().interface = setting.value;
    const auto family = section_family(setting.section);
    if (family) take_ip(setting, *family);
  }

  NetworkManagerConnection finish() && {
    for (ConfiguredWay& way : file().ways) {
      const SectionDefaults& section = defaults_of(way.destination.family());
      if (!way.metric) way.metric = section.metric;
      if (!way.table) way.table = section.table;
    }
    std::erase_if(file().ways, [&](const ConfiguredWay& way) {
      return way.destination.is_default() && defaults_of(way.destination.family()).never_default;
    });
    file().ignores_lease_gateway = inet_.never_default;
    file().manager = ConfigurationManager::kNetworkManager;
    return std::move(result_);
  }

 private:
  InterfaceConfiguration& file() { return result_.configuration; }
  SectionDefaults& defaults_of(Family family) { return family == Family::kInet ? inet_ : inet6_; }

  void take_ip(const Setting& setting, Family family) {
    SectionDefaults& section = defaults_of(family);
    if (setting.key == "route-metric") section.metric = parse_number<std::uint32_t>(setting.value);
    if (setting.key == "route-table" && setting.value != "0") section.table = parse_table(setting.value);
    if (setting.key == "never-default") section.never_default = is_truth(setting.value);
    if (family == Family::kInet && setting.key == "ignore-auto-routes") {
      file().ignores_lease_routes = is_truth(setting.value);
    }
    if (setting.key == "gateway") take_gateway(setting, setting.value, family);
    if (is_numbered(setting.key, "address")) take_address(setting, family);
    if (is_numbered(setting.key, "route")) take_route(setting, family);
    if (setting.key.starts_with("route") && setting.key.ends_with(kOptions)) take_route_options(setting, family);
  }

  /// "route1_options=table=100,src=192.0.2.5,onlink=true" belongs to the route1 before it; with an option that is not
  /// understood the route is not.
  void take_route_options(const Setting& setting, Family family) {
    const std::string_view route = setting.key.substr(0, setting.key.size() - kOptions.size());
    const auto is_it = [&](const ConfiguredWay& way) {
      return way.destination.family() == family && way.place.ends_with(fmt::format(", {}", route));
    };
    const auto way = std::ranges::find_if(file().ways, is_it);
    if (way == file().ways.end()) return misunderstood(setting);
    for (const std::string_view option : split(setting.value, ",")) {
      if (take_route_option(option, *way)) continue;
      file().ways.erase(way);
      return misunderstood(setting);
    }
  }

  static bool take_route_option(std::string_view option, ConfiguredWay& way) {
    const auto equals = option.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = option.substr(0, equals);
    const std::string_view value = option.substr(equals + 1);
    if (name == "table") return (way.table = parse_table(value)).has_value();
    if (name == "src") return (way.preferred_source = IpAddress::parse(value)).has_value();
    if (name == "onlink") return way.on_link = is_truth(value), true;
    return false;
  }

  /// "address1=192.0.2.5/24,192.0.2.1": the gateway is optional.
  void take_address(const Setting& setting, Family family) {
    const auto pieces = split(setting.value, ",;");
    const auto address = pieces.empty() ? std::nullopt : parse_configured_address(trimmed(pieces[0]));
    if (!address || address->address.family != family) return misunderstood(setting);
    file().addresses.push_back(*address);
    if (pieces.size() > 1) take_gateway(setting, trimmed(pieces[1]), family);
  }

  void take_gateway(const Setting& setting, std::string_view text, Family family) {
    const auto gateway = IpAddress::parse(text);
    if (!gateway || gateway->family != family) return misunderstood(setting);
    if (gateway->is_unspecified()) return;
    add_way(file(), {.destination = IpPrefix::everything(family),
                     .gateway = gateway,
                     .place = fmt::format("line {}, gateway", setting.line)});
  }

  /// "route1=10.0.0.0/8,192.0.2.3,50": the next hop and the metric are optional.
  void take_route(const Setting& setting, Family family) {
    const auto pieces = split(setting.value, ",;");
    const auto destination = pieces.empty() ? std::nullopt : parse_destination(trimmed(pieces[0]), family);
    if (!destination) return misunderstood(setting);
    ConfiguredWay way;
    way.destination = *destination;
    if (pieces.size() > 1) {
      way.gateway = IpAddress::parse(trimmed(pieces[1]));
      if (!way.gateway || way.gateway->family != family) return misunderstood(setting);
      if (way.gateway->is_unspecified()) way.gateway.reset();
    }
    if (pieces.size() > 2) way.metric = parse_number<std::uint32_t>(trimmed(pieces[2]));
    way.place = fmt::format("line {}, {}", setting.line, setting.key);
    add_way(file(), std::move(way));
  }

  void misunderstood(const Setting& setting) {
    add_not_understood(file(), fmt::format("line {}: {}", setting.line, setting.key));
  }

  NetworkManagerConnection result_;
  SectionDefaults inet_;
  SectionDefaults inet6_;
};

}  // namespace

NetworkManagerConnection parse_networkmanager_connection(std::string_view text) {
  Connection connection;
  for_each_setting(text, [&](const Setting& setting) { connection.take(setting); });
  return std::move(connection).finish();
}

NetworkManagerDevice parse_networkmanager_device(std::string_view text) {
  NetworkManagerDevice device;
  for_each_setting(text, [&](const Setting& setting) {
    if (setting.section != "device") return;
    if (setting.key == "connection-uuid") device.connection_uuid = setting.value;
    if (setting.key == "route-metric-default-effective") device.metric = parse_number<std::uint32_t>(setting.value);
  });
  // 0xffffffff stands for a metric that was not set.
  if (device.metric == 0xffffffff) device.metric.reset();
  return device;
}

}  // namespace vpndoctor
