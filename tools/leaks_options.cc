// SPDX-License-Identifier: Apache-2.0
// The options of the leaks command, their limits and their help.
#include <algorithm>

#include "cli.h"
#include "option_values.h"

namespace vpndoctor {
namespace {

constexpr const char* kExamples =
    "  vpndoctor leaks                           dead tunnels, what passes the VPN by\n"
    "  vpndoctor leaks --expect full --vpn wg0   exit status 1 unless all goes by wg0\n"
    "  sudo vpndoctor leaks --capture 30         also what does leave, for 30 seconds\n"
    "  sudo vpndoctor leaks --active 192.0.2.1   can a program pass the VPN by?\n";

const std::map<std::string, std::optional<CoverageMode>> kExpectations{{"full", CoverageMode::kFull},
                                                                       {"split", CoverageMode::kSplit}};

/// What is parsed as text before it becomes a value.
struct RawLeaks {
  std::string expect;
};

Error contradiction(const char* message, const char* hint) { return {ErrorKind::kUsage, message, hint}; }

/// Standard input is read to its end, and only once.
bool reads_input_twice(const LeaksCommand& leaks) {
  return (leaks.from == "-") + (leaks.before == "-") + (leaks.read_file == "-") > 1;
}

std::optional<Error> check_capture(const LeaksCommand& leaks) {
  const bool reads = !leaks.read_file.empty();
  if (leaks.capture_seconds && reads) {
    return contradiction("--capture and --read contradict each other", "give one of the two");
  }
  if (!leaks.write_file.empty() && !leaks.capture_seconds && !reads) {
    return contradiction("--write needs packets to keep", "add --capture SECONDS or --read FILE");
  }
  if (leaks.write_file == "-") {
    return contradiction("--write: standard output carries the report", "give a file to --write");
  }
  if (!leaks.interfaces.empty() && !leaks.capture_seconds && leaks.active_host.empty()) {
    if (reads) {
      return contradiction("--interface chooses where to capture, and --read judges all of a file",
                           "leave out --interface");
    }
    return contradiction("--interface says where to capture or to test, and neither was asked for",
                         "add --capture SECONDS or --active HOST; for a tunnel, say --vpn IF");
  }
  return std::nullopt;
}

std::optional<Error> complete_leaks(LeaksCommand& leaks, const RawLeaks& raw) {
  if (!raw.expect.empty()) leaks.expectation.mode = kExpectations.at(raw.expect);
  std::ranges::sort(leaks.interfaces);
  const auto repeated = std::ranges::unique(leaks.interfaces);
  leaks.interfaces.erase(repeated.begin(), repeated.end());
  if (!leaks.from.empty() && leaks.capture_seconds) {
    return contradiction("--capture looks at this machine, and --from names another state",
                         "judge a capture that was made there with --read FILE");
  }
  if (!leaks.from.empty() && !leaks.active_host.empty()) {
    return contradiction("--active sends from this machine, and --from names another state",
                         "leave out one of the two");
  }
  if (reads_input_twice(leaks)) {
    return contradiction("standard input can be read once only", "give a file in the place of one -");
  }
  return check_capture(leaks);
}

class LeaksOptions final : public CommandOptions {
 public:
  LeaksOptions(CLI::App& app, OutputOptions& output, RawOutput& raw)
      : app_(app.add_subcommand("leaks", "Find dead tunnels, and what leaves outside the VPN")) {
    set_examples(*app_, kExamples);
    app_->add_option("--capture", leaks_.capture_seconds, "Capture on the physical interfaces for so long")
        ->check(seconds(0.1, 86400))
        ->type_name("SECONDS");
    app_->add_option("--interface", leaks_.interfaces,
                     "Capture on this interface only, test it only\n(may be repeated)")
        ->check(not_empty())
        ->allow_extra_args(false)
        ->type_name("IF");
    app_->add_option("--read", leaks_.read_file, "Judge a capture made elsewhere")
        ->check(not_empty())
        ->type_name("FILE");
    app_->add_option("--write", leaks_.write_file, "Keep the leaking packets")->check(not_empty())->type_name("FILE");
    app_->add_option("--active", leaks_.active_host, "Send probes past the tunnel towards HOST")
        ->check(not_empty())
        ->type_name("HOST");
    app_->add_option("--expect", raw_.expect, "What the VPN should carry")
        ->check(one_of(kExpectations))
        ->type_name("full|split");
    app_->add_option("--vpn", leaks_.expectation.interface, "The tunnel that should be there, and carry it")
        ->check(not_empty())
        ->type_name("IF");
    app_->add_option("--before", leaks_.before, "Count what grew since this saved state\n(the baseline)")
        ->check(not_empty())
        ->type_name("FILE");
    add_from_option(*app_, leaks_.from);
    add_output_options(*app_, output, raw);
    add_fail_on_option(*app_, raw);
  }

  std::optional<Result<ParsedCommand>> parsed() const override {
    if (!app_->parsed()) return std::nullopt;
    LeaksCommand leaks = leaks_;
    if (auto error = complete_leaks(leaks, raw_)) return std::unexpected(std::move(*error));
    return leaks;
  }

 private:
  CLI::App* app_;
  LeaksCommand leaks_;
  RawLeaks raw_;
};

}  // namespace

std::unique_ptr<CommandOptions> add_leaks_command(CLI::App& app, OutputOptions& output, RawOutput& raw) {
  return std::make_unique<LeaksOptions>(app, output, raw);
}

}  // namespace vpndoctor
