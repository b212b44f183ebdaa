// SPDX-License-Identifier: Apache-2.0
// The resolver configuration of a machine in one shape; see the header.
#include "vpndoctor/dns_overview.h"

namespace vpndoctor {

const char* dns_model_name(DnsModel /*model*/) { return "unknown"; }
DnsOverview overview_of_dns(const Snapshot& /*snapshot*/) { return {}; }

}  // namespace vpndoctor
