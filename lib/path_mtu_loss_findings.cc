// SPDX-License-Identifier: Apache-2.0
// Findings about lost packets and about the messages that should have told of them: MTU001, 002, 003, 004, 006.
#include <fmt/format.h>

#include <algorithm>

#include "path_mtu_findings.h"
#include "path_mtu_remedy.h"
#include "path_mtu_steps.h"

namespace vpndoctor {
namespace {

std::string bands_text(const std::vector<LostBand>& bands) {
  std::string text;
  for (const auto& band : bands)
    text += fmt::format("{}{} to {}", text.empty() ? "" : ", ", band.from_bytes, band.to_bytes);
  return text;
}

std::string hole_title(const FindingContext& context) {
  const auto& judgement = context.judgement;
  const auto& host = context.measurement.target.host;
  if (judgement.direction == Direction::kReverse)
    return judgement.reverse_bytes
               ? fmt::format("Packets above {} bytes from {} vanish on the way back", *judgement.reverse_bytes, host)
               : fmt::format("Large packets from {} vanish on the way back", host);
  if (!context.measurement.lost_bands.empty())
    return fmt::format("Packets of {} bytes to {} vanish, although smaller and larger ones pass",
                       bands_text(context.measurement.lost_bands), host);
  const std::uint32_t limit = judgement.forward.at_most_bytes.value_or(0);
  return judgement.direction == Direction::kBoth
             ? fmt::format("Packets above {} bytes vanish in silence, both ways", limit)
             : fmt::format("Packets above {} bytes to {} vanish in silence", limit, host);
}

/// What hangs depends on which way is narrow.
std::string hole_consequence(const FindingContext& context) {
  const auto direction = context.judgement.direction;
  const std::string start = context.measurement.answered ? "Small packets and pings work" : "Small packets work";
  if (direction == Direction::kForward)
    return start +
           "; uploads, large requests, git and ssh sessions hang, because nobody tells "
           "this machine that its packets are too large.";
  if (direction == Direction::kReverse)
    return start +
           "; downloads, TLS handshakes, git and ssh sessions hang, because nobody tells "
           "the other side that its packets are too large.";
  return start +
         "; large transfers, TLS handshakes, git and ssh sessions hang, because nobody "
         "tells the sender that its packets are too large.";
}

std::string hole_detail(const FindingContext& context) {
  std::string text = hole_consequence(context);
  if (!context.measurement.lost_bands.empty())
    text += " Larger packets pass again because a tunnel on the way sends those in fragments.";
  const auto& route_mtu = context.measurement.egress.route_mtu_bytes;
  const auto& proven = context.judgement.forward.at_least_bytes;
  if (route_mtu && proven && *route_mtu <= *proven)
    text += fmt::format(" The route's own MTU of {} bytes already keeps most packets of this machine below it.",
                        *route_mtu);
  const auto& advice = context.diagnosis.advice;
  if (advice.tcp_mss_inet_bytes && !advice.tcp_mss_inet6_bytes && !is_below_ipv6_minimum(context))
    text += " IPv6 cannot run through a link of this size: it needs 1280 bytes.";
  return text;
}

/// With --expect-min the user has said which size is enough; a hole above it is no failure of the check.
bool is_accepted_by_user(const FindingContext& context) {
  const auto& expected = context.options.expect_min_bytes;
  const auto& usable = context.judgement.usable_bytes;
  return expected && usable && *usable >= *expected && context.diagnosis.meets_expectation == true;
}

void lower_if_accepted(const FindingContext& context, Finding& finding) {
  if (!is_accepted_by_user(context) || finding.severity != Severity::kError) return;
  finding.severity = Severity::kWarning;
  finding.detail += fmt::format(" The {} bytes that were asked for with --expect-min get through.",
                                *context.options.expect_min_bytes);
}

Finding black_hole(const FindingContext& context) {
  Finding finding = make_finding("MTU001", path_subject(context.measurement));
  finding.title = hole_title(context);
  finding.detail = hole_detail(context);
  finding.evidence = loss_evidence(context);
  finding.remedy = hole_remedy(context);
  const bool odds_known = context.measurement.false_claim_probability.has_value();
  const bool by_tcp = context.measurement.tcp &&
                      (context.measurement.tcp->forward_lost_bytes || context.measurement.tcp->reverse_lost_bytes);
  const bool by_capture = context.measurement.fragments && context.measurement.fragments->only_tail_arrived;
  finding.confidence = odds_known || by_tcp || by_capture ? Confidence::kProven : Confidence::kLikely;
  if (context.judgement.eaten_locally && context.judgement.forward_lost) finding.caused_by.emplace_back("MTU006");
  if (context.diagnosis.advice.fit == TunnelMtuFit::kTooLarge) finding.caused_by.emplace_back("MTU011");
  if (is_below_ipv6_minimum(context)) finding.caused_by.emplace_back("MTU015");
  lower_if_accepted(context, finding);
  return finding;
}

std::vector<Evidence> claim_evidence(const FindingContext& context, const JudgedClaim& claim) {
  std::vector<Evidence> evidence = loss_evidence(context);
  const std::string router = claim.message.from.to_string();
  std::ranges::stable_partition(evidence, [&](const Evidence& item) { return item.source == router; });
  return evidence;
}

Finding claim_too_large(const FindingContext& context, const JudgedClaim& claim) {
  Finding finding = make_finding("MTU002", {"router", claim.message.from.to_string()});
  finding.title = fmt::format("{} claims {} bytes, but only {} get through its link", claim.message.from,
                              claim.message.mtu_bytes, context.judgement.forward.at_most_bytes.value_or(0));
  finding.detail =
      "Hosts that believe the claim keep sending packets that are lost. It acts as a black hole: small packets and "
      "pings "
      "work, large transfers hang.";
  finding.evidence = claim_evidence(context, claim);
  add_step(finding.remedy, fmt::format("Correct the MTU on {}: ask whoever runs it.", claim.message.from));
  add_mtu_steps(context, finding.remedy);
  add_clamp_step(context, finding.remedy);
  lower_if_accepted(context, finding);
  return finding;
}

Finding claim_too_small(const FindingContext& context, const JudgedClaim& claim) {
  Finding finding = make_finding("MTU003", {"router", claim.message.from.to_string()});
  finding.title = fmt::format("{} claims {} bytes, but larger packets get through behind it", claim.message.from,
                              claim.message.mtu_bytes);
  finding.detail =
      "Hosts that believe the claim send needlessly small packets for ten minutes. The router is "
      "misconfigured, or somebody forges the message.";
  finding.evidence = claim_evidence(context, claim);
  add_step(finding.remedy, fmt::format("Correct the MTU on {}, or find who sends in its name.", claim.message.from));
  add_step(finding.remedy, "Then flush this machine's path MTU cache.",
           flush_cache_commands(context.measurement.target.address.family));
  return finding;
}

Finding signalled(const FindingContext& context) {
  const auto& judgement = context.judgement;
  Finding finding = make_finding("MTU004", path_subject(context.measurement));
  finding.title =
      fmt::format("The path to {} carries {}, less than the link's {}, and says so", context.measurement.target.host,
                  size_range_text(judgement.forward), judgement.link_bytes);
  finding.detail = "Path MTU discovery works here: senders are told, and adapt.";
  if (context.diagnosis.meets_expectation != false) finding.detail += " Nothing needs to be done.";
  if (!any_claim(judgement.claims, ClaimVerdict::kRight))
    finding.detail =
        "The router sends too-big messages without an MTU, as routers older than RFC 1191 do; the value was found by "
        "search, and senders must search for it too.";
  finding.evidence = loss_evidence(context);
  return finding;
}

Finding eaten(const FindingContext& context) {
  const auto& message = context.measurement.too_big_not_delivered.front();
  const Family family = context.measurement.target.address.family;
  Finding finding = make_finding("MTU006", {"interface", context.measurement.egress.interface});
  finding.title = fmt::format("The too-big message of {} ({} bytes) arrives here, but a local firewall drops it",
                              message.from, message.mtu_bytes);
  finding.detail =
      "The path says correctly how large packets may be, and this machine does not listen. Often the kill "
      "switch of a VPN client drops everything from outside the tunnel.";
  for (const auto& lost : context.measurement.too_big_not_delivered)
    finding.evidence.push_back(
        {"capture", lost.from.to_string(),
         fmt::format("a too-big message of {} bytes was seen {} times on {} and reached no socket", lost.mtu_bytes,
                     lost.count, context.measurement.egress.interface)});
  add_step(finding.remedy,
           fmt::format("On this machine, let {} in, before the rule that drops it (`nft list ruleset` shows it).",
                       too_big_message_name(family)),
           accept_too_big_commands(family, FilterChain::kInput));
  lower_if_accepted(context, finding);
  return finding;
}

/// One finding a router and claim, however often it was sent.
bool is_repeated(const std::vector<Finding>& findings, const char* code, const JudgedClaim& claim) {
  return std::ranges::any_of(findings, [&](const Finding& finding) {
    return finding.code == code && finding.subject.id == claim.message.from.to_string();
  });
}

}  // namespace

std::vector<Finding> find_losses(const FindingContext& context) {
  std::vector<Finding> findings;
  const auto& judgement = context.judgement;
  if (judgement.status == PathMtuStatus::kBlackHole) findings.push_back(black_hole(context));
  for (const auto& claim : judgement.claims) {
    if (claim.verdict == ClaimVerdict::kTooLarge && !is_repeated(findings, "MTU002", claim))
      findings.push_back(claim_too_large(context, claim));
    if (claim.verdict == ClaimVerdict::kTooSmall && !is_repeated(findings, "MTU003", claim))
      findings.push_back(claim_too_small(context, claim));
  }
  const bool right = any_claim(judgement.claims, ClaimVerdict::kRight) && judgement.forward_lost;
  if (judgement.status == PathMtuStatus::kSignalled || (right && judgement.status != PathMtuStatus::kMisreported))
    findings.push_back(signalled(context));
  if (judgement.eaten_locally) findings.push_back(eaten(context));
  return findings;
}

}  // namespace vpndoctor
