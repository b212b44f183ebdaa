// SPDX-License-Identifier: Apache-2.0
// The options of the leaks command, their limits and their help.
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

struct RawLeaks {
  std::string expect;
};

class LeaksOptions final : public CommandOptions {
 public:
  LeaksOptions(CLI::App& app, OutputOptions& output, RawOutput& raw)
      : app_(app.add_subcommand("leaks", "Find dead tunnels, and what leaves outside the VPN")) {
    set_examples(*app_, kExamples);
    app_->add_option("--capture", leaks_.capture_seconds, "Capture on the physical interfaces for so long")
        ->check(seconds(0.1, 86400))
        ->type_name("SECONDS");
    app_->add_option("--interface", leaks_.interfaces, "Capture on this interface, and test it")->type_name("IF");
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
    app_->add_option("--vpn", leaks_.expectation.interface, "The tunnel that should carry it")
        ->check(not_empty())
        ->type_name("IF");
    app_->add_option("--before", leaks_.before, "Compare with this saved state (the baseline)")
        ->check(not_empty())
        ->type_name("FILE");
    add_from_option(*app_, leaks_.from);
    add_output_options(*app_, output, raw);
    add_fail_on_option(*app_, raw);
  }

  std::optional<Result<ParsedCommand>> parsed() const override {
    if (!app_->parsed()) return std::nullopt;
    LeaksCommand leaks = leaks_;
    if (!raw_.expect.empty()) leaks.expectation.mode = kExpectations.at(raw_.expect);
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
