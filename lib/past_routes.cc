// SPDX-License-Identifier: Apache-2.0
// Asks for each route that takes something outside what would be without all of them; see the header. One index of what
// is left for all questions.
#include "past_routes.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "coverage_ipsec.h"
#include "coverage_ways.h"
#include "default_way.h"
#include "fib_part.h"
#include "leak_checks_coverage.h"
#include "leak_context.h"
#include "server_routes.h"

namespace vpndoctor {
namespace {

/// What leases ask for, by its destination.
class LeasedWays {
 public:
  explicit LeasedWays(const Snapshot& snapshot) {
    if (!snapshot.leases) return;
    for (const InterfaceConfiguration& lease : *snapshot.leases) {
      for (const ConfiguredWay& way : lease.ways) ways_.emplace(way.destination, std::pair(&lease, &way));
    }
  }

  bool has(const IpPrefix& destination) const { return ways_.contains(destination); }

  void put(PastRoute& past) const {
    const auto [first, last] = ways_.equal_range(past.route->destination);
    for (auto each = first; each != last; ++each) {
      const auto& [lease, way] = each->second;
      if (!lease->interface.empty() && lease->interface != past.interface) continue;
      past.lease = lease;
      past.way = way;
      return;
    }
  }

 private:
  std::multimap<IpPrefix, std::pair<const InterfaceConfiguration*, const ConfiguredWay*>> ways_;
};

void add_to(PastGroup& group, PastRoute past) {
  ++group.count;
  const auto by_prefix = [](const PastRoute& each) { return each.route->destination; };
  const auto place = std::ranges::upper_bound(group.first, past.route->destination, {}, by_prefix);
  if (group.first.size() == kMostQuoted) {
    if (place == group.first.end()) return;
    group.first.insert(place, std::move(past));
    group.first.pop_back();
    return;
  }
  group.first.insert(place, std::move(past));
}

class Finder {
 public:
  Finder(const LeakContext& facts, Family family)
      : facts_(facts),
        table_(*facts.snapshot.routes),
        family_(family),
        ways_(facts.snapshot),
        leased_(facts.snapshot),
        has_ipsec_(!IpsecRanges(facts.snapshot, family).is_empty()) {}

  PastRoutes find() {
    std::vector<const OutsideRoute*> suspects;
    for (const OutsideRoute& each : facts_.coverage.of(family_).outside_routes) {
      if (is_suspect(each)) suspects.push_back(&each);
    }
    if (!suspects.empty()) judge(suspects);
    return std::move(found_);
  }

 private:
  const Route& route_of(const OutsideRoute& each) const { return table_.routes[each.route]; }

  /// A private network beside a full tunnel is nothing that the tunnel is there for.
  bool is_suspect(const OutsideRoute& each) const {
    const IpPrefix& destination = route_of(each).destination;
    return !(destination.is_host() && is_platform_address(destination.address)) &&
           is_within_claim(destination, each.is_public);
  }

  /// By how much it must be longer than the tunnel's route: what a lease asks for may be the tunnel's own prefix, and
  /// win by its metric.
  unsigned least_longer(const IpPrefix& prefix) const { return leased_.has(prefix) ? 0 : 1; }

  /// True when a tunnel has a route for a larger prefix around it; `or_default`: its default counts.
  bool is_within_claim(const IpPrefix& prefix, bool or_default) const {
    const std::vector<TunnelClaim>& claims = facts_.claims();
    if (prefix.is_default()) return false;
    const unsigned longest = prefix.length - least_longer(prefix);
    constexpr std::size_t kFew = 8;
    if (claims.size() <= kFew) {
      return std::ranges::any_of(claims, [&](const TunnelClaim& claim) {
        const IpPrefix& around = claim.prefix();
        return around.length <= longest && around.contains(prefix.address) && (or_default || !is_default_part(around));
      });
    }
    for (unsigned length = longest + 1; length-- > 0;) {
      const IpPrefix around = IpPrefix::of(prefix.address, length);
      if (!or_default && is_default_part(around)) return false;
      const auto claim = std::ranges::lower_bound(claims, around, {}, &TunnelClaim::prefix);
      if (claim != claims.end() && claim->prefix() == around) return true;
    }
    return false;
  }

  /// Asks a machine that has none of the suspects.
  void judge(const std::vector<const OutsideRoute*>& suspects) {
    PartQuestion question;
    question.addresses.reserve(suspects.size());
    question.left_out.reserve(suspects.size());
    for (const OutsideRoute* each : suspects) {
      question.addresses.push_back(each->sample);
      question.left_out.push_back(each->route);
    }
    add_covered(question.left_out);
    std::ranges::sort(question.left_out);
    question.left_out.erase(std::unique(question.left_out.begin(), question.left_out.end()), question.left_out.end());
    const Snapshot without = part_of(facts_.snapshot, std::move(question));
    const Fib fib(without);
    WayFinder ways(without);
    for (const OutsideRoute* each : suspects) {
      const Flow flow = packet_to(facts_, each->sample);
      std::string tunnel;
      if (leads_into_tunnel(fib, ways, flow, tunnel)) add(*each, flow, std::move(tunnel));
    }
  }

  /// Routes of their kind that decide about nothing, since longer ones take all of what they have, and would do so when
  /// these are gone: whoever pulls two halves past the tunnel may do it by a whole and four quarters.
  void add_covered(std::vector<std::uint32_t>& left_out) const {
    std::vector<bool> leads_past;
    leads_past.reserve(table_.next_hop_sets.size());
    for (const NextHopSet& set : table_.next_hop_sets) {
      leads_past.push_back(!set.hops.empty() && std::ranges::all_of(set.hops, [&](const NextHop& hop) {
        return hop.gateway && !is_tunnel(facts_.snapshot, hop.interface);
      }));
    }
    for (std::uint32_t number = 0; number < table_.routes.size(); ++number) {
      const Route& route = table_.routes[number];
      const bool is_one = leads_past[route.next_hops] && route.destination.family() == family_ &&
                          route.type == RouteType::kUnicast && is_within_claim(route.destination, true);
      if (is_one) left_out.push_back(number);
    }
  }

  void add(const OutsideRoute& each, const Flow& flow, std::string tunnel) {
    PastRoute past{.route = &route_of(each),
                   .interface = interface_of(each, flow),
                   .sample = each.sample,
                   .is_public = each.is_public,
                   .tunnel = std::move(tunnel)};
    leased_.put(past);
    if (past.lease != nullptr) {
      PastGroup& group = found_.leased[{past.interface, past.is_public}];
      add_to(group, std::move(past));
    } else if (past.is_public && !is_maybe_tunnel_end(*past.route) && !is_remains(past)) {
      PastGroup& group = found_.made[{past.interface, past.route->protocol}];
      add_to(group, std::move(past));
    }
  }

  std::string interface_of(const OutsideRoute& each, const Flow& flow) {
    const std::vector<NextHop>& hops = table_.hops(route_of(each));
    if (hops.size() == 1) return hops.front().interface;
    return std::string(ways_.find(facts_.fib.lookup(flow)).interface);
  }

  /// packet_path(), which looks at IPsec anew for each packet: asked only of those that IPsec may take.
  bool leads_into_tunnel(const Fib& without, WayFinder& ways, const Flow& flow, std::string& tunnel) const {
    const FlowAnswer answer = without.lookup(flow);
    const AnswerWay way = ways.find(answer);
    if (has_ipsec_ && way.way == PacketWay::kOutside) {
      const PacketPath path = packet_path(facts_.snapshot, without, flow);
      tunnel = path.interface;
      return path.way == PacketWay::kTunnel;
    }
    tunnel = way.interface;
    return way.way == PacketWay::kTunnel && way.parted_by == DependsOn::kNothing && answer.uncertain.empty() &&
           way.doubt.empty();
  }

  /// A host route may be for a tunnel's other end, where one is not known.
  bool is_maybe_tunnel_end(const Route& route) const {
    return route.destination.is_host() && route.protocol != kProtocolDhcp && !facts_.unseen_end().empty();
  }

  /// A host route of a VPN that is gone, which the remains of that VPN tell of, past a tunnel that carries nothing.
  bool is_remains(const PastRoute& past) {
    const auto tunnel = std::ranges::find(facts_.tunnels, past.tunnel, &TunnelReport::interface);
    if (tunnel == facts_.tunnels.end()) return false;
    if (tunnel->state != TunnelState::kDead && tunnel->state != TunnelState::kOrphan) return false;
    if (!server_routes_) server_routes_ = ServerRoutes(facts_.snapshot).abandoned();
    return std::ranges::count(*server_routes_, past.route) != 0;
  }

  const LeakContext& facts_;
  const RouteTable& table_;
  Family family_;
  WayFinder ways_;
  LeasedWays leased_;
  bool has_ipsec_;  ///< it may take what the routes send outside
  std::optional<std::vector<const Route*>> server_routes_;
  PastRoutes found_;
};

}  // namespace

PastRoutes find_past_routes(const LeakContext& facts, Family family) { return Finder(facts, family).find(); }

}  // namespace vpndoctor
