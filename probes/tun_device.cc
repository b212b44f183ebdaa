// SPDX-License-Identifier: Apache-2.0
// Asks descriptors of the tun device; see the header.
#include "tun_device.h"

#include <fmt/format.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "parse_number.h"
#include "proc_files.h"

namespace vpndoctor {
namespace {

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

std::optional<TunDevice> name_alone(pid_t pid, const std::string& descriptor) {
  const auto fdinfo = read_small_file(fmt::format("/proc/{}/fdinfo/{}", pid, descriptor));
  std::string name = held_interface(fdinfo.value_or(""));
  return name.empty() ? std::nullopt : std::optional(TunDevice{std::move(name), std::nullopt});
}

std::optional<std::uint64_t> device_namespace(const Fd& device) {
  Fd found(::ioctl(device.get(), TUNGETDEVNETNS, nullptr));
  // Linux before 5.6 has only the question for the namespace that its socket was made in.
  if (!found && errno != EPERM) found.reset(::ioctl(device.get(), SIOCGSKNS, nullptr));
  struct stat facts{};
  return found && ::fstat(found.get(), &facts) == 0 ? std::optional<std::uint64_t>(facts.st_ino) : std::nullopt;
}

}  // namespace

Fd open_process(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

std::optional<TunDevice> ask_tun_device(pid_t pid, const Fd& process, const std::string& descriptor) {
  const auto number = parse_number<int>(descriptor);
  if (!number) return std::nullopt;
  const Fd device(process ? static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), *number, 0)) : -1);
  if (!device) return name_alone(pid, descriptor);
  ifreq request{};
  // Refused when it is none, or none any more: the process may have closed it since.
  if (::ioctl(device.get(), TUNGETIFF, &request) != 0) return std::nullopt;
  return TunDevice{std::string(request.ifr_name, ::strnlen(request.ifr_name, IFNAMSIZ)), device_namespace(device)};
}

}  // namespace vpndoctor
