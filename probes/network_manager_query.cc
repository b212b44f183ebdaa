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

}  // namespace

Observed<NetworkManagerDns> read_network_manager_dns(const Snapshot& snapshot) {
  const Deadline deadline(kDaemonPatience);
  auto bus = SystemBus::open(deadline);
  if (!bus) return missing_because(bus.error());
  const auto owned = bus->has_owner(kName, deadline);
  if (!owned) return missing_because(owned.error());
  if (!*owned) return Missing::missing("NetworkManager does not run");
  const auto properties = bus->properties(kDnsManager, deadline);
  if (!properties) return missing_because(properties.error());
  std::vector<std::string> limits;
  NetworkManagerDns dns = read_dns_manager(*properties, limits);
  if (const auto version = bus->property(kVersion, deadline)) dns.version = version->text();
  const auto pid = bus->process_of(kName, deadline);
  dns.foreign = foreign_reason(dns, pid ? std::optional(*pid) : std::nullopt, snapshot);
  Observed<NetworkManagerDns> observed(std::move(dns), "NetworkManager over D-Bus");
  for (std::string& limit : limits) observed.add_limit(std::move(limit));
  return observed;
}

}  // namespace vpndoctor
