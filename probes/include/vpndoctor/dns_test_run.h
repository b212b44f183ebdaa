// SPDX-License-Identifier: Apache-2.0
// Carries out a test of DNS servers: everything at once as far as one question does not need the answer of another.
// Obtains; judge_dns_test() judges.
#pragma once

#include <functional>
#include <string>

#include "vpndoctor/dns_prober.h"
#include "vpndoctor/dns_test_plan.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct DnsTestRunOptions {
  Milliseconds timeout{2000};          ///< of one question; each that stays unanswered is sent once more
  Milliseconds libc_deadline{25'000};  ///< of one getaddrinfo()
  int interrupt_descriptor = -1;       ///< readable: stop; -1: none
  std::function<void(const std::string&)> progress = {};
};

struct DnsTestRun {
  DnsTestResults results;
  bool interrupted = false;
};

/// Asks the servers over UDP, with EDNS and without, and over TCP, and whether anybody intercepts; climbs the EDNS
/// ladder where an answer is large enough; then looks each name up on every way.
DnsTestRun run_dns_test_plan(DnsTestPlan plan, const DnsTestRunOptions& options);

}  // namespace vpndoctor
