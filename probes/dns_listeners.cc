// SPDX-License-Identifier: Apache-2.0
// Who listens for DNS on this machine's own addresses; see dns_sources.h.
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "dns_sources.h"
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
  static const std::set<std::string> names{"systemd-resolve", "dnsmasq", "unbound", "named",      "pdns_recursor",
                                           "kresd",           "coredns", "dockerd", "tailscaled", "connmand"};
  return names;
}

}  // namespace

Observed<std::vector<DnsListener>> read_dns_listeners() {
  std::map<DnsServer, std::uint64_t> inodes;
  std::string unreadable;
  for (const char* table : {"udp", "udp6", "tcp", "tcp6"}) {
    const auto text = read_small_file(fmt::format("/proc/net/{}", table), kTableLimit);
    // Without IPv6 there is no table of it.
    if (!text && table[3] != '6') unreadable = table;
    for (const InternetSocket& socket : parse_socket_table(text.value_or(""), table[0] == 't')) {
      if (!is_listener(socket) || inodes.size() == kMostListeners) continue;
      DnsServer server;
      server.address = socket.local;
      inodes.emplace(server, socket.inode);
    }
  }
  if (!unreadable.empty()) {
    return Observed<std::vector<DnsListener>>::missing(fmt::format("/proc/net/{} cannot be read", unreadable));
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
  return {std::move(listeners), "/proc/net/{udp,udp6,tcp,tcp6}"};
}

}  // namespace vpndoctor
