// SPDX-License-Identifier: Apache-2.0
// A name at a server as an ordinary program asks it: by c-ares, which sends again, and goes to TCP when the answer is
// truncated. So it says what programs get, and our own prober (dns_prober.h), whose answers it is compared with, says
// why: c-ares takes the first reply, and shows neither its TTL, nor the ICMP message, nor an EDNS size. Its own binding
// to an interface answers over another one when it fails; so the socket is bound here, and nothing is sent when that
// fails. A server with a zone (fe80::1%tun0) is none that c-ares 1.18 can be given; the own prober asks it.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/dns_prober.h"

namespace vpndoctor {

/// Asks everything at once; the answers in order. Uses the server, interface, name and type of each; `way` is the
/// server as text.
std::vector<DnsWayAnswer> look_up_at_servers(const std::vector<DnsAsk>& asks, const DnsProbing& probing);

}  // namespace vpndoctor
