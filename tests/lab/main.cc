// SPDX-License-Identifier: Apache-2.0
// vpndoctor-lab: the command line of the lab. Exit codes: those of the program it runs, or 0 when all scenarios are
// as expected, 1 when not, 2 for a wrong command line, 77 where namespaces are not allowed.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenario.h"
#include "session.h"
#include "suite.h"

namespace vpndoctor::lab {
namespace {

constexpr int kUsageError = 2;
constexpr int kSkipped = 77;
constexpr const char* kUsage =
    "vpndoctor-lab run FILE [--seed N] [--family inet|inet6] -- PROGRAM ARGS...\n"
    "    runs a program at the client's end of the path that FILE describes\n"
    "vpndoctor-lab test --tool PROGRAM [--seed N] [--repeat N] [--keep FOLDER] FILE...|--all FOLDER\n"
    "    runs the scenarios with PROGRAM and compares its answers with what they expect\n"
    "vpndoctor-lab list FOLDER\n"
    "    says what each scenario is about\n"
    "{target} {target4} {target6} {hop1} {hop2} ... {tunnel4} {tunnel6} in ARGS become addresses.\n";

/// The command line after the subcommand.
struct Arguments {
  std::vector<std::string> files;
  std::vector<std::string> program;  ///< what follows "--"
  std::string tool;
  std::string all_folder;
  std::string keep_folder;
  std::optional<Family> family;
  std::uint64_t seed = 1;
  int repeat = 1;
};

int fail_usage(const std::string& message) {
  fmt::print(stderr, "vpndoctor-lab: {}\n{}", message, kUsage);
  return kUsageError;
}

template <class Number>
bool parse_number(const std::string& text, Number& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && into > 0;
}

bool set_option(const std::string& name, const std::string& value, Arguments& into) {
  if (name == "--seed") return parse_number(value, into.seed);
  if (name == "--repeat") return parse_number(value, into.repeat);
  if (name == "--family" && value == "inet") return into.family.emplace(Family::kInet), true;
  if (name == "--family" && value == "inet6") return into.family.emplace(Family::kInet6), true;
  if (name == "--tool") return into.tool = value, true;
  if (name == "--all") return into.all_folder = value, true;
  if (name == "--keep") return into.keep_folder = value, true;
  return false;
}

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (word == "--") {
      arguments.program.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
      break;
    }
    if (!word.starts_with("--")) {
      arguments.files.push_back(word);
    } else if (++at == words.size() || !set_option(word, words[at], arguments)) {
      return failure(ErrorKind::kUsage, fmt::format("{}: unknown option, or not a value for it", word));
    }
  }
  if (arguments.all_folder.empty()) return arguments;
  auto files = scenario_files(arguments.all_folder);
  if (!files) return std::unexpected(files.error());
  arguments.files.insert(arguments.files.end(), files->begin(), files->end());
  return arguments;
}

int fail_or_skip(const Error& error) {
  const bool skipped = error.kind == ErrorKind::kUnavailable;
  fmt::print(stderr, "vpndoctor-lab: {}{}\n", skipped ? "skipped: " : "", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", error.hint);
  return skipped ? kSkipped : 1;
}

int run(const Arguments& arguments) {
  if (arguments.files.size() != 1 || arguments.program.empty()) return fail_usage("run needs one FILE and a PROGRAM");
  const auto scenario = read_scenario(arguments.files.front());
  if (!scenario) return fail_usage(scenario.error().message);
  if (auto entered = enter_private_world(); !entered) return fail_or_skip(entered.error());
  const Family family = arguments.family.value_or(scenario->families.front());
  const auto session = Session::start(*scenario, {family, arguments.seed});
  if (!session) return fail_or_skip(session.error());
  const auto code = run_attached((*session)->command(arguments.program));
  return code ? *code : fail_or_skip(code.error());
}

int test(const Arguments& arguments) {
  if (arguments.files.empty() || arguments.tool.empty()) return fail_usage("test needs --tool and scenario files");
  if (auto entered = enter_private_world(); !entered) return fail_or_skip(entered.error());
  const SuiteResult result =
      run_suite({arguments.tool, arguments.files, arguments.seed, arguments.repeat, arguments.keep_folder});
  fmt::print("{} passed, {} failed, {} skipped\n", result.passed, result.failed, result.skipped);
  if (result.failed != 0) return 1;
  return result.passed == 0 ? kSkipped : 0;
}

int list(const Arguments& arguments) {
  const auto files = scenario_files(arguments.files.empty() ? "tests/lab/scenarios" : arguments.files.front());
  if (!files) return fail_usage(files.error().message);
  for (const auto& file : *files) {
    const auto scenario = read_scenario(file);
    if (!scenario) return fail_usage(scenario.error().message);
    fmt::print("{:<34} {}\n", scenario->name, scenario->description);
  }
  return 0;
}

}  // namespace
}  // namespace vpndoctor::lab

int main(int argc, char** argv) {
  using namespace vpndoctor::lab;
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return fail_usage("a command is missing");
  const auto arguments = parse({words.begin() + 1, words.end()});
  if (!arguments) return fail_usage(arguments.error().message);
  if (words.front() == "run") return run(*arguments);
  if (words.front() == "test") return test(*arguments);
  if (words.front() == "list") return list(*arguments);
  return fail_usage("unknown command " + words.front());
}
