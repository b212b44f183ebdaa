// SPDX-License-Identifier: Apache-2.0
// Two looks at the counters; see the header.
#include "vpndoctor/tunnel_activity.h"

namespace vpndoctor {

struct TunnelActivityReader::State {};

TunnelActivityReader::TunnelActivityReader(const Snapshot& /*snapshot*/) : state_(std::make_unique<State>()) {}
TunnelActivityReader::~TunnelActivityReader() = default;
TunnelActivityReader::TunnelActivityReader(TunnelActivityReader&&) noexcept = default;
TunnelActivityReader& TunnelActivityReader::operator=(TunnelActivityReader&&) noexcept = default;

std::chrono::milliseconds TunnelActivityReader::remaining() const { return {}; }

Observed<TunnelActivity> TunnelActivityReader::finish(int /*interrupt_descriptor*/) {
  return Observed<TunnelActivity>::missing("it was not collected");
}

}  // namespace vpndoctor
