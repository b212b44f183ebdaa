// SPDX-License-Identifier: Apache-2.0
// One fresh lab for each run, so that no scenario sees what another left behind.
#include "suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "expectation.h"
#include "session.h"

namespace vpndoctor::lab {
namespace {

constexpr std::chrono::seconds kRunLimit{60};

/// One run of one scenario.
struct Run {
  std::vector<std::string> differences;
  Outcome outcome;
};

Result<Run> run_once(const SuiteOptions& options, const Scenario& scenario, SessionOptions session_options) {
  auto session = Session::start(scenario, session_options);
  if (!session) return std::unexpected(session.error());
  std::vector<std::string> argv = {options.tool};
  argv.insert(argv.end(), scenario.run.args.begin(), scenario.run.args.end());
  const Lab& lab = (*session)->lab();
  Observation seen;
  seen.family = session_options.family;
  seen.cache_before = lab.client_cache(seen.family);
  auto outcome = run_captured((*session)->command(argv), kRunLimit);
  if (!outcome) return std::unexpected(outcome.error());
  seen.cache_after = lab.client_cache(seen.family);
  seen.exit_code = outcome->exit_code;
  seen.output = outcome->output;
  const ExpectationTexts texts{(*session)->substitute(scenario.expect_json),
                               seen.family == Family::kInet ? "" : (*session)->substitute(scenario.expect_inet6_json)};
  Run run{differences(texts, seen), std::move(*outcome)};
  if (run.outcome.timed_out) run.differences.insert(run.differences.begin(), "did not end within 60 s");
  return run;
}

/// The runs of one scenario with one family.
struct Tally {
  std::string label;
  int right = 0;
  std::vector<double> seconds;
  std::vector<std::string> first_differences;
};

void keep_answer(const SuiteOptions& options, const Tally& tally, const Outcome& outcome) {
  if (options.keep_folder.empty()) return;
  std::filesystem::create_directories(options.keep_folder);
  std::string name = tally.label;
  std::ranges::replace(name, ' ', '-');
  const std::string path = options.keep_folder + "/" + name;
  std::ofstream(path + ".json") << outcome.output;
  std::ofstream(path + ".stderr") << outcome.errors;
}

void print(const SuiteOptions& options, Tally& tally) {
  std::ranges::sort(tally.seconds);
  const double median = tally.seconds[tally.seconds.size() / 2];
  const bool right = tally.right == options.repeat;
  const std::string many = fmt::format("{}/{} right, median {:.2f}s, max {:.2f}s", tally.right, options.repeat, median,
                                       tally.seconds.back());
  const std::string timing = options.repeat == 1 ? fmt::format("{:.2f}s", median) : many;
  fmt::print("{} {} {}\n", right ? "ok" : "FAILED", tally.label, timing);
  for (const auto& line : tally.first_differences) fmt::print("  {}: {}\n", tally.label, line);
  std::fflush(stdout);
}

void run_family(const SuiteOptions& options, const Scenario& scenario, Family family, SuiteResult& result) {
  Tally tally{fmt::format("{} {}", scenario.name, family_name(family)), 0, {}, {}};
  for (int round = 0; round < options.repeat; ++round) {
    const auto run = run_once(options, scenario, {family, options.seed + static_cast<std::uint64_t>(round)});
    if (!run) {
      const bool impossible = run.error().kind == ErrorKind::kUnavailable;
      fmt::print("{} {}: {}\n", impossible ? "skipped" : "FAILED", tally.label, run.error().message);
      ++(impossible ? result.skipped : result.failed);
      return;
    }
    tally.seconds.push_back(run->outcome.elapsed.count());
    if (tally.first_differences.empty()) {
      keep_answer(options, tally, run->outcome);
      tally.first_differences = run->differences;
    }
    if (run->differences.empty()) ++tally.right;
  }
  print(options, tally);
  ++(tally.right == options.repeat ? result.passed : result.failed);
}

}  // namespace

SuiteResult run_suite(const SuiteOptions& options) {
  SuiteResult result;
  for (const auto& file : options.files) {
    const auto scenario = read_scenario(file);
    if (!scenario) {
      fmt::print("FAILED {}: {}\n", file, scenario.error().message);
      ++result.failed;
      continue;
    }
    for (const Family family : scenario->families) run_family(options, *scenario, family, result);
  }
  return result;
}

Result<std::vector<std::string>> scenario_files(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  if (files.empty()) return failure(ErrorKind::kUsage, "no scenario files in " + folder);
  std::ranges::sort(files);
  return files;
}

}  // namespace vpndoctor::lab
