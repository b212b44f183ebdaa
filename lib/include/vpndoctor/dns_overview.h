// SPDX-License-Identifier: Apache-2.0
// The resolver configuration of a machine in one shape, whichever model it has: which scopes there are, which of them
// are live, who owns resolv.conf. What `vpndoctor dns` shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_server.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class DnsModel : std::uint8_t { kUnknown, kResolved, kResolvConf, kNetworkManagerDnsmasq, kDnsmasq, kMacos };
/// "systemd-resolved", "resolv.conf", "networkmanager-dnsmasq", "dnsmasq", "macos", "unknown"
const char* dns_model_name(DnsModel model);

/// Who wrote resolv.conf, by its link, its comment lines and its servers, in this order.
struct ResolvConfOwner {
  std::string name;  ///< "systemd-resolved", "NetworkManager", "Tailscale", "wg-quick", ...; empty: not recognised
  std::string mode;  ///< of systemd-resolved: "stub", "uplink", "static"; of NetworkManager its rc-manager; else empty
  std::string evidence;  ///< "its link leads to /run/systemd/resolve/stub-resolv.conf"
};
ResolvConfOwner resolv_conf_owner(const ResolvConf& file);

/// Where names are sent together.
struct DnsScopeView {
  std::string id;         ///< "global", "tun0", "delegate x", "resolver #3"; unique
  std::string interface;  ///< empty: none
  bool is_tunnel = false;
  std::optional<bool> live;  ///< it answers names now; null: not known
  std::string why_not_live;  ///< "the link has no carrier"; empty when it is live
  std::vector<DnsServer> servers;
  std::optional<DnsServer> current_server;
  std::vector<DnsDomain> domains;
  std::optional<bool> default_route;
  std::vector<std::string> protocols;  ///< "dns", "llmnr", "mdns" that are live
  std::string source;                  ///< who says so: "systemd-resolved over D-Bus", "/etc/resolv.conf", ...
};

struct DnsOverview {
  DnsModel model = DnsModel::kUnknown;
  std::string why_unknown;
  std::optional<ResolvConfOwner> owner;  ///< null: resolv.conf is not known
  std::vector<DnsScopeView> scopes;
};

DnsOverview overview_of_dns(const Snapshot& snapshot);

}  // namespace vpndoctor
