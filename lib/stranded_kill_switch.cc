// SPDX-License-Identifier: Apache-2.0
// Lets packets meet the packet filter with and without the tables in question; see the header.
#include "stranded_kill_switch.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "finding_parts.h"
#include "vpndoctor/leaks_report.h"

namespace vpndoctor {
namespace {

/// What IPsec policies take needs no interface.
bool is_tunnelled_without_interface(const Coverage& coverage) {
  return std::ranges::any_of(kFamilies,
                             [&](Family each) { return std::ranges::count(coverage.of(each).tunnels, "ipsec") != 0; });
}

bool has_state(const std::vector<TunnelReport>& tunnels, std::initializer_list<TunnelState> states) {
  return std::ranges::any_of(
      tunnels, [&](const TunnelReport& each) { return std::ranges::find(states, each.state) != states.end(); });
}

bool is_stopped_by_filter(const StopReport& report) {
  return report.state == StopState::kStopped && report.is_by_filter;
}

/// The packet filter without all tables of `signs` but one; null: without all of them.
Observed<Firewall> filter_without(const LeakFacts& facts, const std::vector<ProtectionSign>& signs,
                                  const FirewallTable* but) {
  Observed<Firewall> filter = facts.snapshot.firewall;
  filter->tables.clear();
  for (const FirewallTable& table : facts.snapshot.firewall->tables) {
    const bool is_among = std::ranges::count(signs, &table, &ProtectionSign::source) != 0;
    if (!is_among || &table == but) filter->tables.push_back(table);
  }
  return filter;
}

class StrandedSearch {
 public:
  explicit StrandedSearch(const LeakFacts& facts) : facts_(facts), machine_(facts) {
    for (ProtectionSign& sign : protection_signs(facts)) {
      if (sign.is_left_behind && !sign.is_spoof_guard) signs_.push_back(std::move(sign));
    }
  }

  StrandedKillSwitch find() {
    if (signs_.empty()) return {};
    // Each is tried alone, on a copy of the packet filter.
    constexpr std::size_t kMost = 16;
    if (signs_.size() > kMost) {
      return {.undecided = fmt::format("{} tables look like kill switches whose VPN is gone, too many to try each",
                                       signs_.size())};
    }
    for (const Family family : kFamilies) look_at(family);
    if (!found_.tables.empty()) found_.undecided.clear();
    return std::move(found_);
  }

 private:
  void look_at(Family family) {
    const StopReport now = machine_.local(family, facts_.snapshot.firewall);
    if (now.state == StopState::kUnknown) return leave_undecided(now.why);
    if (!is_stopped_by_filter(now)) return;
    const StopReport without = machine_.local(family, filter_without(facts_, signs_, nullptr));
    if (without.state == StopState::kUnknown) return leave_undecided(without.why);
    if (without.state != StopState::kOpen) return;  // others stop it as well
    found_.interface = now.interface;
    found_.why = now.why;
    std::vector<const ProtectionSign*> alone;
    for (const ProtectionSign& sign : signs_) {
      const Observed<Firewall> with_it = filter_without(facts_, signs_, sign.source);
      if (is_stopped_by_filter(machine_.local(family, with_it))) alone.push_back(&sign);
    }
    // Where none is enough, they stop some kinds of packets each.
    for (const ProtectionSign& sign : signs_) {
      if (alone.empty() || std::ranges::count(alone, &sign) != 0) add(sign);
    }
  }
  void add(const ProtectionSign& sign) {
    if (std::ranges::count(found_.tables, sign.source, &ProtectionSign::source) == 0) found_.tables.push_back(sign);
  }
  void leave_undecided(const std::string& why) {
    found_.undecided = fmt::format("whether {} stops this machine is not known: {}", signs_.front().table, why);
  }

  const LeakFacts& facts_;
  WithoutTunnels machine_;
  std::vector<ProtectionSign> signs_;
  StrandedKillSwitch found_;
};

}  // namespace

bool may_work(const std::vector<TunnelReport>& tunnels) {
  return has_state(tunnels, {TunnelState::kLive, TunnelState::kIdle, TunnelState::kUnknown});
}

StrandedKillSwitch find_stranded_kill_switch(const LeakFacts& facts) {
  const bool is_used = has_state(facts.tunnels, {TunnelState::kLive, TunnelState::kIdle});
  if (!facts.snapshot.firewall || is_used || is_tunnelled_without_interface(facts.coverage)) return {};
  StrandedKillSwitch found = StrandedSearch(facts).find();
  if (found.tables.empty() || !may_work(facts.tunnels)) return found;
  return {.undecided = fmt::format("{} stops what no tunnel carries, and whether one works is not known",
                                   found.tables.front().table)};
}

StoppedTraffic find_stopped_traffic(const LeakFacts& facts) {
  StoppedTraffic stopped;
  const Snapshot& snapshot = facts.snapshot;
  const bool is_known = snapshot.links && snapshot.addresses && snapshot.routes && snapshot.rules && snapshot.firewall;
  if (!is_known || snapshot.firewall->tables.empty()) return stopped;
  std::optional<WithoutTunnels> machine;
  for (const Family family : kFamilies) {
    if (facts.coverage.of(family).mode != CoverageMode::kNone) continue;
    if (!machine) machine.emplace(facts);
    const StopReport report = machine->local(family, snapshot.firewall);
    if (!is_stopped_by_filter(report)) continue;
    stopped.families.push_back(family);
    stopped.why = report.why;
  }
  return stopped;
}

}  // namespace vpndoctor
