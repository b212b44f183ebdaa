// SPDX-License-Identifier: Apache-2.0
// Looks among the namespace's own sockets; see the header. The process that listens cannot be asked for (SO_PEERCRED):
// wireguard-go listens, then goes on as a child.
#include "wireguard_socket.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kTableLimit = 64 << 20;
constexpr unsigned kAcceptsConnections = 0x10000;  // __SO_ACCEPTCON, net/unix/af_unix.c unix_seq_show()

/// Without symbolic links: /var/run is often one. Empty for a path that is not there.
std::string real_path(const std::string& path) {
  struct Freed {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  const std::unique_ptr<char, Freed> real(::realpath(path.c_str(), nullptr));
  return real ? std::string(real.get()) : std::string();
}

bool is_socket(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode);
}

std::string_view take_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

/// Fields: number, references, protocol, flags, type, state, inode, path.
std::string listening_path(std::string_view line) {
  for (int skipped = 0; skipped < 3; ++skipped) take_field(line);
  const std::string_view flags = take_field(line);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(flags.data(), flags.data() + flags.size(), value, 16);
  if (error != std::errc{} || end != flags.data() + flags.size() || (value & kAcceptsConnections) == 0) return {};
  for (int skipped = 0; skipped < 3; ++skipped) take_field(line);
  return line.empty() ? std::string() : std::string(line.substr(1));
}

}  // namespace

std::vector<std::string> listening_unix_sockets(std::string_view text) {
  std::vector<std::string> paths;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (std::string path = listening_path(text.substr(0, end)); path.starts_with('/')) paths.push_back(std::move(path));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return paths;
}

std::string wireguard_control_socket(const std::string& interface) {
  // The first is where wireguard-go listens, the second where others that speak its protocol do.
  for (const char* directory : {"/run/wireguard/", "/var/run/wireguard/", "/run/amneziawg/"}) {
    const std::string path = directory + interface + ".sock";
    if (!is_socket(path)) continue;
    const auto table = read_small_file("/proc/self/net/unix", kTableLimit);
    const std::string real = real_path(path);
    const bool ours = table && std::ranges::any_of(listening_unix_sockets(*table), [&](const std::string& listened) {
                        return listened.ends_with(".sock") && real_path(listened) == real;
                      });
    if (ours) return path;
  }
  return {};
}

}  // namespace vpndoctor
