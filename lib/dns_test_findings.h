// SPDX-License-Identifier: Apache-2.0
// The judges of a DNS test, each of one matter, and what they share.
#pragma once

#include <string>
#include <vector>

#include "finding_parts.h"
#include "vpndoctor/dns_test.h"

namespace vpndoctor {

using Findings = std::vector<Finding>;

/// What a judge looks at.
struct DnsTestFacts {
  const Snapshot& snapshot;
  const DnsTestResults& results;
};

/// DNS031 and DNS036: servers that do not answer, at all or over TCP.
void judge_dead_servers(const DnsTestFacts& facts, Findings& findings);
void judge_tcp(const DnsTestFacts& facts, Findings& findings);
/// DNS032: large answers that get lost.
void judge_fragments(const DnsTestFacts& facts, Findings& findings);
/// DNS033 and DNS034: somebody answers in the place of others.
void judge_interception(const DnsTestFacts& facts, Findings& findings);
void judge_injection(const DnsTestFacts& facts, Findings& findings);
/// DNS030 and DNS035: the same name has different answers.
void judge_ways(const DnsTestFacts& facts, Findings& findings);

/// True when the exchange was made and nothing came of it, whatever the reason.
bool is_unanswered(const DnsExchange& exchange);
/// True when a server said anything over UDP, with EDNS or without.
bool answers_udp(const DnsServerTest& server);
/// "over tun0", "as the routes say".
std::string over_text(const DnsExchange& exchange);
/// What came of an exchange, a sentence: "UDP over tun0: no answer to 2 questions in 2.0 s each".
std::string exchange_text(const DnsExchange& exchange);

}  // namespace vpndoctor
