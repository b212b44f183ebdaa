// SPDX-License-Identifier: Apache-2.0
// Runs worlds one after the other. A world is read into a Snapshot like any machine, so that the reading is tested too.
#include "differential.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "kernel_answer.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/fib.h"
#include "world.h"

namespace vpndoctor::fib_test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostReportsOfAWorld = 3;  // the others mostly have the same cause

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_settled(const Snapshot& snapshot) {
  if (snapshot.stable != true || !snapshot.addresses || !snapshot.routes) return false;
  return std::ranges::none_of(*snapshot.addresses, [&](const Address& address) {
    const Link* link = snapshot.find_link(address.interface);
    if (link == nullptr || !link->is_up() || address.address.family != Family::kInet6) return false;
    if ((address.flags & kAddressTentative) != 0) return true;
    return std::ranges::none_of(
        snapshot.routes->routes, [&](const Route& route) {  // the kernel makes it a moment later
          return route.table == kTableLocal && route.destination == IpPrefix::host(address.address);
        });
  });
}

// The kernel finishes IPv6 addresses in a work queue.
Result<Snapshot> settled_snapshot() {
  const auto start = Clock::now();
  while (true) {
    auto snapshot = collect_snapshot({.tunnels = false});
    if (!snapshot || is_settled(*snapshot) || seconds_since(start) > 20) return snapshot;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

struct Question {
  std::uint64_t seed;
  const Flow& flow;
  const KernelAnswer& kernel;
  const FlowAnswer& ours;
};

std::string report(const Question& question, const Fib& fib, const std::string& what) {
  std::string text =
      fmt::format("seed {}: {}\n  differs: {}\n  kernel:  {}\n  ours:    {}\n", question.seed, flow_text(question.flow),
                  what, answer_words(question.kernel), answer_words(question.ours));
  for (const FlowStep& step : fib.explain(question.flow).steps) {
    text +=
        fmt::format("    {} {}: {}\n", step.priority ? std::to_string(*step.priority) : "-", step.rule, step.outcome);
  }
  return text;
}

void count(const FlowAnswer& answer, const KernelAnswer& kernel, Tally& tally) {
  ++tally.flows;
  tally.found_route += kernel.error_number == 0 ? 1 : 0;
  tally.depends_neighbour += answer.depends_on == DependsOn::kNeighbour ? 1 : 0;
  tally.depends_hash += answer.depends_on == DependsOn::kHash ? 1 : 0;
  if (!answer.uncertain.empty()) ++tally.doubts[std::string(answer.uncertain)].answers;
}

Tally compare(std::uint64_t seed, const Snapshot& snapshot, const std::vector<Flow>& flows, RouteSocket& socket) {
  Tally tally;
  const Fib fib(snapshot);
  auto start = Clock::now();
  const auto kernel = ask_kernel(socket, flows);
  tally.kernel_seconds = seconds_since(start);
  std::vector<FlowAnswer> ours(flows.size());
  start = Clock::now();
  fib.lookup(flows, ours);
  tally.our_seconds = seconds_since(start);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    count(ours[i], kernel[i], tally);
    const std::string what = difference(flows[i], kernel[i], ours[i], *snapshot.routes);
    if (what.empty()) continue;
    if (!ours[i].uncertain.empty()) {
      ++tally.doubts[std::string(ours[i].uncertain)].differ;
      continue;
    }
    ++tally.mismatches;
    if (tally.reports.size() < kMostReportsOfAWorld)
      tally.reports.push_back(report({seed, flows[i], kernel[i], ours[i]}, fib, what));
  }
  return tally;
}

Result<Tally> run_world(std::uint64_t seed, const DifferentialPlan& plan) {
  if (::unshare(CLONE_NEWNET) != 0) return failure(ErrorKind::kPermission, "a network namespace cannot be made");
  const auto world = build_world(seed);
  std::vector<Flow> flows;
  for (std::size_t i = 0; i < plan.flows; ++i) {
    flows.push_back(random_flow(*world, i % 2 == 0 ? Family::kInet : Family::kInet6));
  }
  RouteSocket socket;
  Tally tally;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto snapshot = settled_snapshot();
    if (!snapshot) return std::unexpected(snapshot.error());
    tally = compare(seed, *snapshot, flows, socket);
    tally.restless = attempt > 0 ? 1 : 0;
    if (tally.mismatches == 0) break;
    const auto after = settled_snapshot();
    const bool changed = after && (after->routes->routes.size() != snapshot->routes->routes.size() ||
                                   after->routes->next_hop_sets != snapshot->routes->next_hop_sets ||
                                   *after->neighbours != *snapshot->neighbours || *after->links != *snapshot->links ||
                                   *after->addresses != *snapshot->addresses);
    if (!changed) break;
  }
  if (!tally.reports.empty()) tally.reports.back() += world_words();
  return tally;
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  flows += other.flows;
  found_route += other.found_route;
  depends_neighbour += other.depends_neighbour;
  depends_hash += other.depends_hash;
  for (const auto& [reason, doubt] : other.doubts) {
    doubts[reason].answers += doubt.answers;
    doubts[reason].differ += doubt.differ;
  }
  mismatches += other.mismatches;
  restless += other.restless;
  kernel_seconds += other.kernel_seconds;
  our_seconds += other.our_seconds;
  reports.insert(reports.end(), other.reports.begin(), other.reports.end());
  return *this;
}

Doubts Tally::all_doubts() const {
  Doubts all;
  for (const auto& [reason, doubt] : doubts) {
    all.answers += doubt.answers;
    all.differ += doubt.differ;
  }
  return all;
}

Result<Tally> run_differential(const DifferentialPlan& plan) {
  Tally total;
  for (std::uint64_t i = 0; i < plan.worlds; ++i) {
    auto tally = run_world(plan.first_seed + i, plan);
    if (!tally) return std::unexpected(tally.error());
    total += *tally;
    if (total.reports.size() > plan.most_reports) total.reports.resize(plan.most_reports);
  }
  return total;
}

}  // namespace vpndoctor::fib_test
