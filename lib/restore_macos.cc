// SPDX-License-Identifier: Apache-2.0
// The plan for a Mac, in the words of route(8): only routes that somebody set (flag S); what interfaces, neighbours and
// the cache make is the system's. The table belongs to the system there, so such a plan is shown and never carried out.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "restore_entries.h"
#include "restore_groups.h"
#include "restore_steps.h"
#include "word_list.h"

namespace vpndoctor {
namespace {

bool has_flag(const StandaloneRoute& route, char flag) {
  return route.attributes.macos_flags.find(flag) != std::string::npos;
}

/// C: connected, its entries are cloned; L and W: neighbours and copies; m and b: multicast and broadcast (netstat(1)).
bool is_set_by_somebody(const RouteTable& table, const Route& route) {
  const std::string& flags = table.attributes(route).macos_flags;
  return flags.find('S') != std::string::npos && flags.find_first_of("CLWmb") == std::string::npos;
}

std::string gateway_word(const NextHop& hop) {
  const std::string text = hop.gateway->to_string();
  const bool needs_zone = hop.gateway->family == Family::kInet6 && hop.gateway->is_link_local();
  return needs_zone ? fmt::format("{}%{}", text, hop.interface) : text;
}

Words destination_words(const StandaloneRoute& route) {
  const IpPrefix& prefix = route.route.destination;
  if (prefix.is_default()) return {"default"};
  if (prefix.is_host()) return {"-host", prefix.address.to_string()};
  return {"-net", prefix.to_string()};
}

/// Several routes of one destination differ by their interface scope (`-ifscope`).
Words route_command(const char* verb, const StandaloneRoute& route) {
  Words words = {"route", "-n", verb, route.route.destination.family() == Family::kInet ? "-inet" : "-inet6"};
  for (std::string& word : destination_words(route)) words.push_back(std::move(word));
  const auto& hops = route.next_hops.hops;
  if (!hops.empty() && hops.front().gateway) {
    words.push_back(gateway_word(hops.front()));
  } else if (!hops.empty()) {
    words.insert(words.end(), {"-interface", hops.front().interface});
  }
  if (has_flag(route, 'I') && !hops.empty()) words.insert(words.end(), {"-ifscope", hops.front().interface});
  if (has_flag(route, 'B')) words.emplace_back("-blackhole");
  if (has_flag(route, 'R')) words.emplace_back("-reject");
  return words;
}

PlannedStep step_of(RestoreAction action, StandaloneRoute route, std::string reason) {
  PlannedStep step;
  const std::int64_t length = route.route.destination.length;
  step.phase = action == RestoreAction::kDelete ? RestorePhase::kDeleteRoute : RestorePhase::kAddThroughGateway;
  step.order = action == RestoreAction::kDelete ? length : -length;
  const char* verb = action == RestoreAction::kReplace ? "change" : restore_action_name(action);
  step.operation.action = action;
  step.operation.argv = route_command(verb, route);
  step.operation.object = std::move(route);
  step.operation.reason = std::move(reason);
  step.operation.source = "baseline";
  return step;
}

/// macOS keeps one route a key, so the first of each side is the whole.
PlannedStep step_for(const StandaloneRoute* present, const StandaloneRoute* wanted, const Place& place) {
  if (wanted == nullptr) return step_of(RestoreAction::kDelete, *present, "the baseline does not have it");
  const bool changes = present != nullptr;
  PlannedStep step =
      step_of(changes ? RestoreAction::kReplace : RestoreAction::kAdd, *wanted,
              changes ? "the baseline has another way for it" : "the baseline has it, and it is missing");
  if (changes) step.operation.replaced = *present;
  step.operation.why_not = place.objection(*wanted);
  if (step.operation.why_not.empty()) return step;
  step.operation.applicable = false;
  step.phase = RestorePhase::kNotApplicable;
  return step;
}

std::optional<StandaloneRoute> first_set(const RouteTable& table, const std::vector<std::uint32_t>& indexes) {
  for (const std::uint32_t index : indexes) {
    const Route& route = table.routes[index];
    if (is_set_by_somebody(table, route)) return standalone(table, route);
  }
  return std::nullopt;
}

}  // namespace

std::vector<PlannedStep> plan_macos_routes(const Snapshot& now, const Snapshot& target, const Place& place) {
  std::vector<PlannedStep> steps;
  for (const KeyGroup& key : differing_keys(*now.routes, *target.routes)) {
    const auto present = first_set(*now.routes, key.now);
    const auto wanted = first_set(*target.routes, key.target);
    if (!present && !wanted) continue;
    steps.push_back(step_for(present ? &*present : nullptr, wanted ? &*wanted : nullptr, place));
  }
  return steps;
}

}  // namespace vpndoctor
