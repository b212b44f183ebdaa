// SPDX-License-Identifier: Apache-2.0
// IPsec policies that a daemon left behind when it was killed: what they are for vanishes.
#include <fmt/format.h>

#include <algorithm>

#include "leak_checks_coverage.h"
#include "leak_checks_tunnel.h"
#include "unserved_ipsec.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

std::string policy_words(const XfrmPolicy& policy) {
  std::string text = fmt::format("dir out src {} dst {}", policy.source, policy.destination);
  for (const XfrmTemplate& each : policy.templates) {
    if (each.destination) text += fmt::format(" by {}", *each.destination);
  }
  return text;
}

std::string names_of(const std::vector<const XfrmPolicy*>& policies) {
  std::vector<std::string> prefixes;
  for (const XfrmPolicy* each : policies) {
    std::string prefix = each->destination.to_string();
    if (std::ranges::find(prefixes, prefix) == prefixes.end()) prefixes.push_back(std::move(prefix));
    if (prefixes.size() == kMostQuoted) break;
  }
  return listed_words(prefixes);
}

/// True when nothing on the machine would be lost with all policies.
bool are_all(const Snapshot& snapshot, const std::vector<const XfrmPolicy*>& unserved) {
  return snapshot.xfrm->states.empty() &&
         std::ranges::count(snapshot.xfrm->policies, XfrmDirection::kOut, &XfrmPolicy::direction) ==
             static_cast<std::ptrdiff_t>(unserved.size());
}

}  // namespace

std::string unserved_ipsec_unknown(const LeakContext& facts) { return unserved_ipsec_undecided(facts.snapshot); }

void check_unserved_ipsec(const LeakContext& facts, Findings& findings) {
  const std::vector<const XfrmPolicy*> unserved = unserved_ipsec(facts.snapshot);
  if (unserved.empty()) return;
  Finding finding = make_finding("TUN010", {"interface", "ipsec"});
  // A key manager may listen on another port.
  finding.confidence = Confidence::kLikely;
  finding.title = fmt::format("IPsec policies for {} have no state, and no IKE daemon runs that would make one",
                              names_of(unserved));
  finding.detail = "What they are for vanishes in silence until the VPN works again.";
  for (const XfrmPolicy* each : unserved) {
    if (finding.evidence.size() == kMostQuoted) break;
    finding.evidence.push_back(proof(facts.snapshot.xfrm, "IPsec policy", policy_words(*each)));
  }
  finding.evidence.push_back(proof(facts.snapshot.vpn_signs, "sockets", "nobody listens on UDP port 500 or 4500"));
  add_step(
      finding.remedy,
      "Start the VPN again: the service of strongSwan is strongswan or strongswan-starter, that of Libreswan ipsec.");
  add_step(finding.remedy,
           "Or take the policies away, those of both directions; what they are for then leaves in clear.",
           are_all(facts.snapshot, unserved) ? std::vector{root_command({"ip", "xfrm", "policy", "flush"})}
                                             : std::vector<Command>());
  findings.push_back(std::move(finding));
}

}  // namespace vpndoctor
