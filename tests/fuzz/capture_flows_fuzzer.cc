// SPDX-License-Identifier: Apache-2.0
// Whole captures: packets of any bytes, one after the other, into the flows and their findings. Each packet is preceded
// by a length byte and a byte for the time that passed.
#include <algorithm>
#include <cstdlib>
#include <span>

#include "vpndoctor/capture_flows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vpndoctor::CaptureFlowReader reader;
  vpndoctor::CapturedPacket packet;
  packet.link_type = 101;
  std::span<const std::uint8_t> rest(data, size);
  while (rest.size() > 2) {
    const std::size_t length = std::min<std::size_t>(rest[0], rest.size() - 2);
    packet.at += std::chrono::milliseconds(rest[1] * 10);
    packet.bytes = std::as_bytes(rest.subspan(2, length));
    packet.length_bytes = static_cast<std::uint32_t>(length);
    reader.take(packet);
    rest = rest.subspan(2 + length);
  }
  const vpndoctor::CaptureFlows flows = reader.result();
  vpndoctor::judge_capture_flows(flows);
  for (const vpndoctor::FlowMtu& flow : flows.flows)
    if (flow.status == vpndoctor::FlowMtuStatus::kBlackHole && flow.why.empty()) std::abort();
  return 0;
}
