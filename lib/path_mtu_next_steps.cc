// SPDX-License-Identifier: Apache-2.0
// What would settle a path MTU that could not be determined: the exact command to run next, and why.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "path_mtu_steps.h"

namespace vpndoctor {
namespace {

Command run_again(const PathMtuMeasurement& measurement, std::vector<std::string> options, bool needs_root = false) {
  std::vector<std::string> words{"vpndoctor", "mtu"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(measurement.target.host);
  return {"linux", std::move(words), needs_root};
}

bool is_tcp_open(const PathMtuMeasurement& measurement) {
  return measurement.tcp && measurement.tcp->state == TcpEvidence::State::kOpen;
}

void add_port_step(const PathMtuMeasurement& measurement, std::vector<RemedyStep>& steps) {
  if (is_tcp_open(measurement)) return;
  steps.push_back({fmt::format("Name a TCP port that {} serves, for example ssh: TCP proves sizes where echoes do not.",
                               measurement.target.host),
                   {run_again(measurement, {"--port", "22"})}});
}

void add_other_family_step(const PathMtuMeasurement& measurement, std::vector<RemedyStep>& steps) {
  if (!measurement.target.other_family) return;
  const bool is_inet = measurement.target.address.family == Family::kInet;
  steps.push_back({fmt::format("Try the other family: {} also has the address {}.", measurement.target.host,
                               measurement.target.other_family->to_string()),
                   {run_again(measurement, {is_inet ? "-6" : "-4"})}});
}

}  // namespace

std::vector<RemedyStep> next_steps(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement) {
  std::vector<RemedyStep> steps;
  if (judgement.status != PathMtuStatus::kUndetermined) return steps;
  if (measurement.incomplete)
    steps.push_back({"Let it run to its end.", {run_again(measurement, {"--deadline", "120"})}});
  if (judgement.may_be_chance)
    steps.push_back({"Measure again when the path loses less, or more gently: the loss may come from a full queue.",
                     {run_again(measurement, {"--gentle"})}});
  if (!judgement.may_be_chance) add_port_step(measurement, steps);
  if (!judgement.answered) add_other_family_step(measurement, steps);
  if (measurement.probing.privilege != "raw" && !measurement.probing.privilege.empty())
    steps.push_back({"Measure with more privileges: raw sockets and captures see answers that ordinary sockets do not.",
                     {run_again(measurement, {}, true)}});
  if (!judgement.answered)
    steps.push_back({fmt::format("Make sure that {} is up and that no firewall here drops what is sent to it.",
                                 measurement.target.host),
                     {}});
  return steps;
}

}  // namespace vpndoctor
