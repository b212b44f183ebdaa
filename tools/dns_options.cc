// SPDX-License-Identifier: Apache-2.0
// The options of the dns commands, their limits and their help.
#include "cli.h"
#include "option_values.h"
#include "vpndoctor/idn.h"

namespace vpndoctor {
namespace {

constexpr const char* kDnsExamples =
    "  vpndoctor dns                             who resolves names, what is wrong\n"
    "  vpndoctor dns explain git.corp.example    which server is asked, and why\n"
    "  vpndoctor dns test                        do the servers answer, and how well\n"
    "  vpndoctor dns test git.corp.example       one name on every way, side by side\n";

constexpr const char* kShowExamples =
    "  vpndoctor dns                             scopes, servers, what is wrong\n"
    "  vpndoctor dns show --from saved.jsonl     the same of a saved state\n"
    "  vpndoctor dns show --from mac/            of a folder with scutil-dns.txt\n";

constexpr const char* kExplainNameExamples =
    "  vpndoctor dns explain git.corp.example    for each kind of program\n"
    "  vpndoctor dns explain git --caller libc   a short name, by getaddrinfo()\n"
    "  vpndoctor dns explain 7.0.66.10.in-addr.arpa --type PTR\n"
    "  vpndoctor dns explain www.example.org --caller bound:tun0\n";

constexpr const char* kTestExamples =
    "  vpndoctor dns test                        every configured server\n"
    "  vpndoctor dns test git.corp.example       and this name on every way\n"
    "  vpndoctor dns test git --server 10.66.0.1 also by a server of your choice\n"
    "  vpndoctor dns test --hijack-test          does anybody answer for others\n";

constexpr double kShortestTimeout = 0.1;
constexpr double kLongestTimeout = 60;

/// What is parsed as text before it becomes a value.
struct RawDns {
  std::string type;
  std::string caller;
  std::vector<std::string> servers;
};

void add_type_option(CLI::App& app, std::string& type) {
  app.add_option("--type", type, "Ask for records of this type (A)")->check(not_empty())->type_name("TYPE");
}

/// What DNS is asked for by an internationalised name.
std::optional<Error> complete_name(std::string& name) {
  // Nothing that long is a name in any form.
  constexpr std::size_t kLongestText = 1024;
  if (name.size() <= kLongestText) {
    auto ascii = idn_to_ascii(name);
    if (!ascii) {
      return Error{ErrorKind::kUsage, fmt::format("{} is no domain name: {}", in_quotes(name), ascii.error()),
                   "give it in its ASCII form (xn--...)"};
    }
    name = *std::move(ascii);
  }
  return check_dns_name(name);
}

std::optional<Error> complete_type(const std::string& text, std::uint16_t& type) {
  if (text.empty()) return std::nullopt;
  const auto parsed = parse_dns_type(text);
  if (!parsed) {
    return Error{ErrorKind::kUsage, fmt::format("--type: {} is no record type", in_quotes(text)),
                 "give one such as A, AAAA, PTR, or its number as TYPE65"};
  }
  type = *parsed;
  return std::nullopt;
}

std::optional<Error> complete_caller(const std::string& text, DnsExplainCommand& explain) {
  if (text.empty()) return std::nullopt;
  constexpr std::string_view kBound = "bound:";
  for (const DnsCaller caller : {DnsCaller::kLibc, DnsCaller::kStub, DnsCaller::kDirect}) {
    if (text == dns_caller_name(caller)) explain.caller = caller;
  }
  if (text.starts_with(kBound) && text.size() > kBound.size()) {
    explain.caller = DnsCaller::kBound;
    explain.interface = text.substr(kBound.size());
  }
  if (explain.caller) return std::nullopt;
  return Error{ErrorKind::kUsage, fmt::format("--caller: {} is none of libc, stub, direct, bound:IF", in_quotes(text)),
               "see vpndoctor dns explain --help"};
}

class DnsOptions final : public CommandOptions {
 public:
  DnsOptions(CLI::App& app, OutputOptions& output, RawOutput& raw)
      : app_(app.add_subcommand("dns", "Show, explain, test how names are resolved")) {
    set_examples(*app_, kDnsExamples);
    app_->require_subcommand(0, 1);
    add_show(raw);
    add_explain();
    add_test(raw);
    for (CLI::App* each : app_->get_subcommands({})) add_output_options(*each, output, raw);
    // Subcommands that are added later would inherit it.
    app_->footer("Without a command it shows: the options of that work there too (vpndoctor dns\nshow --help).");
  }

  std::optional<Result<ParsedCommand>> parsed() const override {
    if (!app_->parsed()) return std::nullopt;
    if (show_.app->parsed()) return show_.command;
    if (explain_.app->parsed()) return complete(explain_.command);
    if (test_.app->parsed()) return complete(test_.command);
    return failure(ErrorKind::kUsage, "no dns command is given", "see vpndoctor dns --help");
  }

 private:
  void add_show(RawOutput& raw) {
    show_.add(*app_, "show", "Show who resolves names, and what is wrong", kShowExamples);
    add_from_option(*show_.app, show_.command.from);
    add_fail_on_option(*show_.app, raw);
  }

  void add_explain() {
    explain_.add(*app_, "explain", "Say which server a name goes to, and why", kExplainNameExamples);
    CLI::App& app = *explain_.app;
    app.add_option("name", explain_.command.name, "The name, as a program is given it")->required()->type_name("");
    add_type_option(app, raw_.type);
    app.add_option("--caller", raw_.caller,
                   "How the program asks: by getaddrinfo(), at the\nstub 127.0.0.53, directly as resolv.conf says, "
                   "or\nbound to an interface (the first three)")
        ->check(not_empty())
        ->type_name("libc|stub|direct|bound:IF");
    add_from_option(app, explain_.command.from);
  }

  void add_test(RawOutput& raw) {
    test_.add(*app_, "test", "Ask the servers, and compare what they answer", kTestExamples);
    CLI::App& app = *test_.app;
    app.add_option("names", test_.command.names, "Names to ask for on every way")->type_name("");
    add_type_option(app, raw_.type);
    app.add_option("--server", raw_.servers, "Ask this server too (may be repeated)")
        ->check(not_empty())
        ->allow_extra_args(false)
        ->type_name("ADDR[:PORT]");
    app.add_flag("--hijack-test", test_.command.hijack_test,
                 "Send a question to an address where nobody can\nbe: an answer proves that port 53 is intercepted");
    app.add_option("--timeout", test_.command.timeout_seconds, "Wait this long for an answer (2)")
        ->check(seconds(kShortestTimeout, kLongestTimeout))
        ->type_name("SECONDS");
    add_fail_on_option(app, raw);
  }

  Result<ParsedCommand> complete(DnsExplainCommand explain) const {
    if (auto error = complete_name(explain.name)) return std::unexpected(*error);
    if (auto error = complete_type(raw_.type, explain.type)) return std::unexpected(*error);
    if (auto error = complete_caller(raw_.caller, explain)) return std::unexpected(*error);
    return explain;
  }

  Result<ParsedCommand> complete(DnsTestCommand test) const {
    for (std::string& name : test.names) {
      if (auto error = complete_name(name)) return std::unexpected(*error);
    }
    if (auto error = complete_type(raw_.type, test.type)) return std::unexpected(*error);
    for (const std::string& text : raw_.servers) {
      const auto server = DnsServer::parse(text);
      if (!server) {
        return failure(ErrorKind::kUsage, fmt::format("--server: {} is not ADDRESS[:PORT]", in_quotes(text)),
                       "for example 10.66.0.1, [2001:db8::1]:5353 or fe80::1%tun0");
      }
      test.servers.push_back(*server);
    }
    return test;
  }

  CLI::App* app_;
  Sub<DnsShowCommand> show_;
  Sub<DnsExplainCommand> explain_;
  Sub<DnsTestCommand> test_;
  RawDns raw_;
};

}  // namespace

std::unique_ptr<CommandOptions> add_dns_commands(CLI::App& app, OutputOptions& output, RawOutput& raw) {
  return std::make_unique<DnsOptions>(app, output, raw);
}

}  // namespace vpndoctor
