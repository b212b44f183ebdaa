// SPDX-License-Identifier: Apache-2.0
// The text of the leaks command.
#include "leaks_text.h"

#include <fmt/format.h>

namespace vpndoctor {

std::string data_headline(const LeaksReport& report) {
  return fmt::format("{} tunnels; IPv4 {}, IPv6 {}.", report.tunnels.size(),
                     coverage_mode_name(report.coverage.inet.mode), coverage_mode_name(report.coverage.inet6.mode));
}

void write_sections(const LeaksReport& /*report*/, Page& /*page*/) {}

}  // namespace vpndoctor
