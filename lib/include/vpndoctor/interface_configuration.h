// SPDX-License-Identifier: Apache-2.0
// What files say about the configuration of an interface: DHCP leases and static settings of systemd-networkd,
// NetworkManager, dhclient, dhcpcd and ifupdown, decoded. Knows the formats; not where the files lie, and not whether
// what they say still holds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/network.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class ConfigurationManager : std::uint8_t { kNetworkd, kNetworkManager, kDhclient, kDhcpcd, kIfupdown };

/// A route that a file asks for; what it does not tell is null.
struct ConfiguredWay {
  IpPrefix destination;
  std::optional<IpAddress> gateway = {};  ///< null: on the link
  RouteType type = RouteType::kUnicast;
  std::optional<std::uint32_t> metric = {};
  std::optional<std::uint32_t> table = {};
  std::optional<IpAddress> preferred_source = {};
  bool on_link = false;  ///< the gateway is on the link although no address says so
  std::string place;     ///< "option 121", "line 7"
  bool operator==(const ConfiguredWay&) const = default;
};

/// An address that a file gives to its interface.
struct ConfiguredAddress {
  IpAddress address;
  std::optional<std::uint8_t> prefix_length;
  bool operator==(const ConfiguredAddress&) const = default;
};

/// What one file, or one entry of it, says about one interface.
struct InterfaceConfiguration {
  ConfigurationManager manager = ConfigurationManager::kNetworkd;
  std::string source;     ///< the file's path; empty until its reader fills it in
  std::string interface;  ///< empty: the text does not name it
  bool is_lease = false;
  std::vector<ConfiguredAddress> addresses;
  std::vector<ConfiguredWay> ways;
  std::optional<std::uint32_t> metric;  ///< for ways that have none of their own
  bool ignores_lease_routes = false;    ///< the interface takes no routes from its lease
  bool ignores_lease_gateway = false;   ///< the interface takes no default route from its lease
  /// When the lease ends; null with `never_expires` false: the text does not tell.
  std::optional<std::chrono::system_clock::time_point> expires_at;
  bool never_expires = false;
  std::optional<std::chrono::seconds> lifetime;  ///< of a lease whose file tells only how long it holds
  std::vector<std::string> not_understood;       ///< places of what was not understood, a phrase each
  bool operator==(const InterfaceConfiguration&) const = default;
};

/// Decodes a DHCP message (RFC 2131, RFC 3396) as dhcpcd saves it: the address, options 1, 3, 33, 51 and 121. With
/// option 121 the options 3 and 33 do not count (RFC 3442). kUsage with the place of the fault.
Result<InterfaceConfiguration> parse_dhcp_message(std::span<const std::byte> message);

/// Reads dhclient.leases(5): the last lease of each interface, in the order of their first appearance. What is no lease
/// is skipped; a lease that is cut off does not count.
std::vector<InterfaceConfiguration> parse_dhclient_leases(std::string_view text);

/// Reads a lease of systemd-networkd, or of NetworkManager's internal client, which has the same form: KEY=value.
/// kUsage when there is no address.
Result<InterfaceConfiguration> parse_networkd_lease(std::string_view text);

/// Reads a file systemd.network(5), or several joined in the order of their precedence.
InterfaceConfiguration parse_network_file(std::string_view text);

/// Where systemd-networkd says in its state of a link (/run/systemd/netif/links/INDEX) that the link's settings are.
struct NetworkdLinkState {
  std::string network_file;           ///< empty: none
  std::vector<std::string> drop_ins;  ///< files that add to it
};
NetworkdLinkState parse_networkd_link_state(std::string_view text);

/// A connection of NetworkManager, from its keyfile (nm-settings-keyfile(5)).
struct NetworkManagerConnection {
  std::string uuid;
  InterfaceConfiguration configuration;
};
NetworkManagerConnection parse_networkmanager_connection(std::string_view text);

/// What NetworkManager keeps about a device (/run/NetworkManager/devices/INDEX).
struct NetworkManagerDevice {
  std::string connection_uuid;          ///< empty: not told
  std::optional<std::uint32_t> metric;  ///< of the device's routes
};
NetworkManagerDevice parse_networkmanager_device(std::string_view text);

/// A file interfaces(5): its interfaces with a static address, and the patterns of files that it includes.
struct InterfacesFile {
  std::vector<InterfaceConfiguration> interfaces;
  std::vector<std::string> includes;  ///< of `source`: shell patterns; of `source-directory`: the folder with "/*"
};
InterfacesFile parse_interfaces_file(std::string_view text);

}  // namespace vpndoctor
