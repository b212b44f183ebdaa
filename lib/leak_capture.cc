// SPDX-License-Identifier: Apache-2.0
// Judges captured packets; see the header.
#include "vpndoctor/leak_capture.h"

namespace vpndoctor {

struct LeakCapture::State {
  const LeakFacts& facts;
  CaptureResult result;
};

LeakCapture::LeakCapture(const LeakFacts& facts) : state_(std::make_unique<State>(State{facts, {}})) {}
LeakCapture::~LeakCapture() = default;
LeakCapture::LeakCapture(LeakCapture&&) noexcept = default;
LeakCapture& LeakCapture::operator=(LeakCapture&&) noexcept = default;

const CaptureLeak* LeakCapture::take(const CapturedPacket& /*packet*/) { return nullptr; }

CaptureResult LeakCapture::result() const { return state_->result; }

std::vector<Finding> judge_capture(const LeakFacts& /*facts*/, const CaptureResult& /*capture*/) { return {}; }

}  // namespace vpndoctor
