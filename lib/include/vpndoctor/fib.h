// SPDX-License-Identifier: Apache-2.0
// Which route a packet takes: the kernel's own lookup over a snapshot, rules, tables, next hops and source address,
// without asking the kernel. Follows net/core/fib_rules.c, net/ipv4/{route,fib_rules,fib_trie,fib_semantics,
// fib_frontend}.c and net/ipv6/{route,fib6_rules,ip6_fib,addrconf}.c. Where the kernel's answer depends on what a
// snapshot cannot hold (a flow hash, a neighbour's state), the answer says so and gives the set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/flow.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What happens to the packet. The first ones are RTN_*; the others have no route type of their own.
enum class FlowFate : std::uint8_t {
  kUnicast,
  kLocal,
  kBroadcast,
  kAnycast,
  kMulticast,
  kBlackhole,        ///< dropped in silence, by a route or by a rule
  kUnreachable,      ///< refused with "host/network unreachable", by a route or by a rule
  kProhibit,         ///< refused with "administratively prohibited", by a route or by a rule
  kNone,             ///< nothing matched: network unreachable
  kInvalidSource,    ///< the source address is none that the kernel lets a packet have here
  kMartian,          ///< an arriving packet with impossible addresses, or one that the reverse path filter drops
  kNotForwarding,    ///< an arriving packet for elsewhere on a machine that does not forward
  kNoSuchInterface,  ///< the flow names an interface that is not there or is down
};
const char* flow_fate_name(FlowFate fate);  ///< "unicast", ..., "none", "invalid_source", "martian", "not_forwarding"

/// What an answer depends on beyond the snapshot's tables.
enum class DependsOn : std::uint8_t { kNothing, kNeighbour, kHash };
const char* depends_on_name(DependsOn depends_on);  ///< null for kNothing, "neighbour", "hash"

/// One way that the packet may go.
struct FlowWay {
  std::string_view interface;  ///< empty: none
  std::optional<IpAddress> gateway;
  const Route* route = nullptr;
  std::uint16_t weight = 1;
};

/// The answer. What it points to belongs to the Snapshot and the Fib.
struct FlowAnswer {
  FlowFate fate = FlowFate::kNone;
  std::string_view interface;        ///< where the packet leaves, or is delivered; empty: nowhere
  std::optional<IpAddress> gateway;  ///< null: on the link
  std::optional<IpAddress> source;   ///< the source address it gets, or has; null: none
  const Route* route = nullptr;      ///< null: no route decided (a rule's action, an on-link assumption, no match)
  std::uint32_t table = kTableUnspecified;  ///< of the route; unspecified without one
  DependsOn depends_on = DependsOn::kNothing;
  std::vector<FlowWay> candidates;  ///< empty unless it depends on something; then every way it may go
  /// Why the answer is not certain: a facet that is missing or cut, an attribute that is not understood. Empty:
  /// certain.
  std::string_view uncertain;
};

/// One rule that was tried, in words.
struct FlowStep {
  std::optional<std::uint32_t> priority;  ///< null: a step before or after the rules
  std::string rule;                       ///< the rule in the words of `ip rule`
  std::optional<std::uint32_t> table;     ///< the table that was looked up; null: none
  std::string outcome;                    ///< what came of it, a sentence: "its mark 0xca6c differs from 0x0"
};

struct FlowExplanation {
  FlowAnswer answer;
  std::vector<FlowStep> steps;
};

struct FibIndex;

/// An index over a snapshot for lookups: built once, then only read; lookups may run in several threads.
class Fib {
 public:
  /// Indexes the routes and rules of `snapshot`, which must outlive this object unchanged.
  explicit Fib(const Snapshot& snapshot);
  ~Fib();
  Fib(Fib&&) noexcept;
  Fib& operator=(Fib&&) noexcept;

  /// Looks a flow up. Allocates nothing unless the answer has candidates.
  FlowAnswer lookup(const Flow& flow) const;
  /// Looks many flows up: `answers`, of the same number, gets their answers in order. Among a million routes a lookup
  /// by itself mostly waits for memory; here the waits of several overlap.
  void lookup(std::span<const Flow> flows, std::span<FlowAnswer> answers) const;
  /// The same answer with every step on the way to it.
  FlowExplanation explain(const Flow& flow) const;

  /// Calls `visit(first, last, answer)` for consecutive ranges of destinations that cover `within` in ascending
  /// order; inside a range every destination has the same answer for flows that otherwise equal `flow` (whose
  /// destination is ignored): its source is that of the first one. Neighbouring ranges of equal answers are not merged.
  /// With so many rules and routes that it would take minutes, ranges are larger, and answers `uncertain`.
  void for_each_range(const Flow& flow, const IpPrefix& within,
                      const std::function<void(const IpAddress&, const IpAddress&, const FlowAnswer&)>& visit) const;

 private:
  std::unique_ptr<const FibIndex> index_;
};

/// Returns the snapshot as it would be without an interface: its link, addresses, routes, and the legs through it are
/// gone, and so are the rules' matches on it (they stay, detached), as the kernel does when a link is deleted.
Snapshot without_interface(const Snapshot& snapshot, std::string_view interface);

/// Returns the snapshot with one more route, in the words of `ip route add`: "[TYPE] PREFIX [via A] [dev IF]
/// [metric N] [table T] [src A] [tos T] [proto P] [scope S] [onlink] [nexthop ...]". What the kernel would refuse (a
/// gateway that is not on link, an interface that is not there) is kUsage with the reason.
Result<Snapshot> with_route(const Snapshot& snapshot, std::string_view route);

}  // namespace vpndoctor
