// SPDX-License-Identifier: Apache-2.0
// Joins probes and lib for one measurement, the tunnel's own path included. Prints nothing.
#include "mtu_command.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <thread>

#include "terminal.h"
#include "vpndoctor/egress.h"
#include "vpndoctor/path_prober.h"
#include "vpndoctor/resolve_target.h"
#include "vpndoctor/tunnel_endpoint.h"

namespace vpndoctor {
namespace {

struct Context {
  const MtuCommand& command;
  const Interrupt& interrupt;
  Progress& progress;
};

/// A name may take the resolver many seconds, and its library cannot be interrupted: it works in a thread of its own,
/// which is left behind when the user, or the deadline, does not wait for it.
Result<Target> resolve(const std::string& host, const Context& context) {
  struct Lookup {
    Result<Target> target = failure(ErrorKind::kUnknownHost, "the resolver did not answer in time");
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
  poll(polled, 2, static_cast<int>(context.command.deadline.count()));
  if ((polled[0].revents & POLLIN) != 0) return lookup->target;
  return failure(ErrorKind::kUnknownHost,
                 fmt::format("resolve the host: {}",
                             context.interrupt.happened() ? "interrupted" : "no answer from the resolver in time"),
                 "give an address instead of a name");
}

PathProbeOptions probe_options(const Target& target, const Egress& egress, const Context& context) {
  PathProbeOptions options;
  options.target = target;
  options.egress = egress;
  options.rate_bytes_per_round_trip = context.command.rate_bytes;
  options.gentle = context.command.gentle;
  options.deadline = context.command.deadline;
  options.interrupt_descriptor = context.interrupt.descriptor();
  options.progress = [&context](const std::string& text) { context.progress.show(text); };
  return options;
}

Result<PathMtuMeasurement> measure_inner(const Context& context) {
  const MtuCommand& command = context.command;
  if (!command.interface.empty()) {
    if (const auto index = interface_index(command.interface); !index) return std::unexpected(index.error());
  }
  const auto target = resolve(command.host, context);
  if (!target) return std::unexpected(target.error());
  const std::string interface = command.interface.empty() ? target->zone : command.interface;
  const auto egress = query_egress({target->address, interface, command.source, command.mark});
  if (!egress) return std::unexpected(egress.error());
  if (command.min_bytes && egress->link_mtu_bytes && *command.min_bytes > *egress->link_mtu_bytes) {
    return failure(ErrorKind::kUsage,
                   fmt::format("--min {} is above the {} bytes that {} sends", *command.min_bytes,
                               *egress->link_mtu_bytes, egress->interface),
                   "give a smaller --min");
  }
  PathProbeOptions options = probe_options(*target, *egress, context);
  options.bind_interface = command.interface;
  options.source = command.source;
  options.mark = command.mark;
  options.method = command.method;
  options.min_bytes = command.min_bytes;
  options.max_bytes = command.max_bytes;
  options.port = command.port;
  return measure_path_mtu(options);
}

/// Takes ADDR, ADDR:PORT, [ADDR6] or [ADDR6]:PORT; the port does not matter for the path.
Result<TunnelEndpoint> parse_endpoint(const std::string& text) {
  std::string address = text;
  std::string port;
  const auto colon = text.rfind(':');
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    address = text.substr(1, end == std::string::npos ? end : end - 1);
    if (end != std::string::npos && end + 1 < text.size()) port = text.substr(end + 1);
  } else if (colon != std::string::npos && text.find(':') == colon) {
    address = text.substr(0, colon);
    port = text.substr(colon);
  }
  TunnelEndpoint endpoint;
  const auto parsed = IpAddress::parse(address);
  const char* end = port.data() + port.size();
  const bool port_is_right = port.empty() || (port.size() > 1 && port[0] == ':' &&
                                              std::from_chars(port.data() + 1, end, endpoint.port).ptr == end);
  if (!parsed || !port_is_right) {
    return failure(ErrorKind::kUsage, "--endpoint is not ADDRESS[:PORT]",
                   "for example 203.0.113.5:51820 or [2001:db8::5]:51820");
  }
  endpoint.address = *parsed;
  endpoint.source = "--endpoint";
  return endpoint;
}

Result<PathMtuMeasurement> measure_outer(const PathMtuMeasurement& inner, const Context& context) {
  if (!inner.egress.is_tunnel) {
    return failure(
        ErrorKind::kUsage,
        fmt::format("--outer: packets to the host leave through {}, which is no tunnel", inner.egress.interface),
        "leave out --outer, or name a host behind the tunnel");
  }
  const auto endpoint = context.command.endpoint.empty()
                            ? find_tunnel_endpoint(inner.egress.interface, inner.target.address)
                            : parse_endpoint(context.command.endpoint);
  if (!endpoint) return std::unexpected(endpoint.error());
  Target target;
  target.host = endpoint->address.to_string();
  target.address = endpoint->address;
  const auto egress = query_egress({target.address, {}, std::nullopt, endpoint->mark});
  if (!egress) return std::unexpected(egress.error());
  PathProbeOptions options = probe_options(target, *egress, context);
  options.mark = endpoint->mark;
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
  if (!command.endpoint.empty()) {
    if (const auto endpoint = parse_endpoint(command.endpoint); !endpoint) {
      report.error = endpoint.error();
      return report;
    }
  }
  auto inner = measure_inner(context);
  if (!inner) {
    report.error = inner.error();
    return report;
  }
  std::optional<PathMtuMeasurement> outer;
  if (command.outer && !interrupt.happened()) {
    auto measured = measure_outer(*inner, context);
    if (!measured) {
      report.error = measured.error();
      return report;
    }
    outer = std::move(*measured);
  }
  judge(context, std::move(outer), std::move(*inner), output.fail_on, report);
  return report;
}

}  // namespace vpndoctor
