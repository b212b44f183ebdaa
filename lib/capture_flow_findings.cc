// SPDX-License-Identifier: Apache-2.0
// The findings of a capture: one for all flows from one host to another that suffer from the same.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "capture_flow_hole.h"
#include "finding_parts.h"
#include "path_mtu_remedy.h"
#include "path_mtu_steps.h"
#include "vpndoctor/capture_flows.h"
#include "vpndoctor/number_text.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxFindings = 20;
constexpr std::size_t kMaxEvidence = 5;

/// The flows of one status from one host to another, the best evidence first.
struct Group {
  std::vector<const FlowMtu*> flows;

  const FlowMtu& best() const { return *flows.front(); }
};

auto cause_of(const FlowMtu& flow) {
  return std::tuple(flow.status, flow.is_message_ignored, flow.source, flow.destination);
}

std::vector<Group> group_flows(const CaptureFlows& flows) {
  std::vector<Group> groups;
  for (const FlowMtu& flow : flows.flows) {
    if (flow.status == FlowMtuStatus::kClear || flow.status == FlowMtuStatus::kUndetermined) continue;
    const auto same =
        std::ranges::find_if(groups, [&flow](const Group& group) { return cause_of(group.best()) == cause_of(flow); });
    if (same != groups.end()) {
      same->flows.push_back(&flow);
    } else if (groups.size() < kMaxFindings) {
      groups.push_back({{&flow}});
    }
  }
  return groups;
}

std::string connections_text(std::size_t count) {
  return fmt::format("{} connection{}", grouped(count), count == 1 ? "" : "s");
}

std::string ends_text(const FlowMtu& flow) {
  const auto end = [](const IpAddress& address, std::uint16_t port) {
    return fmt::format(fmt::runtime(address.family == Family::kInet ? "{}:{}" : "[{}]:{}"), address.to_string(), port);
  };
  return end(flow.source, flow.source_port) + " to " + end(flow.destination, flow.destination_port);
}

Subject way_subject(const FlowMtu& flow) { return {"path", fmt::format("{} > {}", flow.source, flow.destination)}; }

void add_evidence(const Group& group, Finding& finding) {
  for (const FlowMtu* flow : group.flows) {
    if (finding.evidence.size() == kMaxEvidence) break;
    finding.evidence.push_back({"capture", ends_text(*flow), flow->why});
  }
  const FlowMtu& best = group.best();
  if (best.false_claim_probability)
    finding.evidence.push_back(
        {"capture", ends_text(best),
         fmt::format("the odds that chance lost just these packets: {:.2g}", *best.false_claim_probability)});
  if (best.announced_mss_bytes)
    finding.evidence.push_back(
        {"capture", ends_text(best),
         fmt::format("the receiver's SYN allows segments of {} bytes", *best.announced_mss_bytes)});
}

/// The size to keep below; null when no packet of a useful size is known to pass.
std::optional<std::uint32_t> safe_size(const Group& group) {
  std::uint32_t largest = 0;
  for (const FlowMtu* flow : group.flows) {
    const std::uint32_t passed = flow->largest_acknowledged_bytes.value_or(0);
    if (passed < flow->smallest_lost_bytes.value_or(0)) largest = std::max(largest, passed);
  }
  constexpr std::uint32_t kLeastInet = 576;
  constexpr std::uint32_t kLeastInet6 = 1280;
  const bool useful = largest >= (group.best().source.family == Family::kInet ? kLeastInet : kLeastInet6);
  return useful ? std::optional(largest) : std::nullopt;
}

void add_clamp_step(const Group& group, Finding& finding) {
  const auto size = safe_size(group);
  if (!size) return;
  const Family family = group.best().source.family;
  const std::string mss = std::to_string(*size - ip_header_bytes(family) - 20);
  const char* protocol = family == Family::kInet ? "ipv4" : "ipv6";
  add_step(
      finding.remedy,
      fmt::format("As a stop-gap, keep TCP below it: packets of {} bytes did get through. On {}, or on a router in "
                  "front of it:",
                  *size, group.best().destination),
      {root_command({"nft", "add", "table", "inet", "vpndoctor"}),
       root_command({"nft", "add", "chain", "inet", "vpndoctor", "clamp_out",
                     "{ type filter hook postrouting priority mangle; }"}),
       root_command({"nft", "add", "rule", "inet", "vpndoctor", "clamp_out", "meta", "nfproto", protocol, "tcp",
                     "flags", "syn", "tcp", "option", "maxseg", "size", "set", mss})});
}

void add_measure_step(const Group& group, Finding& finding) {
  const std::string target = group.best().destination.to_string();
  add_step(finding.remedy,
           fmt::format("Measure that path, on {}: to the byte, and behind which hop.", group.best().source),
           {user_command({"vpndoctor", "mtu", target})});
}

const char* how_sure(Confidence confidence) {
  if (confidence == Confidence::kProven) return "vanish";
  return confidence == Confidence::kLikely ? "very likely vanish" : "may have vanished";
}

Finding black_hole(const Group& group) {
  const FlowMtu& best = group.best();
  Finding finding = make_finding("MTU001", way_subject(best));
  finding.confidence = best.confidence;
  if (best.confidence == Confidence::kSuspected) finding.severity = Severity::kWarning;
  finding.title =
      fmt::format("Packets of {} bytes from {} to {} {} in silence, in {}", best.smallest_lost_bytes.value_or(0),
                  best.source, best.destination, how_sure(best.confidence), connections_text(group.flows.size()));
  const std::uint32_t lost = best.smallest_lost_bytes.value_or(0);
  finding.detail =
      fmt::format("Smaller packets get through, so the connection is made and then hangs with the first {} from {}. {}",
                  best.full_bytes && lost >= *best.full_bytes ? "full packet" : "packet of that size", best.source,
                  best.too_big_from ? "A too-big message was seen, but it does not explain this size."
                                    : "No too-big message that would have told the sender is in the capture.");
  if (is_below_common_mtu(lost, best.full_bytes))
    finding.detail +=
        " Or a filter that looks at the content drops these packets: nearly every path carries this size.";
  if (best.confidence != Confidence::kProven)
    finding.detail += " The capture alone does not rule out that nothing at all got through at that time.";
  add_evidence(group, finding);
  finding.remedy = {};
  add_measure_step(group, finding);
  add_step(finding.remedy,
           fmt::format("Let {} through, on every firewall and router between the two.",
                       too_big_message_name(best.source.family)),
           accept_too_big_commands(best.source.family, FilterChain::kForward));
  add_clamp_step(group, finding);
  return finding;
}

Finding message_ignored(const Group& group) {
  const FlowMtu& best = group.best();
  Finding finding = make_finding("MTU017", way_subject(best));
  finding.confidence = best.confidence;
  finding.title = fmt::format("{} keeps sending packets that {} called too big, in {}", best.source,
                              best.too_big_from ? best.too_big_from->to_string() : "a router",
                              connections_text(group.flows.size()));
  finding.detail =
      "The path says correctly how large packets may be, and the sender does not listen: a firewall in front of it or "
      "on "
      "it drops the message, often the kill switch of a VPN client. Large transfers hang.";
  add_evidence(group, finding);
  add_step(finding.remedy,
           fmt::format("On {}, let {} in, before the rule that drops it (`nft list ruleset` shows it).", best.source,
                       too_big_message_name(best.source.family)),
           accept_too_big_commands(best.source.family, FilterChain::kInput));
  return finding;
}

Finding signalled(const Group& group) {
  const FlowMtu& best = group.best();
  Finding finding = make_finding("MTU004", way_subject(best));
  finding.title = fmt::format(
      "The path from {} to {} carries {}, and says so", best.source, best.destination,
      best.too_big_mtu_bytes ? fmt::format("{} bytes", *best.too_big_mtu_bytes) : std::string("less than was sent"));
  finding.detail = "Path MTU discovery works here: the sender was told, and made its packets smaller.";
  add_evidence(group, finding);
  return finding;
}

Finding plain_loss(const Group& group) {
  Finding finding = make_finding("MTU018", way_subject(group.best()));
  std::uint64_t again = 0;
  std::uint64_t packets = 0;
  for (const FlowMtu* flow : group.flows) {
    again += flow->retransmitted;
    packets += flow->packets;
    finding.confidence = std::min(finding.confidence, flow->confidence);
  }
  const bool of_any_size = std::ranges::any_of(
      group.flows, [](const FlowMtu* flow) { return flow->retransmitted > flow->retransmitted_full; });
  finding.title = fmt::format("{} of {} packets from {} to {} were sent again{}", grouped(again), grouped(packets),
                              group.best().source, group.best().destination,
                              of_any_size ? ", whatever their size" : ", and full ones got through");
  finding.detail = "Packets are lost on the way, which no MTU setting changes: look for a full or a bad link.";
  add_evidence(group, finding);
  return finding;
}

Finding finding_of(const Group& group) {
  switch (group.best().status) {
    case FlowMtuStatus::kSignalled:
      return signalled(group);
    case FlowMtuStatus::kLossy:
      return plain_loss(group);
    default:
      return group.best().is_message_ignored ? message_ignored(group) : black_hole(group);
  }
}

}  // namespace

std::vector<Finding> judge_capture_flows(const CaptureFlows& flows) {
  std::vector<Finding> findings;
  for (const Group& group : group_flows(flows)) findings.push_back(finding_of(group));
  std::ranges::stable_sort(findings, std::ranges::greater{}, &Finding::severity);
  return findings;
}

}  // namespace vpndoctor
