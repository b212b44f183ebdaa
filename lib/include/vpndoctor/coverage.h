// SPDX-License-Identifier: Apache-2.0
// Which part of the address space goes through a tunnel, and what does not: exact, over rules, tables and IPsec
// policies of a snapshot, for packets of this machine that are unmarked and unbound. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/fib.h"
#include "vpndoctor/prefix.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What an address is for (IANA's special-purpose registries, RFC 6890; the machine's own links and tunnels).
enum class AddressClass : std::uint8_t {
  kLan,  ///< on the link of a physical interface
  kLinkLocal,
  kMulticast,
  kVpnServer,  ///< a tunnel's own endpoint
  kPrivate,    ///< RFC 1918, RFC 4193, and what else is not globally reachable (RFC 6890): reserved space, benchmarks
  kPublic,
  kCgnat,  ///< 100.64.0.0/10, RFC 6598
  kLoopback,
  kDocumentation,
  kNat64,  ///< 64:ff9b::/96, RFC 6052, and 64:ff9b:1::/48, RFC 8215
};
const char* address_class_name(AddressClass address_class);  ///< "lan", "link_local", ..., "vpn_server", "nat64"

enum class CoverageMode : std::uint8_t {
  kFull,   ///< all globally routable unicast except the tunnels' endpoints goes through a tunnel, or nowhere
  kSplit,  ///< a part does
  kNone,   ///< nothing does
  kUnknown,
};
const char* coverage_mode_name(CoverageMode mode);  ///< "full", "split", "none", "unknown"

/// Addresses that leave this machine outside of every tunnel. What never leaves it may be among them, so that the
/// prefixes are few: its own addresses in a network of a link, and 0.0.0.0, :: and ::1.
struct OutsidePrefix {
  IpPrefix prefix;
  AddressClass address_class = AddressClass::kPublic;
  std::string interface;
  std::optional<IpAddress> gateway;      ///< null: on the link
  std::optional<std::uint8_t> protocol;  ///< RouteProtocol of the route that takes it; null: none decided
};

/// All that leaves one way, also where the list of prefixes is cut.
struct OutsideWay {
  OutsidePrefix largest;           ///< the first one of its largest prefixes
  std::size_t prefixes_count = 0;  ///< fewest prefixes
  double share = 0;                ///< of the family's whole address space, 0 to 1
};

/// A route that takes addresses past the tunnels which are of no link and mean something anywhere: public ones,
/// documentation, private and carrier-grade NAT.
struct OutsideRoute {
  std::uint32_t route = 0;  ///< its number in the snapshot's table
  bool is_public = false;   ///< public addresses or documentation are among them
  IpAddress sample;         ///< one of them, a public one where there is any
};

/// What one tunnel carries of a family, alone or shared with others.
struct TunnelPart {
  bool has_global = false;  ///< some of what a full tunnel has to take
  /// More than the networks of its own addresses, and what means something on one link alone: link-local, multicast.
  bool has_beyond_own = false;
};

struct FamilyCoverage {
  CoverageMode mode = CoverageMode::kUnknown;
  std::string why_unknown;           ///< a phrase; empty unless the mode is unknown
  std::string why_uncertain;         ///< why some destinations may go another way than told, a phrase; empty: none
  double tunnel_share = 0;           ///< of the family's whole address space, 0 to 1, rounded down
  std::vector<std::string> tunnels;  ///< that carry some of it, ascending; "ipsec" for policies without an interface
  std::map<std::string, TunnelPart, std::less<>> parts;  ///< by those names
  std::vector<OutsidePrefix> outside;                    ///< fewest prefixes, ascending
  bool is_cut = false;                                   ///< `outside` has not all: there were too many
  std::vector<OutsideWay> outside_ways;                  ///< what `outside` has, and what was cut off; at most as many
  std::vector<OutsideRoute> outside_routes;  ///< all of them, each once, where there is a tunnel; else empty
  /// Rules that send some packets another way: by mark, user, port, bound interface. In words.
  std::vector<std::string> exceptions;
};

struct Coverage {
  FamilyCoverage inet;
  FamilyCoverage inet6;
  const FamilyCoverage& of(Family family) const { return family == Family::kInet ? inet : inet6; }
};

/// Where an unmarked, unbound packet of this machine goes.
enum class PacketWay : std::uint8_t {
  kTunnel,   ///< into a tunnel, or an IPsec policy takes or blocks it
  kOutside,  ///< out of an interface that is no tunnel
  kHere,     ///< to this machine itself
  kNowhere,  ///< refused, or no route
  kUnknown,
};

/// Where a flow goes, routes and IPsec policies taken together.
struct PacketPath {
  PacketWay way = PacketWay::kUnknown;
  std::string_view interface;  ///< where it leaves; empty: nowhere, not known, or an IPsec policy takes it
  std::string why;             ///< of kUnknown and kNowhere, a phrase
  const Route* route = nullptr;
};
PacketPath packet_path(const Snapshot& snapshot, const Fib& fib, const Flow& flow);

/// Computes both families' coverage for packets of the user `uid`.
Coverage find_coverage(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid);

/// What the address is, in this snapshot.
AddressClass classify(const Snapshot& snapshot, const IpAddress& address);

}  // namespace vpndoctor
