// SPDX-License-Identifier: Apache-2.0
// Reads TCP flows for what became of their full segments; see the header.
#include "vpndoctor/capture_flows.h"

#include <array>
#include <cstddef>

namespace vpndoctor {

struct CaptureFlowReader::State {
  CaptureFlows flows;
};

const char* flow_mtu_status_name(FlowMtuStatus status) {
  constexpr std::array kNames = {"clear", "black_hole", "signalled", "lossy", "undetermined"};
  return kNames[static_cast<std::size_t>(status)];
}

CaptureFlowReader::CaptureFlowReader() : state_(std::make_unique<State>()) {}
CaptureFlowReader::~CaptureFlowReader() = default;
CaptureFlowReader::CaptureFlowReader(CaptureFlowReader&&) noexcept = default;
CaptureFlowReader& CaptureFlowReader::operator=(CaptureFlowReader&&) noexcept = default;

void CaptureFlowReader::take(const CapturedPacket& /*packet*/) { ++state_->flows.packets; }

CaptureFlows CaptureFlowReader::result() const { return state_->flows; }

std::vector<Finding> judge_capture_flows(const CaptureFlows& /*flows*/) { return {}; }

}  // namespace vpndoctor
