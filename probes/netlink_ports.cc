// SPDX-License-Identifier: Apache-2.0
// Joins the table of netlink sockets with the descriptors of processes.
#include "netlink_ports.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "parse_number.h"
#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr std::chrono::milliseconds kRemembered{100};
constexpr int kLookupShare = 10;
constexpr std::size_t kMostKnown = 1024;
constexpr std::size_t kMaxProcesses = 100'000;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::size_t size = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, size));
    line.remove_prefix(size);
  }
}

/// sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode (net/netlink/af_netlink.c netlink_native_seq_show()).
std::optional<NetlinkPort> parse_line(std::string_view line) {
  const std::vector<std::string_view> words = words_of(line);
  constexpr std::string_view kNetlinkRoute = "0";
  if (words.size() != 10 || words[1] != kNetlinkRoute) return std::nullopt;
  const auto port = parse_number<std::uint32_t>(words[2]);
  const auto inode = parse_number<std::uint64_t>(words[9]);
  return port && inode ? std::optional(NetlinkPort{*port, *inode}) : std::nullopt;
}

/// True when the process has the socket open.
bool holds(const std::string& process, const std::string& socket) {
  for (const std::string& descriptor : directory_entries(process + "/fd").value_or(std::vector<std::string>{})) {
    if (link_target(fmt::format("{}/fd/{}", process, descriptor)) == socket) return true;
  }
  return false;
}

std::string name_of(std::uint32_t pid) {
  std::string name = read_small_file(fmt::format("/proc/{}/comm", pid)).value_or("");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

/// The fourth field of /proc/PID/stat, behind the name, which may hold anything.
std::optional<std::uint32_t> parent_of(std::uint32_t pid) {
  const std::string stat = read_small_file(fmt::format("/proc/{}/stat", pid)).value_or("");
  const std::size_t end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  const std::vector<std::string_view> words = words_of(std::string_view(stat).substr(end_of_name + 1));
  return words.size() < 2 ? std::nullopt : parse_number<std::uint32_t>(words[1]);
}

struct Process {
  std::uint32_t pid = 0;
  std::string name;
  std::string parent_name;
};

Process describe(std::uint32_t pid) {
  Process process{pid, name_of(pid), {}};
  if (const auto parent = parent_of(pid); parent && *parent != 0) process.parent_name = name_of(*parent);
  return process;
}

std::optional<std::string> socket_of(std::uint32_t port) {
  const std::string table = read_small_file("/proc/net/netlink").value_or("");
  for (const NetlinkPort& each : parse_netlink_table(table)) {
    if (each.port == port) return fmt::format("socket:[{}]", each.inode);
  }
  return std::nullopt;
}

/// The one process that has the socket; nullopt when there are several, as after a fork.
std::optional<std::uint32_t> only_holder(const std::string& socket) {
  std::optional<std::uint32_t> holder;
  std::size_t seen = 0;
  for (const std::string& entry : directory_entries("/proc").value_or(std::vector<std::string>{})) {
    const auto pid = parse_number<std::uint32_t>(entry);
    if (!pid) continue;
    if (++seen > kMaxProcesses) return std::nullopt;
    if (!holds("/proc/" + entry, socket)) continue;
    if (holder) return std::nullopt;
    holder = pid;
  }
  return holder;
}

PortOwner owner_now(std::uint32_t port) {
  PortOwner owner{.author = {.port = port, .pid = std::nullopt, .name = {}, .parent_name = {}}, .socket = {}};
  // The likely process is described first, while it is still there; it counts only when the socket is shown to be its.
  Process process = describe(port);
  owner.socket = socket_of(port).value_or("");
  if (owner.socket.empty()) return owner;
  if (process.name.empty() || !holds(fmt::format("/proc/{}", port), owner.socket)) {
    const auto holder = only_holder(owner.socket);
    if (!holder) return owner;
    process = describe(*holder);
  }
  if (process.name.empty()) return owner;
  owner.author.pid = process.pid;
  owner.author.name = process.name;
  owner.author.parent_name = process.parent_name;
  return owner;
}

/// True when the port is still that socket, and its process still holds it: far cheaper than to look for it anew.
bool is_still(const PortOwner& owner) {
  if (owner.socket.empty() || socket_of(owner.author.port) != owner.socket) return false;
  return !owner.author.pid || holds(fmt::format("/proc/{}", *owner.author.pid), owner.socket);
}

}  // namespace

std::vector<NetlinkPort> parse_netlink_table(std::string_view text) {
  std::vector<NetlinkPort> ports;
  // A last line without its end was cut: a part of a number is another number.
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (const auto port = parse_line(text.substr(0, end))) ports.push_back(*port);
    text.remove_prefix(end + 1);
  }
  return ports;
}

PortOwners::PortOwners() : lookup_{owner_now, is_still, [] { return std::chrono::steady_clock::now(); }} {}

ChangeAuthor PortOwners::find(std::uint32_t port) {
  const auto began = lookup_.now();
  const auto found = known_.find(port);
  if (found != known_.end() && began < found->second.until) return found->second.owner.author;
  if (found == known_.end() && known_.size() >= kMostKnown) known_.clear();
  Known& known = known_[port];
  if (known.until == Clock::time_point{} || !lookup_.is_still(known.owner)) known.owner = lookup_.look_up(port);
  const auto ended = lookup_.now();
  // On a busy host a look-up takes longer than a moment: it may take a tenth of the time, not all of it.
  known.until = ended + std::max<Clock::duration>(kRemembered, (ended - began) * kLookupShare);
  return known.owner.author;
}

}  // namespace vpndoctor
