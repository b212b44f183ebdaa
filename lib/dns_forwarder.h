// SPDX-License-Identifier: Apache-2.0
// Who listens on an own address of this machine that resolv.conf names, and what it asks in its turn.
#pragma once

#include <optional>
#include <string>

#include "dns_ground.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

/// Why DNS to systemd-resolved's 127.0.0.53 reaches nobody, a sentence; empty: it reaches it, or may.
std::string why_no_stub(const Snapshot& snapshot);

/// A resolver on this machine as its clients see it.
struct DnsForwarder {
  std::string name;             ///< "systemd-resolved's stub", "dnsmasq", "Docker's resolver", "a process named x"
  std::string why_nobody;       ///< nobody listens there, a phrase; then the port is closed
  std::optional<DnsPath> path;  ///< what it asks for the name; null: not known
  std::string why_unknown;      ///< of that
};

/// Finds it for a server that is on this machine.
DnsForwarder forwarder_at(const Snapshot& snapshot, const DnsServer& server, const DnsQuestion& question);

}  // namespace vpndoctor
