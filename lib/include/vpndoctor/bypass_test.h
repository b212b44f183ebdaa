// SPDX-License-Identifier: Apache-2.0
// What probes that were bound to a physical interface proved: can a program pass the tunnel by? Values and judgement;
// the probes themselves are sent elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/coverage.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/ip.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class BypassOutcome : std::uint8_t {
  kSilence,  ///< nobody answered: nothing is known
  kAnswer,   ///< somebody outside this machine got it
  kRefused,  ///< this machine did not let it out: a packet filter
  kNoWay,    ///< no route or no neighbour on that interface: nothing is known
};

/// One probe with a small TTL, and what came of it.
struct BypassProbe {
  std::string interface;
  std::uint8_t ttl = 0;
  std::string protocol;                  ///< "udp", "icmp"
  std::optional<IpAddress> answered_by;  ///< who sent a time exceeded, or the target itself; null: nobody
  std::string error;                     ///< why it could not be sent; empty: it was
  BypassOutcome outcome = BypassOutcome::kSilence;
};

struct BypassTest {
  std::string host;
  IpAddress target;
  std::vector<std::string> interfaces;  ///< physical interfaces that were tried
  std::vector<BypassProbe> probes;
  std::string why_not;  ///< why nothing was tried; empty: it was
};

/// Why there is nothing to pass by, or nothing that probes could tell, where ordinary packets to `host` go this way; a
/// phrase. Empty where a tunnel takes them, or nothing does.
std::string why_no_bypass_test(const PacketPath& path, const std::string& host);
/// Findings of the test (codes LEK040 and following). The snapshot's tunnels tell which packets a kill switch has to
/// let out.
std::vector<Finding> judge_bypass_test(const BypassTest& test, const Snapshot& snapshot);
/// True when an answer proves that the tunnel can be passed by; false when every probe was refused by this machine;
/// null when it is not known: silence proves nothing.
std::optional<bool> can_bypass(const BypassTest& test);

}  // namespace vpndoctor
