// SPDX-License-Identifier: Apache-2.0
// Holders of sockets; see the header.
#include "port_holders.h"

#include <fmt/format.h>

#include <algorithm>

#include "parse_number.h"
#include "proc_files.h"
#include "process_facts.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxProcesses = 100'000;

std::vector<SocketHolder> all_processes() {
  std::vector<SocketHolder> processes;
  for (const std::string& entry : directory_entries("/proc").value_or(std::vector<std::string>())) {
    const auto pid = parse_number<pid_t>(entry);
    if (pid && processes.size() < kMaxProcesses) processes.push_back({*pid, process_name(*pid)});
  }
  std::ranges::sort(processes, {}, &SocketHolder::pid);
  return processes;
}

void take_sockets_of(const SocketHolder& process, std::set<std::uint64_t>& wanted,
                     std::map<std::uint64_t, SocketHolder>& found) {
  constexpr std::string_view kBefore = "socket:[";
  const std::string folder = fmt::format("/proc/{}/fd", process.pid);
  for (const std::string& entry : directory_entries(folder).value_or(std::vector<std::string>())) {
    const std::string target = link_target(folder + "/" + entry);
    if (!target.starts_with(kBefore) || !target.ends_with(']')) continue;
    const auto inode = parse_number<std::uint64_t>(
        std::string_view(target).substr(kBefore.size(), target.size() - kBefore.size() - 1));
    if (inode && wanted.erase(*inode) == 1) found.emplace(*inode, process);
  }
}

}  // namespace

std::map<std::uint64_t, SocketHolder> find_socket_holders(std::set<std::uint64_t> inodes,
                                                          const std::set<std::string>& likely) {
  std::map<std::uint64_t, SocketHolder> found;
  if (inodes.empty()) return found;
  std::vector<SocketHolder> processes = all_processes();
  std::ranges::stable_partition(processes, [&likely](const SocketHolder& each) { return likely.contains(each.name); });
  for (const SocketHolder& process : processes) {
    if (inodes.empty()) break;
    take_sockets_of(process, inodes, found);
  }
  return found;
}

std::vector<pid_t> processes_named(const std::string& name) {
  std::vector<pid_t> pids;
  for (const SocketHolder& each : all_processes()) {
    if (each.name == name) pids.push_back(each.pid);
  }
  return pids;
}

}  // namespace vpndoctor
