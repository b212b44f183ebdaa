// SPDX-License-Identifier: Apache-2.0
// The program: parses, runs one command, prints its result, returns its exit code.
#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <optional>

#include "command_line.h"
#include "dns_commands.h"
#include "interrupt.h"
#include "leaks_command.h"
#include "mtu_command.h"
#include "routes_commands.h"
#include "terminal.h"
#include "vpndoctor/codes.h"
#include "vpndoctor/codes_page.h"
#include "vpndoctor/render.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

int print(const std::string& text, int code) { return write_result(text) ? code : fail_to_write(errno); }

/// Writes the document as it is made; what follows a write that failed is not written.
int print_json(const Report& report, int code) {
  int error_number = 0;
  render_json(report, [&error_number](std::string_view piece) {
    if (error_number == 0 && !write_result(piece)) error_number = errno;
  });
  return error_number == 0 ? code : fail_to_write(error_number);
}

/// Says it on standard error, as in text.
void complain(const Error& error, const OutputOptions& output) {
  Report report;
  report.error = error;
  std::fputs(render_text(report, text_options(output)).c_str(), stderr);
}

/// An error is a document of its own in JSON; in text it goes to standard error.
int show(const Report& report, const OutputOptions& output, bool interrupted) {
  const int code = exit_code(report, interrupted);
  if (report.unwritten) complain(*report.unwritten, output);
  if (output.format == Format::kJson) return print_json(report, code);
  const std::string text = render_text(report, text_options(output));
  if (!report.error) return print(text, code);
  std::fputs(text.c_str(), stderr);
  return code;
}

/// Runs `make` and shows its report with the time that it took. `make` is given a place for an Interrupt, for work that
/// has something to report when it is cut short; anything else a signal simply ends.
template <class Make>
int timed(const OutputOptions& output, Make make) {
  std::optional<Interrupt> interrupt;
  const auto started = std::chrono::steady_clock::now();
  const auto started_at = std::chrono::system_clock::now();
  Report report = make(interrupt);
  report.started_at = started_at;
  report.duration = std::chrono::steady_clock::now() - started;
  const bool interrupted = interrupt && interrupt->release();
  report.incomplete = report.incomplete || interrupted;
  return show(report, output, interrupted);
}

int run(const MtuCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto& interrupt) { return run_mtu(command, output, interrupt.emplace()); });
}

int run(const RoutesShowCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto&) { return run_routes_show(command, output); });
}

int run(const RoutesSaveCommand& command, const OutputOptions& output) {
  if (!saves_to_standard_output(command)) {
    return timed(output, [&](auto&) { return run_routes_save(command, output); });
  }
  Report report = run_routes_save(command, output);
  report.started_at = std::chrono::system_clock::now();
  return report.error ? show(report, output, false) : exit_code(report);
}

int run(const RoutesDiffCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto&) { return run_routes_diff(command, output); });
}

int run(const RoutesExplainCommand& command, const OutputOptions& output) {
  if (!command.flows_file.empty()) return run_routes_flows(command, output);
  return timed(output, [&](auto&) { return run_routes_explain(command, output); });
}

int run(const RoutesAuditCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto&) { return run_routes_audit(command, output); });
}

int run(const RoutesRestoreCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto& interrupt) { return run_routes_restore(command, output, interrupt); });
}

int run(const RoutesWatchCommand& command, const OutputOptions& output) { return run_routes_watch(command, output); }

int run(const DnsShowCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto&) { return run_dns_show(command, output); });
}

int run(const DnsExplainCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto&) { return run_dns_explain(command, output); });
}

int run(const DnsTestCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto& interrupt) { return run_dns_test(command, output, interrupt.emplace()); });
}

int run(const LeaksCommand& command, const OutputOptions& output) {
  return timed(output, [&](auto& interrupt) { return run_leaks(command, output, interrupt); });
}

int run(const ExplainCommand& command, const OutputOptions& output) {
  Report report;
  report.command = "explain";
  report.started_at = std::chrono::system_clock::now();
  const CodeEntry* entry = find_code(command.code);
  if (entry != nullptr || command.code.empty()) {
    report.verdict = Verdict::kOk;
    if (output.format == Format::kJson) return print(render_code_json(report, entry), 0);
    return print(
        entry == nullptr ? render_code_list(text_options(output)) : render_code_text(*entry, text_options(output)), 0);
  }
  report.error = Error{ErrorKind::kUsage, fmt::format("there is no code {}", in_quotes(command.code)),
                       "vpndoctor explain lists all"};
  return show(report, output, false);
}

int usage_error(const Error& error, std::string command, bool as_json) {
  Report report;
  report.command = std::move(command);
  report.started_at = std::chrono::system_clock::now();
  report.error = error;
  OutputOptions output;
  output.format = as_json ? Format::kJson : Format::kText;
  return show(report, output, false);
}

}  // namespace
}  // namespace vpndoctor

int main(int argc, char** argv) {
  using namespace vpndoctor;
  secure_standard_streams();
  std::setlocale(LC_CTYPE, "");
  const auto parsed = parse_command_line(argc, argv);
  if (!parsed) {
    return usage_error(parsed.error(), named_command(argc, argv), asks_for_json(argc, argv));
  }
  if (const auto* information = std::get_if<Information>(&*parsed)) return print(information->text, 0);
  const auto& line = std::get<CommandLine>(*parsed);
  return std::visit([&](const auto& command) { return run(command, line.output); }, line.command);
}
