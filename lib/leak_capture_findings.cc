// SPDX-License-Identifier: Apache-2.0
// Findings of a capture, and when it answers the question at all.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "audit_findings.h"
#include "finding_parts.h"
#include "timestamp.h"
#include "traffic_kind.h"
#include "vpndoctor/leak_capture.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostEvidence = 10;

/// Leaks of one code and one interface are one finding.
struct Group {
  std::vector<const CaptureLeak*> leaks;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

const char* code_of(const LeakFacts& facts, const CaptureLeak& leak) {
  if (is_name_lookup(leak.kind)) return "LEK031";
  if (classify(facts.snapshot, leak.destination) == AddressClass::kVpnServer) return "LEK033";
  return leak.destination.family == Family::kInet6 ? "LEK032" : "LEK030";
}

std::string what(const char* code, const Group& group) {
  std::set<IpAddress> addresses;
  for (const CaptureLeak* leak : group.leaks) addresses.insert(leak->destination);
  const std::string_view of = code;
  if (of == "LEK031") {
    return fmt::format("{} to {}", counted(group.packets, "DNS packet", "DNS packets"),
                       counted(addresses.size(), "server", "servers"));
  }
  if (of == "LEK033") return counted(group.packets, "packet", "packets") + " to the VPN server";
  const char* family = of == "LEK032" ? "IPv6 " : "";
  return fmt::format("{} {}{} to {}", group.packets, family, group.packets == 1 ? "packet" : "packets",
                     counted(addresses.size(), "address", "addresses"));
}

std::string sender(const CaptureLeak& leak) {
  if (leak.is_forwarded) return fmt::format("forwarded for {}", leak.source);
  if (!leak.owner) return fmt::format("from {}", leak.source);
  return fmt::format("from {} (process {})", escape_controls(leak.owner->name), leak.owner->pid);
}

Evidence evidence_of(const CaptureResult& capture, const CaptureLeak& leak) {
  const std::string port = leak.port == 0 ? "" : fmt::format(" port {}", leak.port);
  const std::string bound =
      leak.bound_interface.empty() ? "" : ", its socket is bound to " + escape_controls(leak.bound_interface);
  const std::string source =
      !leak.interface.empty() ? "capture on " + escape_controls(leak.interface) : "capture " + in_quotes(capture.file);
  return {"capture", source,
          fmt::format("{} ({}) to {}{}, {}{}, first at {}: {}", counted(leak.packets, "packet", "packets"), leak.kind,
                      leak.destination, port, sender(leak), bound, to_timestamp(leak.first_at), leak.reason)};
}

/// The first steps that apply: each leak's cause has another cure.
void add_remedy(Finding& finding, const Group& group) {
  const auto bound = std::ranges::find_if(group.leaks, [](const auto* leak) { return !leak->bound_interface.empty(); });
  if (bound != group.leaks.end()) {
    add_step(finding.remedy, fmt::format("Let {} use the routing tables: it binds its socket to {}.",
                                         (*bound)->owner ? escape_controls((*bound)->owner->name) : "the program",
                                         escape_controls((*bound)->bound_interface)));
  }
  if (std::ranges::any_of(group.leaks, [](const auto* leak) { return leak->is_forwarded; })) {
    add_step(finding.remedy, "See where the packets of other machines and containers go.",
             {user_command({"ip", "rule", "show"})});
  }
  const std::string_view code = finding.code;
  if (code == "LEK031") {
    add_step(finding.remedy, "See which servers are asked, and by which rule.", {user_command({"vpndoctor", "dns"})});
  }
  const IpAddress& destination = group.leaks.front()->destination;
  add_step(finding.remedy, "See where such packets should go.",
           {user_command({"vpndoctor", "routes", "explain", destination.to_string()})});
  add_step(finding.remedy, "See which sockets go there.",
           {root_command({"ss", "-tuanpe", "dst", destination.to_string()})});
}

Finding leak_finding(const CaptureResult& capture, const char* code, const std::string& interface, const Group& group) {
  Finding finding = interface.empty() ? make_finding(code, {"capture", escape_controls(capture.file)})
                                      : make_finding(code, {"interface", interface});
  const bool is_certain = std::ranges::any_of(group.leaks, [](const auto* leak) { return !leak->is_midstream; });
  finding.confidence = is_certain ? Confidence::kProven : Confidence::kLikely;
  finding.title = fmt::format("{} left {}outside the tunnel", what(code, group),
                              interface.empty() ? "" : fmt::format("by {} ", escape_controls(interface)));
  finding.detail =
      "Whoever owns the networks on the way sees these packets as they are, with this machine's own address as the "
      "sender.";
  if (!is_certain) {
    finding.detail += " Who began these flows was not captured: they may have been begun from outside.";
  }
  for (const CaptureLeak* leak : group.leaks) {
    if (finding.evidence.size() == kMostEvidence) {
      const std::size_t more = group.leaks.size() - kMostEvidence;
      finding.evidence.push_back(
          {"capture", "capture", fmt::format("and {}", counted(more, "more flow", "more flows"))});
      break;
    }
    finding.evidence.push_back(evidence_of(capture, *leak));
  }
  add_remedy(finding, group);
  return finding;
}

Finding drop_finding(const CaptureResult& capture) {
  Finding finding = make_finding("LEK034", {"capture", fmt::format("{}", fmt::join(capture.interfaces, ", "))});
  finding.title = fmt::format("The capture lost {} of {}", capture.dropped,
                              counted(capture.dropped + capture.packets, "packet", "packets"));
  finding.detail = "What was lost is not judged: leaks that are shown are there, others may be.";
  finding.evidence.push_back({"capture", "libpcap", fmt::format("{} dropped by the kernel", capture.dropped)});
  add_step(finding.remedy, "Capture on one interface alone, or when the machine does less.");
  return finding;
}

}  // namespace

std::vector<CaptureLeak> joined_leaks(std::vector<CaptureLeak> leaks) {
  const auto identity = [](const CaptureLeak& leak) {
    return std::tuple(leak.interface, leak.source, leak.destination, leak.port, leak.ip_protocol, leak.kind,
                      leak.owner ? leak.owner->pid : 0, leak.owner ? leak.owner->name : "", leak.bound_interface,
                      leak.is_midstream);
  };
  std::map<decltype(identity(leaks.front())), CaptureLeak> joined;
  for (CaptureLeak& leak : leaks) {
    const auto [place, is_new] = joined.try_emplace(identity(leak), leak);
    if (is_new) continue;
    place->second.packets += leak.packets;
    place->second.bytes += leak.bytes;
    place->second.flows += leak.flows;
    place->second.first_at = std::min(place->second.first_at, leak.first_at);
  }
  leaks.clear();
  for (auto& [key, leak] : joined) leaks.push_back(std::move(leak));
  std::ranges::stable_sort(leaks, std::greater{}, &CaptureLeak::packets);
  return leaks;
}

std::string why_unanswered(const CaptureResult& capture) {
  if (capture.leak_packets > 0 || !capture.leaks.empty()) return "";
  if (capture.packets == 0 && !capture.file.empty()) return "the capture has no packets";
  if (!capture.ended_early.empty()) return capture.ended_early;
  if (!capture.control_seen) {
    return capture.control.empty() ? "nothing shows that the capture sees this machine's packets" : capture.control;
  }
  if (capture.dropped > 0) return fmt::format("the capture lost {}", counted(capture.dropped, "packet", "packets"));
  if (!capture.routes_changed.empty()) return capture.routes_changed;
  if (capture.untold > 0) {
    return fmt::format("{} could not be judged: {}", counted(capture.untold, "packet", "packets"), capture.why_untold);
  }
  return "";
}

std::string routes_changed_during(const Snapshot& before, const Snapshot& after) {
  const bool is_unread = (before.routes && !after.routes) || (before.rules && !after.rules);
  if (is_unread) {
    return fmt::format("whether the routes changed during the capture is not known: {}",
                       escape_controls(after.routes ? after.rules.why_missing() : after.routes.why_missing()));
  }
  const SnapshotDiff diff = diff_snapshots(before, after);
  if (diff.routes.is_empty() && diff.rules.is_empty()) return "";
  return fmt::format("the {} changed during the capture, and what left is judged by those before{}",
                     diff.routes.is_empty() ? "rules" : "routes",
                     diff.summary.empty() ? "" : ": " + diff.summary.front().text);
}

std::vector<Finding> judge_capture(const LeakFacts& facts, const CaptureResult& capture) {
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const CaptureLeak& leak : capture.leaks) {
    Group& group = groups[{code_of(facts, leak), leak.interface}];
    group.leaks.push_back(&leak);
    group.packets += leak.packets;
    group.bytes += leak.bytes;
  }
  std::vector<Finding> findings;
  findings.reserve(groups.size() + 1);
  for (const auto& [key, group] : groups) {
    findings.push_back(leak_finding(capture, key.first.c_str(), key.second, group));
  }
  if (capture.dropped > 0) findings.push_back(drop_finding(capture));
  return findings;
}

}  // namespace vpndoctor
