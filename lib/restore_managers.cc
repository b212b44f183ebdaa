// SPDX-License-Identifier: Apache-2.0
// Who would fight a restore plan: routing daemons whose routes it touches, VPN clients that are alive and put their
// rules and routes back, and whoever configures an interface whose configured route the plan takes away.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "restore_steps.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// Daemons that own every route of their protocol (include/uapi/linux/rtnetlink.h RTPROT_*).
struct Daemon {
  std::uint8_t protocol;
  std::string_view name;
};
constexpr std::array kDaemons = {
    Daemon{11, "FRR"},  Daemon{12, "BIRD"}, Daemon{18, "keepalived"}, Daemon{42, "babeld"}, Daemon{99, "Open/R"},
    Daemon{186, "FRR"}, Daemon{187, "FRR"}, Daemon{188, "FRR"},       Daemon{189, "FRR"},   Daemon{192, "FRR"},
};

/// Clients that watch the tables and repair what others change.
constexpr std::array<std::string_view, 6> kWatchfulClients = {"Tailscale", "NetBird",         "Mullvad",
                                                              "NordVPN",   "Cloudflare WARP", "sing-box"};

class Managers {
 public:
  explicit Managers(const Snapshot& now) : now_(&now) {
    if (!now.links) return;
    for (const Link& link : *now.links) {
      const Owner owner = link_owner(now, link);
      if (std::ranges::count(kWatchfulClients, std::string_view(owner.name)) != 0) alive_.insert(owner.name);
    }
  }

  void take(const RestoreOperation& operation) {
    if (const auto* rule = std::get_if<Rule>(&operation.object)) {
      take_owner(rule_owner(*now_, *rule), "rule");
    } else if (const auto* route = std::get_if<StandaloneRoute>(&operation.object)) {
      take_route(*route, operation.action == RestoreAction::kDelete);
      if (operation.replaced) take_route(*operation.replaced, true);
    }
  }

  std::vector<TableManager> result() const {
    std::vector<TableManager> managers;
    managers.reserve(touched_.size());
    for (const auto& [key, count] : touched_) {
      managers.push_back({key.first, fmt::format("{} x {}", count, key.second)});
    }
    return managers;
  }

 private:
  void take_owner(const Owner& owner, std::string_view object) {
    if (alive_.contains(owner.name)) ++touched_[{owner.name, std::string(object) + " of its own"}];
  }

  void take_route(const StandaloneRoute& route, bool is_taken_away) {
    const std::uint8_t protocol = route.route.protocol;
    const auto* daemon = std::ranges::find(kDaemons, protocol, &Daemon::protocol);
    if (daemon != kDaemons.end()) {
      ++touched_[{std::string(daemon->name), "route of protocol " + route_protocol_name(protocol)}];
      return;
    }
    if (!is_taken_away) return;
    if (protocol == kProtocolDhcp || protocol == kProtocolRouterAdvertisement) take_configured(route, protocol);
    const Owner owner = table_owner(*now_, route.route.table);
    if (owner.is_known()) return take_owner(owner, "route");
    for (const NextHop& hop : route.next_hops.hops) {
      const Link* link = now_->find_link(hop.interface);
      if (link != nullptr) return take_owner(link_owner(*now_, *link), "route");
    }
  }

  /// The program that configures a running interface keeps what it was told.
  void take_configured(const StandaloneRoute& route, std::uint8_t protocol) {
    for (const NextHop& hop : route.next_hops.hops) {
      const Link* link = now_->find_link(hop.interface);
      if (link == nullptr || !link->is_running()) continue;
      ++touched_[{"what configures " + hop.interface, "route of protocol " + route_protocol_name(protocol)}];
      return;
    }
  }

  const Snapshot* now_;
  std::set<std::string> alive_;
  std::map<std::pair<std::string, std::string>, std::size_t> touched_;  ///< by name and what of it
};

}  // namespace

std::vector<TableManager> managers_of(const Snapshot& now, const std::vector<RestoreOperation>& operations) {
  Managers managers(now);
  for (const RestoreOperation& operation : operations) {
    if (operation.is_pending()) managers.take(operation);
  }
  return managers.result();
}

}  // namespace vpndoctor
