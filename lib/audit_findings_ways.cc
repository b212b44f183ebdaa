// SPDX-License-Identifier: Apache-2.0
// Prefixes of a list that do not go through the tunnel, or not wholly: which routes take them, and which route would
// win against these.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "audit_findings.h"

namespace vpndoctor {
namespace {

std::string where(const std::string& interface) { return interface.empty() ? "nowhere" : "through " + interface; }

/// "10.1.0.0/16 goes through eth0 by the route ... of table main".
std::string exception_text(const Snapshot& snapshot, const AuditException& exception) {
  const bool is_some = exception.decided_by != DependsOn::kNothing;
  std::string text = fmt::format("{}{} {} {}", is_some ? "some flows to " : "", exception.prefix,
                                 is_some ? "go" : "goes", where(exception.interface));
  if (exception.route.empty()) return text + "; no route matches";
  return text + fmt::format(" by \"{}\", table {}", exception.route, snapshot.table_name(exception.table));
}

void add_prefix(const Snapshot& snapshot, const AuditedPrefix& audited, Case& into) {
  const auto worst = std::ranges::find(audited.exceptions, false, &AuditException::is_expected);
  const auto& exceptions = audited.exceptions;
  into.add(audited.prefix.to_string(),
           exception_text(snapshot, worst == exceptions.end() ? exceptions.front() : *worst));
  into.add_doubt(audited.uncertain);
}

/// How the routes that take addresses from the tunnel stand to the prefix of the list.
struct Takers {
  bool more_specific = false;
  bool less_specific = false;  ///< or as specific: a route of the tunnel's own is missing
  bool no_route = false;
  bool parted = false;      ///< one of several legs
  bool unbeatable = false;  ///< no route that could be added wins against it

  void add(const AuditedPrefix& audited) {
    for (const AuditException& each : audited.exceptions) {
      if (each.is_expected) continue;
      const bool is_parted = each.decided_by != DependsOn::kNothing;
      parted = parted || is_parted;
      no_route = no_route || !each.destination;
      if (is_parted || !each.destination) continue;
      const bool is_more_specific = each.destination->length > audited.prefix.length;
      (is_more_specific ? more_specific : less_specific) = true;
      unbeatable = unbeatable || is_more_specific || each.destination->is_host();
    }
  }

  std::string text() const {
    std::string sentences;
    const auto say = [&sentences](bool applies, const char* sentence) {
      if (applies) sentences += fmt::format("{}{}", sentences.empty() ? "" : " ", sentence);
    };
    say(more_specific, "More specific routes take a part.");
    say(less_specific, "The tunnel has no route for a part, and one that is less specific takes it.");
    say(no_route, "No route matches a part.");
    say(parted, "Where next hops lead through several interfaces, some flows go past the tunnel.");
    return sentences;
  }
};

/// The routes that the tunnel lacks.
class MissingRoutes {
 public:
  MissingRoutes(const CidrAudit& audit, const Snapshot& snapshot) : audit_(audit), snapshot_(snapshot) {}

  void add(const AuditedPrefix& audited) {
    const AuditException* taker = nullptr;  // the most specific one that a route for the prefix can win against
    bool is_lacking = false;
    for (const AuditException& each : audited.exceptions) {
      if (each.is_expected || (each.destination && each.destination->length > audited.prefix.length)) continue;
      is_lacking = true;
      if (!each.destination) continue;
      if (taker == nullptr || taker->destination->length < each.destination->length) taker = &each;
    }
    if (!is_lacking) return;
    const Family family = audited.prefix.family();
    if (!has_address(family)) {
      unaddressed_.insert(family);
      return;
    }
    for (const IpPrefix& prefix : winning(audited.prefix, taker)) add_command(prefix, taker);
    has_default_ = has_default_ || audited.prefix.is_default();
  }

  void advise(Remedy& remedy) {
    for (const Family family : unaddressed_) {
      add_step(remedy, fmt::format("Let the VPN give {} an {} address: without one, a route into it carries nothing.",
                                   audit_.interface, family == Family::kInet ? "IPv4" : "IPv6"));
    }
    if (commands_.empty()) return;
    add_step(remedy,
             fmt::format("Reconnect the VPN, which sets its routes; or add them by hand, in the VPN's own table if it "
                         "has one{}.",
                         has_default_ ? ", once the way to its server is kept outside" : ""),
             std::move(commands_));
  }

 private:
  /// The prefix itself; two halves where a route is as specific, as always beside a default. A host has none.
  static std::vector<IpPrefix> winning(const IpPrefix& prefix, const AuditException* taker) {
    const bool is_rivalled = taker != nullptr && taker->destination->length == prefix.length;
    if (!prefix.is_default() && !is_rivalled) return {prefix};
    if (prefix.is_host()) return {};
    const IpPrefix lower = IpPrefix::of(prefix.address, prefix.length + 1U);
    return {lower, IpPrefix::of(prefix.last_address(), prefix.length + 1U)};
  }

  void add_command(const IpPrefix& prefix, const AuditException* taker) {
    if (commands_.size() >= Case::kMostEvidence) return;
    const bool is_inet = prefix.family() == Family::kInet;
    if (snapshot_.platform == Platform::kMacos) {
      commands_.push_back(
          {"macos",
           {"route", "-n", "add", is_inet ? "-inet" : "-inet6", prefix.to_string(), "-interface", audit_.interface},
           true});
      return;
    }
    std::vector<std::string> argv{"ip",  is_inet ? "-4" : "-6", "route", "add", prefix.to_string(),
                                  "dev", audit_.interface};
    if (taker != nullptr && taker->table != kTableMain) {
      argv.insert(argv.end(), {"table", snapshot_.table_name(taker->table)});
    }
    commands_.push_back(root_command(std::move(argv)));
  }

  bool has_address(Family family) const {
    if (!snapshot_.addresses.is_complete()) return true;
    return std::ranges::any_of(*snapshot_.addresses, [&](const Address& address) {
      return address.interface == audit_.interface && address.address.family == family &&
             !address.address.is_link_local();
    });
  }

  const CidrAudit& audit_;
  const Snapshot& snapshot_;
  std::set<Family> unaddressed_;
  std::vector<Command> commands_;
  bool has_default_ = false;
};

void advise_deletion(const Takers& takers, Remedy& remedy) {
  if (!takers.unbeatable && !takers.parted) return;
  add_step(remedy, "See which route takes each part and who made it, and delete it if it is wrong.",
           {user_command({"vpndoctor", "routes", "show", "--all"})});
}

/// Collects the prefixes that `belongs` picks, and what to do about them.
template <class Belongs>
Takers collect(const CidrAudit& audit, const Snapshot& snapshot, Case& found, Belongs belongs) {
  Takers takers;
  MissingRoutes missing(audit, snapshot);
  for (const AuditedPrefix& each : audit.prefixes) {
    if (!belongs(each)) continue;
    add_prefix(snapshot, each, found);
    takers.add(each);
    missing.add(each);
  }
  missing.advise(found.finding().remedy);
  advise_deletion(takers, found.finding().remedy);
  return takers;
}

void check_outside(const CidrAudit& audit, const Snapshot& snapshot, Findings& findings) {
  Case found("RTE020", audit, snapshot);
  collect(audit, snapshot, found, [](const AuditedPrefix& each) {
    return each.status == PrefixStatus::kOutside && !each.is_only_own && each.has_unexpected;
  });
  const std::string count = counted(found.count(), "prefix of the list does", "prefixes of the list do");
  found.finish(fmt::format("{} not go through {}", count, audit.interface),
               "Traffic for these addresses leaves this machine outside the tunnel.", findings);
}

/// A part leaves in clear, or goes nowhere or through another tunnel.
void check_partial(const CidrAudit& audit, const Snapshot& snapshot, bool in_clear, Findings& findings) {
  Case found("RTE021", audit, snapshot);
  found.finding().severity = in_clear ? Severity::kError : Severity::kWarning;
  const Takers takers = collect(audit, snapshot, found, [in_clear](const AuditedPrefix& each) {
    return each.status == PrefixStatus::kPartial && each.has_unexpected && each.leaves_in_clear == in_clear;
  });
  const std::string count = counted(found.count(), "prefix of the list goes", "prefixes of the list go");
  found.finish(fmt::format("{} only partly through {}{}", count, audit.interface,
                           in_clear ? "; the rest leaves outside it" : ""),
               takers.text(), findings);
}

void check_expected(const CidrAudit& audit, const Snapshot& snapshot, Findings& findings) {
  Case found("RTE021", audit, snapshot);
  found.finding().severity = Severity::kNotice;
  for (const AuditedPrefix& each : audit.prefixes) {
    const bool is_past = each.status == PrefixStatus::kPartial || each.status == PrefixStatus::kOutside;
    if (is_past && !each.is_only_own && !each.has_unexpected) add_prefix(snapshot, each, found);
  }
  const std::string count = counted(found.count(), "prefix of the list goes", "prefixes of the list go");
  found.finish(fmt::format("{} through {} except for what belongs outside", count, audit.interface),
               "The rest is networks that this machine is directly connected to, or the way to the tunnel's own "
               "server, which belong outside.",
               findings);
}

void check_unrouted(const CidrAudit& audit, const Snapshot& snapshot, Findings& findings) {
  Case found("RTE022", audit, snapshot);
  collect(audit, snapshot, found, [](const AuditedPrefix& each) { return each.status == PrefixStatus::kUnrouted; });
  const std::string count = counted(found.count(), "prefix of the list goes", "prefixes of the list go");
  found.finish(count + " nowhere", "Packets to these addresses are refused or dropped on this machine.", findings);
}

}  // namespace

void check_ways(const CidrAudit& audit, const Snapshot& snapshot, Findings& findings) {
  check_outside(audit, snapshot, findings);
  check_partial(audit, snapshot, true, findings);
  check_partial(audit, snapshot, false, findings);
  check_unrouted(audit, snapshot, findings);
  check_expected(audit, snapshot, findings);
}

}  // namespace vpndoctor
