// SPDX-License-Identifier: Apache-2.0
// `routes audit`: reads the list and the state, audits, and runs the routing checks. Prints nothing.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "routes_commands.h"
#include "state_source.h"
#include "vpndoctor/routing_checks.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr const char* kWhatAListIs =
    "give a file of CIDRs, a configuration of WireGuard or OpenVPN, or - for standard input";
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;  // of a list: three million prefixes

std::unexpected<Error> cannot_read(const std::string& name, const std::string& why) {
  return failure(ErrorKind::kUsage, fmt::format("cannot read the list {}: {}", in_quotes(name), why), kWhatAListIs);
}

Result<std::string> read_list(const std::string& name) {
  struct Closer {
    void operator()(std::FILE* file) const {
      if (file != stdin) std::fclose(file);
    }
  };
  const std::unique_ptr<std::FILE, Closer> file(name == "-" ? stdin : std::fopen(name.c_str(), "re"));
  if (!file) return cannot_read(name, std::strerror(errno));
  std::string text;
  std::array<char, 65536> block;
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), got);
    if (text.size() > kMostBytes) return cannot_read(name, fmt::format("it is larger than {} MB", kMostBytes >> 20U));
  }
  if (std::ferror(file.get()) != 0) return cannot_read(name, std::strerror(errno));
  return text;
}

Result<std::vector<IpPrefix>> read_prefixes(const std::string& name) {
  auto text = read_list(name);
  if (!text) return std::unexpected(std::move(text.error()));
  auto list = parse_prefix_list(*text);
  if (list) return list;
  Error& error = list.error();
  error.message = fmt::format("{}: {}", name == "-" ? "the list" : escape_controls(name), error.message);
  if (error.hint.empty()) error.hint = kWhatAListIs;
  return list;
}

/// The interface must be there, or be named by a route: else a mistyped name would look like a leak.
std::optional<Error> check_interface(const Snapshot& snapshot, const std::string& name) {
  if (!snapshot.links || snapshot.find_link(name) != nullptr) return std::nullopt;
  std::string tunnels;
  for (const Link& link : *snapshot.links) {
    if (is_tunnel(snapshot, link.name)) tunnels += (tunnels.empty() ? "" : ", ") + link.name;
  }
  return Error{ErrorKind::kUsage, fmt::format("there is no interface {}", in_quotes(name)),
               tunnels.empty() ? "there is no tunnel at all" : "the tunnels are: " + tunnels};
}

Result<RoutesAuditReport> audit(const RoutesAuditCommand& command, Report& report) {
  auto list = read_prefixes(command.list_file);
  if (!list) return std::unexpected(std::move(list.error()));
  auto state = read_state(command.from);
  if (!state) return std::unexpected(std::move(state.error()));
  const std::shared_ptr<const Snapshot> snapshot = std::move(*state);
  if (auto error = check_interface(*snapshot, command.via_interface)) return std::unexpected(std::move(*error));
  const Fib fib(*snapshot);
  RoutesAuditReport result{snapshot,
                           audit_prefixes(fib, *snapshot, {std::move(*list), command.via_interface, ::getuid()})};
  CheckResults checks = check_routing(*snapshot, fib, ::getuid());
  CheckResults of_list = audit_findings(result.audit, *snapshot);
  report.findings = std::move(of_list.findings);
  std::ranges::move(checks.findings, std::back_inserter(report.findings));
  std::ranges::stable_sort(report.findings, std::greater{}, &Finding::severity);
  report.skipped = std::move(of_list.skipped);
  std::ranges::move(checks.skipped, std::back_inserter(report.skipped));
  return result;
}

}  // namespace

Report run_routes_audit(const RoutesAuditCommand& command, const OutputOptions& output) {
  Report report;
  report.command = "routes audit";
  auto result = audit(command, report);
  if (!result) {
    report.error = std::move(result.error());
    return report;
  }
  // Where it could not be judged where the prefixes go, the question has no answer.
  const bool answered = std::ranges::count(report.skipped, "RTE020", &Skipped::code) == 0;
  report.verdict = decide_verdict(report.findings, output.fail_on, answered);
  report.data = std::move(*result);
  return report;
}

}  // namespace vpndoctor
