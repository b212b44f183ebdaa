// SPDX-License-Identifier: Apache-2.0
// Asks NetworkManager's DnsManager over D-Bus; see dns_sources.h. Starts nothing.
#include <fmt/format.h>

#include "daemon_place.h"
#include "dns_sources.h"
#include "system_bus.h"
#include "vpndoctor/network_manager_reply.h"

namespace vpndoctor {
namespace {

constexpr const char* kName = "org.freedesktop.NetworkManager";
constexpr BusCall kDnsManager{
    kName, "/org/freedesktop/NetworkManager/DnsManager", "org.freedesktop.NetworkManager.DnsManager", "", {}};
constexpr BusCall kVersion{kName, "/org/freedesktop/NetworkManager", kName, "Version", {}};
constexpr BusCall kDevices{kName, "/org/freedesktop/NetworkManager", kName, "Devices", {}};
constexpr BusCall kConnections{kName, "/org/freedesktop/NetworkManager", kName, "ActiveConnections", {}};
using Missing = Observed<NetworkManagerDns>;

Missing missing_because(const DaemonFailure& failure) {
  return Missing::missing("NetworkManager cannot be asked: " + failure.why);
}

/// Where it is: by its process, else by the interfaces that its entries name.
std::string foreign_reason(const NetworkManagerDns& dns, std::optional<pid_t> pid, const Snapshot& snapshot) {
  const auto its_namespace = network_namespace_of({.pid = pid, .name = "NetworkManager"});
  if (its_namespace) return difference_in_namespaces(its_namespace, snapshot);
  if (!snapshot.links.is_complete()) return {};
  for (const NetworkManagerDnsEntry& entry : dns.entries) {
    if (!entry.interface.empty() && snapshot.find_link(entry.interface) == nullptr) {
      return fmt::format("it configures {}, which is not here", entry.interface);
    }
  }
  return {};
}

/// Finds the domain "~." in the IP configurations of devices and VPNs; see add_wildcard_domain().
class WildcardSearch {
 public:
  WildcardSearch(SystemBus& bus, const Deadline& deadline, NetworkManagerDns& dns)
      : bus_(&bus), deadline_(&deadline), dns_(&dns) {}

  /// False when something was not told in time.
  bool run() {
    return look_at(kDevices, "org.freedesktop.NetworkManager.Device") &&
           look_at(kConnections, "org.freedesktop.NetworkManager.Connection.Active");
  }

 private:
  using Objects = std::vector<std::optional<BusValue>>;

  bool look_at(const BusCall& list, const char* interface) {
    const auto paths = bus_->property(list, *deadline_);
    if (!paths) return false;
    std::vector<std::string> texts;
    for (const BusValue& path : paths->items()) texts.push_back(path.text());
    const auto owners = bus_->properties_of_each({kName, "", interface, "", {}}, texts, *deadline_);
    if (!owners) return false;
    return look_at_family(*owners, Family::kInet) && look_at_family(*owners, Family::kInet6);
  }

  /// An active connection that is no VPN has its device's configuration.
  bool look_at_family(const Objects& owners, Family family) {
    std::vector<std::string> paths;
    std::vector<std::string> interfaces;
    for (const auto& owner : owners) {
      if (!owner) continue;
      const std::string& device = (*owner)["Interface"].text();
      const std::string& path = (*owner)[family == Family::kInet ? "Ip4Config" : "Ip6Config"].text();
      if (path.size() < 2 || (device.empty() && !(*owner)["Vpn"].truth())) continue;
      const std::string& ip_device = (*owner)["IpInterface"].text();
      paths.push_back(path);
      interfaces.push_back(ip_device.empty() ? device : ip_device);
    }
    const char* kind = family == Family::kInet ? "org.freedesktop.NetworkManager.IP4Config"
                                               : "org.freedesktop.NetworkManager.IP6Config";
    const auto found = bus_->properties_of_each({kName, "", kind, "", {}}, paths, *deadline_);
    if (!found) return false;
    for (std::size_t i = 0; i < found->size(); ++i) {
      if ((*found)[i]) add_wildcard_domain(*dns_, interfaces[i], family, *(*found)[i]);
    }
    return true;
  }

  SystemBus* bus_;
  const Deadline* deadline_;
  NetworkManagerDns* dns_;
};

}  // namespace

Observed<NetworkManagerDns> read_network_manager_dns(const Snapshot& snapshot) {
  const Deadline deadline(kDaemonPatience);
  auto bus = SystemBus::open(deadline);
  if (!bus) return missing_because(bus.error());
  const auto owned = bus->has_owner(kName, deadline);
  if (!owned) return missing_because(owned.error());
  if (!*owned) return Missing::absent("NetworkManager does not run");
  const auto properties = bus->properties(kDnsManager, deadline);
  if (!properties) return missing_because(properties.error());
  std::vector<std::string> limits;
  NetworkManagerDns dns = read_dns_manager(*properties, limits);
  // systemd-resolved tells itself what it was given.
  if (dns.mode == "dnsmasq" && !WildcardSearch(*bus, deadline, dns).run()) {
    limits.emplace_back("whether a profile has the domain \"~.\" could not be asked");
  }
  if (const auto version = bus->property(kVersion, deadline)) dns.version = version->text();
  const auto pid = bus->process_of(kName, deadline);
  dns.foreign = foreign_reason(dns, pid ? std::optional(*pid) : std::nullopt, snapshot);
  Observed<NetworkManagerDns> observed(std::move(dns), "NetworkManager over D-Bus");
  for (std::string& limit : limits) observed.add_limit(std::move(limit));
  return observed;
}

}  // namespace vpndoctor
