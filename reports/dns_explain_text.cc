// SPDX-License-Identifier: Apache-2.0
// The text of `dns explain`.
#include "dns_text.h"

namespace vpndoctor {

std::string data_headline(const DnsExplainReport& /*report*/) { return {}; }
void write_sections(const DnsExplainReport& /*report*/, Page& /*page*/) {}

}  // namespace vpndoctor
