// SPDX-License-Identifier: Apache-2.0
// The fewest operations that bring routes and rules from one state to another, in an order that never takes away a
// route that both states have and cuts the machine off no longer than needed. Pure: carrying it out is elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vpndoctor/finding.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class RestoreAction : std::uint8_t { kAdd, kReplace, kDelete };
const char* restore_action_name(RestoreAction action);  ///< "add", "replace", "delete"

/// A route that stands alone: with its own legs and attributes instead of indexes into a table.
struct StandaloneRoute {
  Route route;  ///< its `next_hops` and `attributes` mean nothing
  NextHopSet next_hops;
  RouteAttributes attributes;
};

/// What an operation is about. An address is only ever deleted (the one of a dead tunnel), and only when asked.
using RestoreObject = std::variant<StandaloneRoute, Rule, Address>;

/// Where a route that is added goes among the routes of its key (IPv4: table, prefix, TOS and metric). Of a deletion
/// only kAlone says something: there is no other route of the key.
enum class RoutePlacement : std::uint8_t {
  kAlone,  ///< there is none: NLM_F_EXCL, `ip route add`
  kFirst,  ///< before them: `ip route prepend`
  kLast,   ///< after them: NLM_F_APPEND, `ip route append`
};

struct RestoreOperation {
  RestoreAction action = RestoreAction::kAdd;
  RestoreObject object;
  RoutePlacement placement = RoutePlacement::kAlone;
  std::optional<StandaloneRoute> replaced;  ///< what a replacement takes the place of, as it was
  /// What brings back the state before this operation, in order. Empty: the opposite of the operation does.
  std::vector<RestoreOperation> undo;
  std::vector<std::string> argv;  ///< {"ip", "-4", "route", "add", ...}, or {"route", "-n", "add", ...} on macOS
  std::string reason;             ///< why it is part of the plan
  bool applicable = true;
  std::string why_not;    ///< when it is not applicable: the gateway is not on link, the interface is gone, ...
  bool optional = false;  ///< offered, not needed for the target: applied only when asked for
  std::string source;     ///< where the wished state comes from: "baseline", "lease of eth0", ...
  Confidence confidence = Confidence::kProven;
  const char* object_name() const;  ///< "route", "rule", "address"
  /// True when the target needs it and it can be done.
  bool is_pending() const { return applicable && !optional; }
};

/// A manager that would undo or fight the plan: its process owns the tables now.
struct TableManager {
  std::string name;      ///< "NetworkManager", "systemd-networkd", "FRR", "BIRD", "Tailscale", ...
  std::string evidence;  ///< "12 routes of protocol bird"
};

struct RestorePlan {
  Platform platform = Platform::kLinux;
  std::vector<RestoreOperation> operations;  ///< in the order in which they are to be carried out
  std::vector<std::string> notes;            ///< what the plan leaves alone and why
  std::vector<TableManager> managers;        ///< who owns routes that the plan touches
  /// What the plan cannot answer, and what to do about it: a part of the target that is not known, a family whose
  /// default route nothing speaks for.
  std::vector<std::string> unanswered;

  /// How many operations are pending: 0 means that there is nothing to do.
  std::size_t pending() const;
  /// How many operations are not possible here.
  std::size_t refused() const;
  /// True when nothing is refused and nothing is left unanswered: with nothing pending, the target is reached.
  bool is_whole() const { return refused() == 0 && unanswered.empty(); }
};

struct RestoreOptions {
  /// Whoever asks knows that the target is of this place: gateways that are other machines than then are no objection.
  bool force = false;
  /// The target is this machine a moment ago: what it had then is put back even where it did not work.
  bool is_return = false;
};

/// Plans the way from `now` to `target`, of the same platform. Kernel-made entries are left to the kernel. Routes of
/// `target` that would not work under today's links and addresses stay in the plan as not applicable, with the reason.
RestorePlan plan_restore(const Snapshot& now, const Snapshot& target, const RestoreOptions& options = {});

}  // namespace vpndoctor
