// SPDX-License-Identifier: Apache-2.0
// `data` of `mtu --read`.
#include "data_json.h"

namespace vpndoctor {
namespace {

void write_flow(JsonWriter& json, const FlowMtu& flow) {
  json.new_line()
      .begin_object()
      .field("source", flow.source)
      .field("source_port", flow.source_port)
      .field("destination", flow.destination)
      .field("destination_port", flow.destination_port)
      .field("status", flow_mtu_status_name(flow.status))
      .field("confidence", confidence_name(flow.confidence))
      .field("announced_mss_bytes", flow.announced_mss_bytes)
      .field("full_bytes", flow.full_bytes)
      .field("largest_acknowledged_bytes", flow.largest_acknowledged_bytes)
      .field("smallest_lost_bytes", flow.smallest_lost_bytes)
      .field("sent_in_vain", flow.sent_in_vain)
      .field("smaller_acknowledged", flow.smaller_acknowledged)
      .field("got_through_smaller", flow.got_through_smaller)
      .field("false_claim_probability", flow.false_claim_probability)
      .field("packets", flow.packets)
      .field("data_bytes", flow.data_bytes)
      .field("retransmitted", flow.retransmitted)
      .field("retransmitted_full", flow.retransmitted_full)
      .field("offloaded", flow.offloaded)
      .field("too_big_mtu_bytes", flow.too_big_mtu_bytes)
      .field("too_big_from", flow.too_big_from)
      .field("too_big_ignored", flow.is_message_ignored)
      .field("why", flow.why)
      .end_object();
}

}  // namespace

void write_data(JsonWriter& json, const CaptureFlows& flows) {
  json.begin_object()
      .field("file", flows.file)
      .field("packets", flows.packets)
      .field("not_decoded", flows.not_decoded)
      .field("cut", flows.cut)
      .field("is_cut", flows.is_cut);
  json.key("flows").begin_array();
  for (const FlowMtu& flow : flows.flows) write_flow(json, flow);
  json.end_array().field("limits", std::span<const std::string>(flows.limits)).end_object();
}

}  // namespace vpndoctor
