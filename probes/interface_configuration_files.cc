// SPDX-License-Identifier: Apache-2.0
// Reads the files of interface configuration; see the header.
#include "interface_configuration_files.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "configuration_files.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostIncludedFiles = 64;

class Reader {
 public:
  Reader(const Snapshot& now, const std::string& root, ConfigurationKind kind)
      : now_(now), files_(root), reads_settings_(kind == ConfigurationKind::kAll) {}

  ConfigurationsFound read() {
    if (now_.links) {
      for (const Link& link : *now_.links) {
        if (!link.is_loopback() && !is_tunnel(now_, link.name)) read_interface(link);
      }
    }
    for (const char* folder : {"/var/lib/dhcp", "/var/lib/dhclient", "/run"}) read_dhclient(folder);
    if (reads_settings_) read_interfaces();
    return {std::move(found_), files_.take_failures()};
  }

 private:
  void read_interface(const Link& link) {
    read_networkd(link);
    read_networkmanager(link);
    for (const char* folder : {"/var/lib/dhcpcd", "/var/db/dhcpcd", "/var/lib/dhcpcd5"}) read_dhcpcd(link, folder);
  }
  void read_networkd(const Link& link);
  void read_networkmanager(const Link& link);
  void read_networkmanager_lease(const Link& link, const std::string& uuid);
  void read_connection(const Link& link, const NetworkManagerDevice& device);
  void read_dhcpcd(const Link& link, const std::string& folder);
  void read_dhclient(const std::string& folder);
  void read_interfaces();

  /// Remembers what a file says; a lease that tells how long it holds does so from the time it was written.
  void keep(InterfaceConfiguration configuration, const ConfigurationFile& file) {
    configuration.source = file.path;
    if (configuration.lifetime && !configuration.expires_at) {
      configuration.expires_at = file.modified_at + *configuration.lifetime;
    }
    found_.push_back(std::move(configuration));
  }
  void keep(Result<InterfaceConfiguration> configuration, const std::string& interface, const ConfigurationFile& file) {
    if (!configuration) return files_.add_failure(file.path, configuration.error().message);
    configuration->interface = interface;
    keep(std::move(*configuration), file);
  }

  const Snapshot& now_;
  ConfigurationFiles files_;
  bool reads_settings_;
  std::vector<InterfaceConfiguration> found_;
};

void Reader::read_networkd(const Link& link) {
  const std::string index = std::to_string(link.index);
  if (const auto lease = files_.read("/run/systemd/netif/leases/" + index)) {
    keep(parse_networkd_lease(lease->text), link.name, *lease);
  }
  if (!reads_settings_) return;
  const auto state = files_.read("/run/systemd/netif/links/" + index);
  if (!state) return;
  const NetworkdLinkState says = parse_networkd_link_state(state->text);
  if (says.network_file.empty()) return;
  auto settings = files_.read(says.network_file);
  if (!settings) return;
  for (const std::string& path : says.drop_ins) {
    const auto drop_in = files_.read(path);
    if (drop_in) settings->text += "\n" + drop_in->text;
  }
  keep(parse_network_file(settings->text), link.name, *settings);
}

void Reader::read_connection(const Link& link, const NetworkManagerDevice& device) {
  for (const char* folder : {"/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections",
                             "/usr/lib/NetworkManager/system-connections"}) {
    for (const std::string& path : files_.list(folder, "", ".nmconnection")) {
      const auto file = files_.read(path);
      if (!file) continue;
      NetworkManagerConnection connection = parse_networkmanager_connection(file->text);
      if (connection.uuid != device.connection_uuid) continue;
      connection.configuration.metric = device.metric;
      keep(std::move(connection.configuration), link.name, *file);
      return;
    }
  }
}

void Reader::read_networkmanager_lease(const Link& link, const std::string& uuid) {
  const std::string name = uuid + "-" + link.name + ".lease";
  if (const auto file = files_.read("/var/lib/NetworkManager/internal-" + name)) {
    auto lease = parse_networkd_lease(file->text);
    if (lease) lease->manager = ConfigurationManager::kNetworkManager;
    keep(std::move(lease), link.name, *file);
  }
  if (const auto file = files_.read("/var/lib/NetworkManager/dhclient-" + name)) {
    for (InterfaceConfiguration& lease : parse_dhclient_leases(file->text)) {
      if (lease.interface != link.name) continue;
      lease.manager = ConfigurationManager::kNetworkManager;
      keep(std::move(lease), *file);
    }
  }
}

void Reader::read_networkmanager(const Link& link) {
  const auto state = files_.read("/run/NetworkManager/devices/" + std::to_string(link.index));
  if (!state) return;
  const NetworkManagerDevice device = parse_networkmanager_device(state->text);
  // The identifier becomes part of a path.
  if (device.connection_uuid.empty() || device.connection_uuid.find('/') != std::string::npos) return;
  if (reads_settings_) read_connection(link, device);
  read_networkmanager_lease(link, device.connection_uuid);
}

/// A lease of a wireless network has the network's name after the interface's.
void Reader::read_dhcpcd(const Link& link, const std::string& folder) {
  for (const std::string& path : files_.list(folder, link.name, ".lease")) {
    const std::size_t after = folder.size() + 1 + link.name.size();
    if (path[after] != '.' && path[after] != '-') continue;
    const auto file = files_.read(path);
    if (file) keep(parse_dhcp_message(std::as_bytes(std::span(file->text))), link.name, *file);
  }
}

void Reader::read_dhclient(const std::string& folder) {
  for (const std::string& path : files_.list(folder, "dhclient", ".leases")) {
    const auto file = files_.read(path);
    if (!file) continue;
    for (InterfaceConfiguration& lease : parse_dhclient_leases(file->text)) keep(std::move(lease), *file);
  }
}

void Reader::read_interfaces() {
  std::vector<std::string> paths = {"/etc/network/interfaces"};
  for (std::size_t i = 0; i < paths.size() && i < kMostIncludedFiles; ++i) {
    const auto file = files_.read(paths[i]);
    if (!file) continue;
    InterfacesFile says = parse_interfaces_file(file->text);
    for (InterfaceConfiguration& interface : says.interfaces) keep(std::move(interface), *file);
    for (const std::string& pattern : says.includes) {
      const bool is_absolute = pattern.starts_with('/');
      for (std::string& path : files_.match(is_absolute ? pattern : "/etc/network/" + pattern)) {
        const bool is_new = std::ranges::find(paths, path) == paths.end();
        if (is_new && paths.size() < kMostIncludedFiles) paths.push_back(std::move(path));
      }
    }
  }
}

}  // namespace

ConfigurationsFound read_configurations(const Snapshot& now, const std::string& root, ConfigurationKind kind) {
  return Reader(now, root, kind).read();
}

}  // namespace vpndoctor
