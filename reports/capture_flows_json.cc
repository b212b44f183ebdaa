// SPDX-License-Identifier: Apache-2.0
// `data` of `mtu --read`.
#include "data_json.h"

namespace vpndoctor {

void write_data(JsonWriter& json, const CaptureFlows& flows) {
  json.begin_object().field("file", flows.file).field("packets", flows.packets);
  json.key("flows").begin_array();
  for (const FlowMtu& flow : flows.flows) {
    json.new_line().begin_object().field("status", flow_mtu_status_name(flow.status)).end_object();
  }
  json.end_array().end_object();
}

}  // namespace vpndoctor
