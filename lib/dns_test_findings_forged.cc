// SPDX-License-Identifier: Apache-2.0
// Somebody answers in the place of others: port 53 is intercepted (DNS033), or answers are injected (DNS034).
#include <fmt/format.h>

#include <algorithm>

#include "dns_test_findings.h"
#include "vpndoctor/dns_message.h"

namespace vpndoctor {
namespace {

std::string gist(const DnsExchange& exchange) {
  std::string text = dns_rcode_name(exchange.rcode.value_or(0));
  if (!exchange.answers.empty()) text += ", " + exchange.answers.front();
  return text;
}

void add_encryption_step(const std::string& interface, Remedy& remedy) {
  if (interface.empty()) {
    return add_step(remedy, "Resolve names through the VPN, or over TLS with a server that you trust.");
  }
  add_step(remedy, "Resolve names through the VPN, or over TLS with a server that you trust.",
           {root_command({"resolvectl", "dnsovertls", interface, "yes"})});
}

Finding interception_finding(const DnsHijackProbe& probe) {
  const std::string address = probe.exchange.server.address.to_string();
  Finding finding = make_finding("DNS033", {"interface", probe.egress});
  finding.title = fmt::format("DNS that leaves by {} is intercepted", probe.egress);
  finding.detail = fmt::format(
      "A question to {}, an address of the documentation that nobody has, was answered. Whatever server is asked "
      "there, "
      "somebody else answers, and sees the names.",
      address);
  if (probe.through_tunnel) {
    finding.severity = Severity::kNotice;
    finding.detail += " It is the tunnel: many VPNs do this on purpose, so that names do not leak.";
  }
  const std::string ttl = probe.exchange.reply_ttl ? fmt::format(", IP TTL {}", *probe.exchange.reply_ttl) : "";
  finding.evidence.push_back(
      {"probe", address,
       fmt::format("answered over {} with {} after {:.1f} ms{}", probe.egress, gist(probe.exchange),
                   probe.exchange.rtt.value_or(Milliseconds{}).count(), ttl)});
  if (!probe.through_tunnel) add_encryption_step(probe.egress, finding.remedy);
  return finding;
}

/// Every exchange with a server, whatever it was made for.
std::vector<const DnsExchange*> exchanges_of(const DnsServerTest& server) {
  std::vector<const DnsExchange*> all{&server.udp, &server.udp_plain};
  for (const DnsExchange& rung : server.ladder) all.push_back(&rung);
  return all;
}

}  // namespace

void judge_interception(const DnsTestFacts& facts, Findings& findings) {
  for (const DnsHijackProbe& probe : facts.results.hijack) {
    if (probe.exchange.outcome != DnsOutcome::kAnswered) continue;
    const auto same = std::ranges::find_if(
        findings, [&probe](const Finding& each) { return each.code == "DNS033" && each.subject.id == probe.egress; });
    Finding finding = interception_finding(probe);
    if (same == findings.end()) {
      findings.push_back(std::move(finding));
    } else {
      same->evidence.push_back(std::move(finding.evidence.front()));
    }
  }
}

void judge_injection(const DnsTestFacts& facts, Findings& findings) {
  for (const DnsServerTest& server : facts.results.servers) {
    const std::string name = server.server.to_string();
    Finding finding = make_finding("DNS034", {"server", name});
    finding.confidence = Confidence::kLikely;
    for (const DnsExchange* exchange : exchanges_of(server)) {
      if (exchange->other_answers == 0) continue;
      const std::string ttl = exchange->reply_ttl ? fmt::format(", IP TTL {}", *exchange->reply_ttl) : "";
      finding.evidence.push_back({"probe", name,
                                  fmt::format("first {}{}, after {:.1f} ms", gist(*exchange), ttl,
                                              exchange->rtt.value_or(Milliseconds{}).count())});
      for (const std::string& other : exchange->other_texts)
        finding.evidence.push_back({"probe", name, "then " + other});
    }
    if (finding.evidence.empty()) continue;
    finding.title = fmt::format("One question to {} has two different answers", name);
    finding.detail =
        "A server answers a question once. Somebody on the way sends an answer of its own, and programs take the one "
        "that is faster. Different IP TTLs say that they come from different places.";
    add_encryption_step(server.udp.interface, finding.remedy);
    findings.push_back(std::move(finding));
  }
}

}  // namespace vpndoctor
