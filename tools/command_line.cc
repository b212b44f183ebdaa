// SPDX-License-Identifier: Apache-2.0
// The options, their limits and their help. What they do is known elsewhere.
#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string_view>

#include "vpndoctor/text_escape.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

constexpr const char* kExamples = R"(Examples:
  vpndoctor mtu vpn.example.org               find the path MTU and any black hole
  vpndoctor mtu --outer 10.8.0.1              check a tunnel's MTU against its own path
  vpndoctor mtu --json --expect-min 1400 HOST | jq .verdict
  vpndoctor explain MTU001                    what a finding means and what to do
)";

constexpr const char* kMtuExamples = R"(Examples:
  vpndoctor mtu vpn.example.org               path MTU, black holes, what to set
  vpndoctor mtu --outer 10.8.0.1              and the path that the tunnel's packets take
  vpndoctor mtu --port 22 host.example.org    with proof from TCP, both directions
  vpndoctor mtu --expect-min 1400 HOST        exit status 1 unless 1400 bytes get there
)";

/// CLI11 writes this where the help of a command begins: examples first.
class ExamplesFirst final : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return CLI::Formatter::make_description(app) + "\n" + (app->get_name() == "mtu" ? kMtuExamples : kExamples);
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
  double deadline_seconds = 30;
};

template <class Map>
CLI::Validator one_of(const Map& values) {
  std::string names;
  for (const auto& [name, value] : values) names += (names.empty() ? "" : "|") + name;
  return CLI::Validator(
      [&values, names](std::string& text) {
        return values.contains(text) ? std::string{} : fmt::format("must be one of {}", names);
      },
      names);
}

void add_output_options(CLI::App& app, OutputOptions& output, Raw& raw) {
  auto* json = app.add_flag("--json", raw.json, "Print one JSON document (the same as --format json)");
  app.add_option("--format", raw.format, "text or json")->check(one_of(kFormats))->excludes(json);
  app.add_option("--color", raw.color, "auto, always or never")->check(one_of(kColors));
  auto* quiet = app.add_flag("--quiet", output.quiet, "Print the verdict alone");
  app.add_flag("--verbose", output.verbose, "Print every size, message and piece of evidence")->excludes(quiet);
  app.add_option("--fail-on", raw.fail_on, "Severity from which on the exit status is 1")->check(one_of(kFailOn));
}

void add_mtu_options(CLI::App& app, MtuCommand& mtu, Raw& raw) {
  const CLI::Range size(28, 65535);
  app.add_option("host", mtu.host, "Name or address")->required()->type_name("HOST");
  auto* inet = app.add_flag("-4", raw.inet, "Use IPv4");
  app.add_flag("-6", raw.inet6, "Use IPv6")->excludes(inet);
  app.add_option("--interface", mtu.interface, "Send through this interface")->type_name("IF");
  app.add_option("--source", raw.source, "Send from this address")->type_name("ADDR");
  app.add_option("--mark", mtu.mark, "Firewall mark of the probes")->type_name("N");
  app.add_option("--min", mtu.min_bytes, "Smallest size to search, bytes")->check(size)->type_name("BYTES");
  app.add_option("--max", mtu.max_bytes, "Largest size to search, bytes")->check(size)->type_name("BYTES");
  app.add_option("--port", mtu.port, "Also examine this TCP port (443 is tried by itself)")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
  app.add_option("--method", raw.method, "auto, icmp, udp or tcp")->check(one_of(kMethods));
  app.add_option("--rate", mtu.rate_bytes, "Bytes sent in a round trip, at most")
      ->check(CLI::Range(1500, 1 << 24))
      ->type_name("BYTES");
  app.add_flag("--gentle", mtu.gentle, "At most 11 sizes at a time");
  app.add_option("--deadline", raw.deadline_seconds, "Stop after this time")
      ->check(CLI::Range(0.1, 3600.0))
      ->type_name("SECONDS");
  app.add_option("--expect-min", mtu.expect_min_bytes, "Check that packets of this size get through")
      ->check(size)
      ->type_name("BYTES");
  auto* outer = app.add_flag("--outer", mtu.outer, "Also measure the path of the tunnel's own packets");
  app.add_option("--endpoint", mtu.endpoint, "The tunnel's endpoint, where it cannot be found")
      ->needs(outer)
      ->type_name("ADDR[:PORT]");
}

std::optional<Error> complete_mtu(MtuCommand& mtu, const Raw& raw) {
  if (raw.inet) mtu.family = Family::kInet;
  if (raw.inet6) mtu.family = Family::kInet6;
  mtu.method = kMethods.at(raw.method);
  mtu.deadline = std::chrono::duration<double>(raw.deadline_seconds);
  if (!raw.source.empty()) {
    mtu.source = IpAddress::parse(raw.source);
    if (!mtu.source) {
      return Error{ErrorKind::kUsage,
                   fmt::format("--source {} is not an address", escape_controls(shorten(raw.source, 64))),
                   {}};
    }
  }
  if (mtu.min_bytes && mtu.max_bytes && *mtu.min_bytes > *mtu.max_bytes) {
    return Error{ErrorKind::kUsage, fmt::format("--min {} is above --max {}", *mtu.min_bytes, *mtu.max_bytes),
                 "give the smaller size to --min"};
  }
  if (mtu.method == Method::kTcp && !mtu.port) mtu.port = 443;
  return std::nullopt;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return escape_controls(shorten(text, 200));
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

Result<std::variant<CommandLine, Information>> parse_command_line(int argc, char** argv) {
  CLI::App app("Finds out why a VPN is broken.", "vpndoctor");
  app.formatter(std::make_shared<ExamplesFirst>());
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("vpndoctor {}", version()));
  OutputOptions output;
  Raw raw;
  MtuCommand mtu;
  ExplainCommand explain;
  CLI::App* mtu_app = app.add_subcommand("mtu", "Find the path MTU to a host, and where larger packets vanish");
  add_mtu_options(*mtu_app, mtu, raw);
  add_output_options(*mtu_app, output, raw);
  CLI::App* explain_app = app.add_subcommand("explain", "Say what a finding's code means and what to do");
  explain_app->add_option("code", explain.code, "A code or its slug; without it, all are listed")->type_name("CODE");
  explain_app->add_option("--color", raw.color, "auto, always or never")->check(one_of(kColors));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Information{app.help()};
  } catch (const CLI::CallForVersion&) {
    return Information{fmt::format("vpndoctor {}\n", version())};
  } catch (const CLI::ParseError& error) {
    return failure(ErrorKind::kUsage, one_line(error.what()),
                   mtu_app->parsed() ? "see vpndoctor mtu --help" : "see vpndoctor --help");
  }
  output.format = raw.json ? Format::kJson : kFormats.at(raw.format);
  output.color = kColors.at(raw.color);
  output.fail_on = kFailOn.at(raw.fail_on);
  if (explain_app->parsed()) return CommandLine{output, explain};
  if (auto error = complete_mtu(mtu, raw)) return std::unexpected(*error);
  return CommandLine{output, mtu};
}

}  // namespace vpndoctor
