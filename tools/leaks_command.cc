// SPDX-License-Identifier: Apache-2.0
// Joins probes and lib for the leaks command: two looks at the counters, what was asked for between them, then the
// judgement. Prints nothing.
#include "leaks_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>

#include "leaks_inputs.h"
#include "terminal.h"
#include "vpndoctor/bypass_probes.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/leak_capture_run.h"
#include "vpndoctor/tunnel_activity.h"

namespace vpndoctor {
namespace {

extern "C" void end_politely(int /*signal*/) { ::kill(::getpid(), SIGTERM); }

/// A terminal that goes away ends a long capture as SIGTERM does: what is known is still written, to a file say. Not
/// where the hang-up is ignored, as nohup(1) has it.
void take_hangup_as_termination() {
  struct sigaction action{};
  if (::sigaction(SIGHUP, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = end_politely;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGHUP, &action, nullptr);
}

/// One run of the command. The tables are judged as they were first read; only the counters are looked at again.
class LeaksRun {
 public:
  LeaksRun(const LeaksCommand& command, std::optional<Interrupt>& interrupt, Progress& progress)
      : command_(command), interrupt_(interrupt), progress_(progress) {}

  /// Fails when something that was asked for cannot be done at all.
  Result<LeaksReport> examine() {
    progress_.show("reading tunnels, routes and the packet filter");
    auto inputs = read_leak_inputs(command_);
    if (!inputs) return std::unexpected(std::move(inputs.error()));
    // Only from here on there is something to report when a signal comes.
    interrupt_.emplace();
    take_hangup_as_termination();
    take(*inputs);
    std::optional<TunnelActivityReader> activity;
    if (command_.from.empty()) activity.emplace(*state_);
    const Fib fib(*state_);
    progress_.show("working out what the tables let out");
    leaks_.coverage = find_coverage(*state_, fib, ::getuid());
    if (auto error = test_bypass(fib)) return std::unexpected(std::move(*error));
    if (auto error = capture(fib)) return std::unexpected(std::move(*error));
    if (activity) look_again(*activity);
    leaks_.tunnels = judge_tunnels(*state_, fib);
    judge(fib);
    return std::move(leaks_);
  }

  CheckResults& results() { return results_; }

 private:
  void take(LeakInputs& inputs) {
    state_ = std::move(inputs.state);
    before_ = std::move(inputs.before);
    leaks_.snapshot = state_;
    leaks_.expectation = command_.expectation;
    leaks_.state_name = std::move(inputs.state_name);
    leaks_.before_name = std::move(inputs.before_name);
    leaks_.why_no_before = std::move(inputs.why_no_before);
  }

  LeakFacts facts(const Fib& fib) const {
    return {.snapshot = *state_,
            .fib = fib,
            .uid = ::getuid(),
            .tunnels = leaks_.tunnels,
            .coverage = leaks_.coverage,
            .expectation = leaks_.expectation,
            .before = before_.get()};
  }

  std::optional<Error> test_bypass(const Fib& fib) {
    if (command_.active_host.empty()) return std::nullopt;
    progress_.show(fmt::format("sending probes towards {} past the tunnel", command_.active_host));
    auto test = run_bypass_test({.host = command_.active_host,
                                 .interfaces = command_.interfaces,
                                 .interrupt_descriptor = interrupt_->descriptor()},
                                *state_, fib);
    if (!test) return std::move(test.error());
    leaks_.bypass = std::move(*test);
    return std::nullopt;
  }

  /// After the probes past the tunnel, which would be leaks to it.
  std::optional<Error> capture(const Fib& fib) {
    if (!command_.capture_seconds && command_.read_file.empty()) return std::nullopt;
    LeakCaptureOptions options;
    options.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::duration<double>(command_.capture_seconds.value_or(0)));
    options.interfaces = command_.interfaces;
    options.read_file = command_.read_file;
    options.write_file = command_.write_file;
    options.interrupt_descriptor = interrupt_->descriptor();
    options.progress = [this](const std::string& text) { progress_.show(text); };
    auto result = run_leak_capture(options, facts(fib));
    if (!result) return std::move(result.error());
    leaks_.capture = std::move(*result);
    if (command_.read_file.empty()) compare_routes(*leaks_.capture);
    return std::nullopt;
  }

  /// The packets were judged by the state before, also those that left after it was another one.
  void compare_routes(CaptureResult& result) const {
    auto after = collect_snapshot({.tunnels = false});
    Snapshot unread;
    if (!after) unread.routes = Observed<RouteTable>::missing(after.error().message);
    result.routes_changed = routes_changed_during(*state_, after ? *after : unread);
    if (!result.routes_changed.empty()) result.limits.push_back(result.routes_changed);
  }

  void look_again(TunnelActivityReader& activity) {
    const auto rest = std::chrono::ceil<std::chrono::seconds>(activity.remaining());
    if (rest.count() > 0) progress_.show(fmt::format("watching the tunnels' counters for {} s", rest.count()));
    state_->activity = activity.finish(interrupt_->descriptor());
  }

  void judge(const Fib& fib) {
    const LeakFacts all = facts(fib);
    std::vector<Finding> seen;
    if (leaks_.capture) seen = judge_capture(all, *leaks_.capture);
    if (leaks_.bypass) std::ranges::move(judge_bypass_test(*leaks_.bypass, *state_), std::back_inserter(seen));
    results_ = check_leaks(all);
    leaks_.stopped = find_stopped_traffic(all);
    // What was asked for and seen leads what the tables alone say.
    results_.findings.insert(results_.findings.begin(), std::move_iterator(seen.begin()),
                             std::move_iterator(seen.end()));
    std::ranges::stable_sort(results_.findings, std::greater{}, &Finding::severity);
  }

  const LeaksCommand& command_;
  std::optional<Interrupt>& interrupt_;
  Progress& progress_;
  std::shared_ptr<Snapshot> state_;
  std::shared_ptr<const Snapshot> before_;
  LeaksReport leaks_;
  CheckResults results_;
};

}  // namespace

Report run_leaks(const LeaksCommand& command, const OutputOptions& output, std::optional<Interrupt>& interrupt) {
  Report report;
  report.command = "leaks";
  Progress progress(!output.quiet);
  LeaksRun run(command, interrupt, progress);
  auto leaks = run.examine();
  progress.finish();
  if (!leaks) {
    report.error = std::move(leaks.error());
    return report;
  }
  report.findings = std::move(run.results().findings);
  report.skipped = std::move(run.results().skipped);
  report.verdict = decide_verdict(report.findings, output.fail_on, leaks_are_answered(*leaks, report.skipped));
  report.incomplete = leaks->capture && (leaks->capture->interrupted || !leaks->capture->ended_early.empty());
  if (leaks->capture) report.unwritten = leaks->capture->write_error;
  report.data = std::move(*leaks);
  return report;
}

}  // namespace vpndoctor
