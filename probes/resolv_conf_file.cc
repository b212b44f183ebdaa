// SPDX-License-Identifier: Apache-2.0
// Describes /etc/resolv.conf as a file; see the header.
#include "resolv_conf_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string_view>

#include "configuration_files.h"
#include "parse_number.h"
#include "proc_files.h"
#include "vpndoctor/resolver_text.h"
#include "whole_file.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostMountinfoBytes = 16U << 20U;
constexpr std::size_t kMostBackups = 64;

std::optional<bool> is_immutable(const std::string& root, const std::string& path) {
  const Fd file = open_below(root, path, O_RDONLY | O_NONBLOCK);
  int flags = 0;
  if (!file || ::ioctl(file.get(), FS_IOC_GETFLAGS, &flags) != 0) return std::nullopt;
  return (flags & FS_IMMUTABLE_FL) != 0;
}

/// A backup's place and who puts it there; names of processes as the kernel cuts them, at 15 bytes.
struct KnownBackup {
  std::string_view folder;
  std::string_view beginning;  ///< of the file's name
  std::string_view writer;
  std::array<std::string_view, 2> processes;
  bool may_go_on = false;  ///< the name may be longer
};
constexpr std::array<KnownBackup, 6> kKnownBackups = {{
    {"/etc", "resolv.pre-tailscale-backup.conf", "Tailscale", {"tailscaled"}},
    {"/etc", "resolv.conf.original.netbird", "NetBird", {"netbird"}},
    {"/etc", "resolv.conf.mullvadbackup", "Mullvad", {"mullvad-daemon"}},
    {"/etc", ".resolv.conf.systemd-resolved.bak", "systemd-resolved", {"systemd-resolve"}},
    {"/run/vpnc", "resolv.conf-backup", "vpnc-script", {"openconnect", "vpnc"}, true},
    {"/var/run/vpnc", "resolv.conf-backup", "vpnc-script", {"openconnect", "vpnc"}, true},
}};

/// The names of all processes that can be seen; nullopt when not all can (the mount option hidepid).
struct RunningProcesses {
  std::set<std::string, std::less<>> names;
  bool are_all = false;

  explicit RunningProcesses(const std::string& root) {
    for (const std::string& entry : directory_entries(root + "/proc").value_or(std::vector<std::string>{})) {
      if (!parse_number<int>(entry)) continue;
      std::string name = read_small_file(root + "/proc/" + entry + "/comm").value_or("");
      name = name.substr(0, name.find('\n'));
      are_all = are_all || (entry == "1" && !name.empty());
      names.insert(std::move(name));
    }
  }
  std::optional<bool> any_of(std::span<const std::string_view> wanted) const {
    const auto runs = [this](std::string_view name) { return !name.empty() && names.contains(name); };
    if (std::ranges::any_of(wanted, runs)) return true;
    return are_all ? std::optional(false) : std::nullopt;
  }
};

std::vector<std::string> paths_of(const KnownBackup& known, const std::string& root) {
  std::vector<std::string> paths;
  const std::string path = std::string(known.folder) + "/" + std::string(known.beginning);
  if (known.may_go_on) return ConfigurationFiles(root).list(std::string(known.folder), known.beginning, "");
  struct stat facts{};
  if (::lstat((root + path).c_str(), &facts) == 0) paths.push_back(path);
  return paths;
}

}  // namespace

void describe_resolv_conf(ResolvConf& file, const std::string& root) {
  file.link_target = link_target(root + file.path);
  file.real_path = real_path_below(root, file.path);
  const WholeFile mounts = read_whole_file(root, "/proc/self/mountinfo", kMostMountinfoBytes);
  const std::string& place = file.real_path.empty() ? file.path : file.real_path;
  if (mounts.content) file.mount_source = mount_over(*mounts.content, place);
  if (file.exists) file.immutable = is_immutable(root, file.path);
}

Observed<std::vector<ResolvConfBackup>> read_resolv_conf_backups(const std::string& root) {
  std::vector<ResolvConfBackup> backups;
  std::optional<RunningProcesses> processes;
  std::set<std::string> seen;  // /var/run is mostly a link to /run
  for (const KnownBackup& known : kKnownBackups) {
    for (const std::string& path : paths_of(known, root)) {
      if (!seen.insert(real_path_below(root, path)).second || backups.size() == kMostBackups) continue;
      if (!processes) processes.emplace(root);
      backups.push_back({path, std::string(known.writer), processes->any_of(known.processes)});
    }
  }
  return Observed<std::vector<ResolvConfBackup>>(std::move(backups),
                                                 "the places where VPN clients put resolv.conf aside");
}

}  // namespace vpndoctor
