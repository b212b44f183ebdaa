// SPDX-License-Identifier: Apache-2.0
// The text of `mtu --read`.
#include <fmt/format.h>

#include "leaks_text.h"

namespace vpndoctor {

std::string data_headline(const CaptureFlows& flows) { return fmt::format("{} flows.", flows.flows.size()); }

void write_sections(const CaptureFlows& /*flows*/, Page& /*page*/) {}

}  // namespace vpndoctor
