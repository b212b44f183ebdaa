// SPDX-License-Identifier: Apache-2.0
// What the commands' option lists share: values with their limits, help that begins with examples, the options that
// every command has. Private to the files that know CLI11.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "command_line.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {

// Validators without a description: what they take is in the option's own. Those of numbers are transformers, so that
// CLI11 reads the digits that they leave.

/// Takes the keys of a map, which must outlive the validator.
template <class Map>
CLI::Validator one_of(const Map& values) {
  return CLI::Validator(
      [&values](std::string& text) {
        std::string names;
        for (const auto& [name, value] : values) names += (names.empty() ? "" : ", ") + name;
        return values.contains(text) ? std::string{} : fmt::format("{} is none of {}", in_quotes(text), names);
      },
      "");
}
CLI::Validator whole_number(std::uint64_t from, std::uint64_t to);
CLI::Validator seconds(double from, double to);
CLI::Validator not_empty();

/// What every command's options are parsed into before they become values.
struct RawOutput {
  bool json = false;
  std::string format = "text";
  std::string color = "auto";
  std::string fail_on = "error";
};

/// Gives `app` its name's examples to begin its help with.
void set_examples(CLI::App& app, std::string examples);
void add_color_option(CLI::App& app, RawOutput& raw);
/// --json, --format, --color, --quiet, --verbose.
void add_output_options(CLI::App& app, OutputOptions& output, RawOutput& raw);
/// --from, for commands that take a saved state in this machine's place.
void add_from_option(CLI::App& app, std::string& from);
/// --fail-on, for commands that judge.
void add_fail_on_option(CLI::App& app, RawOutput& raw);
void complete_output(OutputOptions& output, const RawOutput& raw);

/// One command of a family: its app and the value that its options fill.
template <class T>
struct Sub {
  CLI::App* app = nullptr;
  T command;

  void add(CLI::App& family, const char* name, const char* description, const char* examples) {
    app = family.add_subcommand(name, description);
    set_examples(*app, examples);
  }
};

/// A command's own part of the command line.
class CommandOptions {
 public:
  CommandOptions() = default;
  virtual ~CommandOptions() = default;
  CommandOptions(const CommandOptions&) = delete;
  CommandOptions& operator=(const CommandOptions&) = delete;

  /// Returns the command as it was given, or nullopt when another one was; an Error for values that contradict.
  virtual std::optional<Result<ParsedCommand>> parsed() const = 0;
};

std::unique_ptr<CommandOptions> add_mtu_command(CLI::App& app, OutputOptions& output, RawOutput& raw);
std::unique_ptr<CommandOptions> add_routes_commands(CLI::App& app, OutputOptions& output, RawOutput& raw);
std::unique_ptr<CommandOptions> add_dns_commands(CLI::App& app, OutputOptions& output, RawOutput& raw);
std::unique_ptr<CommandOptions> add_leaks_command(CLI::App& app, OutputOptions& output, RawOutput& raw);

/// Puts -h, --help and --version on the app and on everything below it.
void add_information_flags(CLI::App& app);

}  // namespace vpndoctor
