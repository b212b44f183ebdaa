// SPDX-License-Identifier: Apache-2.0
// Nexthop objects. Follows net/ipv4/nexthop.c nh_fill_node(). See rtnl_decode.h.
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <limits>

#include "rtnl_decode.h"

namespace vpndoctor {
namespace {

/// struct nexthop_grp; a weight is one less than what it means, with a high byte since Linux 6.13.
bool take_group(Bytes payload, NextHopObject& object) {
  struct Entry {
    std::uint32_t id;
    std::uint8_t weight;
    std::uint8_t weight_high;
    std::uint16_t reserved;
  };
  if (payload.empty() || payload.size() % sizeof(Entry) != 0) return false;
  for (std::size_t at = 0; at < payload.size(); at += sizeof(Entry)) {
    const auto entry = read_at<Entry>(payload, at);
    const unsigned weight = entry->weight + 256U * entry->weight_high + 1U;
    constexpr unsigned kMost = std::numeric_limits<std::uint16_t>::max();
    object.group.push_back({entry->id, static_cast<std::uint16_t>(std::min(weight, kMost))});
  }
  return true;
}

/// NHA_RES_GROUP; how long it has been out of balance is state.
bool take_resilient(Bytes payload, NextHopObject& object) {
  ResilientGroup& resilient = object.resilient.emplace();
  return for_each_attribute(payload, [&](const NetlinkAttribute& attribute) {
    if (attribute.type == NHA_RES_GROUP_BUCKETS) {
      resilient.buckets = attribute.as<std::uint16_t>().value_or(0);
    } else if (attribute.type == NHA_RES_GROUP_IDLE_TIMER) {
      resilient.idle_timer_centiseconds = attribute.as<std::uint32_t>().value_or(0);
    } else if (attribute.type == NHA_RES_GROUP_UNBALANCED_TIMER) {
      resilient.unbalanced_timer_centiseconds = attribute.as<std::uint32_t>().value_or(0);
    }
    return true;
  });
}

/// False when the attribute is malformed.
bool take_next_hop_attribute(const NetlinkAttribute& attribute, InterfaceNames& names, NextHopObject& object) {
  switch (attribute.type) {
    case NHA_ID:
      object.id = attribute.as<std::uint32_t>().value_or(0);
      return true;
    case NHA_GROUP:
      return take_group(attribute.payload, object);
    case NHA_GROUP_TYPE:
      object.group_type = attribute.as<std::uint16_t>().value_or(0);
      return true;
    case NHA_RES_GROUP:
      return take_resilient(attribute.payload, object);
    case NHA_BLACKHOLE:
      object.blackhole = true;
      return true;
    case NHA_FDB:
      object.fdb = true;
      return true;
    case NHA_OIF:
      object.hop.interface = names.name_of(attribute.as<std::int32_t>().value_or(0));
      return true;
    case NHA_GATEWAY:
      object.hop.gateway = IpAddress::from_bytes(attribute.payload);
      return object.hop.gateway.has_value();
    case NHA_ENCAP_TYPE:
      take_encapsulation_type(attribute, object.hop.encapsulation);
      return true;
    case NHA_ENCAP:
      take_encapsulation(attribute, object.hop.encapsulation);
      return true;
    default:
      return true;
  }
}

}  // namespace

std::optional<NextHopObject> decode_next_hop_object(Bytes payload, InterfaceNames& names) {
  const auto header = read_at<nhmsg>(payload);
  if (!header) return std::nullopt;
  NextHopObject object;
  // A group has no family of its own.
  object.family = ip_family(header->nh_family).value_or(Family::kInet);
  object.protocol = header->nh_protocol;
  object.hop.flags = static_cast<std::uint8_t>(header->nh_flags);
  const bool whole = for_each_attribute(after_aligned(payload, sizeof(nhmsg)), [&](const auto& attribute) {
    return take_next_hop_attribute(attribute, names, object);
  });
  return whole && object.id != 0 ? std::optional(object) : std::nullopt;
}

}  // namespace vpndoctor
