// SPDX-License-Identifier: Apache-2.0
// Puts the commands' options together and runs the parser. Knows no option of a command.
#include "command_line.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "cli.h"
#include "nearest_word.h"
#include "option_values.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

constexpr const char* kToolExamples =
    "  vpndoctor mtu vpn.example.org             find the path MTU and any black hole\n"
    "  vpndoctor routes                          where traffic goes, what is wrong\n"
    "  vpndoctor routes save                     before the VPN starts ...\n"
    "  vpndoctor routes --diff                   ... what it did to the routing table\n"
    "  vpndoctor routes explain 10.1.2.3         which route a packet takes, and why\n"
    "  vpndoctor routes restore                  how to get back to the saved state\n"
    "  vpndoctor leaks                           dead tunnels, what passes the VPN by\n"
    "  vpndoctor dns                             who resolves names, what is wrong\n"
    "  vpndoctor dns explain git.corp.example    which server is asked, and why\n"
    "  vpndoctor explain MTU001                  what a finding means and what to do\n";

constexpr const char* kExplainCodeExamples =
    "  vpndoctor explain                         list all codes\n"
    "  vpndoctor explain MTU001                  what it means and what to do\n"
    "  vpndoctor explain mtu-black-hole          the same, by name\n";

constexpr auto kRoutesCommands =
    std::to_array<std::string_view>({"show", "save", "diff", "explain", "audit", "restore", "watch"});
constexpr auto kDnsCommands = std::to_array<std::string_view>({"show", "explain", "test"});

bool is_address(const std::string& word) { return IpAddress::parse(word).has_value(); }
bool is_dotted_name(const std::string& word) { return word.find('.') != word.npos && !check_dns_name(word); }

/// A command with others below it; its name alone stands for `show`.
struct CommandFamily {
  std::string_view name;
  std::span<const std::string_view> commands;
  bool (*is_explained)(const std::string& word);  ///< the word is one that its `explain` takes
};
constexpr auto kFamilies =
    std::to_array<CommandFamily>({{"routes", kRoutesCommands, is_address}, {"dns", kDnsCommands, is_dotted_name}});

constexpr auto kCommands = std::to_array<std::string_view>({"mtu", "routes", "leaks", "dns", "explain"});
constexpr auto kCommonFlags = std::to_array<std::string_view>({"--json", "--quiet", "--verbose", "--all"});
constexpr auto kCommonValues = std::to_array<std::string_view>({"--format", "--color", "--from", "--fail-on"});

using Words = std::vector<std::string>;

template <class Names>
bool is_one_of(const Names& names, std::string_view word) {
  return std::ranges::find(names, word) != names.end();
}

/// The family of that name; null when there is none.
const CommandFamily* find_family(std::string_view name) {
  const auto family = std::ranges::find(kFamilies, name, &CommandFamily::name);
  return family == kFamilies.end() ? nullptr : &*family;
}

/// Where the options that most commands share end, from `at` on.
Words::iterator after_common_options(Words& words, Words::iterator at) {
  while (at != words.end()) {
    const std::size_t equals = at->find('=');
    if (is_one_of(kCommonFlags, *at) ||
        (equals != std::string::npos && is_one_of(kCommonValues, at->substr(0, equals)))) {
      ++at;
    } else if (is_one_of(kCommonValues, *at) && at + 1 != words.end()) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

/// Puts the command's name, which may stand behind common options, at `index`; also a word that is no command, for it
/// is what a complaint must name.
void put_name_first(Words& words, std::size_t index) {
  if (index > words.size()) return;
  const auto begin = words.begin() + static_cast<Words::difference_type>(index);
  const auto name = after_common_options(words, begin);
  if (name != words.end() && !name->starts_with('-')) std::rotate(begin, name, name + 1);
}

/// Takes "--diff" out, which stands for the command of that name where there is one.
bool take_diff(const CommandFamily& family, Words& words) {
  if (!is_one_of(family.commands, "diff")) return false;
  const auto dashes = std::ranges::find(words, "--");
  const auto diff = std::find(words.begin(), dashes, "--diff");
  if (diff == dashes) return false;
  words.erase(diff);
  return true;
}

/// Completes what people leave out, and puts in order what they say earlier: `routes` alone shows, `routes --diff` is
/// `routes diff`, `--json routes` is `routes --json`.
Words complete_arguments(int argc, char** argv) {
  constexpr std::size_t kSub = 2;
  Words words(argv, argv + argc);
  put_name_first(words, 1);
  const CommandFamily* family = words.size() < kSub ? nullptr : find_family(words[1]);
  if (family == nullptr) return words;
  put_name_first(words, kSub);
  const bool has_command = words.size() > kSub && is_one_of(family->commands, words[kSub]);
  const bool asks_for_help = words.size() > kSub && (words[kSub] == "-h" || words[kSub] == "--help");
  if (has_command || asks_for_help) return words;
  const bool has_diff = take_diff(*family, words);
  const bool is_word = !has_diff && words.size() > kSub && !words[kSub].starts_with('-');
  if (!is_word) words.insert(words.begin() + kSub, has_diff ? "diff" : "show");
  return words;
}

std::string command_in(std::span<const std::string> arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (const CommandFamily* family = find_family(argument)) {
      const bool has_more = i + 1 < arguments.size() && is_one_of(family->commands, arguments[i + 1]);
      return has_more ? argument + " " + arguments[i + 1] : argument;
    }
    if (is_one_of(kCommands, argument)) return argument;
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

/// The command that a mistyped word was meant to be, without "vpndoctor"; empty when none is near. Below a family only
/// its own commands are meant; where several have one of that name, the first.
std::string meant_command(const std::string& word, const CommandFamily* below) {
  if (below != nullptr && below->is_explained(word)) return fmt::format("{} explain {}", below->name, word);
  Words names;
  if (below == nullptr) names.assign(kCommands.begin(), kCommands.end());
  for (const CommandFamily& family : kFamilies) {
    if (below == nullptr || below == &family) names.insert(names.end(), family.commands.begin(), family.commands.end());
  }
  std::string name = nearest_word(word, names);
  if (name.empty() || (below == nullptr && is_one_of(kCommands, name))) return name;
  const auto has_name = [&](const CommandFamily& family) {
    return (below == nullptr || below == &family) && is_one_of(family.commands, name);
  };
  return fmt::format("{} {}", std::ranges::find_if(kFamilies, has_name)->name, name);
}

Error no_such_command(const std::string& word, const CommandFamily* below) {
  const std::string family(below == nullptr ? "" : below->name);
  const std::string meant = meant_command(word, below);
  const std::string guess = meant.empty() ? "" : fmt::format("did you mean vpndoctor {}? ", meant);
  return {ErrorKind::kUsage,
          fmt::format("there is no {}{}command {}", family, family.empty() ? "" : " ", in_quotes(word)),
          guess + see_help(family)};
}

Error unexpected_argument(const std::string& argument, const std::string& command) {
  const CommandFamily* family = find_family(command);
  const bool names_none = command.empty() || family != nullptr;
  if (names_none && !argument.starts_with('-')) return no_such_command(argument, family);
  return {ErrorKind::kUsage, fmt::format("unexpected argument {}", in_quotes(argument)), see_help(command)};
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
  ExplainOptions(CLI::App& app, OutputOptions& output, RawOutput& raw)
      : app_(app.add_subcommand("explain", "Say what a finding's code means and what to do")) {
    set_examples(*app_, kExplainCodeExamples);
    app_->add_option("code", explain_.code, "A code or its name; without it, all are listed")
        ->check(not_empty())
        ->type_name("");
    add_output_options(*app_, output, raw);
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
  set_examples(app, kToolExamples);
  app.require_subcommand(0, 1);
  OutputOptions output;
  RawOutput raw;
  const std::array<std::unique_ptr<CommandOptions>, 5> commands{
      add_mtu_command(app, output, raw), add_routes_commands(app, output, raw), add_leaks_command(app, output, raw),
      add_dns_commands(app, output, raw), std::make_unique<ExplainOptions>(app, output, raw)};
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
