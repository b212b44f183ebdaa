// SPDX-License-Identifier: Apache-2.0
// Scans /proc for the holder of a tun device; see the header.
#include "tun_holder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>

#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr int kMaxProcesses = 100'000;

std::optional<pid_t> parse_pid(const std::string& name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end == name.data() + name.size() ? std::optional(pid) : std::nullopt;
}

/// drivers/net/tun.c, tun_chr_show_fdinfo(): "iff:\t<name>\n".
bool names_interface(std::string_view fdinfo, const std::string& interface) {
  const std::string line = fmt::format("iff:\t{}\n", interface);
  const auto at = fdinfo.find(line);
  return at == 0 || (at != std::string_view::npos && fdinfo[at - 1] == '\n');
}

/// Only descriptors of the tun device are worth reading: most processes have hundreds of others.
bool holds(const std::string& process, const std::vector<std::string>& descriptors, const std::string& interface) {
  return std::ranges::any_of(descriptors, [&](const std::string& descriptor) {
    if (!link_target(process + "/fd/" + descriptor).ends_with("/net/tun")) return false;
    const auto fdinfo = read_small_file(process + "/fdinfo/" + descriptor);
    return fdinfo && names_interface(*fdinfo, interface);
  });
}

std::string process_name(const std::string& process) {
  std::string name = read_small_file(process + "/comm").value_or("");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  // A process chooses its own name: nothing in it may reach a terminal.
  std::ranges::replace_if(name, [](unsigned char c) { return std::isprint(c) == 0; }, '?');
  return name;
}

}  // namespace

TunHolders find_tun_holders(const std::string& interface) {
  TunHolders found;
  const std::string own_namespace = link_target("/proc/self/ns/net");
  int seen = 0;
  for (const std::string& entry : directory_entries("/proc").value_or(std::vector<std::string>{})) {
    const auto pid = parse_pid(entry);
    if (!pid) continue;
    if (++seen > kMaxProcesses) {
      found.cut = true;
      break;
    }
    const std::string process = "/proc/" + entry;
    const auto descriptors = directory_entries(process + "/fd");
    if (!descriptors) {
      ++found.unreadable;
    } else if (link_target(process + "/ns/net") == own_namespace && holds(process, *descriptors, interface)) {
      found.holders.push_back({*pid, process_name(process)});
    }
  }
  return found;
}

std::string wireguard_control_socket(const std::string& interface) {
  // The first is where wireguard-go listens, the second where others that speak its protocol do.
  for (const char* directory : {"/run/wireguard/", "/var/run/wireguard/", "/run/amneziawg/"}) {
    std::string path = directory + interface + ".sock";
    struct stat facts{};
    if (::stat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode)) return path;
  }
  return {};
}

}  // namespace vpndoctor
