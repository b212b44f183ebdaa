// SPDX-License-Identifier: Apache-2.0
// The options of the routes commands, their limits and their help.
#include <limits>

#include "cli.h"

namespace vpndoctor {
namespace {

constexpr const char* kRoutesExamples =
    "  vpndoctor routes                          where traffic goes, what is wrong\n"
    "  vpndoctor routes save                     keep this state as the baseline\n"
    "  vpndoctor routes --diff                   what changed since then\n"
    "  vpndoctor routes explain 10.1.2.3         which route a packet takes, and why\n"
    "  vpndoctor routes audit list --via wg0     does a split tunnel do what it says\n"
    "  vpndoctor routes restore                  how to get back to the baseline\n"
    "  vpndoctor routes watch                    every change, and who made it\n";

constexpr const char* kShowExamples =
    "  vpndoctor routes                          tables, owners, what is wrong\n"
    "  vpndoctor routes show --all               every entry instead of aggregates\n"
    "  vpndoctor routes show --from saved.jsonl  the same of a saved state\n";

constexpr const char* kSaveExamples =
    "  vpndoctor routes save                     keep this state as the baseline\n"
    "  vpndoctor routes save before.jsonl        keep it in a file\n"
    "  vpndoctor routes save - | ssh desk ...    send it to somebody else\n";

constexpr const char* kDiffExamples =
    "  vpndoctor routes --diff                   what changed since routes save\n"
    "  vpndoctor routes diff before.jsonl        what changed since that file\n"
    "  vpndoctor routes diff old.jsonl new.jsonl\n";

constexpr const char* kExplainFlowExamples =
    "  vpndoctor routes explain 10.1.2.3         rule, table, route, source address\n"
    "  vpndoctor routes explain 8.8.8.8 --mark 0x1234 --uid 1000\n"
    "  vpndoctor routes explain 10.1.2.3 --without wg0     if the tunnel were gone\n"
    "  vpndoctor routes explain 10.1.2.3 --as-if '10.0.0.0/8 dev wg0'\n"
    "  vpndoctor routes explain --flows flows.txt --json   one answer a line\n";

constexpr const char* kAuditExamples =
    "  vpndoctor routes audit prefixes.txt --via wg0\n"
    "  vpndoctor routes audit /etc/wireguard/wg0.conf --via wg0\n"
    "  vpndoctor routes audit client.ovpn --via tun0 --json\n";

constexpr const char* kRestoreExamples =
    "  vpndoctor routes restore                  the plan back to the baseline\n"
    "  vpndoctor routes restore --infer          without a baseline: from leases\n"
    "  sudo vpndoctor routes restore --apply --confirm 30\n";

constexpr const char* kWatchExamples =
    "  vpndoctor routes watch                    until Ctrl-C\n"
    "  vpndoctor routes watch --for 60 --json    one object a line\n";

constexpr std::uint64_t kLargestWord = std::numeric_limits<std::uint32_t>::max();

void add_interface_option(CLI::App& app, const std::string& name, std::string& interface, const std::string& what) {
  app.add_option(name, interface, what)->check(not_empty())->type_name("IF");
}

void add_flow_options(CLI::App& app, RoutesExplainCommand& explain) {
  app.add_option("address", explain.address, "Where the packet goes")->check(not_empty())->type_name("");
  app.add_option("--from-source", explain.source, "The packet's source address")->check(not_empty())->type_name("ADDR");
  app.add_option("--mark", explain.mark, "Its firewall mark")->transform(whole_number(0, kLargestWord))->type_name("N");
  add_interface_option(app, "--iif", explain.input_interface, "It arrived on this interface");
  add_interface_option(app, "--oif", explain.output_interface, "Its socket is bound to this interface");
  app.add_option("--uid", explain.uid, "Its sender's user id (yours)")
      ->transform(whole_number(0, kLargestWord))
      ->type_name("N");
  app.add_option("--proto", explain.protocol, "Its protocol, a number or a name")->check(not_empty())->type_name("P");
  app.add_option("--sport", explain.source_port, "Its source port")
      ->transform(whole_number(0, 65535))
      ->type_name("PORT");
  app.add_option("--dport", explain.destination_port, "Its destination port")
      ->transform(whole_number(0, 65535))
      ->type_name("PORT");
  app.add_option("--tos", explain.tos, "Its TOS or traffic class byte")
      ->transform(whole_number(0, 255))
      ->type_name("N");
}

/// --confirm leaves a human time to notice, and a machine no long time half-changed.
constexpr double kShortestConfirm = 1;
constexpr double kLongestConfirm = 3600;

class RoutesOptions final : public CommandOptions {
 public:
  RoutesOptions(CLI::App& app, OutputOptions& output, RawOutput& raw)
      : app_(app.add_subcommand("routes", "Show, compare, explain, restore the routing state")) {
    set_examples(*app_, kRoutesExamples);
    app_->require_subcommand(0, 1);
    add_show(raw);
    add_save();
    add_diff();
    add_explain();
    add_audit(raw);
    add_restore();
    add_watch();
    for (CLI::App* each : app_->get_subcommands({})) add_output_options(*each, output, raw);
    // Subcommands that are added later would inherit it.
    app_->footer(
        "Without a command it shows, with --diff it compares: the options of these work\n"
        "there too (vpndoctor routes show --help, vpndoctor routes diff --help).");
  }

  std::optional<Result<ParsedCommand>> parsed() const override {
    if (!app_->parsed()) return std::nullopt;
    if (show_.app->parsed()) return show_.command;
    if (save_.app->parsed()) return complete(save_.command);
    if (diff_.app->parsed()) return complete(diff_.command);
    if (explain_.app->parsed()) return complete(explain_.command);
    if (audit_.app->parsed()) return complete(audit_.command);
    if (restore_.app->parsed()) return complete(restore_.command);
    if (watch_.app->parsed()) return watch_.command;
    return failure(ErrorKind::kUsage, "no routes command is given", "see vpndoctor routes --help");
  }

 private:
  void add_show(RawOutput& raw) {
    show_.add(*app_, "show", "Show the tables, and what is wrong with them", kShowExamples);
    show_.app->add_flag("--all", show_.command.all, "Every entry instead of aggregates");
    add_from_option(*show_.app, show_.command.from);
    add_fail_on_option(*show_.app, raw);
  }

  void add_save() {
    save_.add(*app_, "save", "Keep the state in a file", kSaveExamples);
    save_.app->add_option("file", save_.command.file, "Where to (the baseline); - for standard output")
        ->check(not_empty())
        ->type_name("");
    add_from_option(*save_.app, save_.command.from);
  }

  void add_diff() {
    diff_.add(*app_, "diff", "Say what differs between two states (then exit 1)", kDiffExamples);
    diff_.app->add_option("old", diff_.command.before, "The state before (the baseline)")
        ->check(not_empty())
        ->type_name("");
    diff_.app->add_option("new", diff_.command.after, "The state after (this machine's)")
        ->check(not_empty())
        ->type_name("");
    add_from_option(*diff_.app, diff_.command.from);
  }

  void add_explain() {
    explain_.add(*app_, "explain", "Say which route a packet takes, and why", kExplainFlowExamples);
    RoutesExplainCommand& command = explain_.command;
    add_flow_options(*explain_.app, command);
    explain_.app->add_option("--flows", command.flows_file, "Answer each line of a file, - for standard input")
        ->check(not_empty())
        ->type_name("FILE");
    add_interface_option(*explain_.app, "--without", command.without_interface, "As if this interface were gone");
    explain_.app->add_option("--as-if", command.as_if_route, "As if this route were there (words of ip route)")
        ->check(not_empty())
        ->type_name("ROUTE");
    add_from_option(*explain_.app, command.from);
  }

  void add_audit(RawOutput& raw) {
    audit_.add(*app_, "audit", "Check that a list of prefixes uses a tunnel", kAuditExamples);
    audit_.app->add_option("list", audit_.command.list_file, "CIDRs, or a VPN's configuration; - for stdin")
        ->check(not_empty())
        ->required()
        ->type_name("");
    audit_.app->add_option("--via", audit_.command.via_interface, "The tunnel's interface")
        ->check(not_empty())
        ->required()
        ->type_name("IF");
    add_from_option(*audit_.app, audit_.command.from);
    add_fail_on_option(*audit_.app, raw);
  }

  void add_restore() {
    restore_.add(*app_, "restore", "Plan the way back to a saved state, and go it", kRestoreExamples);
    CLI::App& app = *restore_.app;
    RoutesRestoreCommand& command = restore_.command;
    app.add_option("baseline", command.baseline, "The state to go back to (the baseline)")
        ->check(not_empty())
        ->type_name("");
    add_from_option(app, command.from);
    app.add_flag("--infer", command.infer, "Without a baseline: from leases and configuration");
    app.add_flag("--apply", command.apply, "Carry the plan out (root)");
    app.add_flag("--force", command.force, "Also when another manager owns the table")->needs("--apply");
    app.add_flag("--optional,--delete-addresses", command.with_optional, "Also what the plan only offers");
    app.add_option("--confirm", command.confirm_seconds, "Go back again unless Enter comes within this time")
        ->check(seconds(kShortestConfirm, kLongestConfirm))
        ->needs("--apply")
        ->type_name("SECONDS");
    app.add_flag("--confirmed", command.confirmed, "Keep what a restore with --confirm has applied");
  }

  void add_watch() {
    watch_.add(*app_, "watch", "Print every change as it happens, and who made it", kWatchExamples);
    watch_.app->add_option("--for", watch_.command.duration_seconds, "Stop after this time")
        ->check(seconds(0.1, 86400.0 * 365))
        ->type_name("SECONDS");
  }

  /// Standard input can be read once.
  static std::optional<Error> check_input(const std::string& one, const char* what, const std::string& from) {
    if (one != "-" || from != "-") return std::nullopt;
    return Error{ErrorKind::kUsage, fmt::format("standard input can be one of the two, {} or the state, only", what),
                 "give a file for one of them"};
  }

  static Result<ParsedCommand> complete(const RoutesSaveCommand& save) {
    if (!save.file.empty() || save.from.empty()) return save;
    return failure(ErrorKind::kUsage, "the baseline is this machine's, and --from may be another's",
                   "name the file to write");
  }

  static Result<ParsedCommand> complete(const RoutesAuditCommand& audit) {
    if (auto error = check_input(audit.list_file, "the list", audit.from)) return std::unexpected(*error);
    return audit;
  }

  static Result<ParsedCommand> complete(const RoutesDiffCommand& diff) {
    if (diff.after.empty() || diff.from.empty()) return diff;
    return failure(ErrorKind::kUsage, "--from and a second state contradict each other", "give one of them");
  }

  static Result<ParsedCommand> complete(const RoutesExplainCommand& explain) {
    if (explain.address.empty() == explain.flows_file.empty()) {
      return failure(ErrorKind::kUsage, "give one address, or --flows FILE", "see vpndoctor routes explain --help");
    }
    if (auto error = check_input(explain.flows_file, "the flows", explain.from)) return std::unexpected(*error);
    return explain;
  }

  static Result<ParsedCommand> complete(const RoutesRestoreCommand& restore) {
    if (restore.infer && !restore.baseline.empty()) {
      return failure(ErrorKind::kUsage, "--infer and a baseline contradict each other", "give one of them");
    }
    if (restore.apply && !restore.from.empty()) {
      return failure(ErrorKind::kUsage, "--apply changes this machine, --from plans for another",
                     "leave out one of them");
    }
    if (auto error = check_input(restore.baseline, "the baseline", restore.from)) return std::unexpected(*error);
    return restore;
  }

  CLI::App* app_;
  Sub<RoutesShowCommand> show_;
  Sub<RoutesSaveCommand> save_;
  Sub<RoutesDiffCommand> diff_;
  Sub<RoutesExplainCommand> explain_;
  Sub<RoutesAuditCommand> audit_;
  Sub<RoutesRestoreCommand> restore_;
  Sub<RoutesWatchCommand> watch_;
};

}  // namespace

std::unique_ptr<CommandOptions> add_routes_commands(CLI::App& app, OutputOptions& output, RawOutput& raw) {
  return std::make_unique<RoutesOptions>(app, output, raw);
}

}  // namespace vpndoctor
