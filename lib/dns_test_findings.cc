// SPDX-License-Identifier: Apache-2.0
// The table of the judges of a DNS test, and words that they share; see dns_test.h.
#include "dns_test_findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "vpndoctor/dns_message.h"

namespace vpndoctor {

const char* dns_outcome_name(DnsOutcome outcome) {
  switch (outcome) {
    case DnsOutcome::kNotAsked:
      return "not_asked";
    case DnsOutcome::kAnswered:
      return "answered";
    case DnsOutcome::kSilent:
      return "silent";
    case DnsOutcome::kUnreachable:
      return "unreachable";
    case DnsOutcome::kNotBound:
      return "not_bound";
    case DnsOutcome::kMalformed:
      break;
  }
  return "malformed";
}

bool is_unanswered(const DnsExchange& exchange) {
  return exchange.outcome == DnsOutcome::kSilent || exchange.outcome == DnsOutcome::kUnreachable ||
         exchange.outcome == DnsOutcome::kMalformed;
}

bool answers_udp(const DnsServerTest& server) {
  return server.udp.outcome == DnsOutcome::kAnswered || server.udp_plain.outcome == DnsOutcome::kAnswered;
}

std::string over_text(const DnsExchange& exchange) {
  return exchange.interface.empty() ? "as the routes say" : "over " + exchange.interface;
}

std::string exchange_text(const DnsExchange& exchange) {
  std::string text = exchange.transport == DnsTransport::kTcp ? "TCP" : "UDP";
  if (exchange.edns_bytes && exchange.transport == DnsTransport::kUdp) {
    text += fmt::format(" with EDNS {}", *exchange.edns_bytes);
  }
  text += " " + over_text(exchange) + ": ";
  if (exchange.outcome != DnsOutcome::kAnswered) {
    return text + (exchange.reason.empty() ? dns_outcome_name(exchange.outcome) : exchange.reason);
  }
  text += dns_rcode_name(exchange.rcode.value_or(0));
  if (exchange.truncated) text += ", truncated";
  if (exchange.reply_bytes) text += fmt::format(", {} bytes", *exchange.reply_bytes);
  if (exchange.rtt) text += fmt::format(", {:.1f} ms", exchange.rtt->count());
  if (exchange.sent > 1) text += fmt::format(", at question {}", exchange.sent);
  return text;
}

std::vector<Finding> judge_dns_test(const Snapshot& snapshot, const DnsTestResults& results) {
  const DnsTestFacts facts{snapshot, results};
  Findings findings;
  for (const auto judge :
       {judge_ways, judge_dead_servers, judge_fragments, judge_interception, judge_injection, judge_tcp}) {
    judge(facts, findings);
  }
  // The worst first; equals stay as the judges are ordered.
  std::ranges::stable_sort(findings, std::ranges::greater{}, &Finding::severity);
  return findings;
}

}  // namespace vpndoctor
