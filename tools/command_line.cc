// SPDX-License-Identifier: Apache-2.0
// The options, their limits and their help. What they do is known elsewhere.
#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string_view>

#include "option_values.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

constexpr const char* kExamples = R"(Examples:
  vpndoctor mtu vpn.example.org             find the path MTU and any black hole
  vpndoctor mtu --outer 10.8.0.1            check the tunnel's MTU as well
  vpndoctor mtu --json --expect-min 1400 HOST | jq .verdict
  vpndoctor explain MTU001                  what a finding means and what to do

)";

constexpr const char* kMtuExamples = R"(Examples:
  vpndoctor mtu vpn.example.org             path MTU, black holes, what to set
  vpndoctor mtu --outer 10.8.0.1            also the path of the tunnel itself
  vpndoctor mtu --port 22 host.example.org  with proof from TCP, both directions
  vpndoctor mtu --expect-min 1400 HOST      exit status 1 unless 1400 bytes pass

)";

constexpr const char* kExplainExamples = R"(Examples:
  vpndoctor explain                         list all codes
  vpndoctor explain MTU001                  what it means and what to do
  vpndoctor explain mtu-black-hole          the same, by name

)";

/// Writes help: examples first, and of an option only its name and the kind of its value.
class ExamplesFirst final : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    const std::string& name = app->get_name();
    const char* examples = name == "mtu" ? kMtuExamples : name == "explain" ? kExplainExamples : kExamples;
    return CLI::Formatter::make_description(app) + "\n" + examples;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
};

const std::map<std::string, Format> kFormats{{"text", Format::kText}, {"json", Format::kJson}};
const std::map<std::string, Color> kColors{
    {"auto", Color::kAuto}, {"always", Color::kAlways}, {"never", Color::kNever}};
const std::map<std::string, FailOn> kFailOn{
    {"notice", FailOn::kNotice}, {"warning", FailOn::kWarning}, {"error", FailOn::kError}, {"never", FailOn::kNever}};
const std::map<std::string, std::optional<Method>> kMethods{
    {"auto", std::nullopt}, {"icmp", Method::kEcho}, {"udp", Method::kUdp}, {"tcp", Method::kTcp}};

/// What is parsed as text or flag before it becomes a value of the command.
struct Raw {
  bool json = false;
  bool inet = false;
  bool inet6 = false;
  std::string format = "text";
  std::string color = "auto";
  std::string fail_on = "error";
  std::string method = "auto";
  std::string source;
  std::string endpoint;
  double deadline_seconds = 30;
};

/// What every IPv4 link carries (RFC 791 section 3.2), and above the smallest probe of either family.
constexpr std::uint64_t kSmallestSize = 68;
constexpr std::uint64_t kLargestSize = 65535;

// Validators without a description: what they take is in the option's own. Those of numbers are transformers, so that
// CLI11 reads the digits that they leave.

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

CLI::Validator whole_number(std::uint64_t from, std::uint64_t to) {
  return CLI::Validator([from, to](std::string& text) { return check_whole_number(text, {from, to}); }, "");
}

CLI::Validator seconds(double from, double to) {
  return CLI::Validator([from, to](std::string& text) { return check_seconds(text, from, to); }, "");
}

CLI::Validator not_empty() {
  return CLI::Validator([](std::string& text) { return text.empty() ? "its value is empty" : ""; }, "");
}

void add_color_option(CLI::App& app, Raw& raw) {
  app.add_option("--color", raw.color, "Colour the text (auto: on a terminal)")
      ->check(one_of(kColors))
      ->type_name("auto|always|never");
}

void add_output_options(CLI::App& app, OutputOptions& output, Raw& raw) {
  auto* json = app.add_flag("--json", raw.json, "Print one JSON document, as --format json");
  app.add_option("--format", raw.format, "Form of the result (text)")
      ->check(one_of(kFormats))
      ->type_name("text|json")
      ->excludes(json);
  add_color_option(app, raw);
  auto* quiet = app.add_flag("--quiet", output.quiet, "Print the verdict alone");
  app.add_flag("--verbose", output.verbose, "Print every size, message and piece of evidence")->excludes(quiet);
  app.add_option("--fail-on", raw.fail_on, "Findings from this severity on make the exit\nstatus 1 (error)")
      ->check(one_of(kFailOn))
      ->type_name("notice|warning|error|never");
}

void add_path_options(CLI::App& app, MtuCommand& mtu, Raw& raw) {
  app.add_option("host", mtu.request.host, "Name or address")->required()->type_name("");
  auto* inet = app.add_flag("-4", raw.inet, "Use IPv4");
  app.add_flag("-6", raw.inet6, "Use IPv6")->excludes(inet);
  app.add_option("--interface", mtu.request.interface, "Send through this interface")
      ->check(not_empty())
      ->type_name("IF");
  app.add_option("--source", raw.source, "Send from this address")->check(not_empty())->type_name("ADDR");
  app.add_option("--mark", mtu.request.mark, "Firewall mark of the probes")
      ->transform(whole_number(0, std::numeric_limits<std::uint32_t>::max()))
      ->type_name("N");
  app.add_flag("--outer", mtu.request.outer, "Also measure the path of the tunnel's own packets");
  app.add_option("--endpoint", raw.endpoint, "The tunnel's endpoint for --outer, where it\ncannot be found")
      ->check(not_empty())
      ->needs("--outer")
      ->type_name("ADDR[:PORT]");
}

void add_search_options(CLI::App& app, MtuCommand& mtu, Raw& raw) {
  const auto size = whole_number(kSmallestSize, kLargestSize);
  app.add_option("--min", mtu.request.min_bytes, "Smallest size to search (60)")->transform(size)->type_name("BYTES");
  app.add_option("--max", mtu.request.max_bytes, "Largest size to search (the interface's MTU)")
      ->transform(size)
      ->type_name("BYTES");
  app.add_option("--port", mtu.request.port, "Examine this TCP port too (443 if it answers)")
      ->transform(whole_number(1, 65535))
      ->type_name("PORT");
  app.add_option("--method", raw.method, "What carries the probes (auto)")
      ->check(one_of(kMethods))
      ->type_name("auto|icmp|udp|tcp");
  app.add_option("--rate", mtu.request.rate_bytes, "Bytes sent in a round trip, at most (32768)")
      ->transform(whole_number(1500, 1U << 24U))
      ->type_name("BYTES");
  app.add_flag("--gentle", mtu.request.gentle, "At most 11 sizes at a time");
  app.add_option("--deadline", raw.deadline_seconds, "Stop after this time (30)")
      ->check(seconds(0.1, 3600))
      ->type_name("SECONDS");
  app.add_option("--expect-min", mtu.expect_min_bytes, "Check that packets of this size get through")
      ->transform(size)
      ->type_name("BYTES");
}

std::optional<Error> complete_mtu(MtuCommand& mtu, const Raw& raw) {
  if (raw.inet) mtu.request.family = Family::kInet;
  if (raw.inet6) mtu.request.family = Family::kInet6;
  mtu.request.method = kMethods.at(raw.method);
  mtu.request.deadline = std::chrono::duration<double>(raw.deadline_seconds);
  if (!raw.source.empty()) {
    mtu.request.source = IpAddress::parse(raw.source);
    if (!mtu.request.source) {
      return Error{ErrorKind::kUsage, fmt::format("--source: {} is not an address", in_quotes(raw.source)),
                   "give one of this machine's addresses"};
    }
  }
  if (!raw.endpoint.empty()) {
    auto endpoint = parse_endpoint(raw.endpoint);
    if (!endpoint) return endpoint.error();
    mtu.request.endpoint = std::move(*endpoint);
  }
  if (mtu.request.min_bytes && mtu.request.max_bytes && *mtu.request.min_bytes > *mtu.request.max_bytes) {
    return Error{ErrorKind::kUsage,
                 fmt::format("--min {} is above --max {}", *mtu.request.min_bytes, *mtu.request.max_bytes),
                 "give the smaller size to --min"};
  }
  if (mtu.expect_min_bytes && mtu.request.max_bytes && *mtu.expect_min_bytes > *mtu.request.max_bytes) {
    return Error{ErrorKind::kUsage,
                 fmt::format("--expect-min {} is above --max {}", *mtu.expect_min_bytes, *mtu.request.max_bytes),
                 "leave out --max"};
  }
  if (mtu.request.method == Method::kTcp && !mtu.request.port) mtu.request.port = 443;
  return std::nullopt;
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
std::optional<std::variant<Error, Information>> run_parser(CLI::App& app, int argc, char** argv) {
  const std::string command = named_command(argc, argv);
  try {
    app.parse(argc, argv);
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

std::string named_command(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "mtu" || argument == "explain") return std::string(argument);
    if (!argument.starts_with('-')) break;
  }
  return {};
}

Result<std::variant<CommandLine, Information>> parse_command_line(int argc, char** argv) {
  CLI::App app("Finds out why a VPN is broken.", "vpndoctor");
  app.formatter(std::make_shared<ExamplesFirst>());
  app.require_subcommand(0, 1);
  OutputOptions output;
  Raw raw;
  MtuCommand mtu;
  ExplainCommand explain;
  CLI::App* mtu_app = app.add_subcommand("mtu", "Find the path MTU, and where larger packets vanish");
  add_path_options(*mtu_app, mtu, raw);
  add_search_options(*mtu_app, mtu, raw);
  add_output_options(*mtu_app, output, raw);
  CLI::App* explain_app = app.add_subcommand("explain", "Say what a finding's code means and what to do");
  explain_app->add_option("code", explain.code, "A code or its name; without it, all are listed")
      ->check(not_empty())
      ->type_name("");
  add_color_option(*explain_app, raw);
  for (CLI::App* each : {&app, mtu_app, explain_app}) {
    each->set_help_flag("-h,--help", "Print this help and exit");
    each->set_version_flag("--version", std::string(version()), "Print the version and exit");
  }
  if (auto stopped = run_parser(app, argc, argv)) {
    if (auto* error = std::get_if<Error>(&*stopped)) return std::unexpected(std::move(*error));
    return std::get<Information>(std::move(*stopped));
  }
  output.format = raw.json ? Format::kJson : kFormats.at(raw.format);
  output.color = kColors.at(raw.color);
  output.fail_on = kFailOn.at(raw.fail_on);
  if (explain_app->parsed()) return CommandLine{output, explain};
  if (auto error = complete_mtu(mtu, raw)) return std::unexpected(*error);
  return CommandLine{output, mtu};
}

}  // namespace vpndoctor
