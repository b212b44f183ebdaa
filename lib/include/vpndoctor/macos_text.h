// SPDX-License-Identifier: Apache-2.0
// What commands of macOS print, as the values of a snapshot: `netstat -rn` (also -rnl, -rna), `ifconfig [-v]` and
// `scutil --dns` (also `scutil -d --dns`). Knows their abbreviations and layouts, not which file they were captured in.
// Pure, and never fails: a capture may hold anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/dns_configuration.h"
#include "vpndoctor/network.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct MacosRoutes {
  RouteTable table;  ///< flags are in RouteAttributes::macos_flags; scoped routes have an I there
  std::vector<std::string> not_understood;  ///< a phrase for each line that was left out; the first few
  bool has_table = false;                   ///< a heading of a table of routes was there
};

/// Reads every table of routes of the text (network_cmds, netstat.tproj/route.c).
MacosRoutes parse_macos_netstat(std::string_view text);

struct MacosInterfaces {
  std::vector<Link> links;  ///< indexes count from 1 in the order of the text
  std::vector<Address> addresses;
};

/// Reads every interface of the text; lines that say nothing of interest are left out.
MacosInterfaces parse_macos_ifconfig(std::string_view text);

/// Reads the resolvers of the first dump in the text (configd, dnsinfo/dnsinfo_logging.h), of all releases since 10.6
/// and as people paste it: without its leading blanks, with CRLF, cut anywhere. Without headings the flags tell the
/// section. nullopt when nothing in the text is of such a dump.
std::optional<MacosDns> parse_macos_scutil_dns(std::string_view text);

}  // namespace vpndoctor
