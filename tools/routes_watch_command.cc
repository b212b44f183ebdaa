// SPDX-License-Identifier: Apache-2.0
// `vpndoctor routes watch`: prints every change as it happens, then what is different from the start.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include "routes_commands.h"
#include "terminal.h"
#include "vpndoctor/event_folder.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_watch.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/watch_render.h"

namespace vpndoctor {
namespace {

constexpr int kExitUndetermined = 3;
constexpr int kExitInterrupted = 130;

/// The local time with milliseconds.
std::string clock_time(std::chrono::system_clock::time_point at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  const auto fraction = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, fraction);
}

/// What a watch is about, and why it is not known; empty: it is.
std::vector<std::pair<const char*, std::string>> facets_of(const Snapshot& first) {
  const auto why = [](const auto& facet) { return facet ? std::string() : facet.why_missing(); };
  return {{"routes", why(first.routes)},
          {"rules", why(first.rules)},
          {"interfaces", why(first.links)},
          {"addresses", why(first.addresses)}};
}

void say_what_is_not_watched(const Snapshot& first) {
  for (const auto& [name, why] : facets_of(first)) {
    if (!why.empty()) std::fprintf(stderr, "vpndoctor: %s are not watched: %s\n", name, escape_controls(why).c_str());
  }
}

/// "routes, rules, interfaces and addresses", those that are known.
std::string watched_text(const Snapshot& first) {
  std::vector<std::string> names;
  for (const auto& [name, why] : facets_of(first)) {
    if (why.empty()) names.emplace_back(name);
  }
  const std::string last = names.back();
  names.pop_back();
  return names.empty() ? last : fmt::format("{} and {}", fmt::join(names, ", "), last);
}

/// Prints what comes in; a write that fails ends the watch, and so does an interrupt while nobody reads.
class Printer {
 public:
  Printer(const OutputOptions& output, const Interrupt& interrupt)
      : output_(output), interrupt_(interrupt), text_options_(text_options(output)) {}

  bool begin(const Snapshot& first) {
    say_what_is_not_watched(first);
    if (is_json()) return print(render_watch_began_json(std::chrono::system_clock::now()));
    if (!output_.quiet) std::fprintf(stderr, "Watching %s; Ctrl-C ends it.\n", watched_text(first).c_str());
    return true;
  }

  bool event(const RouteEvent& event) {
    if (is_json()) return print(route_event_json(event) + "\n");
    if (output_.quiet) return true;
    if (!output_.verbose) return lines(folder_.take(event));
    const bool is_reading = event.kind == RouteEventKind::kResynchronised;
    const std::string author = is_reading ? "" : fmt::format(" ({})", author_text(event));
    return lines({{event.at, event.text + author, event.kind}});
  }

  bool quiet() { return lines(folder_.flush()); }

  bool end(const RoutesDiffReport& report, const WatchEnd& end) {
    return quiet() && print(is_json() ? render_watch_json(report, end) : render_watch_text(report, end, text_options_));
  }

  int write_error() const { return write_error_; }
  /// Nobody took what was written when the user wanted to stop.
  bool is_stuck() const { return is_stuck_; }

 private:
  bool is_json() const { return output_.format == Format::kJson; }

  bool lines(const std::vector<EventLine>& lines) {
    std::string text;
    for (const EventLine& line : lines) text += render_event_text(line, clock_time(line.at), text_options_);
    return text.empty() || print(text);
  }

  bool print(const std::string& text) {
    if (write_result(text, interrupt_)) return true;
    is_stuck_ = errno == EINTR;
    if (!is_stuck_) write_error_ = errno;
    return false;
  }

  const OutputOptions& output_;
  const Interrupt& interrupt_;
  TextOptions text_options_;
  EventFolder folder_;
  int write_error_ = 0;
  bool is_stuck_ = false;
};

int fail(const Error& error, const OutputOptions& output) {
  Report report;
  report.command = "routes watch";
  report.started_at = std::chrono::system_clock::now();
  report.error = error;
  if (output.format == Format::kJson) {
    write_result(render_json(report));
  } else {
    std::fputs(render_text(report, text_options(output)).c_str(), stderr);
  }
  return exit_code(report);
}

WatchRequest request_of(const RoutesWatchCommand& command, const Interrupt& interrupt, Printer& printer) {
  WatchRequest request;
  if (command.duration_seconds) request.duration = std::chrono::duration<double>(*command.duration_seconds);
  request.interrupt_descriptor = interrupt.descriptor();
  request.output_descriptor = STDOUT_FILENO;
  request.on_begin = [&printer](const Snapshot& first) { return printer.begin(first); };
  request.on_event = [&printer](const RouteEvent& event) { return printer.event(event); };
  request.on_quiet = [&printer] { return printer.quiet(); };
  request.quiet = EventFolder::kQuiet;
  return request;
}

RoutesDiffReport compare(WatchResult result) {
  RoutesDiffReport report;
  report.diff = diff_snapshots(result.first, result.last);
  report.before = std::make_shared<const Snapshot>(std::move(result.first));
  report.after = std::make_shared<const Snapshot>(std::move(result.last));
  report.before_name = "the start";
  report.after_name = "the end";
  return report;
}

}  // namespace

int run_routes_watch(const RoutesWatchCommand& command, const OutputOptions& output) {
  Interrupt interrupt;
  Printer printer(output, interrupt);
  auto result = watch_routes(request_of(command, interrupt, printer));
  const bool interrupted = interrupt.release();
  if (!result) return fail(result.error(), output);
  if (printer.is_stuck()) return kExitInterrupted;
  if (printer.write_error() != 0) return fail_to_write(printer.write_error());
  // Nobody reads a summary any more.
  if (result->output_closed) return 0;
  const WatchEnd end{std::chrono::system_clock::now(), result->events, result->resynchronisations,
                     result->interrupted || interrupted, result->last.stable.value_or(false)};
  const RoutesDiffReport report = compare(std::move(*result));
  if (!printer.end(report, end) && !printer.is_stuck()) return fail_to_write(printer.write_error());
  if (end.interrupted) return kExitInterrupted;
  return is_undetermined(report, end) ? kExitUndetermined : 0;
}

}  // namespace vpndoctor
