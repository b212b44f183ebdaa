// SPDX-License-Identifier: Apache-2.0
// The command line as values. Which options there are is known to *_options.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vpndoctor/dns_explain.h"
#include "vpndoctor/leak_checks.h"
#include "vpndoctor/path_mtu_run.h"
#include "vpndoctor/report.h"

namespace vpndoctor {

enum class Format { kText, kJson };
enum class Color { kAuto, kAlways, kNever };

/// Options that every command has.
struct OutputOptions {
  Format format = Format::kText;
  Color color = Color::kAuto;
  bool quiet = false;
  bool verbose = false;
  FailOn fail_on = FailOn::kError;
};

struct MtuCommand {
  PathMtuRequest request;
  std::optional<std::uint32_t> expect_min_bytes;
  std::string read_file;  ///< --read: a capture is examined instead of a path; "-": standard input
};

struct ExplainCommand {
  std::string code;  ///< empty: list all
};

struct RoutesShowCommand {
  std::string from;  ///< empty: this machine
  bool all = false;
};

struct RoutesSaveCommand {
  std::string file;  ///< empty: the baseline
  std::string from;  ///< empty: this machine
};

struct RoutesDiffCommand {
  std::string before;  ///< empty: the baseline
  std::string after;   ///< empty: this machine, or `from`
  std::string from;
};

struct RoutesExplainCommand {
  std::string address;  ///< empty with `flows_file`
  std::string from;
  std::string source;
  std::optional<std::uint32_t> mark;
  std::string input_interface;
  std::string output_interface;
  std::optional<std::uint32_t> uid;  ///< null: the caller's
  std::string protocol;              ///< name or number
  std::optional<std::uint16_t> source_port;
  std::optional<std::uint16_t> destination_port;
  std::optional<std::uint32_t> tos;
  std::string flows_file;  ///< "-": standard input; empty: one flow
  std::string without_interface;
  std::string as_if_route;
};

struct RoutesAuditCommand {
  std::string list_file;  ///< "-": standard input
  std::string via_interface;
  std::string from;
};

struct RoutesRestoreCommand {
  std::string baseline;  ///< empty: the saved baseline
  std::string from;      ///< plan for this snapshot instead of this machine; never applied
  bool infer = false;
  bool apply = false;
  bool force = false;
  bool with_optional = false;  ///< also what is only offered, such as deleting a dead tunnel's address
  bool confirmed = false;
  std::optional<double> confirm_seconds;
};

struct RoutesWatchCommand {
  std::optional<double> duration_seconds;
};

struct DnsShowCommand {
  std::string from;  ///< empty: this machine
};

struct DnsExplainCommand {
  std::string name;
  std::uint16_t type = kDnsTypeA;
  std::optional<DnsCaller> caller;  ///< null: libc, stub and direct
  std::string interface;            ///< of a bound caller
  std::string from;                 ///< empty: this machine
};

struct DnsTestCommand {
  std::vector<std::string> names;  ///< empty: only the servers are tested
  std::uint16_t type = kDnsTypeA;
  std::vector<DnsServer> servers;  ///< to be asked besides those that are configured
  bool hijack_test = false;
  double timeout_seconds = 2;  ///< of one question
};

struct LeaksCommand {
  std::string from;                       ///< empty: this machine
  std::optional<double> capture_seconds;  ///< null: no live capture
  std::vector<std::string> interfaces;    ///< of the capture and of --active; empty: all physical ones
  std::string read_file;                  ///< a capture that another program made; empty: none
  std::string write_file;                 ///< for leaking packets; empty: none
  std::string active_host;                ///< empty: nothing is sent
  VpnExpectation expectation;
  std::string before;  ///< the saved state that growth is measured against; empty: the baseline, where there is one
};

using ParsedCommand = std::variant<MtuCommand, ExplainCommand, RoutesShowCommand, RoutesSaveCommand, RoutesDiffCommand,
                                   RoutesExplainCommand, RoutesAuditCommand, RoutesRestoreCommand, RoutesWatchCommand,
                                   DnsShowCommand, DnsExplainCommand, DnsTestCommand, LeaksCommand>;

struct CommandLine {
  OutputOptions output;
  ParsedCommand command;
};

/// What to do instead of a command: print `text` (help, version) and exit with 0.
struct Information {
  std::string text;
};

/// Parses the arguments; an Error of kind kUsage says what is wrong and what to do.
Result<std::variant<CommandLine, Information>> parse_command_line(int argc, char** argv);

/// True when the arguments ask for JSON, also when they are otherwise wrong.
bool asks_for_json(int argc, char** argv);

/// Returns the command that the arguments begin with ("mtu", "routes diff"), also when they are otherwise wrong; empty
/// when it is none.
std::string named_command(int argc, char** argv);

}  // namespace vpndoctor
