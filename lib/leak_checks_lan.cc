// SPDX-License-Identifier: Apache-2.0
// The network around a tunnel: a local network that claims what is not its own, the host route to the VPN server, a
// second way out.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "address_classes.h"
#include "leak_checks_coverage.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// A network on a physical link that says more than a local one should.
struct WideNetwork {
  std::string interface;
  IpPrefix network;
  const Address* address = nullptr;  ///< that it is the network of; null: a router advertised it
  bool is_public = false;            ///< public addresses are among it
  bool is_wide = false;              ///< larger than real ones are
};

bool has_public_part(const IpPrefix& network) {
  if (registered_class(network.address) == AddressClass::kPublic) return true;
  const auto is_within = [&](const IpAddress& sample) { return network.contains(sample); };
  return std::ranges::any_of(public_samples(network.family()), is_within);
}

/// Wireless interfaces by the names that the kernel and udev give them.
bool is_wireless(std::string_view interface) { return interface.starts_with("wl"); }

/// Looks for them, each once.
class WideNetworks {
 public:
  WideNetworks(const LeakContext& facts, Family family) : snapshot_(facts.snapshot), family_(family) {}

  std::vector<WideNetwork> find() {
    for (const Address& address : *snapshot_.addresses) add(address.interface, address.on_link(), &address);
    if (family_ == Family::kInet6) find_advertised();
    std::ranges::stable_sort(found_, std::greater(), &WideNetwork::is_wide);
    constexpr std::size_t kMost = 8;
    if (found_.size() > kMost) found_.resize(kMost);
    return std::move(found_);
  }

 private:
  /// A prefix that is advertised as on the link has a route of the kernel's, and an address only if the machine took
  /// one from it (net/ipv6/addrconf.c, addrconf_prefix_rcv()).
  void find_advertised() {
    for (const Route& route : snapshot_.routes->routes) {
      const bool is_one = route.destination.family() == family_ && route.type == RouteType::kUnicast &&
                          (route.protocol == kProtocolKernel || route.protocol == kProtocolRouterAdvertisement);
      const auto& hops = snapshot_.routes->hops(route);
      if (is_one && hops.size() == 1 && !hops.front().gateway) add(hops.front().interface, route.destination, nullptr);
    }
  }

  void add(const std::string& interface, const IpPrefix& network, const Address* address) {
    if (network.family() != family_ || network.is_host() || network.is_default()) return;
    if (!is_physical(snapshot_, interface)) return;
    const AddressClass address_class = registered_class(address == nullptr ? network.address : address->address);
    if (is_fixed_class(address_class) || address_class == AddressClass::kDocumentation) return;
    WideNetwork wide{interface, network, address, has_public_part(network), is_oversized(network)};
    if (!is_normal(wide) && seen_.emplace(interface, network).second) found_.push_back(std::move(wide));
  }

  /// Every IPv6 link has a public /64, as a rule with an address of this machine; a wide one of private addresses takes
  /// nothing from a tunnel but its own.
  bool is_normal(const WideNetwork& wide) const {
    if (family_ == Family::kInet) return !wide.is_wide && !wide.is_public;
    return !wide.is_public || (!wide.is_wide && (wide.address != nullptr || has_own_address(wide)));
  }

  bool has_own_address(const WideNetwork& wide) const {
    return std::ranges::any_of(*snapshot_.addresses, [&](const Address& each) {
      return each.interface == wide.interface && wide.network.contains(each.address);
    });
  }

  const Snapshot& snapshot_;
  Family family_;
  std::set<std::pair<std::string, IpPrefix>> seen_;
  std::vector<WideNetwork> found_;
};

/// The part of the network that does leave by its link; nullopt when the tunnel or nothing has it.
std::optional<IpAddress> open_address(const LeakContext& facts, const WideNetwork& wide) {
  for (const OutsidePrefix& outside : facts.coverage.of(wide.network.family()).outside) {
    const bool is_part = outside.interface == wide.interface && wide.network.overlaps(outside.prefix);
    if (is_part && outside.address_class == AddressClass::kLan && !outside.gateway) {
      return std::max(outside.prefix.address, wide.network.address);
    }
  }
  return std::nullopt;
}

void add_wide(const LeakContext& facts, const WideNetwork& wide, const IpAddress& open, LeakFindings& findings) {
  const std::string interface = escape_controls(wide.interface);
  Finding finding = make_finding("LEK004", {"interface", wide.interface});
  const bool is_suspicious = wide.is_public && (wide.is_wide || is_wireless(wide.interface));
  if (!is_suspicious) finding.severity = Severity::kNotice;
  finding.title = fmt::format("The local network {} of {} {}", wide.network, interface,
                              wide.is_public ? "has public addresses" : "is unusually large");
  finding.detail = fmt::format(
      "Packets to all of {} stay on this network, outside {}. {}", wide.network,
      tunnel_words(facts, wide.network.family()),
      is_suspicious ? "Traffic to the real owners of these addresses can be read and answered by anybody on it."
      : wide.address == nullptr
          ? "A router says so, and this machine has no address of it: it may be a network with DHCPv6, or an attack."
      : wide.is_public
          ? "On a server's own network that is as it should be; on a guest's network it is an attack."
          : "Hosts of the VPN with such addresses cannot be reached, and what is meant for them is sent here.");
  Flow flow = packet_to(facts, open);
  if (leaving_kinds(facts, flow, wide.interface, finding).empty()) return;
  if (wide.address != nullptr) {
    finding.evidence.push_back(
        proof(facts.snapshot.addresses, "address",
              fmt::format("{}/{} on {}", wide.address->address, wide.address->prefix_length, interface)));
  }
  const FlowAnswer answer = facts.fib.lookup(flow);
  if (answer.route != nullptr) finding.evidence.push_back(route_evidence(routing_facts(facts), *answer.route));
  add_step(finding.remedy,
           "Do not use this network for what should be private, or switch on the VPN client's setting that blocks the "
           "local network.");
  findings.push_back(std::move(finding));
}

std::string port_words(const Snapshot& snapshot, const IpAddress& server) {
  for (const Tunnel& tunnel : *snapshot.tunnels) {
    const auto end = std::ranges::find(tunnel.endpoints, server, &OuterEndpoint::address);
    if (end != tunnel.endpoints.end() && end->port) {
      return fmt::format("port {} of {}", *end->port, escape_controls(tunnel.interface));
    }
  }
  return "the tunnel's own port";
}

void add_servers(const LeakContext& facts, const std::vector<const OutsidePrefix*>& servers, LeakFindings& findings) {
  const OutsidePrefix& first = *servers.front();
  std::vector<std::string> addresses;
  addresses.reserve(servers.size());
  for (const OutsidePrefix* each : servers) addresses.push_back(each->prefix.address.to_string());
  Finding finding = make_finding("LEK005", {"address", addresses.front()});
  finding.title =
      fmt::format("All packets to the VPN server{} {} leave by {}, not only the tunnel's own",
                  servers.size() == 1 ? "" : "s", listed_words(addresses), escape_controls(first.interface));
  finding.detail =
      "A web page or another service at the address of a VPN server is reached in clear. The client made it so: its "
      "own packets need a way out.";
  const Flow flow = packet_to(facts, first.prefix.address);
  if (leaving_kinds(facts, flow, first.interface, finding).empty()) return;
  const FlowAnswer answer = facts.fib.lookup(flow);
  if (answer.route != nullptr) finding.evidence.push_back(route_evidence(routing_facts(facts), *answer.route));
  add_step(finding.remedy, fmt::format("Where that matters, let a packet filter pass nothing but {} to {}.",
                                       port_words(facts.snapshot, first.prefix.address), addresses.front()));
  findings.push_back(std::move(finding));
}

using Defaults = std::map<std::string, const Route*>;

/// The physical interfaces with a default route of the table main, each with its first one.
Defaults physical_defaults(const Snapshot& snapshot, Family family) {
  Defaults defaults;
  for (const Route& route : snapshot.routes->routes) {
    const bool is_plain = route.destination.is_default() && route.type == RouteType::kUnicast;
    if (!is_plain || route.destination.family() != family || route.table != kTableMain) continue;
    // Those that are scoped to an interface are there for each on a Mac.
    if (snapshot.routes->attributes(route).macos_flags.find('I') != std::string::npos) continue;
    for (const NextHop& hop : snapshot.routes->hops(route)) {
      if (is_physical(snapshot, hop.interface)) defaults.try_emplace(hop.interface, &route);
    }
  }
  return defaults;
}

}  // namespace

void check_local_network(const LeakContext& facts, LeakFindings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    if (!facts.takes_most(family)) continue;
    for (const WideNetwork& wide : WideNetworks(facts, family).find()) {
      if (const auto open = open_address(facts, wide)) add_wide(facts, wide, *open, findings);
    }
  }
}

void check_server_in_clear(const LeakContext& facts, LeakFindings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    if (!facts.takes_most(family)) continue;
    std::vector<const OutsidePrefix*> servers;
    for (const OutsidePrefix& outside : facts.coverage.of(family).outside) {
      if (outside.address_class == AddressClass::kVpnServer) servers.push_back(&outside);
    }
    if (!servers.empty()) add_servers(facts, servers, findings);
  }
}

void check_two_defaults(const LeakContext& facts, LeakFindings& findings) {
  for (const Family family : {Family::kInet, Family::kInet6}) {
    const CoverageMode mode = facts.coverage.of(family).mode;
    if (mode == CoverageMode::kNone || mode == CoverageMode::kUnknown) continue;
    const Defaults defaults = physical_defaults(facts.snapshot, family);
    if (defaults.size() < 2) continue;
    std::vector<std::string> names;
    Finding finding = make_finding("LEK011", {"family", family == Family::kInet ? "inet" : "inet6"});
    for (const auto& [interface, route] : defaults) {
      names.push_back(escape_controls(interface));
      finding.evidence.push_back(route_evidence(routing_facts(facts), *route));
    }
    finding.title = fmt::format("{} default routes lead out of {} beside {}", family == Family::kInet ? "IPv4" : "IPv6",
                                listed_words(names), tunnel_words(facts, family));
    finding.detail = "When the first one goes, what passes the tunnel by changes over to another.";
    findings.push_back(std::move(finding));
  }
}

}  // namespace vpndoctor
