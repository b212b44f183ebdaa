// SPDX-License-Identifier: Apache-2.0
// Reads the files of name resolution; see dns_sources.h.
#include "dns_sources.h"

namespace vpndoctor {

void read_resolver_files(DnsConfiguration& /*dns*/, const std::string& /*root*/) {}
Observed<ResolvedSettings> read_resolved_settings(const std::string& /*root*/) { return {}; }
Observed<std::vector<ResolvedScope>> read_networkd_scopes(const Snapshot& /*snapshot*/, const std::string& /*root*/) {
  return {};
}

}  // namespace vpndoctor
