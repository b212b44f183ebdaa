// SPDX-License-Identifier: Apache-2.0
// The model of macOS; see dns_explain.h.
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

DnsPath explain_macos(const Snapshot& /*snapshot*/, const DnsQuestion& /*question*/) { return {}; }

}  // namespace vpndoctor
