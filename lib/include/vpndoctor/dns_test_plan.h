// SPDX-License-Identifier: Apache-2.0
// Which servers a test asks, what it asks them, and over which interface: worked out from a snapshot before anything is
// sent. Only servers that the configuration names, and those that the user names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_test.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// The sizes that are offered, from the largest on: what servers used to offer, what fits an Ethernet packet, what
/// everybody offers since 2020 (dnsflagday.net), and what is offered without EDNS.
inline constexpr std::uint16_t kEdnsLadder[] = {4096, 1452, 1232, 512};
inline constexpr std::uint16_t kUsualEdnsBytes = 1232;

struct DnsTestRequest {
  std::vector<std::string> names;
  std::uint16_t type = kDnsTypeA;
  std::vector<DnsServer> servers;  ///< that the user names
  bool hijack = false;
  std::uint32_t uid = 0;  ///< of who sends
};

/// The results as they are before anything was asked: every exchange says what it will ask, and one that will not be
/// made says why in `reason`.
struct DnsTestPlan {
  DnsTestResults results;
  std::optional<DnsServer> stub;  ///< systemd-resolved's own listener; null: there is none
};

/// Plans a test. A server is asked over its scope's interface, but for own and loopback addresses, scopes without an
/// interface, and what the user names. What it is asked: the first name with the type; without a name the SOA of its
/// scope's first domain, else the NS of the root: each server sees only what its own configuration holds. A scope that
/// is known not to be live is not asked.
DnsTestPlan plan_dns_test(const Snapshot& snapshot, const DnsTestRequest& request);

/// Plans the control question of a server whose UDP and TCP exchanges are made, when all of them stayed silent.
void plan_control(DnsServerTest& server);

/// The rungs of the ladder for a server whose UDP and TCP exchanges are made: those sizes for which its answer is
/// larger than the next smaller size takes. Sets `why_not_judged` when there are none.
void plan_edns_ladder(DnsServerTest& server);

/// Sets `largest_edns_bytes` of a server whose ladder was climbed.
void judge_edns_ladder(DnsServerTest& server);

}  // namespace vpndoctor
