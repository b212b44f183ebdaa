// SPDX-License-Identifier: Apache-2.0
// The text of `dns show`.
#include "dns_text.h"

namespace vpndoctor {

std::string data_headline(const DnsShowReport& /*report*/) { return {}; }
void write_sections(const DnsShowReport& /*report*/, Page& /*page*/) {}

}  // namespace vpndoctor
