// SPDX-License-Identifier: Apache-2.0
// The options that commands share, and the form of their help.
#include "cli.h"

#include "option_values.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

const std::map<std::string, Format> kFormats{{"text", Format::kText}, {"json", Format::kJson}};
const std::map<std::string, Color> kColors{
    {"auto", Color::kAuto}, {"always", Color::kAlways}, {"never", Color::kNever}};
const std::map<std::string, FailOn> kFailOn{
    {"notice", FailOn::kNotice}, {"warning", FailOn::kWarning}, {"error", FailOn::kError}, {"never", FailOn::kNever}};

/// Writes help: examples first, and of an option only its name and the kind of its value.
class ExamplesFirst final : public CLI::Formatter {
 public:
  explicit ExamplesFirst(std::string examples) : examples_(std::move(examples)) {}
  std::string make_description(const CLI::App* app) const override {
    return CLI::Formatter::make_description(app) + "\nExamples:\n" + examples_ + "\n";
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }

 private:
  std::string examples_;
};

}  // namespace

CLI::Validator whole_number(std::uint64_t from, std::uint64_t to) {
  return CLI::Validator([from, to](std::string& text) { return check_whole_number(text, {from, to}); }, "");
}

CLI::Validator seconds(double from, double to) {
  return CLI::Validator([from, to](std::string& text) { return check_seconds(text, from, to); }, "");
}

CLI::Validator not_empty() {
  return CLI::Validator([](std::string& text) { return text.empty() ? "its value is empty" : ""; }, "");
}

void set_examples(CLI::App& app, std::string examples) {
  app.formatter(std::make_shared<ExamplesFirst>(std::move(examples)));
}

void add_color_option(CLI::App& app, RawOutput& raw) {
  app.add_option("--color", raw.color, "Colour the text (auto: on a terminal)")
      ->check(one_of(kColors))
      ->type_name("auto|always|never");
}

void add_output_options(CLI::App& app, OutputOptions& output, RawOutput& raw) {
  auto* json = app.add_flag("--json", raw.json, "Print one JSON document, as --format json");
  app.add_option("--format", raw.format, "Form of the result (text)")
      ->check(one_of(kFormats))
      ->type_name("text|json")
      ->excludes(json);
  add_color_option(app, raw);
  auto* quiet = app.add_flag("--quiet", output.quiet, "Print the verdict alone");
  app.add_flag("--verbose", output.verbose, "Print every entry and piece of evidence")->excludes(quiet);
}

void add_from_option(CLI::App& app, std::string& from) {
  app.add_option("--from", from, "Read a saved state instead of this machine's\n(a file, a folder of captures, -)")
      ->check(not_empty())
      ->type_name("SOURCE");
}

void add_fail_on_option(CLI::App& app, RawOutput& raw) {
  app.add_option("--fail-on", raw.fail_on, "Findings from this severity on make the exit\nstatus 1 (error)")
      ->check(one_of(kFailOn))
      ->type_name("notice|warning|error|never");
}

void complete_output(OutputOptions& output, const RawOutput& raw) {
  output.format = raw.json ? Format::kJson : kFormats.at(raw.format);
  output.color = kColors.at(raw.color);
  output.fail_on = kFailOn.at(raw.fail_on);
}

void add_information_flags(CLI::App& app) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", std::string(version()), "Print the version and exit");
  for (CLI::App* below : app.get_subcommands({})) add_information_flags(*below);
}

}  // namespace vpndoctor
