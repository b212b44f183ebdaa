// SPDX-License-Identifier: Apache-2.0
// Addresses and neighbours. Follows net/ipv4/devinet.c inet_fill_ifaddr(), net/ipv6/addrconf.c inet6_fill_ifaddr() and
// net/core/neighbour.c neigh_fill_info(). See rtnl_decode.h.
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "rtnl_decode.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kForEver = 0xffffffff;  // INFINITY_LIFE_TIME

std::optional<std::uint32_t> lifetime(std::uint32_t seconds) {
  return seconds == kForEver ? std::nullopt : std::optional(seconds);
}

/// What an address message says before it is known which of its addresses is this end.
struct AddressParts {
  std::optional<IpAddress> local;
  std::optional<IpAddress> address;
  bool malformed = false;
};

void take_end(const NetlinkAttribute& attribute, Family family, std::optional<IpAddress>& end, AddressParts& parts) {
  end = address_of(attribute.payload, family);
  if (!end) parts.malformed = true;
}

void take_address_attribute(const NetlinkAttribute& attribute, Family family, AddressParts& parts, Address& address) {
  switch (attribute.type) {
    case IFA_LOCAL:
      take_end(attribute, family, parts.local, parts);
      break;
    case IFA_ADDRESS:
      take_end(attribute, family, parts.address, parts);
      break;
    case IFA_BROADCAST:
      address.broadcast = address_of(attribute.payload, family);
      break;
    case IFA_LABEL:
      address.label = attribute.text();
      break;
    case IFA_FLAGS:
      address.flags = attribute.as<std::uint32_t>().value_or(address.flags);
      break;
    case IFA_RT_PRIORITY:
      address.route_metric = attribute.as<std::uint32_t>().value_or(0);
      break;
    case IFA_PROTO:
      address.protocol = attribute.as<std::uint8_t>().value_or(0);
      break;
    case IFA_CACHEINFO:
      if (const auto info = read_at<ifa_cacheinfo>(attribute.payload)) {
        address.preferred_seconds = lifetime(info->ifa_prefered);
        address.valid_seconds = lifetime(info->ifa_valid);
      }
      break;
    default:
      break;
  }
}

/// IFA_LOCAL is this end and IFA_ADDRESS the other one, or the same; IPv6 without a peer has the latter alone.
bool join_ends(const AddressParts& parts, Address& address) {
  const auto own = parts.local ? parts.local : parts.address;
  if (!own || parts.malformed) return false;
  address.address = *own;
  if (parts.local && parts.address && *parts.address != *parts.local) address.peer = parts.address;
  // net/ipv4/devinet.c inet_fill_ifaddr() leaves out a peer of 0.0.0.0, which no route leads to.
  if (parts.local && !parts.address && own->family == Family::kInet) address.peer = IpAddress{};
  return address.prefix_length <= address_bits(own->family);
}

void take_neighbour_attribute(const NetlinkAttribute& attribute, Family family, std::optional<IpAddress>& address,
                              Neighbour& neighbour) {
  if (attribute.type == NDA_DST) address = address_of(attribute.payload, family);
  if (attribute.type == NDA_LLADDR) neighbour.hardware_address = hardware_address_text(attribute.payload);
}

}  // namespace

std::optional<Address> decode_address(Bytes payload, InterfaceNames& names) {
  const auto header = read_at<ifaddrmsg>(payload);
  const auto family = header ? ip_family(header->ifa_family) : std::nullopt;
  if (!family) return std::nullopt;
  Address address;
  address.prefix_length = header->ifa_prefixlen;
  address.scope = header->ifa_scope;
  address.flags = header->ifa_flags;
  AddressParts parts;
  const bool whole = for_each_attribute(after_aligned(payload, sizeof(ifaddrmsg)), [&](const auto& attribute) {
    take_address_attribute(attribute, *family, parts, address);
    return true;
  });
  if (!whole || !join_ends(parts, address)) return std::nullopt;
  address.interface = names.name_of(static_cast<int>(header->ifa_index));
  if (address.label == address.interface) address.label.clear();
  return address;
}

std::optional<Neighbour> decode_neighbour(Bytes payload, InterfaceNames& names) {
  const auto header = read_at<ndmsg>(payload);
  const auto family = header ? ip_family(header->ndm_family) : std::nullopt;
  if (!family) return std::nullopt;
  Neighbour neighbour;
  neighbour.state = header->ndm_state;
  neighbour.is_router = (header->ndm_flags & NTF_ROUTER) != 0;
  std::optional<IpAddress> address;
  const bool whole = for_each_attribute(after_aligned(payload, sizeof(ndmsg)), [&](const auto& attribute) {
    take_neighbour_attribute(attribute, *family, address, neighbour);
    return true;
  });
  if (!whole || !address) return std::nullopt;
  neighbour.address = *address;
  neighbour.interface = names.name_of(header->ndm_ifindex);
  return neighbour;
}

}  // namespace vpndoctor
