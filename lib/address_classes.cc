// SPDX-License-Identifier: Apache-2.0
// Paints the classes; see the header.
#include "address_classes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "routing_checks.h"

namespace vpndoctor {
namespace {

struct RegistryEntry {
  const char* prefix;
  AddressClass address_class;
};

/// RFC 6890 and IANA's registries of special-purpose addresses. What is not globally reachable and has no class of its
/// own counts as private: reserved space, benchmarks, the discard prefix, all of IPv6 that is not assigned as unicast.
constexpr auto kRegistry = std::to_array<RegistryEntry>({
    {"0.0.0.0/0", AddressClass::kPublic},
    {"0.0.0.0/8", AddressClass::kPrivate},
    {"10.0.0.0/8", AddressClass::kPrivate},
    {"100.64.0.0/10", AddressClass::kCgnat},
    {"127.0.0.0/8", AddressClass::kLoopback},
    {"169.254.0.0/16", AddressClass::kLinkLocal},
    {"172.16.0.0/12", AddressClass::kPrivate},
    {"192.0.0.0/24", AddressClass::kPrivate},
    {"192.0.2.0/24", AddressClass::kDocumentation},
    {"192.168.0.0/16", AddressClass::kPrivate},
    {"198.18.0.0/15", AddressClass::kPrivate},
    {"198.51.100.0/24", AddressClass::kDocumentation},
    {"203.0.113.0/24", AddressClass::kDocumentation},
    {"224.0.0.0/4", AddressClass::kMulticast},
    {"240.0.0.0/4", AddressClass::kPrivate},
    {"::/0", AddressClass::kPrivate},
    {"::1/128", AddressClass::kLoopback},
    {"64:ff9b::/96", AddressClass::kNat64},
    {"64:ff9b:1::/48", AddressClass::kNat64},
    {"2000::/3", AddressClass::kPublic},
    {"2001:db8::/32", AddressClass::kDocumentation},
    {"3fff::/20", AddressClass::kDocumentation},
    {"fe80::/10", AddressClass::kLinkLocal},
    {"ff00::/8", AddressClass::kMulticast},
});

struct RegisteredPrefix {
  IpPrefix prefix;
  AddressClass address_class;
};

const std::vector<RegisteredPrefix>& registry() {
  static const std::vector<RegisteredPrefix> kParsed = [] {
    std::vector<RegisteredPrefix> parsed;
    for (const RegistryEntry& entry : kRegistry) {
      if (const auto prefix = IpPrefix::parse(entry.prefix)) parsed.push_back({*prefix, entry.address_class});
    }
    return parsed;
  }();
  return kParsed;
}

/// The longest entry shorter than `length` that contains the address; null when there is none.
const RegisteredPrefix* longest_entry(const IpAddress& address, unsigned length) {
  const RegisteredPrefix* best = nullptr;
  for (const RegisteredPrefix& each : registry()) {
    if (each.prefix.length >= length || !each.prefix.contains(address)) continue;
    if (best == nullptr || each.prefix.length > best->prefix.length) best = &each;
  }
  return best;
}

/// The other ends of the machine's tunnels, ascending; what stays on this machine is none.
std::set<IpAddress> tunnel_ends(const Snapshot& snapshot, Family family) {
  std::set<IpAddress> ends;
  const auto add = [&](const std::optional<IpAddress>& end) {
    if (!end || end->family != family || end->is_unspecified() || end->is_loopback() || end->is_multicast()) return;
    ends.insert(*end);
  };
  if (snapshot.tunnels) {
    for (const Tunnel& tunnel : *snapshot.tunnels) {
      for (const OuterEndpoint& endpoint : tunnel.endpoints) add(endpoint.address);
    }
  }
  if (snapshot.links) {
    for (const Link& link : *snapshot.links) {
      if (link.tunnel_remote && is_tunnel(snapshot, link.name)) add(link.tunnel_remote);
    }
  }
  if (snapshot.xfrm) {
    for (const XfrmState& state : snapshot.xfrm->states) add(state.destination);
    for (const XfrmPolicy& policy : snapshot.xfrm->policies) {
      if (policy.direction != XfrmDirection::kOut) continue;
      for (const XfrmTemplate& each : policy.templates) add(each.destination);
    }
  }
  if (snapshot.addresses) {
    for (const Address& own : *snapshot.addresses) ends.erase(own.address);
  }
  return ends;
}

/// Gathers the networks of the physical interfaces; each interface is looked at once.
class Lans {
 public:
  Lans(const Snapshot& snapshot, Family family) : snapshot_(snapshot), family_(family) {}

  std::vector<IpPrefix> take() {
    add_addresses();
    if (snapshot_.routes) {
      for (const NextHopSet& set : snapshot_.routes->next_hop_sets) add_gateways(set);
      if (family_ == Family::kInet6) add_advertised();
    }
    return std::move(prefixes_);
  }

 private:
  void add_addresses() {
    if (!snapshot_.addresses) return;
    for (const Address& address : *snapshot_.addresses) {
      if (address.address.family == family_ && is_wanted(address.interface)) add(address.on_link());
    }
  }

  /// A router is on the link by definition, also where no address says so.
  void add_gateways(const NextHopSet& set) {
    for (const NextHop& hop : set.hops) {
      if (hop.gateway && hop.gateway->family == family_ && is_wanted(hop.interface)) {
        add(IpPrefix::host(*hop.gateway));
      }
    }
  }

  /// A prefix that is advertised as on the link has a route, and an address only if the machine took one from it.
  void add_advertised() {
    for (const Route& route : snapshot_.routes->routes) {
      if (route.destination.family() != family_ || route.type != RouteType::kUnicast) continue;
      if (route.protocol != kProtocolKernel && route.protocol != kProtocolRouterAdvertisement) continue;
      const std::vector<NextHop>& hops = snapshot_.routes->hops(route);
      if (hops.size() == 1 && !hops.front().gateway && is_wanted(hops.front().interface)) add(route.destination);
    }
  }

  void add(const IpPrefix& prefix) {
    if (!prefix.is_default()) prefixes_.push_back(prefix);
  }

  bool is_wanted(const std::string& interface) {
    const auto [known, is_new] = wanted_.try_emplace(interface, false);
    if (is_new) known->second = is_physical(snapshot_, interface);
    return known->second;
  }

  const Snapshot& snapshot_;
  Family family_;
  std::map<std::string_view, bool> wanted_;
  std::vector<IpPrefix> prefixes_;
};

/// Disjoint prefixes, ascending, asked for one address after the other.
bool contains(const std::vector<IpPrefix>& aggregated, const IpAddress& address) {
  const auto after = std::ranges::upper_bound(aggregated, address, {}, &IpPrefix::address);
  return after != aggregated.begin() && std::prev(after)->contains(address);
}

/// What painting needs, and where the colour may change.
class Painter {
 public:
  Painter(const Snapshot& snapshot, Family family) : family_(family), ends_(tunnel_ends(snapshot, family)) {
    std::vector<IpPrefix> lans = lan_prefixes(snapshot, family);
    std::vector<IpPrefix> oversized;
    std::ranges::copy_if(lans, std::back_inserter(oversized), is_oversized);
    lans_ = aggregate(std::move(lans));
    oversized_ = aggregate(std::move(oversized));
  }

  std::vector<ClassRange> paint() {
    std::vector<ClassRange> ranges;
    const AddressNumber end = AddressNumber::of(IpPrefix::everything(family_).last_address());
    const std::vector<AddressNumber> starts = edges();
    for (std::size_t at = 0; at < starts.size(); ++at) {
      ClassRange range = colour(starts[at].to_address(family_));
      range.first = starts[at];
      range.last = at + 1 < starts.size() ? starts[at + 1] - AddressNumber{0, 1} : end;
      const bool goes_on = !ranges.empty() && ranges.back().address_class == range.address_class &&
                           ranges.back().is_global == range.is_global;
      if (goes_on) {
        ranges.back().last = range.last;
      } else {
        ranges.push_back(range);
      }
    }
    return ranges;
  }

 private:
  std::vector<AddressNumber> edges() const {
    std::vector<AddressNumber> starts{{}};
    const auto add = [&](const IpPrefix& prefix) {
      if (prefix.family() != family_) return;
      starts.push_back(AddressNumber::of(prefix.address));
      const IpAddress last = prefix.last_address();
      if (last != IpPrefix::everything(family_).last_address()) starts.push_back(AddressNumber::of(last).next());
    };
    for (const RegisteredPrefix& each : registry()) add(each.prefix);
    for (const IpPrefix& each : lans_) add(each);
    for (const IpPrefix& each : oversized_) add(each);
    for (const IpAddress& each : ends_) add(IpPrefix::host(each));
    std::ranges::sort(starts);
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    return starts;
  }

  ClassRange colour(const IpAddress& address) const {
    ClassRange range;
    range.address_class = registered_class(address);
    range.is_global = range.address_class == AddressClass::kPublic;
    if (ends_.contains(address)) {
      range.address_class = AddressClass::kVpnServer;
      range.is_global = false;
    } else if (!is_fixed_class(range.address_class) && contains(lans_, address)) {
      range.address_class = AddressClass::kLan;
      range.is_global = range.is_global && contains(oversized_, address);
    }
    return range;
  }

  Family family_;
  std::set<IpAddress> ends_;
  std::vector<IpPrefix> lans_;
  std::vector<IpPrefix> oversized_;
};

}  // namespace

bool is_fixed_class(AddressClass address_class) {
  return address_class == AddressClass::kLoopback || address_class == AddressClass::kMulticast ||
         address_class == AddressClass::kLinkLocal;
}

bool is_public_class(AddressClass address_class) {
  return address_class == AddressClass::kPublic || address_class == AddressClass::kDocumentation;
}

double public_share(const std::vector<IpPrefix>& prefixes, Family family) {
  double all = 0;
  double theirs = 0;
  for (const RegisteredPrefix& entry : registry()) {
    if (entry.prefix.family() != family) continue;
    // An entry adds to what it lies in, or takes away from it, or is the same there.
    const RegisteredPrefix* around = longest_entry(entry.prefix.address, entry.prefix.length);
    const bool was_public = around != nullptr && is_public_class(around->address_class);
    const double sign = static_cast<double>(is_public_class(entry.address_class)) - static_cast<double>(was_public);
    const double size = std::ldexp(sign, -static_cast<int>(entry.prefix.length));
    all += size;
    for (const IpPrefix& each : prefixes) {
      if (each.overlaps(entry.prefix))
        theirs += std::ldexp(sign, -static_cast<int>(std::max(each.length, entry.prefix.length)));
    }
  }
  return theirs / all;
}

AddressClass registered_class(const IpAddress& address) {
  constexpr unsigned kAny = 129;
  return longest_entry(address, kAny)->address_class;
}

bool is_physical(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  if (link == nullptr || link->is_loopback() || link->kind == "dummy") return false;
  return !is_tunnel(snapshot, interface) && !is_container_bridge(snapshot, interface);
}

std::vector<IpPrefix> lan_prefixes(const Snapshot& snapshot, Family family) { return Lans(snapshot, family).take(); }

bool is_oversized(const IpPrefix& network) {
  constexpr unsigned kLargest = 16;
  constexpr unsigned kLargest6 = 64;
  return network.length < (network.family() == Family::kInet ? kLargest : kLargest6);
}

AddressClasses::AddressClasses(const Snapshot& snapshot, Family family) : ranges_(Painter(snapshot, family).paint()) {}

const ClassRange& AddressClasses::of(const AddressNumber& address) const {
  return *std::prev(std::ranges::upper_bound(ranges_, address, {}, &ClassRange::first));
}

}  // namespace vpndoctor
