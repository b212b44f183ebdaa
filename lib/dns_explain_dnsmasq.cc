// SPDX-License-Identifier: Apache-2.0
// The model of dnsmasq; see dns_explain.h.
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

DnsPath explain_dnsmasq(const Snapshot& /*snapshot*/, const DnsQuestion& /*question*/,
                        const DnsmasqInstance& /*instance*/) {
  return {};
}

}  // namespace vpndoctor
