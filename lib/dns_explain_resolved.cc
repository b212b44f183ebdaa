// SPDX-License-Identifier: Apache-2.0
// The model of systemd-resolved; see dns_explain.h.
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

DnsPath explain_resolved(const Snapshot& /*snapshot*/, const DnsQuestion& /*question*/, bool /*through_stub*/,
                         const std::string& /*pinned_interface*/) {
  return {};
}

}  // namespace vpndoctor
