// SPDX-License-Identifier: Apache-2.0
// Scans /proc for the holder of a tun device; see the header.
#include "tun_holder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <set>
#include <string_view>

#include "parse_number.h"
#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr int kMaxProcesses = 100'000;

/// The name in the line "iff:\t<name>\n"; empty when there is none (drivers/net/tun.c, tun_chr_show_fdinfo()).
std::string held_interface(std::string_view fdinfo) {
  constexpr std::string_view kLabel = "iff:\t";
  while (!fdinfo.empty()) {
    const std::string_view line = fdinfo.substr(0, fdinfo.find('\n'));
    if (line.starts_with(kLabel)) return std::string(line.substr(kLabel.size()));
    fdinfo.remove_prefix(std::min(line.size() + 1, fdinfo.size()));
  }
  return {};
}

/// Only descriptors of the tun device are worth reading: most processes have hundreds of others.
std::set<std::string> held_interfaces(const std::string& process, const std::vector<std::string>& descriptors) {
  std::set<std::string> interfaces;
  for (const std::string& descriptor : descriptors) {
    if (!link_target(process + "/fd/" + descriptor).ends_with("/net/tun")) continue;
    const std::string name = held_interface(read_small_file(process + "/fdinfo/" + descriptor).value_or(""));
    if (!name.empty()) interfaces.insert(name);
  }
  return interfaces;
}

std::string process_name(const std::string& process) {
  std::string name = read_small_file(process + "/comm").value_or("");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  // A process chooses its own name: nothing in it may reach a terminal.
  std::ranges::replace_if(name, [](unsigned char c) { return std::isprint(c) == 0; }, '?');
  return name;
}

}  // namespace

TunScan scan_tun_holders() {
  TunScan found;
  const std::string own_namespace = link_target("/proc/self/ns/net");
  int seen = 0;
  for (const std::string& entry : directory_entries("/proc").value_or(std::vector<std::string>{})) {
    const auto pid = parse_number<pid_t>(entry);
    if (!pid) continue;
    if (++seen > kMaxProcesses) {
      found.cut = true;
      break;
    }
    const std::string process = "/proc/" + entry;
    const auto descriptors = directory_entries(process + "/fd");
    if (!descriptors) {
      if (!has_ended(errno)) ++found.unreadable;
    } else if (link_target(process + "/ns/net") == own_namespace) {
      for (const std::string& interface : held_interfaces(process, *descriptors)) {
        found.holders.emplace(interface, TunHolder{*pid, process_name(process)});
      }
    }
  }
  return found;
}

TunHolders find_tun_holders(const std::string& interface) {
  const TunScan scan = scan_tun_holders();
  TunHolders found{{}, scan.unreadable, scan.cut};
  const auto [begin, end] = scan.holders.equal_range(interface);
  for (auto each = begin; each != end; ++each) found.holders.push_back(each->second);
  return found;
}

}  // namespace vpndoctor
