// SPDX-License-Identifier: Apache-2.0
// `routes explain`: one flow with every step, or a file of flows with an answer a line. Reads the state, changes it as
// asked (--without, --as-if), looks the flows up; decides nothing itself.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "line_reader.h"
#include "routes_commands.h"
#include "state_source.h"
#include "terminal.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/render.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostPending = 1U << 16U;  // bytes of answers that wait to be written
constexpr std::size_t kLongestFlow = 1024;

/// The flow that the options describe, in the words of `ip route get`, so that one parser judges both.
Result<Flow> flow_of(const RoutesExplainCommand& command) {
  Flow defaults;
  defaults.uid = command.uid.value_or(::getuid());
  defaults.mark = command.mark.value_or(0);
  defaults.tos = static_cast<std::uint8_t>(command.tos.value_or(0));
  defaults.source_port = command.source_port.value_or(0);
  defaults.destination_port = command.destination_port.value_or(0);
  defaults.input_interface = command.input_interface;
  defaults.output_interface = command.output_interface;
  std::string words = "to " + (command.address.empty() ? "0.0.0.0" : command.address);
  if (!command.source.empty()) words += " from " + command.source;
  if (!command.protocol.empty()) words += " ipproto " + command.protocol;
  return parse_flow(words, defaults);
}

/// IPv4 drops a packet that arrives without a source address, whatever the routes say: nobody asks for that.
Result<Flow> check_arrival(Flow flow) {
  const bool has_no_source = !flow.input_interface.empty() && !flow.source && flow.destination.family == Family::kInet;
  if (!has_no_source) return flow;
  return failure(ErrorKind::kUsage, "a packet that arrives (--iif) has a source address", "--from-source says which");
}

/// What each line of a file leaves open: the options, but no source of another IP version.
Result<Flow> defaults_of(const RoutesExplainCommand& command) {
  RoutesExplainCommand without_source = command;
  without_source.source.clear();
  auto flow = flow_of(without_source);
  if (!flow || command.source.empty()) return flow;
  flow->source = IpAddress::parse(command.source);
  if (!flow->source)
    return failure(ErrorKind::kUsage, in_quotes(command.source) + " is no IP address",
                   "--from-source takes an IPv4 or IPv6 address");
  return flow;
}

/// The names to choose from, as a hint; those of a machine with hundreds are not all of use.
std::string interface_names(const Snapshot& snapshot) {
  constexpr std::size_t kMostNames = 12;
  std::string names;
  for (std::size_t i = 0; i < std::min(snapshot.links->size(), kMostNames); ++i) {
    names += (names.empty() ? "" : ", ") + (*snapshot.links)[i].name;
  }
  if (names.empty()) return "there are none";
  const std::size_t rest = snapshot.links->size() - std::min(snapshot.links->size(), kMostNames);
  return rest == 0 ? "there are: " + names : fmt::format("there are: {}, and {} more", names, rest);
}

std::optional<Error> check_interface(const Snapshot& snapshot, const std::string& option, const std::string& name) {
  if (name.empty() || !snapshot.links || snapshot.find_link(name) != nullptr) return std::nullopt;
  return Error{ErrorKind::kUsage, fmt::format("{}: there is no interface {}", option, in_quotes(name)),
               interface_names(snapshot)};
}

/// For one packet, what the kernel would answer to a mistyped name is no answer to the question.
std::optional<Error> check_flow(const RoutesExplainCommand& command, const Snapshot& snapshot) {
  if (auto error = check_interface(snapshot, "--oif", command.output_interface)) return error;
  return check_interface(snapshot, "--iif", command.input_interface);
}

Result<RoutesExplainReport> prepare(const RoutesExplainCommand& command) {
  auto state = read_state(command.from);
  if (!state) return std::unexpected(std::move(state.error()));
  RoutesExplainReport report;
  report.snapshot = std::move(*state);
  if (command.flows_file.empty()) {
    if (auto error = check_flow(command, *report.snapshot)) return std::unexpected(std::move(*error));
  }
  if (!command.without_interface.empty()) {
    if (auto error = check_interface(*report.snapshot, "--without", command.without_interface)) {
      return std::unexpected(std::move(*error));
    }
    report.hypothesis = "Without " + command.without_interface;
    report.snapshot = std::make_shared<const Snapshot>(without_interface(*report.snapshot, command.without_interface));
  }
  if (!command.as_if_route.empty()) {
    auto changed = with_route(*report.snapshot, command.as_if_route);
    if (!changed) return std::unexpected(std::move(changed.error()));
    report.hypothesis +=
        fmt::format("{} the route {}", report.hypothesis.empty() ? "With" : " and with", command.as_if_route);
    report.snapshot = std::make_shared<const Snapshot>(std::move(*changed));
  }
  report.fib = std::make_shared<const Fib>(*report.snapshot);
  report.uid_was_given = command.uid.has_value();
  return report;
}

int fail(const Error& error, bool as_json) {
  Report report;
  report.command = "routes explain";
  report.error = error;
  if (as_json) {
    write_result(render_flow_error_json(error));
  } else {
    std::fputs(render_text(report).c_str(), stderr);
  }
  return exit_code(report);
}

/// Answers lines until there are no more.
class FlowAnswers {
 public:
  FlowAnswers(RoutesExplainReport report, Flow defaults, bool as_json, const Interrupt& interrupt)
      : report_(std::move(report)), defaults_(std::move(defaults)), as_json_(as_json), interrupt_(&interrupt) {}

  /// False when no answer can be written any more.
  bool answer(const Result<std::string_view>& line, bool more_is_there) {
    if (!line) {
      refuse(line.error());
    } else if (const std::size_t text = line->find_first_not_of(" \t\r"); text == line->npos || (*line)[text] == '#') {
      return true;
    } else if (auto flow = parse_flow(*line, defaults_); !flow) {
      refuse(flow.error());
    } else {
      answer(std::move(*flow));
    }
    return (more_is_there && pending_.size() < kMostPending) || flush();
  }
  bool flush() {
    if (pending_.empty()) return true;
    errno = 0;
    const bool written = write_result(pending_, *interrupt_);
    const int error_number = errno;
    pending_.clear();
    // A reader that went away is no failure, yet an endless file must end with it.
    if (!written && error_number != EINTR) write_error_ = error_number;
    return written && error_number != EPIPE;
  }
  int write_error() const { return write_error_; }
  bool refused_any() const { return refused_any_; }

 private:
  void answer(Flow flow) {
    report_.flow = std::move(flow);
    if (as_json_) {
      report_.explanation = report_.fib->explain(report_.flow);
      pending_ += render_flow_json(report_);
    } else {
      report_.explanation.answer = report_.fib->lookup(report_.flow);
      pending_ += render_flow_text(report_);
    }
  }
  void refuse(const Error& error) {
    refused_any_ = true;
    pending_ += as_json_ ? render_flow_error_json(error) : render_flow_error_text(error);
  }

  RoutesExplainReport report_;
  Flow defaults_;
  bool as_json_;
  const Interrupt* interrupt_;
  bool refused_any_ = false;
  int write_error_ = 0;
  std::string pending_;
};

}  // namespace

Report run_routes_explain(const RoutesExplainCommand& command, const OutputOptions&) {
  Report report;
  report.command = "routes explain";
  auto flow = flow_of(command);
  if (flow) flow = check_arrival(std::move(*flow));
  auto prepared = flow ? prepare(command) : Result<RoutesExplainReport>(std::unexpected(std::move(flow.error())));
  if (!prepared) {
    report.error = std::move(prepared.error());
    return report;
  }
  prepared->flow = std::move(*flow);
  prepared->explanation = prepared->fib->explain(prepared->flow);
  report.verdict = Verdict::kOk;
  report.data = std::move(*prepared);
  return report;
}

int run_routes_flows(const RoutesExplainCommand& command, const OutputOptions& output) {
  const bool as_json = output.format == Format::kJson;
  auto defaults = defaults_of(command);
  if (!defaults) return fail(defaults.error(), as_json);
  auto reader = LineReader::open(command.flows_file, kLongestFlow);
  if (!reader) return fail(reader.error(), as_json);
  auto prepared = prepare(command);
  if (!prepared) return fail(prepared.error(), as_json);
  // Until here there is nothing to report.
  Interrupt interrupt;
  reader->end_with(interrupt.descriptor());
  FlowAnswers answers(std::move(*prepared), std::move(*defaults), as_json, interrupt);
  while (const auto line = reader->next()) {
    if (!answers.answer(*line, reader->has_more())) break;
  }
  answers.flush();
  if (answers.write_error() != 0) return fail_to_write(answers.write_error());
  if (interrupt.release()) return 130;
  return answers.refused_any() ? 2 : 0;
}

}  // namespace vpndoctor
