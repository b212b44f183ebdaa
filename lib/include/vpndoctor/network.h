// SPDX-License-Identifier: Apache-2.0
// What a network namespace is made of, as rtnetlink tells it: links, addresses, routes, rules, nexthop objects and
// neighbours. Interfaces are known by name, since an index changes when a tunnel is made again. Plain values; constants
// are the kernel's numbers (include/uapi/linux/{rtnetlink,fib_rules,neighbour,if_addr}.h), written here so that this
// layer includes no header of the system.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/ip.h"
#include "vpndoctor/prefix.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// IFF_* of a link.
enum LinkFlag : std::uint32_t {
  kLinkUp = 1U << 0U,
  kLinkBroadcast = 1U << 1U,
  kLinkLoopback = 1U << 3U,
  kLinkPointToPoint = 1U << 4U,
  kLinkRunning = 1U << 6U,
  kLinkNoArp = 1U << 7U,
  kLinkMulticast = 1U << 12U,
  kLinkLowerUp = 1U << 16U,
};

/// A network interface (RTM_NEWLINK).
struct Link {
  int index = 0;  ///< for messages to the kernel only; never an identity
  std::string name;
  std::vector<std::string> alternative_names;
  std::string kind;                    ///< IFLA_INFO_KIND: "wireguard", "tun", "veth", "vrf", ...; empty for hardware
  std::uint32_t flags = 0;             ///< LinkFlag and the other IFF_*
  std::uint16_t hardware_type = 0;     ///< ARPHRD_*
  std::uint8_t operational_state = 0;  ///< IF_OPER_*: 2 down, 5 dormant, 6 up, 0 unknown
  std::string hardware_address;        ///< "02:00:00:00:00:01"; empty when there is none
  std::optional<std::uint32_t> mtu_bytes;
  std::string master;                      ///< the bridge, bond or VRF it belongs to; empty: none
  std::string lower;                       ///< IFLA_LINK in this namespace: the link below; empty: none
  bool lower_is_elsewhere = false;         ///< the link below is in another namespace
  std::uint32_t group = 0;                 ///< IFLA_GROUP
  std::optional<std::uint32_t> vrf_table;  ///< of a VRF
  std::optional<std::uint8_t> tun_type;    ///< of a tun device: 1 tun, 2 tap
  std::optional<bool> tun_persistent;      ///< of a tun device: stays without a holder
  std::optional<IpAddress> tunnel_local;   ///< of a GRE, IP-in-IP, SIT, VTI or VXLAN tunnel
  std::optional<IpAddress> tunnel_remote;  ///< the fixed remote of such a tunnel
  /// IFLA_CARRIER, which is told of a link that is down as well, and changes at once: RUNNING follows up to a second
  /// later (net/core/link_watch.c). Null: not told.
  std::optional<bool> carrier;

  bool is_up() const { return (flags & kLinkUp) != 0; }
  bool is_running() const { return (flags & kLinkRunning) != 0; }  ///< up, with a carrier
  /// The carrier itself where it is told; else what the flags say, which show none of a link that is down.
  bool has_carrier() const { return carrier.value_or((flags & (kLinkRunning | kLinkLowerUp)) != 0); }
  bool is_loopback() const { return (flags & kLinkLoopback) != 0; }
  bool is_vrf() const { return vrf_table.has_value(); }
  bool operator==(const Link&) const = default;
};

/// IFA_F_* of an address.
enum AddressFlag : std::uint32_t {
  kAddressSecondary = 0x01,  ///< IPv4; for IPv6 the same bit means temporary
  kAddressTemporary = 0x01,
  kAddressNoDad = 0x02,
  kAddressOptimistic = 0x04,
  kAddressDadFailed = 0x08,
  kAddressHome = 0x10,
  kAddressDeprecated = 0x20,
  kAddressTentative = 0x40,
  kAddressPermanent = 0x80,
  kAddressManageTemporary = 0x100,
  kAddressNoPrefixRoute = 0x200,
  kAddressStablePrivacy = 0x800,
};

/// An address of an interface (RTM_NEWADDR).
struct Address {
  std::string interface;
  IpAddress address;  ///< this end
  std::uint8_t prefix_length = 0;
  std::optional<IpAddress> peer;       ///< the other end of a point-to-point address
  std::optional<IpAddress> broadcast;  ///< IPv4
  std::uint8_t scope = 0;              ///< RouteScope
  std::uint32_t flags = 0;             ///< AddressFlag
  std::uint32_t route_metric = 0;      ///< IFA_RT_PRIORITY: metric of the route that comes with it; 0: the default
  std::uint8_t protocol = 0;           ///< IFA_PROTO: 0 not told, 1 loopback, 2 router advertisement, 3 link-local
  std::string label;                   ///< IPv4; empty when it is the interface's name
  std::optional<std::uint32_t> valid_seconds;      ///< null: for ever
  std::optional<std::uint32_t> preferred_seconds;  ///< null: for ever

  bool is_temporary() const { return address.family == Family::kInet6 && (flags & kAddressTemporary) != 0; }
  /// The prefix that is on the link through it: around `peer` where there is one.
  IpPrefix on_link() const { return IpPrefix::of(peer.value_or(address), prefix_length); }
  bool operator==(const Address&) const = default;
};

/// RTN_*: what a route does.
enum class RouteType : std::uint8_t {
  kUnspecified = 0,
  kUnicast = 1,
  kLocal = 2,
  kBroadcast = 3,
  kAnycast = 4,
  kMulticast = 5,
  kBlackhole = 6,
  kUnreachable = 7,
  kProhibit = 8,
  kThrow = 9,
  kNat = 10,
};

/// RT_SCOPE_*; other values are a user's own.
enum RouteScope : std::uint8_t {
  kScopeUniverse = 0,
  kScopeLink = 253,
  kScopeHost = 254,
  kScopeNowhere = 255,
};

/// RTPROT_*: who made a route or rule. Only those that this project reasons about.
enum RouteProtocol : std::uint8_t {
  kProtocolUnspecified = 0,
  kProtocolRedirect = 1,
  kProtocolKernel = 2,
  kProtocolBoot = 3,
  kProtocolStatic = 4,
  kProtocolRouterAdvertisement = 9,
  kProtocolDhcp = 16,
};

/// RT_TABLE_* that the kernel itself uses.
enum RouteTableId : std::uint32_t {
  kTableUnspecified = 0,
  kTableDefault = 253,
  kTableMain = 254,
  kTableLocal = 255,
};

/// RTNH_F_*, those that matter here. Dead and link-down are state, on-link is configuration.
enum NextHopFlag : std::uint8_t {
  kNextHopDead = 1,
  kNextHopOnLink = 4,
  kNextHopLinkDown = 16,
};

/// RTA_ENCAP_TYPE and RTA_ENCAP: what a light-weight tunnel puts around the packet. Part of a next hop's identity.
struct Encapsulation {
  std::uint16_t type = 0;  ///< LWTUNNEL_ENCAP_*; 0: none
  std::string attributes;  ///< the payload of RTA_ENCAP, as raw bytes
  bool operator==(const Encapsulation&) const = default;
};

/// One leg of a route.
struct NextHop {
  std::optional<IpAddress> gateway;  ///< null: on the link itself. May be of the other family (RTA_VIA)
  std::string interface;             ///< empty: none, or one that vanished while it was read
  std::uint16_t weight = 1;          ///< 1 to 256; of a nexthop group up to 65535 (Linux 6.13)
  std::uint8_t flags = 0;            ///< NextHopFlag
  Encapsulation encapsulation;
  bool operator==(const NextHop&) const = default;
};

/// The legs of a route: one, several for a multipath route, none for a blackhole. Shared by all routes that have it.
struct NextHopSet {
  std::vector<NextHop> hops;
  std::optional<std::uint32_t> object_id;  ///< RTA_NH_ID: they come from this nexthop object
  bool operator==(const NextHopSet&) const = default;
};

/// RTAX_*: one metric of a route; a congestion control algorithm is named in RouteAttributes.
struct RouteMetric {
  std::uint16_t kind = 0;  ///< RTAX_MTU is 2, RTAX_ADVMSS 8, ...
  std::uint32_t value = 0;
  auto operator<=>(const RouteMetric&) const = default;
};

/// What few routes have, shared by all that have the same.
struct RouteAttributes {
  std::optional<IpPrefix> source;  ///< IPv6: only packets from there (RTA_SRC); null: any
  std::optional<IpAddress> preferred_source;
  std::vector<RouteMetric> metrics;  ///< ordered by kind
  std::uint32_t locked_metrics = 0;  ///< RTAX_LOCK: a bit for each kind
  std::string congestion_control;    ///< RTAX_CC_ALGO
  std::uint32_t realms = 0;          ///< RTA_FLOW
  std::uint8_t preference = 0;       ///< RTA_PREF, RFC 4191: 0 medium, 1 high, 3 low
  std::optional<std::uint8_t> ttl_propagate;
  std::optional<std::uint32_t> expires_seconds;  ///< state: when the kernel will remove it
  std::uint32_t flags = 0;                       ///< RTM_F_* beyond what next hops say, e.g. RTM_F_CLONED 0x200
  std::vector<std::uint16_t> not_understood;     ///< RTA_* numbers that this version does not know
  std::string macos_flags;                       ///< as netstat prints them: "UGScIg"; empty on Linux
  bool operator==(const RouteAttributes&) const = default;
};

/// A route (RTM_NEWROUTE) in 40 bytes: `next_hops` and `attributes` are indexes into its RouteTable.
struct Route {
  IpPrefix destination;
  std::uint8_t tos = 0;  ///< IPv4: part of the key; IPv6: always 0
  RouteType type = RouteType::kUnicast;
  std::uint8_t protocol = kProtocolUnspecified;
  std::uint8_t scope = kScopeUniverse;
  std::uint32_t table = kTableMain;
  std::uint32_t metric = 0;
  std::uint32_t next_hops = 0;
  std::uint32_t attributes = 0;
};

/// All routes of all tables and both families, in the order the kernel told them: among IPv4 routes of one key (table,
/// prefix, TOS, metric) the first that can be used decides.
struct RouteTable {
  std::vector<Route> routes;
  std::vector<NextHopSet> next_hop_sets;
  std::vector<RouteAttributes> attribute_sets;

  const std::vector<NextHop>& hops(const Route& route) const { return next_hop_sets[route.next_hops].hops; }
  const RouteAttributes& attributes(const Route& route) const { return attribute_sets[route.attributes]; }
};

/// FR_ACT_*: what a rule does when it matches.
enum class RuleAction : std::uint8_t {
  kUnspecified = 0,
  kToTable = 1,
  kGoto = 2,
  kNop = 3,
  kBlackhole = 6,
  kUnreachable = 7,
  kProhibit = 8,
};

struct NumberRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  auto operator<=>(const NumberRange&) const = default;
};

/// A policy routing rule (RTM_NEWRULE). A selector that is not given matches everything.
struct Rule {
  Family family = Family::kInet;
  std::uint32_t priority = 0;
  bool inverted = false;  ///< FIB_RULE_INVERT: negates all selectors together
  std::optional<IpPrefix> source;
  std::optional<IpPrefix> destination;
  std::string input_interface;
  std::string output_interface;
  bool input_interface_detached = false;   ///< the interface does not exist now: state
  bool output_interface_detached = false;  ///< the same
  std::uint32_t mark = 0;
  std::uint32_t mark_mask = 0;  ///< 0: marks do not matter
  std::uint8_t tos = 0;
  std::optional<std::uint8_t> dscp;  ///< FRA_DSCP
  std::optional<std::uint8_t> dscp_mask;
  std::optional<NumberRange> uids;
  std::uint8_t ip_protocol = 0;
  std::optional<NumberRange> source_ports;
  std::optional<NumberRange> destination_ports;
  std::optional<std::uint32_t> source_port_mask;       ///< FRA_SPORT_MASK
  std::optional<std::uint32_t> destination_port_mask;  ///< FRA_DPORT_MASK
  std::uint64_t tunnel_id = 0;                         ///< never matches a packet of this machine unless 0
  bool l3mdev = false;                                 ///< the table of the packet's VRF
  RuleAction action = RuleAction::kToTable;
  std::uint32_t table = kTableUnspecified;
  std::optional<std::uint32_t> goto_priority;
  bool goto_unresolved = false;  ///< no rule has that priority now: state
  std::optional<std::uint32_t> suppress_prefix_length;
  std::optional<std::uint32_t> suppress_interface_group;
  std::uint32_t realms = 0;
  std::uint8_t protocol = 0;  ///< RTPROT_*
  std::optional<std::uint32_t> flow_label;
  std::optional<std::uint32_t> flow_label_mask;
  std::vector<std::uint16_t> not_understood;  ///< FRA_* numbers that this version does not know
  bool operator==(const Rule&) const = default;
};

/// How a resilient group keeps flows where they are.
struct ResilientGroup {
  std::uint16_t buckets = 0;
  std::uint32_t idle_timer_centiseconds = 0;        ///< a bucket without a packet for so long may move
  std::uint32_t unbalanced_timer_centiseconds = 0;  ///< after so long out of balance all move; 0: never
  bool operator==(const ResilientGroup&) const = default;
};

/// A nexthop object (RTM_NEWNEXTHOP). Routes that use it carry its legs as well.
struct NextHopObject {
  struct Member {
    std::uint32_t id = 0;
    std::uint16_t weight = 1;
    bool operator==(const Member&) const = default;
  };
  std::uint32_t id = 0;
  Family family = Family::kInet;
  std::uint8_t protocol = 0;
  bool blackhole = false;
  bool fdb = false;
  NextHop hop;                   ///< unless it is a group or a blackhole
  std::vector<Member> group;     ///< empty: no group
  std::uint16_t group_type = 0;  ///< 0 hash threshold, 1 resilient
  std::optional<ResilientGroup> resilient;
  bool operator==(const NextHopObject&) const = default;
};

/// NUD_* of a neighbour.
enum NeighbourState : std::uint16_t {
  kNeighbourIncomplete = 0x01,
  kNeighbourReachable = 0x02,
  kNeighbourStale = 0x04,
  kNeighbourDelay = 0x08,
  kNeighbourProbe = 0x10,
  kNeighbourFailed = 0x20,
  kNeighbourNoArp = 0x40,
  kNeighbourPermanent = 0x80,
};

/// A neighbour (RTM_NEWNEIGH): its state can decide between two routers.
struct Neighbour {
  std::string interface;
  IpAddress address;
  std::string hardware_address;
  std::uint16_t state = 0;  ///< NeighbourState
  bool is_router = false;   ///< IPv6
  bool operator==(const Neighbour&) const = default;
};

/// Returns the word that iproute2 uses; the number as text when it has none.
std::string route_type_name(RouteType type);
std::string route_scope_name(std::uint8_t scope);
std::string route_protocol_name(std::uint8_t protocol);
/// "main", "local", "default"; a table's number as text otherwise.
std::string table_name(std::uint32_t table);
std::string metric_name(std::uint16_t kind);  ///< "mtu", "advmss", ...
std::string rule_action_name(RuleAction action);

/// The inverse of the names above, numbers included; nullopt for an unknown word.
std::optional<RouteType> parse_route_type(std::string_view text);
std::optional<std::uint8_t> parse_route_scope(std::string_view text);
std::optional<std::uint8_t> parse_route_protocol(std::string_view text);
std::optional<std::uint32_t> parse_table(std::string_view text);
std::optional<std::uint16_t> parse_metric_name(std::string_view text);

}  // namespace vpndoctor
