// SPDX-License-Identifier: Apache-2.0
// Which ways a name has, and the words of explanations; see the header.
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

const char* dns_caller_name(DnsCaller /*caller*/) { return "libc"; }
std::string DnsScore::to_string() const { return "no"; }
DnsPath explain_dns_path(const Snapshot& /*snapshot*/, const DnsQuestion& /*question*/) { return {}; }
DnsExplanation explain_dns(const Snapshot& /*snapshot*/, const std::string& name, std::uint16_t type,
                           const std::vector<std::string>& /*interfaces*/) {
  return {name, type, {}};
}
std::string dns_type_name(std::uint16_t /*type*/) { return "A"; }
std::optional<std::uint16_t> parse_dns_type(std::string_view /*text*/) { return std::nullopt; }

}  // namespace vpndoctor
