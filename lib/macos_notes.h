// SPDX-License-Identifier: Apache-2.0
// What one should know about an explanation for macOS: what another program would get, who is asked when the VPN is
// silent, how far the answer can be trusted. Chooses nothing; dns_explain_macos.cc does.
#pragma once

#include <string>

#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

/// Why the choice may be another one in truth; never empty: a part of macOS's configuration is never printed.
std::string why_macos_is_uncertain(const Snapshot& snapshot);

/// Adds what one should know: a VPN's entry that fails over to the network's, programs that are bound elsewhere.
void add_macos_notes(const Snapshot& snapshot, const DnsQuestion& question, DnsPath& path);

}  // namespace vpndoctor
