// SPDX-License-Identifier: Apache-2.0
// The packet filter as the kernel has it, and what it does to a packet that this machine sends or forwards. Model of
// nf_tables with the xtables extensions that iptables-nft puts into it; whatever is not modelled makes an answer
// unknown only when it decides it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/flow.h"
#include "vpndoctor/network.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct Snapshot;

struct FirewallTable {
  std::string family;  ///< "ip", "ip6", "inet", "netdev", "bridge", "arp"
  std::string name;
  bool is_dormant = false;
};

/// The rulesets of one network namespace.
struct Firewall {
  std::vector<FirewallTable> tables;
  /// What filters packets beside nf_tables and is not modelled, a phrase each: "iptables-legacy has the table filter
  /// (/proc/net/ip_tables_names)", "an eBPF program is attached to eth0 (tc clsact)".
  std::vector<std::string> others;
};

enum class FirewallVerdict : std::uint8_t { kAccepted, kDropped, kUnknown };

/// What becomes of a packet, and which rule or policy says so.
struct FirewallAnswer {
  FirewallVerdict verdict = FirewallVerdict::kUnknown;
  std::string why;  ///< a phrase: "the policy of chain output of table inet mullvad is drop"
};

/// What the hooks that a packet of this machine passes (output, postrouting, egress) do to a new flow that leaves by
/// `interface`. Where the facet is missing or cut: unknown with its reason.
FirewallAnswer simulate_output(const Snapshot& snapshot, const Flow& flow, const std::string& interface);
/// The same for a forwarded packet that came in by `flow.input_interface` (prerouting, forward, postrouting, egress).
FirewallAnswer simulate_forward(const Snapshot& snapshot, const Flow& flow, const std::string& interface);

}  // namespace vpndoctor
