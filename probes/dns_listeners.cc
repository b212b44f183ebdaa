// SPDX-License-Identifier: Apache-2.0
// Who listens for DNS on this machine's own addresses; see dns_sources.h.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "dns_sources.h"
#include "listening_sockets.h"
#include "port_holders.h"
#include "proc_files.h"
#include "process_sockets.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kTableLimit = 32 << 20;
constexpr std::size_t kMostListeners = 1000;

/// Docker's resolver listens on other ports of this address, and NAT rules lead port 53 there.
bool is_docker(const InternetSocket& socket) { return socket.local == *IpAddress::parse("127.0.0.11"); }

bool is_listener(const InternetSocket& socket) {
  const bool waits = socket.tcp ? socket.listening : socket.remote_port == 0;
  return waits && (socket.local_port == kDnsPort || is_docker(socket));
}

/// The names under which resolvers run, as /proc cuts them.
const std::set<std::string>& likely_names() {
  static const std::set<std::string> kNames{"systemd-resolve", "dnsmasq", "unbound", "named",      "pdns_recursor",
                                            "kresd",           "coredns", "dockerd", "tailscaled", "connmand"};
  return kNames;
}

std::vector<InternetSocket> table(const char* name) {
  const auto text = read_small_file(fmt::format("/proc/net/{}", name), kTableLimit);
  return parse_socket_table(text.value_or(""), name[0] == 't');
}

/// UDP sockets, and TCP sockets that listen; nullopt when they cannot be read.
std::optional<std::vector<InternetSocket>> all_sockets() {
  if (!read_small_file("/proc/net/udp", 1)) return std::nullopt;
  std::vector<InternetSocket> sockets = table("udp");
  std::ranges::move(table("udp6"), std::back_inserter(sockets));
  if (auto listening = listening_tcp_sockets()) {
    std::ranges::move(*listening, std::back_inserter(sockets));
  } else {
    std::ranges::move(table("tcp"), std::back_inserter(sockets));
    std::ranges::move(table("tcp6"), std::back_inserter(sockets));
  }
  return sockets;
}

}  // namespace

Observed<std::vector<DnsListener>> read_dns_listeners() {
  const auto sockets = all_sockets();
  if (!sockets) return Observed<std::vector<DnsListener>>::missing("the sockets of this machine cannot be read");
  std::map<DnsServer, std::uint64_t> inodes;
  for (const InternetSocket& socket : *sockets) {
    if (!is_listener(socket) || inodes.size() == kMostListeners) continue;
    DnsServer server;
    server.address = socket.local;
    inodes.emplace(server, socket.inode);
  }
  std::set<std::uint64_t> wanted;
  for (const auto& [server, inode] : inodes) wanted.insert(inode);
  const auto holders = find_socket_holders(std::move(wanted), likely_names());
  std::vector<DnsListener> listeners;
  for (const auto& [server, inode] : inodes) {
    DnsListener& listener = listeners.emplace_back(DnsListener{server, {}, {}});
    if (const auto holder = holders.find(inode); holder != holders.end()) {
      listener.process = holder->second.name;
      listener.pid = static_cast<std::uint32_t>(holder->second.pid);
    }
  }
  return {std::move(listeners), "sockets of this network namespace"};
}

}  // namespace vpndoctor
