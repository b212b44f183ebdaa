// SPDX-License-Identifier: Apache-2.0
// Looks for VPNs without an interface; see leak_facets.h. Command lines are looked at for what is known and forgotten:
// they may hold secrets.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "control_sockets.h"
#include "leak_facets.h"
#include "parse_number.h"
#include "port_holders.h"
#include "proc_files.h"
#include "process_sockets.h"
#include "vpndoctor/text_escape.h"
#include "xfrm_counters.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostProcesses = 100'000;
constexpr std::size_t kMostNamespaces = 64;
constexpr std::size_t kMostSigns = 1000;
constexpr std::size_t kMostArgumentBytes = 64 << 10;
constexpr std::size_t kSocketTableLimit = 32 << 20;
constexpr std::uint16_t kIkePort = 500;
constexpr std::uint16_t kIkeNatPort = 4500;

using Signs = std::vector<VpnSign>;

class Search {
 public:
  explicit Search(const std::string& root) : root_(&root), own_namespace_(link_target("/proc/self/ns/net")) {}

  Observed<Signs> run() {
    look_at_counters();
    look_at_ike_sockets();
    look_at_processes();
    look_at_control_sockets();
    if (signs_.size() > kMostSigns) {
      signs_.resize(kMostSigns);
      limits_.emplace_back("there are too many signs of VPNs");
    }
    Observed<Signs> observed(std::move(signs_), "/proc and /run");
    for (std::string& each : limits_) observed.add_limit(std::move(each));
    return observed;
  }

 private:
  void look_at_counters();
  void look_at_ike_sockets();
  void look_at_processes();
  void look_at_process(std::uint32_t pid);
  void look_at_arguments(std::uint32_t pid, const std::string& name, bool is_here);
  void look_at_control_sockets();
  void add_listeners(const std::string& table);

  const std::string* root_;
  std::string own_namespace_;
  std::map<std::string, std::uint32_t> namespaces_;  ///< a process of each that was seen
  std::size_t unreadable_ = 0;
  std::set<std::string> listening_;
  Signs signs_;
  std::vector<std::string> limits_;
};

void Search::look_at_counters() {
  const auto text = read_small_file("/proc/net/xfrm_stat");
  // A kernel without these counters has no file; it says nothing about IPsec.
  if (!text && errno != ENOENT) limits_.push_back(fmt::format("/proc/net/xfrm_stat: {}", std::strerror(errno)));
  for (const auto& [name, count] : non_zero_xfrm_counters(text.value_or(""))) {
    signs_.push_back({VpnSignKind::kXfrmCounters, name, std::nullopt,
                      fmt::format("counts {} packet{} of IPsec policies", count, count == 1 ? "" : "s")});
  }
}

void Search::look_at_ike_sockets() {
  std::map<std::uint64_t, std::uint16_t> ports;
  for (const char* path : {"/proc/net/udp", "/proc/net/udp6"}) {
    const auto text = read_small_file(path, kSocketTableLimit);
    if (!text && errno != ENOENT) limits_.push_back(fmt::format("{}: {}", path, std::strerror(errno)));
    for (const InternetSocket& each : parse_socket_table(text.value_or(""), false)) {
      if (each.local_port == kIkePort || each.local_port == kIkeNatPort) ports[each.inode] = each.local_port;
    }
  }
  std::set<std::uint64_t> inodes;
  for (const auto& [inode, port] : ports) inodes.insert(inode);
  const auto holders = find_socket_holders(inodes, {"charon", "charon-systemd", "charon-nm", "pluto", "iked"});
  for (const auto& [inode, port] : ports) {
    VpnSign sign{VpnSignKind::kIpsecSocket, "", std::nullopt, fmt::format("listens on UDP port {}", port)};
    if (const auto holder = holders.find(inode); holder != holders.end()) {
      sign.name = holder->second.name;
      sign.pid = static_cast<std::uint32_t>(holder->second.pid);
    }
    if (std::ranges::find(signs_, sign) == signs_.end()) signs_.push_back(std::move(sign));
  }
}

void Search::look_at_processes() {
  const auto entries = directory_entries("/proc");
  if (!entries) {
    limits_.push_back(fmt::format("/proc: {}", std::strerror(errno)));
    return;
  }
  std::vector<std::uint32_t> pids;
  for (const std::string& entry : *entries) {
    if (const auto pid = parse_number<std::uint32_t>(entry)) pids.push_back(*pid);
  }
  std::ranges::sort(pids);
  if (pids.empty() || pids.front() != 1) limits_.emplace_back("processes of other users are hidden (/proc, hidepid)");
  if (pids.size() > kMostProcesses) {
    limits_.push_back(fmt::format("only {} of {} processes were looked at", kMostProcesses, pids.size()));
    pids.resize(kMostProcesses);
  }
  for (const std::uint32_t pid : pids) look_at_process(pid);
  if (unreadable_ > 0) {
    limits_.push_back(fmt::format("{} process{} could not be looked at", unreadable_, unreadable_ == 1 ? "" : "es"));
  }
}

void Search::look_at_process(std::uint32_t pid) {
  const std::string place = fmt::format("/proc/{}", pid);
  auto name = read_small_file(place + "/comm");
  if (!name) {
    unreadable_ += has_ended(errno) ? 0U : 1U;
    return;
  }
  if (name->ends_with('\n')) name->pop_back();
  const std::string space = link_target(place + "/ns/net");
  if (!space.empty() && namespaces_.size() < kMostNamespaces) namespaces_.try_emplace(space, pid);
  const bool may_be_here = space.empty() || space == own_namespace_;
  if (may_be_here && may_be_vpn_client(*name)) look_at_arguments(pid, *name, !space.empty());
}

void Search::look_at_arguments(std::uint32_t pid, const std::string& name, bool is_here) {
  auto text = read_small_file(fmt::format("/proc/{}/cmdline", pid), kMostArgumentBytes);
  if (!text) {
    unreadable_ += has_ended(errno) ? 0U : 1U;
    return;
  }
  std::vector<std::string_view> arguments;
  for (std::string_view rest = *text; !rest.empty();) {
    arguments.push_back(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(arguments.back().size() + 1, rest.size()));
  }
  // A kernel thread, or a process that has ended, has no arguments.
  auto sign = arguments.empty() ? std::nullopt : recognize_vpn_client(name, arguments);
  ::explicit_bzero(text->data(), text->size());
  if (!sign) return;
  sign->pid = pid;
  if (!is_here) sign->text += "; it may be in another network namespace";
  signs_.push_back(std::move(*sign));
}

void Search::add_listeners(const std::string& table) {
  const auto text = read_small_file(table, kSocketTableLimit);
  if (text) listening_.merge(listening_unix_paths(*text));
}

void Search::look_at_control_sockets() {
  add_listeners("/proc/self/net/unix");
  for (const auto& [space, pid] : namespaces_) {
    if (space != own_namespace_) add_listeners(fmt::format("/proc/{}/net/unix", pid));
  }
  AbandonedSockets found = find_abandoned_sockets(*root_, listening_);
  for (std::string& path : found.paths) {
    signs_.push_back({VpnSignKind::kAbandonedSocket, std::move(path), std::nullopt, "nobody listens on it"});
  }
  for (std::string& each : found.not_asked) limits_.push_back(std::move(each));
}

}  // namespace

Observed<Signs> read_vpn_signs(const std::string& root) { return Search(root).run(); }

}  // namespace vpndoctor
