// SPDX-License-Identifier: Apache-2.0
// Decodes the messages of rtnetlink from bytes into the values of network.h. Pure: the same on recorded bytes as on
// live ones. Judges nothing. What decides where a packet goes is told, never dropped: a malformed message is nullopt,
// an attribute of a route or rule that this version does not know is listed in the value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "interface_names.h"
#include "netlink_attributes.h"
#include "vpndoctor/network.h"

namespace vpndoctor {

/// A link, with the indexes that its names stand for.
struct LinkMessage {
  Link link;             ///< without `master` and `lower`: resolve_link_names() fills them once all links are known
  int master_index = 0;  ///< 0: none
  int lower_index = 0;   ///< 0: none, or in another namespace
};

/// Decodes the payload of RTM_NEWLINK or RTM_DELLINK; nullopt when it is too short or has no name.
std::optional<LinkMessage> decode_link(Bytes payload);

/// Returns the link with the names of its master and of the link below it.
Link resolve_link_names(const LinkMessage& message, InterfaceNames& names);

/// Decodes the payload of RTM_NEWADDR or RTM_DELADDR; nullopt when it is malformed or of a family other than IP.
std::optional<Address> decode_address(Bytes payload, InterfaceNames& names);

/// Decodes the payload of RTM_NEWRULE or RTM_DELRULE; nullopt when it is malformed or of a family other than IP.
std::optional<Rule> decode_rule(Bytes payload);

/// Decodes the payload of RTM_NEWNEXTHOP or RTM_DELNEXTHOP; nullopt when it is malformed.
std::optional<NextHopObject> decode_next_hop_object(Bytes payload, InterfaceNames& names);

/// Decodes the payload of RTM_NEWNEIGH or RTM_DELNEIGH; nullopt when it is malformed or of a family other than IP.
std::optional<Neighbour> decode_neighbour(Bytes payload, InterfaceNames& names);

/// A route with all that its message says.
struct RouteMessage {
  Route route;  ///< `next_hops` and `attributes` are not filled in
  NextHopSet next_hops;
  RouteAttributes attributes;
  int interface_index = 0;  ///< of the first leg; 0: none

  bool is_cloned() const;  ///< RTM_F_CLONED: a cache entry; for IPv6 an exception
};

/// Decodes the payload of RTM_NEWROUTE or RTM_DELROUTE; nullopt when it is malformed or of a family other than IP.
std::optional<RouteMessage> decode_route(Bytes payload, InterfaceNames& names);

/// A route's key, for the reader of a million routes.
struct RouteKey {
  Route route;  ///< `next_hops` and `attributes` are not filled in
  bool cloned = false;
};

/// Decodes only the key of a route, and writes into `rest` the bytes that decide its next hops and attributes: messages
/// with equal rest have equal ones, so that few of a table's routes need decode_route(). nullopt when the key is
/// malformed, as decode_route() says as well.
std::optional<RouteKey> decode_route_key(Bytes payload, std::string& rest);

/// RTA_ENCAP and RTA_ENCAP_TYPE, or NHA_ENCAP and NHA_ENCAP_TYPE.
void take_encapsulation_type(const NetlinkAttribute& attribute, Encapsulation& encapsulation);
void take_encapsulation(const NetlinkAttribute& attribute, Encapsulation& encapsulation);

/// AF_INET or AF_INET6; nullopt for another.
std::optional<Family> ip_family(std::uint8_t family);

/// The address of that family in an attribute; nullopt when its length differs.
std::optional<IpAddress> address_of(Bytes payload, Family family);

/// "02:00:00:00:00:01"; empty for none.
std::string hardware_address_text(Bytes address);

}  // namespace vpndoctor
