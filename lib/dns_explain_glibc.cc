// SPDX-License-Identifier: Apache-2.0
// The model of glibc with resolv.conf; see dns_explain.h.
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

DnsPath explain_resolv_conf(const Snapshot& /*snapshot*/, const DnsQuestion& /*question*/, bool /*search*/) {
  return {};
}

}  // namespace vpndoctor
