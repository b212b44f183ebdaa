// SPDX-License-Identifier: Apache-2.0
// Gathers the remains of VPN clients; see the header.
#include "crash_remains.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "default_way.h"
#include "server_routes.h"
#include "vpn_leftovers.h"
#include "vpndoctor/configured_state.h"
#include "vpndoctor/route_owner.h"

namespace vpndoctor {
namespace {

constexpr std::string_view kWgQuick = "wg-quick";
constexpr std::string_view kWgQuickTable = "wg-quick-";
/// What wg-quick(8) marks its rules with where it has no nft(8), before the interface.
constexpr std::string_view kWgQuickComment = "wg-quick(8) rule for ";

/// A dummy that a client's kill switch routes everything into.
struct KillSwitchDummy {
  std::string_view beginning;
  const char* client;
};
constexpr auto kDummies = std::to_array<KillSwitchDummy>({
    {"pvpnksintrf", "Proton VPN"},
    {"pvpnrouteintrf", "Proton VPN"},
    {"ipv6leakintrf", "Proton VPN"},
});

/// Whose control socket it is, by a part of its path.
struct SocketPlace {
  std::string_view part;
  const char* client;
};
constexpr auto kSockets = std::to_array<SocketPlace>({
    {"/wireguard/", "WireGuard"},
    {"/amneziawg/", "AmneziaWG"},
    {"/tailscale/", "Tailscale"},
    {"mullvad", "Mullvad"},
    {"/nordvpn/", "NordVPN"},
    {"netbird", "NetBird"},
    {"cloudflare-warp", "Cloudflare WARP"},
    {"openvpn", "OpenVPN"},
});

/// "wg0" of "/run/wireguard/wg0.sock".
std::string interface_of_socket(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || !path.ends_with(".sock")) return {};
  path.remove_prefix(slash + 1);
  path.remove_suffix(std::string_view(".sock").size());
  return std::string(path);
}

class Gatherer {
 public:
  explicit Gatherer(const LeakFacts& facts) : facts_(facts), now_(facts.snapshot) {}

  std::vector<CrashRemains> gather() {
    take_rules();
    if (now_.firewall) {
      take_tables();
      take_marked_rules();
    }
    take_kill_switch();
    take_server_routes();
    take_dummies();
    if (now_.vpn_signs) take_sockets();
    std::vector<CrashRemains> all;
    for (auto& [client, remains] : by_client_) {
      remains.client = client;
      all.push_back(std::move(remains));
    }
    for (CrashRemains& remains : nameless_) {
      remains.client = kUnknownClient;
      all.push_back(std::move(remains));
    }
    return all;
  }

 private:
  CrashRemains& of(const std::string& client) { return by_client_[client]; }
  bool is_there(const std::string& interface) const { return now_.find_link(interface) != nullptr; }
  bool has_default(const ServerRoutes& routes, Family family) const;
  static void name_interface(CrashRemains& remains, const std::string& interface);
  void take_rules();
  void take_tables();
  void take_marked_rules();
  void take_kill_switch();
  void take_server_routes();
  void take_dummies();
  void take_sockets();

  const LeakFacts& facts_;
  const Snapshot& now_;
  std::map<std::string, CrashRemains> by_client_;
  std::vector<CrashRemains> nameless_;  ///< each of a client of its own that is not recognised
};

void Gatherer::name_interface(CrashRemains& remains, const std::string& interface) {
  if (std::ranges::count(remains.interfaces, interface) == 0) remains.interfaces.push_back(interface);
}

/// Behind a default, or halves of one, that lead into dead tunnels alone there has to be another.
bool Gatherer::has_default(const ServerRoutes& routes, Family family) const {
  const auto way = default_way(now_, family);
  if (!way) return false;
  const bool is_dead =
      !way->interfaces.empty() && std::ranges::all_of(way->interfaces, [this](const std::string& name) {
        const auto tunnel = std::ranges::find(facts_.tunnels, name, &TunnelReport::interface);
        return tunnel != facts_.tunnels.end() &&
               (tunnel->state == TunnelState::kDead || tunnel->state == TunnelState::kOrphan);
      });
  return !is_dead || routes.has_default(family);
}

void Gatherer::take_rules() {
  for (const Leftover& leftover : find_vpn_leftovers(now_, {}).rules) {
    const Rule& rule = (*now_.rules)[leftover.index];
    const Owner owner = rule_owner(now_, rule);
    CrashRemains& remains = of(owner.is_known() ? owner.name : kUnknownClient);
    remains.rules.push_back(&rule);
    remains.is_certain = remains.is_certain || is_met_by_most(rule);
  }
}

void Gatherer::take_tables() {
  for (const FirewallTable& table : now_.firewall->tables) {
    if (!table.name.starts_with(kWgQuickTable)) continue;
    const std::string interface = table.name.substr(kWgQuickTable.size());
    if (interface.empty() || is_there(interface)) continue;
    CrashRemains& remains = of(std::string(kWgQuick));
    remains.tables.push_back(&table);
    remains.is_certain = true;
    name_interface(remains, interface);
  }
}

void Gatherer::take_marked_rules() {
  for (const FirewallTable& table : now_.firewall->tables) {
    for (const FirewallChain& chain : table.chains) {
      for (const FirewallRule& rule : chain.rules) {
        if (!rule.comment.starts_with(kWgQuickComment)) continue;
        const std::string interface = rule.comment.substr(kWgQuickComment.size());
        if (interface.empty() || is_there(interface)) continue;
        CrashRemains& remains = of(std::string(kWgQuick));
        remains.marked_rules.push_back({&table, &chain, rule.comment});
        remains.is_certain = true;
        name_interface(remains, interface);
      }
    }
  }
}

/// It is no certain sign of a crash: it may be wanted while there is no VPN. Nothing tells that one of an unknown
/// client belongs to what else such a one left.
void Gatherer::take_kill_switch() {
  const StrandedKillSwitch stranded = find_stranded_kill_switch(facts_);
  for (const ProtectionSign& sign : stranded.tables) {
    CrashRemains& remains = sign.product.empty() ? nameless_.emplace_back() : of(sign.product);
    if (!sign.tunnel.empty()) name_interface(remains, sign.tunnel);
    remains.stranded.interface = stranded.interface;
    remains.stranded.why = stranded.why;
    remains.stranded.tables.push_back(sign);
  }
}

/// What a lease asks for is no remains: dhclient gives its routes no protocol of their own.
void Gatherer::take_server_routes() {
  const ServerRoutes routes(now_);
  const std::vector<const Route*> abandoned = routes.abandoned();
  if (abandoned.empty() || !server_routes_undecided(now_).empty()) return;
  ConfiguredState configured;
  if (now_.leases) configured = weigh_configuration(now_, *now_.leases);
  for (const Route* route : abandoned) {
    const bool is_configured = std::ranges::any_of(configured.routes, [&](const ConfiguredRoute& each) {
      return each.route.route.destination == route->destination &&
             is_same_way(each.route.next_hops.hops, now_.routes->hops(*route));
    });
    if (is_configured) continue;
    CrashRemains& remains = of(kUnknownClient);
    remains.server_routes.push_back(route);
    remains.has_default = remains.has_default && has_default(routes, route->destination.family());
    // Where not all leases are known, one of them may have asked for it.
    remains.is_certain = remains.is_certain || (now_.leases.is_complete() && !may_work(facts_.tunnels));
  }
}

void Gatherer::take_dummies() {
  if (may_work(facts_.tunnels)) return;  // then it is there on purpose
  for (const Link& link : *now_.links) {
    const auto known =
        std::ranges::find_if(kDummies, [&](const auto& each) { return link.name.starts_with(each.beginning); });
    if (link.kind != "dummy" || known == kDummies.end()) continue;
    CrashRemains& remains = of(known->client);
    remains.kill_switches.push_back(&link);
    remains.is_certain = remains.is_certain || link.is_up();
  }
}

void Gatherer::take_sockets() {
  for (const VpnSign& sign : *now_.vpn_signs) {
    if (sign.kind != VpnSignKind::kAbandonedSocket) continue;
    const auto known = std::ranges::find_if(
        kSockets, [&](const auto& each) { return sign.name.find(each.part) != std::string::npos; });
    std::string client = known == kSockets.end() ? kUnknownClient : known->client;
    const std::string interface = interface_of_socket(sign.name);
    // wg-quick starts the program whose socket it is.
    if (client == "WireGuard" && by_client_.contains(std::string(kWgQuick))) client = kWgQuick;
    CrashRemains& remains = of(client);
    remains.sockets.push_back(&sign);
    const bool is_wireguard = client == "WireGuard" || client == kWgQuick;
    if (is_wireguard && !interface.empty() && !is_there(interface)) name_interface(remains, interface);
  }
}

}  // namespace

bool can_find_remains(const Snapshot& snapshot) {
  return snapshot.links.is_complete() && snapshot.addresses && snapshot.routes.is_complete() && snapshot.rules &&
         snapshot.tunnels;
}

std::vector<CrashRemains> find_crash_remains(const LeakFacts& facts) { return Gatherer(facts).gather(); }

}  // namespace vpndoctor
