// SPDX-License-Identifier: Apache-2.0
// How a lookup runs over an index: the flow as the kernel holds it, the walk over the rules, and the trace that an
// explanation is made of. A lookup passes no trace, and then nothing is worded: both run the same code.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fib_index.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/flow.h"

namespace vpndoctor {

/// struct flowi: a flow with its interfaces resolved. The walk over the rules may change `output` and `l3mdev`.
struct KernelFlow {
  IpAddress destination;
  IpAddress source;           ///< unspecified when there is none
  bool has_source = false;    ///< IPv6: RT6_LOOKUP_F_HAS_SADDR
  bool finds_source = false;  ///< IPv6: a rule with a source matches a flow without one; FIB_RULE_FIND_SADDR
  LinkId input = kNoLink;     ///< the loopback interface for a packet of this machine
  LinkId output = kNoLink;
  LinkId l3mdev = kNoLink;
  bool l3mdev_is_of_output = false;  ///< FLOWI_FLAG_L3MDEV_OIF, Linux 6.14
  std::uint32_t mark = 0;
  std::uint32_t uid = 0;
  std::uint8_t tos = 0;
  std::uint8_t ip_protocol = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

/// Writes down the steps of an explanation. Everything takes a null trace.
class FibTrace {
 public:
  explicit FibTrace(const Snapshot& snapshot) : snapshot_(&snapshot) {}

  /// Begins the step of a rule.
  void begin(const Rule& rule);
  /// Adds a step that is no rule's.
  void step(std::string what, std::string outcome);
  /// Says which table the current step looks up.
  void table(std::uint32_t id);
  /// Adds to the outcome of the current step, after a semicolon when there is something already.
  void note(std::string_view text);

  const Snapshot& snapshot() const { return *snapshot_; }
  std::vector<FlowStep> take() { return std::move(steps_); }

 private:
  const Snapshot* snapshot_;
  std::vector<FlowStep> steps_;
};

/// What a table, or all rules, said.
enum class FibVerdict : std::uint8_t {
  kAgain,        ///< no match, or a throw route: the next rule decides
  kRoute,        ///< `route` and `leg`
  kBlackhole,    ///< EINVAL
  kUnreachable,  ///< EHOSTUNREACH from a route, ENETUNREACH from a rule
  kProhibit,     ///< EACCES
  kNoRule,       ///< the end of the rules
};

struct FibResult {
  FibVerdict verdict = FibVerdict::kAgain;
  const Route* route = nullptr;               ///< also of a verdict that refuses, when a route said it
  RouteKind kind;                             ///< IPv4: of `route`, when the verdict is kRoute
  const FibLeg* leg = nullptr;                ///< the first that can be used; null: the route has none
  std::span<const std::uint32_t> siblings{};  ///< the routes of the same prefix, `route` among them
  std::uint32_t table = kTableUnspecified;
  LinkId suppress_link = kNoLink;  ///< whose group suppress_ifgroup looks at
  const Rule* rule = nullptr;      ///< the rule that decided
  std::string_view uncertain{};    ///< what on the way is not understood; empty: nothing
};

/// What a route of that type says once it is taken: fib_props in net/ipv4/fib_semantics.c, fib6_props in
/// net/ipv6/route.c.
constexpr FibVerdict verdict_of(RouteType type) {
  switch (type) {
    case RouteType::kUnicast:
    case RouteType::kLocal:
    case RouteType::kBroadcast:
    case RouteType::kAnycast:
    case RouteType::kMulticast:
      return FibVerdict::kRoute;
    case RouteType::kUnreachable:
      return FibVerdict::kUnreachable;
    case RouteType::kProhibit:
      return FibVerdict::kProhibit;
    case RouteType::kThrow:
      return FibVerdict::kAgain;
    default:
      return FibVerdict::kBlackhole;
  }
}
/// The same in words for a trace: "decides", "refuses the packet as unreachable".
std::string_view verdict_text(FibVerdict verdict);
/// What becomes of a packet that a route of that type takes.
FlowFate fate_of(RouteType type);
/// Puts what a refusing verdict means in the answer; false for kRoute.
bool put_refusal(const FibResult& result, FlowAnswer& answer);

/// Why a rule does not match; kNone: it does.
enum class Mismatch : std::uint8_t {
  kNone,
  kInput,
  kOutput,
  kMark,
  kTunnel,
  kVrf,
  kUid,
  kSource,
  kDestination,
  kTos,
  kProtocol,
  kSourcePort,
  kDestinationPort,
  kFlowLabel,
};

/// Which table is to be looked up, and for whom.
struct LookupArguments {
  const FibIndex& index;
  const Rule& rule;
  std::uint32_t table;
  FibTrace* trace;
  void* context;  ///< of the walk
};

/// Called for the table of a rule that matched. Sets verdict, route, leg, siblings, table and suppress_link; a verdict
/// other than kRoute needs no route, and `uncertain` is only added to. May change the flow (IPv6 finds its source).
using TableLookup = void (*)(const LookupArguments& arguments, KernelFlow& flow, FibResult& result);

/// One walk over the rules of a family: net/core/fib_rules.c fib_rules_lookup().
struct RuleWalk {
  const FibIndex* index = nullptr;
  std::span<const FibRule> rules{};
  TableLookup look_up = nullptr;
  void* context = nullptr;  ///< handed to look_up
  FibTrace* trace = nullptr;
};
/// Sets the flow's VRF as l3mdev_update_flow() does and walks the rules. kAgain never comes out.
FibResult walk_rules(const RuleWalk& walk, KernelFlow& flow);

/// The answer for a flow of either family.
FlowAnswer look_up(const FibIndex& index, const Flow& flow, FibTrace* trace);
/// The answers of the two families; `flow.destination` is of that family.
FlowAnswer look_up_inet(const FibIndex& index, const Flow& flow, FibTrace* trace);
FlowAnswer look_up_inet6(const FibIndex& index, const Flow& flow, FibTrace* trace);

/// Words for a trace: "10.0.0.0/8 via 10.8.0.1 dev tun0".
std::string short_words(const FibIndex& index, const Route& route);

/// Adds a reason why the answer is not certain, unless there is one already.
inline void doubt(FlowAnswer& answer, std::string_view why) {
  if (answer.uncertain.empty()) answer.uncertain = why;
}

}  // namespace vpndoctor
