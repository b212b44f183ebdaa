// SPDX-License-Identifier: Apache-2.0
// Reads what /proc says of a process; see the header.
#include "process_facts.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "parse_number.h"
#include "proc_files.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr int kFieldsFromStateToStart = 19;  // the state is field 3, the start field 22

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // A name may hold brackets, spaces and line ends; no field after it does.
  const auto name_end = text.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 2);
  ProcessStat stat;
  for (int field = 0; field <= kFieldsFromStateToStart; ++field) {
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    if (word.empty()) return std::nullopt;
    if (field == 0) {
      if (word.size() != 1 || std::isalpha(static_cast<unsigned char>(word[0])) == 0) return std::nullopt;
      stat.state = word[0];
    }
    if (field == kFieldsFromStateToStart) {
      const auto started = parse_number<std::uint64_t>(word);
      if (!started) return std::nullopt;
      stat.started = *started;
    }
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return stat;
}

std::optional<ProcessStat> read_process_stat(pid_t pid) {
  const auto text = read_small_file(fmt::format("/proc/{}/stat", pid));
  return text ? parse_process_stat(*text) : std::nullopt;
}

std::string process_name(pid_t pid) {
  std::string name = read_small_file(fmt::format("/proc/{}/comm", pid)).value_or("");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return escape_controls(name);
}

bool has_capability(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets.at(capability / 32).effective >> (capability % 32) & 1U) != 0;
}

}  // namespace vpndoctor
