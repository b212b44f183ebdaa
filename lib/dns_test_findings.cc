// SPDX-License-Identifier: Apache-2.0
// Judges what came of asking servers; see dns_test.h.
#include "vpndoctor/dns_test.h"

namespace vpndoctor {

const char* dns_outcome_name(DnsOutcome /*outcome*/) { return "not_asked"; }
std::vector<Finding> judge_dns_test(const Snapshot& /*snapshot*/, const DnsTestResults& /*results*/) { return {}; }

}  // namespace vpndoctor
