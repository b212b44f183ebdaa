// SPDX-License-Identifier: Apache-2.0
// Does a split tunnel do what its list says: for every prefix of a list, which part of it leaves through the tunnel,
// which elsewhere and why, rules taken into account. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/fib.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/prefix.h"
#include "vpndoctor/prefix_set.h"
#include "vpndoctor/result.h"
#include "vpndoctor/routing_checks.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Reads a list: CIDRs one a line or separated by commas, the `AllowedIPs` lines of a WireGuard configuration (whose
/// host bits WireGuard ignores), or the `route` and `route-ipv6` lines of an OpenVPN configuration (`redirect-gateway`
/// is its default; a route by `net_gateway` is none of the tunnel's). kUsage names the line and what is wrong with it:
/// an unknown word, host bits, a host's name, an empty list.
Result<std::vector<IpPrefix>> parse_prefix_list(std::string_view text);

enum class PrefixStatus : std::uint8_t { kInside, kOutside, kPartial, kUnrouted };
const char* prefix_status_name(PrefixStatus status);  ///< "inside", "outside", "partial", "unrouted"

/// Which share of a prefix goes where.
struct ShareThrough {
  std::string interface;   ///< empty: nowhere (no route, blackhole, unreachable, prohibit)
  double share_ratio = 0;  ///< where a flow hash decides, the share of the flows by the weights of the legs
};

/// A part of a prefix that does not go through the tunnel.
struct AuditException {
  IpPrefix prefix;                      ///< the part
  std::string interface;                ///< where it goes; empty: nowhere
  std::string route;                    ///< the route that takes it, in the words of `ip route`; empty: none
  std::optional<IpPrefix> destination;  ///< of that route
  std::uint32_t table = 0;
  DependsOn decided_by = DependsOn::kNothing;  ///< else some flows go through the tunnel, and this decides which
  bool is_expected = false;                    ///< a link's own network, or the way to a tunnel's other end
  bool leads_to_tunnel_end = false;            ///< it is the latter
};

struct AuditedPrefix {
  IpPrefix prefix;
  PrefixStatus status = PrefixStatus::kUnrouted;
  std::vector<ShareThrough> through;       ///< largest share first
  std::vector<AuditException> exceptions;  ///< at most kMostExceptions, unexpected ones first, then by size
  std::size_t exceptions_count = 0;        ///< of all there are
  bool has_unexpected = false;             ///< one of them, kept or not, is not `is_expected`
  bool leaves_in_clear = false;            ///< and one of those leaves by a live interface that is no tunnel
  bool is_only_own = false;                ///< nothing but this machine's own addresses, broadcast and multicast
  double undecided_ratio = 0;              ///< the share that a neighbour's state decides about; in none of `through`
  std::string uncertain;                   ///< why this is not certain; empty: certain

  static constexpr std::size_t kMostExceptions = 16;
};

struct CidrAudit {
  std::string interface;                ///< the tunnel that was asked about
  std::vector<AuditedPrefix> prefixes;  ///< in the order of the list
  std::vector<IpPrefix> aggregated;     ///< the list in the fewest prefixes
  std::size_t inside = 0, outside = 0, partial = 0, unrouted = 0;
};

/// What is asked: whether `list` goes through `interface` for a local, unbound flow of `uid` with mark 0.
struct AuditRequest {
  std::vector<IpPrefix> list;
  std::string interface;
  std::uint32_t uid = 0;
};

/// Audits a list against the tables; `fib` indexes `snapshot`. Addresses of this machine itself, broadcast and
/// multicast count in the shares and not in the status.
CidrAudit audit_prefixes(const Fib& fib, const Snapshot& snapshot, const AuditRequest& request);

/// Returns what is wrong with the split tunnel, most severe first: prefixes that do not go through it, and overlaps of
/// the list with other tunnels, local and container networks, loopback and shared address space (codes RTE020 to
/// RTE025). Where routes or rules are not wholly known, where prefixes go is not judged: these codes are skipped.
CheckResults audit_findings(const CidrAudit& audit, const Snapshot& snapshot);

}  // namespace vpndoctor
