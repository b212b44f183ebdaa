// SPDX-License-Identifier: Apache-2.0
// Writes the records of next hop objects and neighbours. See snapshot_records.h.
#include "json_members.h"
#include "snapshot_records.h"
#include "vpndoctor/network_json.h"

namespace vpndoctor {
namespace {

void write_member(JsonWriter& json, const NextHopObject::Member& member) {
  json.begin_object().field("id", member.id);
  JsonMembers(json, true).value("weight", member.weight, std::uint16_t{1});
  json.end_object();
}

}  // namespace

void write_next_hop_object(JsonWriter& json, const NextHopObject& object) {
  json.field("id", object.id).field("family", family_name(object.family));
  JsonMembers members(json, true);
  members.word("protocol", route_protocol_name(object.protocol), route_protocol_name(kProtocolUnspecified))
      .value("blackhole", object.blackhole, false)
      .value("fdb", object.fdb, false);
  if (object.hop != NextHop{}) {
    json.key("hop");
    write_next_hop(json, object.hop, true);
  }
  if (!object.group.empty()) {
    json.key("group").begin_array();
    for (const NextHopObject::Member& each : object.group) write_member(json, each);
    json.end_array();
  }
  members.value("group_type", object.group_type, std::uint16_t{0});
  if (!object.resilient) return;
  const ResilientGroup& resilient = *object.resilient;
  json.key("resilient").begin_object().field("buckets", resilient.buckets);
  json.field("idle_timer_centiseconds", resilient.idle_timer_centiseconds);
  json.field("unbalanced_timer_centiseconds", resilient.unbalanced_timer_centiseconds).end_object();
}

void write_neighbour(JsonWriter& json, const Neighbour& neighbour) {
  JsonMembers members(json, true);
  members.text("interface", neighbour.interface);
  json.field("address", neighbour.address);
  members.text("hardware_address", neighbour.hardware_address)
      .flags("state", neighbour.state, neighbour_state_bits())
      .value("is_router", neighbour.is_router, false);
}

}  // namespace vpndoctor
