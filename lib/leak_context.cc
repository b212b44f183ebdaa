// SPDX-License-Identifier: Apache-2.0
// Works them out; see the header.
#include "leak_context.h"

#include <algorithm>

#include "coverage_sweep.h"
#include "leak_checks_coverage.h"
#include "vpndoctor/dns_checks.h"

namespace vpndoctor {
namespace {

template <class T, class Make>
const T& once(std::optional<T>& place, Make make) {
  if (!place) place.emplace(make());
  return *place;
}

std::size_t place_of(Family family) { return static_cast<std::size_t>(family); }

}  // namespace

const KillSwitch& LeakContext::kill_switch() const {
  return once(kill_switch_, [this] { return judge_kill_switch(*this); });
}

const CheckResults& LeakContext::dns() const {
  return once(dns_, [this] { return check_dns(snapshot, fib, uid); });
}

const std::vector<TunnelClaim>& LeakContext::claims() const {
  return once(claims_, [this] { return tunnel_claims(snapshot); });
}

const std::vector<CrashRemains>& LeakContext::crash_remains() const {
  return once(crash_remains_, [this] { return find_crash_remains(*this); });
}

const TunnelReport* LeakContext::report_of(const std::string& interface) const {
  const auto found = std::ranges::find(tunnels, interface, &TunnelReport::interface);
  return found == tunnels.end() ? nullptr : &*found;
}

const std::set<std::string>& LeakContext::carriers() const {
  return once(carriers_, [this] {
    std::set<std::string> names;
    for (const Family family : kFamilies) {
      const auto& carrying = coverage.of(family).tunnels;
      names.insert(carrying.begin(), carrying.end());
    }
    return names;
  });
}

const NamedTunnel& LeakContext::named_tunnel() const {
  return once(named_tunnel_, [this] { return find_named_tunnel(*this); });
}

const NamedCoverage& LeakContext::named_coverage() const {
  return once(named_coverage_, [this] { return judge_named_coverage(*this); });
}

const PastRoutes& LeakContext::past_routes(Family family) const {
  return once(past_routes_[place_of(family)], [&] { return find_past_routes(*this, family); });
}

const std::string& LeakContext::unseen_end() const {
  return once(unseen_end_, [this] { return find_unseen_end(snapshot); });
}

const std::set<std::string>& LeakContext::uplinks() const {
  return once(uplinks_, [this] { return find_uplinks(snapshot); });
}

const std::optional<IpAddress>& LeakContext::tunnelled_sample(Family family) const {
  return once(tunnelled_sample_[place_of(family)], [&] { return find_tunnelled_sample(*this, family); });
}

bool LeakContext::takes_most(Family family) const {
  return once(takes_most_[place_of(family)], [&] { return tunnels_take_most(*this, family); });
}

}  // namespace vpndoctor
