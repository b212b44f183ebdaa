// SPDX-License-Identifier: Apache-2.0
// The sections of the leaks command's text, and the words that they share.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "page.h"
#include "vpndoctor/leaks_report.h"

namespace vpndoctor {

inline constexpr std::size_t kInterfaceColumns = 15;  ///< of a table

/// Each writes its sections, or nothing where there is nothing to say.
void write_tunnels(const LeaksReport& report, Page& page);
void write_peers(const LeaksReport& report, Page& page);
void write_outside(const LeaksReport& report, Page& page);
void write_capture(const CaptureResult& capture, Page& page);
void write_bypass(const BypassTest& test, Page& page);
void write_vpn_signs(const Snapshot& snapshot, Page& page);

/// One sentence without its end: "all IPv4 and IPv6 traffic goes through wg0". Begins in lower case, and never with a
/// foreign name.
std::string coverage_clause(const LeaksReport& report);
/// "full: all of it goes through wg0; outside are the LAN and the VPN server".
std::string family_text(const FamilyCoverage& coverage);
/// "a capture of 30 s saw no leak", "3 flows leak ...".
std::string capture_clause(const CaptureResult& capture);
/// What the probes past the tunnel leave open; empty: nothing.
std::string bypass_clause(const BypassTest& test);
/// The sentence on tunnels that are dead, hung or orphans; empty: there are none.
std::string broken_tunnels_clause(const std::vector<TunnelReport>& tunnels);

/// True when tunnels of the machine's own are all there is.
bool has_no_vpn_tunnel(const std::vector<TunnelReport>& tunnels);

/// "a", "a and b", "a, b and c"; from `most` names on "a, b and 3 more".
std::string names_text(const std::vector<std::string>& names, std::size_t most);
/// A foreign name for a table's cell that does not wrap: in ASCII, and cut to so many columns.
std::string cell_text(const std::string& name, std::size_t columns);
/// "12 s", "3 min", "5 h", "4 days"; a time that is to come is "0 s".
std::string age_text(std::chrono::seconds age);
/// "0.4 s", "30 s", "2.5 s".
std::string seconds_text(double seconds);
/// "192.0.2.1:53", "[2001:db8::1]:53"; the address alone for port 0.
std::string endpoint_text(const IpAddress& address, std::uint16_t port);
/// "openvpn (812)"; the number alone where the name is not known.
std::string process_text(std::uint32_t pid, const std::string& name);

}  // namespace vpndoctor
