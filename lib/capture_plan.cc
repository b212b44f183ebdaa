// SPDX-License-Identifier: Apache-2.0
// Places to capture at; see the header.
#include "vpndoctor/capture_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "captured_sender.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::uint16_t kEthernetHardware = 1;  // ARPHRD_ETHER
constexpr std::size_t kMostEndpoints = 32;
constexpr std::uint8_t kSolicitationBytes = 32;  // with the option that has the link address

/// What the tables say of each interface.
struct Ground {
  std::set<std::string, std::less<>> leads_elsewhere;
  std::map<std::string, std::vector<IpAddress>, std::less<>> gateways;
};

bool is_on_link(const Snapshot& snapshot, const Route& route, std::string_view interface) {
  if (route.destination.address.is_link_local() || route.destination.address.is_multicast()) return true;
  if (!snapshot.addresses) return false;
  return std::ranges::any_of(*snapshot.addresses, [&](const Address& each) {
    return each.interface == interface && each.address.family == route.destination.family() &&
           each.on_link().contains(route.destination);
  });
}

Ground ground_of(const Snapshot& snapshot) {
  Ground ground;
  if (!snapshot.routes) return ground;
  for (const Route& route : snapshot.routes->routes) {
    if (route.type != RouteType::kUnicast) continue;
    for (const NextHop& hop : snapshot.routes->hops(route)) {
      if (hop.gateway) {
        std::vector<IpAddress>& known = ground.gateways[hop.interface];
        if (known.size() < 16 && std::ranges::find(known, *hop.gateway) == known.end()) known.push_back(*hop.gateway);
      }
      if (ground.leads_elsewhere.contains(hop.interface)) continue;
      if (hop.gateway || !is_on_link(snapshot, route, hop.interface)) ground.leads_elsewhere.insert(hop.interface);
    }
  }
  return ground;
}

/// A bridge, bond or team sends what its ports carry; a VRF does not.
bool is_port(const Snapshot& snapshot, const Link& link) {
  if (link.master.empty()) return false;
  const Link* master = snapshot.find_link(link.master);
  return master == nullptr || !master->is_vrf();
}

bool has_address(const Snapshot& snapshot, std::string_view interface) {
  return snapshot.addresses && std::ranges::any_of(*snapshot.addresses, [&](const Address& each) {
           return each.interface == interface && !each.address.is_link_local();
         });
}

bool carries_packets_out(const Snapshot& snapshot, const Ground& ground, const Link& link) {
  if (!link.is_running() || link.is_loopback() || link.is_vrf() || is_tunnel(snapshot, link.name)) return false;
  if (is_port(snapshot, link)) return false;
  const bool is_hardware = link.kind.empty() && link.hardware_type == kEthernetHardware;
  return ground.leads_elsewhere.contains(link.name) || (is_hardware && has_address(snapshot, link.name));
}

std::string names_of(const Snapshot& snapshot) {
  std::string names;
  for (const Link& link : *snapshot.links) {
    if (link.is_loopback() || is_tunnel(snapshot, link.name)) continue;
    if (names.size() > 200) return names + " and more";
    names += (names.empty() ? "" : ", ") + escape_controls(link.name);
  }
  return names;
}

Result<const Link*> named_link(const Snapshot& snapshot, const std::string& name) {
  const Link* link = snapshot.find_link(name);
  if (link == nullptr) {
    return failure(ErrorKind::kUsage, "there is no interface " + in_quotes(name),
                   "packets can leave by " + names_of(snapshot));
  }
  if (link->is_loopback() || is_tunnel(snapshot, name)) {
    return failure(ErrorKind::kUsage,
                   fmt::format("{} is {}: what goes there does not leave outside the tunnel", in_quotes(name),
                               link->is_loopback() ? "the loopback" : "a tunnel"),
                   "capture on a physical interface: " + names_of(snapshot));
  }
  if (!link->is_up()) {
    return failure(ErrorKind::kUsage, in_quotes(name) + " is down: nothing leaves by it",
                   "set it up, or choose another one");
  }
  return link;
}

/// Where the tunnels' own packets come from: so many of them that they must not be looked at.
std::string without_endpoints(const Snapshot& snapshot) {
  std::string filter;
  std::size_t count = 0;
  if (!snapshot.tunnels) return filter;
  for (const Tunnel& tunnel : *snapshot.tunnels) {
    for (const OuterEndpoint& end : tunnel.endpoints) {
      if (!end.port || ++count > kMostEndpoints) continue;
      filter += fmt::format(" and not (src host {} and src port {})", end.address, *end.port);
    }
  }
  return filter;
}

/// What leaves by its link address; and of what comes in, that which begins a flow. `not vlan` stands last, since
/// libpcap counts all offsets behind the word anew.
std::string filter_of(const Snapshot& snapshot, const Link& link, bool has_vlan_above) {
  const std::string begins = fmt::format(
      "(tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn) or (ip6 proto 6 and "
      "ip6[53] & 0x12 == 0x02) or (udp{})",
      without_endpoints(snapshot));
  return fmt::format("(ether src {} or {}){}", link.hardware_address, begins, has_vlan_above ? " and not vlan" : "");
}

class FrameWriter {
 public:
  FrameWriter& bytes(std::span<const std::uint8_t> from) {
    for (const std::uint8_t each : from) out_.push_back(static_cast<std::byte>(each));
    return *this;
  }
  FrameWriter& numbers(std::initializer_list<std::uint8_t> from) { return bytes({from.begin(), from.size()}); }
  std::vector<std::byte> take() { return std::move(out_); }

 private:
  std::vector<std::byte> out_;
};

/// An ARP request (RFC 826).
std::vector<std::byte> arp_request(const MacAddress& mac, const IpAddress& own, const IpAddress& gateway) {
  FrameWriter frame;
  frame.numbers({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).bytes(mac).numbers({0x08, 0x06});
  frame.numbers({0, 1, 0x08, 0, 6, 4, 0, 1}).bytes(mac).bytes(own.octets()).numbers({0, 0, 0, 0, 0, 0});
  return frame.bytes(gateway.octets()).take();
}

/// A neighbour solicitation to the gateway's solicited-node group (RFC 4861 section 4.3, RFC 4291 section 2.7.1).
std::vector<std::byte> solicitation(const MacAddress& mac, const IpAddress& own, const IpAddress& gateway) {
  const auto last = gateway.octets().last(3);
  IpAddress group = *IpAddress::parse("ff02::1:ff00:0");
  std::ranges::copy(last, group.bytes.begin() + 13);
  FrameWriter message;
  message.numbers({135, 0, 0, 0, 0, 0, 0, 0}).bytes(gateway.octets()).numbers({1, 1}).bytes(mac);
  std::vector<std::byte> body = message.take();
  const std::uint16_t sum =
      fold_checksum(checksum_sum(body, pseudo_header_sum({own, group, kProtocolIcmp6, kSolicitationBytes})));
  body[2] = static_cast<std::byte>(sum >> 8U);
  body[3] = static_cast<std::byte>(sum & 0xffU);
  FrameWriter frame;
  frame.numbers({0x33, 0x33, 0xff}).bytes(last).bytes(mac).numbers({0x86, 0xdd, 0x60, 0, 0, 0, 0});
  frame.numbers({kSolicitationBytes, kProtocolIcmp6, 255}).bytes(own.octets()).bytes(group.octets());
  std::vector<std::byte> whole = frame.take();
  whole.insert(whole.end(), body.begin(), body.end());
  return whole;
}

/// The address of the interface that its neighbour `gateway` would be asked from.
std::optional<IpAddress> own_address(const Snapshot& snapshot, const Link& link, const IpAddress& gateway) {
  std::optional<IpAddress> any;
  if (!snapshot.addresses) return any;
  for (const Address& each : *snapshot.addresses) {
    if (each.interface != link.name || each.address.family != gateway.family) continue;
    if ((each.flags & kAddressTentative) != 0) continue;
    if (each.on_link().contains(gateway)) return each.address;
    if (!any) any = each.address;
  }
  return any;
}

std::optional<std::vector<std::byte>> control_of(const Snapshot& snapshot, const Ground& ground, const Link& link,
                                                 const MacAddress& mac) {
  const auto found = ground.gateways.find(link.name);
  if (found == ground.gateways.end()) return std::nullopt;
  for (const IpAddress& gateway : found->second) {
    const auto own = own_address(snapshot, link, gateway);
    if (!own) continue;
    return gateway.family == Family::kInet ? arp_request(mac, *own, gateway) : solicitation(mac, *own, gateway);
  }
  return std::nullopt;
}

CapturePlace place_of(const Snapshot& snapshot, const Ground& ground, const Link& link,
                      const std::set<std::string_view>& captured) {
  CapturePlace place;
  place.interface = link.name;
  place.index = link.index;
  const auto mac = parse_mac(link.hardware_address);
  if (!mac || link.hardware_type != kEthernetHardware) return place;
  const bool has_vlan_above = std::ranges::any_of(*snapshot.links, [&](const Link& other) {
    return other.kind == "vlan" && other.lower == link.name && captured.contains(other.name);
  });
  place.filter = filter_of(snapshot, link, has_vlan_above);
  place.is_both_ways = true;
  place.control = control_of(snapshot, ground, link, *mac);
  return place;
}

}  // namespace

std::optional<Error> refuse_interface(const Snapshot& snapshot, const std::string& name) {
  if (!snapshot.links) return std::nullopt;
  auto link = named_link(snapshot, name);
  return link ? std::nullopt : std::optional(std::move(link.error()));
}

Result<std::vector<CapturePlace>> plan_capture(const Snapshot& snapshot, const std::vector<std::string>& names) {
  if (!snapshot.links) {
    return failure(ErrorKind::kUnavailable,
                   "the interfaces of this machine are not known: " + snapshot.links.why_missing());
  }
  const Ground ground = ground_of(snapshot);
  std::vector<const Link*> chosen;
  for (const std::string& name : names) {
    const auto link = named_link(snapshot, name);
    if (!link) return std::unexpected(link.error());
    if (std::ranges::find(chosen, *link) == chosen.end()) chosen.push_back(*link);
  }
  for (const Link& link : *snapshot.links) {
    if (names.empty() && carries_packets_out(snapshot, ground, link)) chosen.push_back(&link);
  }
  if (chosen.empty()) {
    return failure(ErrorKind::kUnavailable, "there is no physical interface that packets can leave by",
                   "name one with --interface");
  }
  std::set<std::string_view> captured;
  for (const Link* link : chosen) captured.insert(link->name);
  std::vector<CapturePlace> places;
  places.reserve(chosen.size());
  for (const Link* link : chosen) places.push_back(place_of(snapshot, ground, *link, captured));
  return places;
}

}  // namespace vpndoctor
