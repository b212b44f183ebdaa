// SPDX-License-Identifier: Apache-2.0
// The order of a live measurement, and what is refused before it begins. How each step works is its own file's
// business.
#include "vpndoctor/path_mtu_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "vpndoctor/egress.h"
#include "vpndoctor/path_prober.h"
#include "vpndoctor/resolve_target.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kQuietLookup{1000};  ///< a name that takes longer is worth a word

struct Context {
  const PathMtuRequest& request;
  Clock::time_point started = Clock::now();

  /// What the deadline leaves; never below zero.
  Milliseconds remaining() const {
    return std::max(Milliseconds(0), request.deadline - Milliseconds(Clock::now() - started));
  }
  bool is_interrupted() const {
    pollfd polled{request.interrupt_descriptor, POLLIN, 0};
    return request.interrupt_descriptor >= 0 && poll(&polled, 1, 0) == 1;
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
  if (lookup->done < 0) return resolve_target(host, context.request.family);
  std::thread([lookup, host, family = context.request.family] {
    lookup->target = resolve_target(host, family);
    eventfd_write(lookup->done, 1);
  }).detach();
  pollfd polled[] = {{lookup->done, POLLIN, 0}, {context.request.interrupt_descriptor, POLLIN, 0}};
  const auto wait = [&](Milliseconds time) { return poll(polled, 2, static_cast<int>(std::ceil(time.count()))); };
  if (wait(std::min<Milliseconds>(kQuietLookup, context.remaining())) == 0) {
    if (context.request.progress) context.request.progress("resolving " + host);
    wait(context.remaining());
  }
  if ((polled[0].revents & POLLIN) != 0) return lookup->target;
  if (context.is_interrupted()) {
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
  options.rate_bytes_per_round_trip = context.request.rate_bytes;
  options.gentle = context.request.gentle;
  options.deadline = context.remaining();
  options.interrupt_descriptor = context.request.interrupt_descriptor;
  options.progress = context.request.progress;
  return options;
}

/// The interface that packets are bound to: --interface, or the zone of a link-local address.
Result<std::string> interface_of(const Target& target, const PathMtuRequest& request) {
  if (request.interface.empty()) return target.zone;
  if (target.zone.empty() || target.zone == request.interface) return request.interface;
  return failure(
      ErrorKind::kUsage,
      fmt::format("{} is on {}, but --interface is {}", in_quotes(request.host), target.zone, request.interface),
      "leave out --interface");
}

Result<Egress> find_egress(const Target& target, const PathMtuRequest& request) {
  const auto interface = interface_of(target, request);
  if (!interface) return std::unexpected(interface.error());
  auto egress = query_egress({target.address, *interface, request.source, request.mark});
  if (egress && request.min_bytes && egress->link_mtu_bytes && *request.min_bytes > *egress->link_mtu_bytes) {
    return failure(ErrorKind::kUsage,
                   fmt::format("--min {} is above the {} bytes that {} sends", *request.min_bytes,
                               *egress->link_mtu_bytes, egress->interface),
                   "give a smaller --min");
  }
  return egress;
}

Result<TunnelEndpoint> find_endpoint(const Plan& plan, const PathMtuRequest& request) {
  if (!plan.egress.is_tunnel) {
    return failure(
        ErrorKind::kUsage,
        fmt::format("--outer: packets to the host leave through {}, which is no tunnel", plan.egress.interface),
        "leave out --outer, or name a host behind the tunnel");
  }
  if (!request.endpoint) return find_tunnel_endpoint(plan.egress.interface, plan.target.address);
  if (auto one = resolve_target(request.endpoint->address.to_string(), std::nullopt); !one) {
    return failure(one.error().kind, "--endpoint: " + one.error().message, one.error().hint);
  }
  return *request.endpoint;
}

Result<Plan> make_plan(const Context& context) {
  const PathMtuRequest& request = context.request;
  if (!request.interface.empty()) {
    if (const auto index = interface_index(request.interface); !index) return std::unexpected(index.error());
  }
  const auto target = resolve(request.host, context);
  if (!target) return std::unexpected(target.error());
  const auto egress = find_egress(*target, request);
  if (!egress) return std::unexpected(egress.error());
  Plan plan{*target, *egress, std::nullopt};
  if (!request.outer) return plan;
  const auto endpoint = find_endpoint(plan, request);
  if (!endpoint) return std::unexpected(endpoint.error());
  plan.endpoint = *endpoint;
  return plan;
}

Result<PathMtuMeasurement> measure_inner(const Plan& plan, const Context& context) {
  const PathMtuRequest& request = context.request;
  PathProbeOptions options = probe_options(plan.target, plan.egress, context);
  options.bind_interface = request.interface;
  options.source = request.source;
  options.mark = request.mark;
  options.method = request.method;
  options.min_bytes = request.min_bytes;
  options.max_bytes = request.max_bytes;
  options.port = request.port;
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

}  // namespace

Result<PathMtuRun> run_path_mtu(const PathMtuRequest& request) {
  const Context context{request};
  const auto plan = make_plan(context);
  if (!plan) return std::unexpected(plan.error());
  auto inner = measure_inner(*plan, context);
  if (!inner) return std::unexpected(inner.error());
  PathMtuRun run{std::move(*inner), std::nullopt};
  if (!plan->endpoint || context.is_interrupted()) return run;
  auto outer = measure_outer(*plan->endpoint, context);
  if (!outer) return std::unexpected(outer.error());
  run.outer = std::move(*outer);
  return run;
}

}  // namespace vpndoctor
