// SPDX-License-Identifier: Apache-2.0
// The command line as values. The only file pair that knows CLI11.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

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
};

struct ExplainCommand {
  std::string code;  ///< empty: list all
};

struct CommandLine {
  OutputOptions output;
  std::variant<MtuCommand, ExplainCommand> command;
};

/// What to do instead of a command: print `text` (help, version) and exit with 0.
struct Information {
  std::string text;
};

/// Parses the arguments; an Error of kind kUsage says what is wrong and what to do.
Result<std::variant<CommandLine, Information>> parse_command_line(int argc, char** argv);

/// True when the arguments ask for JSON, also when they are otherwise wrong.
bool asks_for_json(int argc, char** argv);

/// Returns the command that the arguments begin with, also when they are otherwise wrong; empty when it is none.
std::string named_command(int argc, char** argv);

}  // namespace vpndoctor
