// SPDX-License-Identifier: Apache-2.0
// Joins probes and lib for one measurement, the tunnel's own path included. Prints nothing.
#include "mtu_command.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "option_values.h"
#include "terminal.h"
#include "vpndoctor/egress.h"
#include "vpndoctor/path_prober.h"
#include "vpndoctor/resolve_target.h"
#include "vpndoctor/tunnel_endpoint.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

struct Context {
  const MtuCommand& command;
  const Interrupt& interrupt;
  Progress& progress;
  Clock::time_point started = Clock::now();

  /// What --deadline leaves; never below zero.
  Milliseconds remaining() const {
    return std::max(Milliseconds(0), command.deadline - Milliseconds(Clock::now() - started));
  }
};

/// What is known before the first probe, so that nothing is measured in vain.
struct Plan {
  Target target;
  Egress egress;
  std::optional<TunnelEndpoint> endpoint;  ///< with --outer
};

/// A name may take the resolver many seconds, and its library cannot be interrupted: it works in a thread of its own,
/// which is left behind when the user, or the deadline, does not wait for it.
Result<Target> resolve(const std::string& host, const Context& context) {
  struct Lookup {
    Result<Target> target = failure(ErrorKind::kInternal, "nothing was looked up");
    int done = eventfd(0, EFD_CLOEXEC);
    ~Lookup() { close(done); }
  };
  auto lookup = std::make_shared<Lookup>();
  if (lookup->done < 0) return resolve_target(host, context.command.family);
  std::thread([lookup, host, family = context.command.family] {
    lookup->target = resolve_target(host, family);
    eventfd_write(lookup->done, 1);
  }).detach();
  pollfd polled[] = {{lookup->done, POLLIN, 0}, {context.interrupt.descriptor(), POLLIN, 0}};
  const auto wait = [&](Milliseconds time) { return poll(polled, 2, static_cast<int>(std::ceil(time.count()))); };
  if (wait(std::min<Milliseconds>(Progress::kQuiet, context.remaining())) == 0) {
    context.progress.show("resolving " + host);
    wait(context.remaining());
  }
  if ((polled[0].revents & POLLIN) != 0) return lookup->target;
  if (context.interrupt.happened()) {
    return failure(ErrorKind::kUnknownHost, fmt::format("interrupted while resolving {}", in_quotes(host)),
                   "give the host's address if the resolver is slow");
  }
  return failure(ErrorKind::kUnknownHost,
                 fmt::format("cannot resolve {}: no resolver answered in time", in_quotes(host)),
                 "check the resolvers (/etc/resolv.conf), or give the host's address");
}

PathProbeOptions probe_options(const Target& target, const Egress& egress, const Context& context) {
  PathProbeOptions options;
  options.target = target;
  options.egress = egress;
  options.rate_bytes_per_round_trip = context.command.rate_bytes;
  options.gentle = context.command.gentle;
  options.deadline = context.remaining();
  options.interrupt_descriptor = context.interrupt.descriptor();
  options.progress = [&context](const std::string& text) { context.progress.show(text); };
  return options;
}

/// The interface that packets are bound to: --interface, or the zone of a link-local address.
Result<std::string> interface_of(const Target& target, const MtuCommand& command) {
  if (command.interface.empty()) return target.zone;
  if (target.zone.empty() || target.zone == command.interface) return command.interface;
  return failure(
      ErrorKind::kUsage,
      fmt::format("{} is on {}, but --interface is {}", in_quotes(command.host), target.zone, command.interface),
      "leave out --interface");
}

Result<Egress> find_egress(const Target& target, const MtuCommand& command) {
  const auto interface = interface_of(target, command);
  if (!interface) return std::unexpected(interface.error());
  auto egress = query_egress({target.address, *interface, command.source, command.mark});
  if (egress && command.min_bytes && egress->link_mtu_bytes && *command.min_bytes > *egress->link_mtu_bytes) {
    return failure(ErrorKind::kUsage,
                   fmt::format("--min {} is above the {} bytes that {} sends", *command.min_bytes,
                               *egress->link_mtu_bytes, egress->interface),
                   "give a smaller --min");
  }
  return egress;
}

Result<TunnelEndpoint> find_endpoint(const Plan& plan, const MtuCommand& command) {
  if (!plan.egress.is_tunnel) {
    return failure(
        ErrorKind::kUsage,
        fmt::format("--outer: packets to the host leave through {}, which is no tunnel", plan.egress.interface),
        "leave out --outer, or name a host behind the tunnel");
  }
  if (!command.endpoint) return find_tunnel_endpoint(plan.egress.interface, plan.target.address);
  if (auto one = resolve_target(command.endpoint->address.to_string(), std::nullopt); !one) {
    return failure(one.error().kind, "--endpoint: " + one.error().message, one.error().hint);
  }
  return *command.endpoint;
}

Result<Plan> make_plan(const Context& context) {
  const MtuCommand& command = context.command;
  if (!command.interface.empty()) {
    if (const auto index = interface_index(command.interface); !index) return std::unexpected(index.error());
  }
  const auto target = resolve(command.host, context);
  if (!target) return std::unexpected(target.error());
  const auto egress = find_egress(*target, command);
  if (!egress) return std::unexpected(egress.error());
  Plan plan{*target, *egress, std::nullopt};
  if (!command.outer) return plan;
  const auto endpoint = find_endpoint(plan, command);
  if (!endpoint) return std::unexpected(endpoint.error());
  plan.endpoint = *endpoint;
  return plan;
}

Result<PathMtuMeasurement> measure_inner(const Plan& plan, const Context& context) {
  const MtuCommand& command = context.command;
  PathProbeOptions options = probe_options(plan.target, plan.egress, context);
  options.bind_interface = command.interface;
  options.source = command.source;
  options.mark = command.mark;
  options.method = command.method;
  options.min_bytes = command.min_bytes;
  options.max_bytes = command.max_bytes;
  options.port = command.port;
  return measure_path_mtu(options);
}

Result<PathMtuMeasurement> measure_outer(const TunnelEndpoint& endpoint, const Context& context) {
  Target target;
  target.host = endpoint.address.to_string();
  target.address = endpoint.address;
  const auto egress = query_egress({target.address, {}, std::nullopt, endpoint.mark});
  if (!egress) return std::unexpected(egress.error());
  PathProbeOptions options = probe_options(target, *egress, context);
  options.mark = endpoint.mark;
  return measure_path_mtu(options);
}

void judge(const Context& context, std::optional<PathMtuMeasurement> outer, PathMtuMeasurement inner, FailOn fail_on,
           Report& report) {
  PathMtuReport result;
  result.measurement = std::move(inner);
  if (outer) {
    result.outer = std::make_unique<PathMtuReport>();
    result.outer->measurement = std::move(*outer);
    result.outer->diagnosis = diagnose_path_mtu(result.outer->measurement);
  }
  result.diagnosis = diagnose_path_mtu(
      result.measurement, {context.command.expect_min_bytes, result.outer ? &result.outer->measurement : nullptr});
  report.incomplete = result.measurement.incomplete;
  report.findings = result.diagnosis.findings;
  report.skipped = result.diagnosis.skipped;
  const bool is_answered = context.command.expect_min_bytes ? result.diagnosis.meets_expectation.has_value()
                                                            : result.diagnosis.status != PathMtuStatus::kUndetermined;
  report.verdict = decide_verdict(report.findings, fail_on, is_answered);
  report.data = std::move(result);
}

}  // namespace

Report run_mtu(const MtuCommand& command, const OutputOptions& output, const Interrupt& interrupt) {
  Report report;
  report.command = "mtu";
  Progress progress(!output.quiet);
  const Context context{command, interrupt, progress};
  const auto fail = [&](const Error& error) {
    report.error = error;
    report.incomplete = context.remaining() <= Milliseconds(0);
    return std::move(report);
  };
  const auto plan = make_plan(context);
  if (!plan) return fail(plan.error());
  auto inner = measure_inner(*plan, context);
  if (!inner) return fail(inner.error());
  std::optional<PathMtuMeasurement> outer;
  if (plan->endpoint && !interrupt.happened()) {
    auto measured = measure_outer(*plan->endpoint, context);
    if (!measured) return fail(measured.error());
    outer = std::move(*measured);
  }
  judge(context, std::move(outer), std::move(*inner), output.fail_on, report);
  return report;
}

}  // namespace vpndoctor
