// SPDX-License-Identifier: Apache-2.0
// Judges probes past the tunnel; see the header. The finding is a notice whatever was expected of the tunnel: a full
// tunnel is one that every ordinary packet takes, and a program that binds its socket to an interface has asked for
// another way. Whether there should be a kill switch is the firewall's finding; this is the proof that none holds.
#include "vpndoctor/bypass_test.h"

#include <fmt/format.h>

#include <algorithm>

#include "finding_parts.h"
#include "kill_switch_advice.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

bool is_refused(const BypassProbe& probe) { return probe.outcome == BypassOutcome::kRefused; }

/// The answers on one interface, the nearest router's first.
std::vector<const BypassProbe*> answers_on(const BypassTest& test, const std::string& interface) {
  std::vector<const BypassProbe*> answers;
  for (const BypassProbe& probe : test.probes)
    if (probe.interface == interface && probe.answered_by) answers.push_back(&probe);
  std::ranges::stable_sort(answers, {}, [](const BypassProbe* probe) { return probe->ttl; });
  return answers;
}

Finding bypass_possible(const BypassTest& test, const Snapshot& snapshot, const std::string& interface,
                        const std::vector<const BypassProbe*>& answers) {
  constexpr std::size_t kMaxEvidence = 4;
  Finding finding = make_finding("LEK040", {"interface", interface});
  finding.title = fmt::format("A program can pass the tunnel by: a probe bound to {} was answered by {}", interface,
                              *answers.front()->answered_by);
  finding.detail = fmt::format(
      "What binds its socket to {} leaves outside the tunnel, and needs no privilege for it. Other programs are not "
      "affected.",
      interface);
  for (std::size_t index = 0; index < std::min(answers.size(), kMaxEvidence); ++index) {
    const BypassProbe& probe = *answers[index];
    finding.evidence.push_back({"probe", probe.answered_by->to_string(),
                                fmt::format("answered a probe ({}) with TTL {} towards {}, sent by {}", probe.protocol,
                                            probe.ttl, test.target, interface)});
  }
  add_kill_switch_steps(snapshot, interface, finding);
  return finding;
}

}  // namespace

std::vector<Finding> judge_bypass_test(const BypassTest& test, const Snapshot& snapshot) {
  std::vector<Finding> findings;
  for (const std::string& interface : test.interfaces) {
    const auto answers = answers_on(test, interface);
    if (!answers.empty()) findings.push_back(bypass_possible(test, snapshot, interface, answers));
  }
  return findings;
}

std::string why_no_bypass_test(const PacketPath& path, const std::string& host) {
  const std::string shown = escape_controls(host);
  switch (path.way) {
    case PacketWay::kOutside:
      return fmt::format("packets to {} leave by {} anyway, not by a tunnel", shown, escape_controls(path.interface));
    case PacketWay::kHere:
      return fmt::format("{} is this machine itself", shown);
    case PacketWay::kUnknown:
      return fmt::format("whether packets to {} go into a tunnel is not known: {}", shown, path.why);
    case PacketWay::kTunnel:
      if (!path.interface.empty()) return {};
      return fmt::format("an IPsec policy takes packets to {}, also of a socket that is bound: not tested", shown);
    case PacketWay::kNowhere:
      break;
  }
  return {};
}

std::optional<bool> can_bypass(const BypassTest& test) {
  const auto is_answered = [](const BypassProbe& probe) { return probe.answered_by.has_value(); };
  if (std::ranges::any_of(test.probes, is_answered)) return true;
  if (!test.probes.empty() && std::ranges::all_of(test.probes, is_refused)) return false;
  return std::nullopt;
}

}  // namespace vpndoctor
