// SPDX-License-Identifier: Apache-2.0
// Puts the commands' options together and runs the parser. Knows no option of a command.
#include "command_line.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "cli.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

constexpr const char* kExamples =
    "  vpndoctor mtu vpn.example.org             find the path MTU and any black hole\n"
    "  vpndoctor routes                          where traffic goes, what is wrong\n"
    "  vpndoctor routes save                     before the VPN starts ...\n"
    "  vpndoctor routes --diff                   ... what it did to the routing table\n"
    "  vpndoctor routes explain 10.1.2.3         which route a packet takes, and why\n"
    "  vpndoctor routes restore                  how to get back to the saved state\n"
    "  vpndoctor explain MTU001                  what a finding means and what to do\n";

constexpr const char* kExplainExamples =
    "  vpndoctor explain                         list all codes\n"
    "  vpndoctor explain MTU001                  what it means and what to do\n"
    "  vpndoctor explain mtu-black-hole          the same, by name\n";

constexpr auto kRoutesCommands =
    std::to_array<std::string_view>({"show", "save", "diff", "explain", "audit", "restore", "watch"});

/// Completes what people leave out of the routes command: `routes` alone shows, `routes --diff` is `routes diff`.
std::vector<std::string> complete_arguments(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  if (arguments.size() < 2 || arguments[1] != "routes") return arguments;
  const auto begin = arguments.begin() + 2;
  if (begin != arguments.end() && (!begin->starts_with('-') || *begin == "-h" || *begin == "--help")) return arguments;
  const auto dashes = std::find(begin, arguments.end(), "--");
  const auto diff = std::find(begin, dashes, "--diff");
  const bool has_diff = diff != dashes;
  if (has_diff) arguments.erase(diff);
  arguments.insert(arguments.begin() + 2, has_diff ? "diff" : "show");
  return arguments;
}

std::string command_in(std::span<const std::string> arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "mtu" || argument == "explain") return argument;
    if (argument == "routes") {
      const bool has_more = i + 1 < arguments.size() && std::ranges::count(kRoutesCommands, arguments[i + 1]) != 0;
      return has_more ? "routes " + arguments[i + 1] : argument;
    }
    if (!argument.starts_with('-')) break;
  }
  return {};
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return escape_controls(shorten(text, 200));
}

/// Where the help for these arguments is.
std::string see_help(const std::string& command) {
  return command.empty() ? "see vpndoctor --help" : fmt::format("see vpndoctor {} --help", command);
}

Error unexpected_argument(const std::string& argument, const std::string& command) {
  if (!command.empty() || argument.starts_with('-')) {
    return {ErrorKind::kUsage, fmt::format("unexpected argument {}", in_quotes(argument)), see_help(command)};
  }
  return {ErrorKind::kUsage, fmt::format("there is no command {}", in_quotes(argument)), see_help({})};
}

/// CLI11's exceptions end here. `app` has run when this returns nothing.
std::optional<std::variant<Error, Information>> run_parser(CLI::App& app, std::vector<std::string> arguments) {
  const std::string command = command_in(arguments);
  try {
    // CLI11 takes the arguments without the program's name, the last one first.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend() - 1);
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return Information{app.help()};
  } catch (const CLI::CallForVersion&) {
    return Information{fmt::format("vpndoctor {}\n", version())};
  } catch (const CLI::ExtrasError& error) {
    const auto extras = app.remaining(true);
    return extras.empty() ? Error{ErrorKind::kUsage, one_line(error.what()), see_help(command)}
                          : unexpected_argument(extras.front(), command);
  } catch (const CLI::ParseError& error) {
    return Error{ErrorKind::kUsage, one_line(error.what()), see_help(command)};
  }
  if (!app.get_subcommands().empty()) return std::nullopt;
  return Error{ErrorKind::kUsage, "no command is given", see_help({})};
}

class ExplainOptions final : public CommandOptions {
 public:
  ExplainOptions(CLI::App& app, RawOutput& raw)
      : app_(app.add_subcommand("explain", "Say what a finding's code means and what to do")) {
    set_examples(*app_, kExplainExamples);
    app_->add_option("code", explain_.code, "A code or its name; without it, all are listed")
        ->check(not_empty())
        ->type_name("");
    add_color_option(*app_, raw);
  }

  std::optional<Result<ParsedCommand>> parsed() const override {
    if (!app_->parsed()) return std::nullopt;
    return explain_;
  }

 private:
  CLI::App* app_;
  ExplainCommand explain_;
};

}  // namespace

bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--") break;
    if (argument == "--json" || argument == "--format=json") return true;
    if (argument == "--format" && i + 1 < argc && std::string_view(argv[i + 1]) == "json") return true;
  }
  return false;
}

std::string named_command(int argc, char** argv) { return command_in(complete_arguments(argc, argv)); }

Result<std::variant<CommandLine, Information>> parse_command_line(int argc, char** argv) {
  CLI::App app("Finds out why a VPN is broken.", "vpndoctor");
  set_examples(app, kExamples);
  app.require_subcommand(0, 1);
  OutputOptions output;
  RawOutput raw;
  const std::array<std::unique_ptr<CommandOptions>, 3> commands{add_mtu_command(app, output, raw),
                                                                add_routes_commands(app, output, raw),
                                                                std::make_unique<ExplainOptions>(app, raw)};
  add_information_flags(app);
  if (auto stopped = run_parser(app, complete_arguments(argc, argv))) {
    if (auto* error = std::get_if<Error>(&*stopped)) return std::unexpected(std::move(*error));
    return std::get<Information>(std::move(*stopped));
  }
  complete_output(output, raw);
  for (const auto& each : commands) {
    const auto command = each->parsed();
    if (!command) continue;
    if (!*command) return std::unexpected(command->error());
    return CommandLine{output, **command};
  }
  return failure(ErrorKind::kInternal, "a command was parsed and not found");
}

}  // namespace vpndoctor
