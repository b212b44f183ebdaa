// SPDX-License-Identifier: Apache-2.0
// Reads a folder of raw text captures of a macOS machine. What is in a file decides, its name only says where to look.
#include "macos_captures.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "atomic_file.h"
#include "handles.h"
#include "vpndoctor/macos_text.h"
#include "vpndoctor/resolver_text.h"
#include "vpndoctor/snapshot_file.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kLongestCapture = 64U << 20U;

using Folder = std::unique_ptr<DIR, Freer<closedir>>;

struct Capture {
  std::string name;
  std::string text;
  std::chrono::system_clock::time_point written_at;
  bool is_cut = false;
};

/// Reads a regular file; nullopt for anything else.
std::optional<Capture> read_capture(int folder, const std::string& name) {
  const Fd file(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  Capture capture{.name = name, .text = {}, .written_at = std::chrono::system_clock::from_time_t(status.st_mtime)};
  std::vector<char> piece(1U << 16U);
  while (true) {
    const ssize_t size = ::read(file.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return capture;
    capture.text.append(piece.data(), static_cast<std::size_t>(size));
    if (capture.text.size() > kLongestCapture) {
      capture.is_cut = true;
      return capture;
    }
  }
}

/// Names of the folder that begin with `prefix`, in order.
std::vector<std::string> names_with(DIR* folder, std::string_view prefix) {
  std::vector<std::string> names;
  ::rewinddir(folder);
  while (const dirent* entry = ::readdir(folder)) {
    if (std::string_view(entry->d_name).starts_with(prefix)) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

template <class T>
void tell_limits(Observed<T>& facet, const Capture& capture) {
  if (capture.is_cut) facet.add_limit(fmt::format("{} was read to {} bytes", in_quotes(capture.name), kLongestCapture));
}

bool read_netstat(DIR* folder, Snapshot& snapshot) {
  for (const std::string& name : names_with(folder, "netstat")) {
    const auto capture = read_capture(::dirfd(folder), name);
    if (!capture) continue;
    MacosRoutes routes = parse_macos_netstat(capture->text);
    if (!routes.has_table) continue;
    snapshot.routes = Observed<RouteTable>(std::move(routes.table), "netstat -rn in " + escape_controls(name));
    for (std::string& each : routes.not_understood) snapshot.routes.add_limit(std::move(each));
    tell_limits(snapshot.routes, *capture);
    snapshot.taken_at = capture->written_at;
    return true;
  }
  snapshot.routes = Observed<RouteTable>::missing("the folder has no output of 'netstat -rn' in a netstat*.txt");
  return false;
}

bool read_ifconfig(DIR* folder, Snapshot& snapshot) {
  for (const std::string& name : names_with(folder, "ifconfig")) {
    const auto capture = read_capture(::dirfd(folder), name);
    if (!capture) continue;
    MacosInterfaces interfaces = parse_macos_ifconfig(capture->text);
    if (interfaces.links.empty()) continue;
    const std::string source = "ifconfig in " + escape_controls(name);
    snapshot.links = Observed<std::vector<Link>>(std::move(interfaces.links), source);
    snapshot.addresses = Observed<std::vector<Address>>(std::move(interfaces.addresses), source);
    tell_limits(snapshot.links, *capture);
    tell_limits(snapshot.addresses, *capture);
    return true;
  }
  constexpr const char* kWhy = "the folder has no output of 'ifconfig' in an ifconfig*.txt";
  snapshot.links = Observed<std::vector<Link>>::missing(kWhy);
  snapshot.addresses = Observed<std::vector<Address>>::missing(kWhy);
  return false;
}

bool read_scutil(DIR* folder, Snapshot& snapshot) {
  for (const std::string& name : names_with(folder, "scutil")) {
    const auto capture = read_capture(::dirfd(folder), name);
    if (!capture) continue;
    auto dns = parse_macos_scutil_dns(capture->text);
    if (!dns) continue;
    snapshot.dns.macos = Observed<MacosDns>(std::move(*dns), "scutil --dns in " + escape_controls(name));
    for (const std::string& each : snapshot.dns.macos->not_understood) snapshot.dns.macos.add_limit(each);
    tell_limits(snapshot.dns.macos, *capture);
    if (!snapshot.routes) snapshot.taken_at = capture->written_at;
    return true;
  }
  snapshot.dns.macos = Observed<MacosDns>::missing("the folder has no output of 'scutil --dns' in a scutil*.txt");
  return false;
}

/// The file that dig and nslookup read; mDNSResponder does not.
void read_resolv_conf(DIR* folder, Snapshot& snapshot) {
  for (const char* const name : {"resolv.conf", "resolv.conf.txt"}) {
    const auto capture = read_capture(::dirfd(folder), name);
    if (!capture) continue;
    ResolvConf file = parse_resolv_conf(capture->text);
    file.exists = true;
    snapshot.dns.resolv_conf = Observed<ResolvConf>(std::move(file), name);
    tell_limits(snapshot.dns.resolv_conf, *capture);
    return;
  }
  snapshot.dns.resolv_conf = Observed<ResolvConf>::missing("the folder has no resolv.conf");
}

}  // namespace

Result<Snapshot> read_macos_captures(const std::string& folder) {
  const Folder handle(::opendir(folder.c_str()));
  if (!handle) return std::unexpected(file_error(errno, "read the folder " + in_quotes(folder)));
  Snapshot snapshot;
  snapshot.platform = Platform::kMacos;
  const bool has_routes = read_netstat(handle.get(), snapshot);
  const bool has_links = read_ifconfig(handle.get(), snapshot);
  const bool has_dns = read_scutil(handle.get(), snapshot);
  if (!has_routes && !has_links && !has_dns) {
    return failure(ErrorKind::kUsage,
                   fmt::format("the folder {} holds no saved state and no capture", in_quotes(folder)),
                   kHowToMakeState);
  }
  read_resolv_conf(handle.get(), snapshot);
  snapshot.rules = Observed<std::vector<Rule>>::missing("macOS has no policy rules");
  return snapshot;
}

}  // namespace vpndoctor
