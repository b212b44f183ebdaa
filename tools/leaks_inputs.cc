// SPDX-License-Identifier: Apache-2.0
// Reads the states that the leaks command takes, and checks what it names against them.
#include "leaks_inputs.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "state_source.h"
#include "vpndoctor/capture_plan.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

std::string name_of_file(const std::string& path) { return path == "-" ? "standard input" : path; }

std::optional<Error> check_interfaces(const LeaksCommand& command, const Snapshot& state) {
  if (!state.links.is_complete()) return std::nullopt;
  for (const std::string& name : command.interfaces) {
    if (state.find_link(name) != nullptr) {
      if (auto error = refuse_interface(state, name)) return error;
      continue;
    }
    return Error{ErrorKind::kUsage, fmt::format("--interface: there is no interface {}", in_quotes(name)),
                 "vpndoctor routes lists them"};
  }
  return std::nullopt;
}

/// Also under two names, and before anything of it is gone.
std::optional<Error> check_files(const LeaksCommand& command) {
  struct stat read{};
  struct stat written{};
  if (command.read_file.empty() || command.write_file.empty()) return std::nullopt;
  const bool is_read_there =
      command.read_file == "-" ? ::fstat(STDIN_FILENO, &read) == 0 : ::stat(command.read_file.c_str(), &read) == 0;
  if (!is_read_there || ::stat(command.write_file.c_str(), &written) != 0) {
    return std::nullopt;
  }
  if (read.st_dev != written.st_dev || read.st_ino != written.st_ino) return std::nullopt;
  return Error{ErrorKind::kUsage, "--write names the file that --read reads", "give another file to --write"};
}

/// The file was asked for: it is there, or the command ends.
std::optional<Error> read_named_before(const std::string& path, LeakInputs& inputs) {
  auto before = read_state(path);
  if (!before) return std::move(before.error());
  inputs.before = std::move(*before);
  inputs.before_name = name_of_file(path);
  return std::nullopt;
}

/// Nobody asked for the baseline: what is wrong with it is said and ends nothing.
void read_baseline(LeakInputs& inputs) {
  const auto place = saved_baseline();
  if (!place) return;
  auto before = read_state(place->path);
  if (!before) {
    inputs.why_no_before = std::move(before.error().message);
  } else if ((*before)->namespace_inode != inputs.state->namespace_inode) {
    inputs.why_no_before = "it was saved in another network namespace";
  } else {
    inputs.before = std::move(*before);
    inputs.before_name = place->through_sudo ? fmt::format("{}'s baseline", place->user_name) : "the baseline";
  }
}

}  // namespace

Result<LeakInputs> read_leak_inputs(const LeaksCommand& command) {
  if (auto error = check_files(command)) return std::unexpected(std::move(*error));
  auto state = read_leak_state(command.from);
  if (!state) return std::unexpected(std::move(state.error()));
  LeakInputs inputs;
  inputs.state = std::move(*state);
  if (!command.from.empty()) inputs.state_name = name_of_file(command.from);
  if (auto error = check_interfaces(command, *inputs.state)) return std::unexpected(std::move(*error));
  if (!command.before.empty()) {
    if (auto error = read_named_before(command.before, inputs)) return std::unexpected(std::move(*error));
  } else if (command.from.empty()) {
    read_baseline(inputs);
  }
  return inputs;
}

}  // namespace vpndoctor
