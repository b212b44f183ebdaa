// SPDX-License-Identifier: Apache-2.0
// The texts by which dnsmasq names a server, its domains and its reverse zones.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/dns_configuration.h"

namespace vpndoctor {

/// "/a.example/b.example/REST" in its parts; without a slash at its start all is rest.
struct DnsmasqDomains {
  std::vector<std::string> domains;  ///< canonical; "#" is every name, "."
  std::string_view rest;
};

/// nullopt when the last slash is missing, or when it is "//", which is about names without a dot alone.
std::optional<DnsmasqDomains> split_dnsmasq_domains(std::string_view text);

/// ADDRESS[%ZONE][#PORT][@INTERFACE][@SOURCE[#PORT]]; nullopt for a host name, which some versions allow.
std::optional<DnsmasqUpstream> parse_dnsmasq_server(std::string_view text);

/// "ADDRESS#PORT SENT FAILED" of servers.bind, and nothing else.
std::optional<DnsmasqUpstream> parse_dnsmasq_counts(std::string_view text);

/// The zones of a prefix as rev-server cuts it: at the octet (nibble) above, one zone for each value that the rest
/// takes. "10.1.0.0/16" -> "1.10.in-addr.arpa".
std::optional<std::vector<std::string>> dnsmasq_reverse_domains(std::string_view prefix);

}  // namespace vpndoctor
