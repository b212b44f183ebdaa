// SPDX-License-Identifier: Apache-2.0
// Control sockets without a listener; see the header.
#include "control_sockets.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "handles.h"
#include "parse_number.h"
#include "proc_files.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr unsigned kAcceptsConnections = 0x10000;  // __SO_ACCEPTCON
constexpr std::size_t kMostSockets = 256;

/// Of programs that make a socket for each interface.
constexpr std::array kFolders = {"/run/wireguard", "/var/run/wireguard", "/run/amneziawg"};
/// Of daemons that have one for all.
constexpr std::array kPaths = {
    "/run/tailscale/tailscaled.sock",    "/run/nordvpn/nordvpnd.sock", "/run/netbird.sock", "/run/mullvad-vpn",
    "/run/cloudflare-warp/warp_service",
};

/// Takes the next field of a line whose fields are separated by spaces.
std::string_view take_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

/// 0 when there is a listener, else errno of the connection: ECONNREFUSED when nobody listens.
int connection_error(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  path.copy(address.sun_path, path.size());
  const Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno;
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

class Search {
 public:
  Search(const std::string& root, const std::set<std::string>& listening) : root_(&root), listening_(&listening) {}

  AbandonedSockets run() {
    for (const char* folder : kFolders) look_into(folder);
    for (const char* path : kPaths) look_at(path);
    for (const std::string& name : entries("/run")) {
      if (name.starts_with("openvpn")) look_into("/run/" + name);
    }
    return std::move(found_);
  }

 private:
  std::vector<std::string> entries(const std::string& folder) {
    auto names = directory_entries(*root_ + folder);
    if (!names && errno != ENOENT && errno != ENOTDIR) cannot_ask(folder, errno);
    if (!names) return {};
    std::ranges::sort(*names);
    return std::move(*names);
  }

  void look_into(const std::string& folder) {
    for (const std::string& name : entries(folder)) {
      if (name.ends_with(".sock")) look_at(folder + "/" + name);
    }
  }

  /// A daemon that bound its socket below /var/run is not to be asked at /run.
  bool is_listened_on(const std::string& path) const {
    return listening_->contains(path) || listening_->contains("/var" + path);
  }

  void look_at(const std::string& path) {
    struct stat facts{};
    const std::string real = *root_ + path;
    if (::lstat(real.c_str(), &facts) != 0 || !S_ISSOCK(facts.st_mode)) return;
    // /var/run is /run on most machines.
    if (!seen_.insert({facts.st_dev, facts.st_ino}).second) return;
    if (seen_.size() > kMostSockets) {
      if (seen_.size() == kMostSockets + 1) found_.not_asked.emplace_back("there are too many control sockets");
      return;
    }
    if (is_listened_on(path) || listening_->contains(real)) return;
    int error = connection_error(real, SOCK_STREAM);
    if (error == EPROTOTYPE) error = connection_error(real, SOCK_DGRAM);
    if (error == ECONNREFUSED) {
      found_.paths.push_back(escape_controls(path));
    } else if (error != 0 && error != EAGAIN && error != ENOENT) {
      cannot_ask(path, error);
    }
  }

  void cannot_ask(const std::string& path, int error) {
    found_.not_asked.push_back(fmt::format("{}: {}", escape_controls(path), std::strerror(error)));
  }

  const std::string* root_;
  const std::set<std::string>* listening_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  AbandonedSockets found_;
};

}  // namespace

/// Fields: address, references, protocol, flags, type, state, inode, path.
std::set<std::string> listening_unix_paths(std::string_view table) {
  std::set<std::string> paths;
  while (!table.empty()) {
    std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    for (int skipped = 0; skipped < 3; ++skipped) take_field(line);
    const auto flags = parse_number<unsigned>(take_field(line), 16);
    for (int skipped = 0; skipped < 3; ++skipped) take_field(line);
    if (!flags || (*flags & kAcceptsConnections) == 0 || line.size() < 2) continue;
    paths.emplace(line.substr(1));  // a path may hold spaces
  }
  return paths;
}

AbandonedSockets find_abandoned_sockets(const std::string& root, const std::set<std::string>& listening) {
  return Search(root, listening).run();
}

}  // namespace vpndoctor
