// SPDX-License-Identifier: Apache-2.0
// Matches control sockets with holders; see the header. Who listens is told by the descriptors of the holder:
// SO_PEERCRED names the process that called listen(), and wireguard-go does that before it goes on as a child.
#include "wireguard_socket.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <set>
#include <span>

#include "proc_files.h"
#include "process_sockets.h"
#include "tun_device.h"
#include "unix_listener.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kTableLimit = 64 << 20;
constexpr unsigned kAcceptsConnections = 0x10000;  // __SO_ACCEPTCON, net/unix/af_unix.c unix_seq_show()

/// Where wireguard-go listens, and others that speak its protocol.
constexpr auto kDirectories =
    std::to_array<std::string_view>({"/run/wireguard/", "/var/run/wireguard/", "/run/amneziawg/"});

/// Without symbolic links: /var/run is often one. Empty for a path that is not there.
std::string real_path(const std::string& path) {
  struct Freed {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  const std::unique_ptr<char, Freed> real(::realpath(path.c_str(), nullptr));
  return real ? std::string(real.get()) : std::string();
}

std::string_view take_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

template <class Number>
Number number_in(std::string_view field, int base) {
  Number value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, base);
  return error == std::errc{} && end == field.data() + field.size() ? value : Number{0};
}

/// Fields: number, references, protocol, flags, type, state, inode, path.
ListeningSocket listening_socket(std::string_view line) {
  for (int skipped = 0; skipped < 3; ++skipped) take_field(line);
  if ((number_in<unsigned>(take_field(line), 16) & kAcceptsConnections) == 0) return {};
  for (int skipped = 0; skipped < 2; ++skipped) take_field(line);
  const auto inode = number_in<std::uint64_t>(take_field(line), 10);
  return line.empty() ? ListeningSocket{} : ListeningSocket{inode, std::string(line.substr(1))};
}

std::vector<ListeningSocket> listening_sockets_at(const std::string& table) {
  return listening_unix_sockets(read_small_file(table, kTableLimit).value_or(""));
}

bool is_control_path(std::string_view path) {
  return path.ends_with(".sock") && std::ranges::any_of(kDirectories, [&](std::string_view directory) {
           return path.starts_with(directory) && path.find('/', directory.size()) == std::string_view::npos;
         });
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Whether a connection to `path` gets to this socket. Its file may have been replaced by another's since.
bool leads_to(const std::string& path, const ListeningSocket& socket, std::span<const ListeningSocket> table) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISSOCK(facts.st_mode)) return false;
  if (const auto bound = bound_file_inode(socket.inode)) return *bound == static_cast<std::uint32_t>(facts.st_ino);
  return std::ranges::count(table, socket.path, &ListeningSocket::path) == 1;
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat first{};
  struct stat second{};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

/// The control sockets that this process listens on, as paths that can be connected to.
std::set<std::string> control_sockets_of(const TunHolder& holder) {
  const std::string process = fmt::format("/proc/{}", holder.pid);
  const auto inodes = socket_inodes(holder.pid);
  std::set<std::string> paths;
  if (!inodes) return paths;
  const auto table = listening_sockets_at(process + "/net/unix");
  for (const ListeningSocket& socket : table) {
    if (!inodes->contains(socket.inode) || !is_control_path(socket.path)) continue;
    const std::string below_root = process + "/root" + socket.path;
    if (leads_to(below_root, socket, table))
      paths.insert(is_same_file(socket.path, below_root) ? socket.path : below_root);
  }
  return paths;
}

bool hold_one_device(const std::vector<TunHolder>& holders) {
  std::set<std::string> names;
  for (const TunHolder& holder : holders) {
    const auto descriptors = entries_that_lead_to(fmt::format("/proc/{}/fd", holder.pid), "/net/tun");
    for (const std::string& descriptor : descriptors.value_or(std::vector<std::string>())) {
      if (const auto device = ask_tun_device(holder.pid, Fd(), descriptor)) names.insert(device->name);
    }
  }
  return names.size() == 1;
}

/// Whether a socket of this namespace listens at that path, however it was named when it began to.
bool is_listened_on(const std::string& path) {
  const std::string real = real_path(path);
  if (real.empty()) return false;
  return std::ranges::any_of(listening_sockets_at("/proc/self/net/unix"), [&](const ListeningSocket& each) {
    return each.path.ends_with(".sock") && real_path(each.path) == real;
  });
}

/// The path of the control socket of that name that is listened on in this namespace; empty: none.
std::string socket_of_name(const std::string& interface) {
  for (const std::string_view directory : kDirectories) {
    std::string path = fmt::format("{}{}.sock", directory, interface);
    if (is_listened_on(path)) return path;
  }
  return {};
}

}  // namespace

std::vector<ListeningSocket> listening_unix_sockets(std::string_view text) {
  std::vector<ListeningSocket> sockets;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (ListeningSocket found = listening_socket(text.substr(0, end)); found.path.starts_with('/')) {
      sockets.push_back(std::move(found));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return sockets;
}

WireguardControl find_wireguard_control(const std::string& interface, const std::vector<TunHolder>& holders) {
  std::set<std::string> paths;
  for (const TunHolder& holder : holders) paths.merge(control_sockets_of(holder));
  const auto named = std::ranges::find(paths, interface + ".sock", file_name);
  if (named != paths.end()) return {*named, {}};
  // A renamed interface keeps its socket's name.
  if (paths.size() == 1 && hold_one_device(holders)) return {*paths.begin(), {}};
  if (!paths.empty()) return {{}, "the process that holds it has control sockets, but none of this name"};
  const std::string stranger = socket_of_name(interface);
  if (stranger.empty()) return {};
  if (holders.empty()) return {{}, fmt::format("nobody knows whether {} is its control socket", stranger)};
  return {{}, fmt::format("{} is listened on by another process than the one that holds it", stranger)};
}

bool listens_as_wireguard(const std::string& interface) { return !socket_of_name(interface).empty(); }

}  // namespace vpndoctor
