// SPDX-License-Identifier: Apache-2.0
// Finds the remote of a tun device; see the header. OpenVPN does not connect its UDP socket (2.6 measured: remote
// 0.0.0.0:0 in /proc/net/udp), so for UDP its options are read.
#include "tun_endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <tuple>
#include <vector>

#include "name_lookup.h"
#include "proc_files.h"
#include "process_sockets.h"
#include "vpndoctor/openvpn_options.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostHostBytes = 64;

std::unexpected<Error> unavailable(std::string why) {
  return failure(ErrorKind::kUnavailable, std::move(why), kNameTheServer);
}

std::string described(const TunHolder& holder) { return fmt::format("process {} ({})", holder.pid, holder.name); }

TunnelEndpoint endpoint_of(const TunHolder& holder, const IpAddress& address, std::uint16_t port) {
  TunnelEndpoint endpoint;
  endpoint.address = address;
  endpoint.port = port;
  endpoint.tunnel_kind = holder.name == "openvpn" ? "openvpn" : "tun";
  return endpoint;
}

bool is_same(const TunnelEndpoint& one, const TunnelEndpoint& other) {
  return one.address == other.address && one.port == other.port && one.tcp == other.tcp;
}

using Remote = std::tuple<IpAddress, std::uint16_t, bool>;

/// Remotes of connected sockets. Loopback ones are control connections (OpenVPN's management interface); connections
/// that came in through a listening port have other clients beside them.
std::set<Remote> connected_remotes(const std::vector<InternetSocket>& sockets) {
  std::set<Remote> remotes;
  for (const InternetSocket& socket : sockets) {
    if (socket.remote_port == 0 || socket.remote.is_unspecified() || socket.remote.is_loopback()) continue;
    remotes.emplace(socket.remote, socket.remote_port, socket.tcp);
  }
  return remotes;
}

std::vector<std::string> split_at_nul(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

/// Reads a file as the process names it: in its own root, relative to --cd or to its working directory.
std::optional<std::string> read_config(const std::string& process, const std::string& directory,
                                       const std::string& file) {
  if (file.starts_with('/')) return read_small_file(process + "/root" + file);
  if (directory.starts_with('/')) {
    if (auto text = read_small_file(process + "/root" + directory + "/" + file)) return text;
  }
  return read_small_file(process + "/cwd/" + file);
}

/// What the process was told, on its command line or else in its configuration files.
std::vector<OpenvpnRemote> configured_remotes(const TunHolder& holder) {
  const std::string process = fmt::format("/proc/{}", holder.pid);
  const OpenvpnOptions told = parse_openvpn_arguments(split_at_nul(read_small_file(process + "/cmdline").value_or("")));
  std::vector<OpenvpnRemote> remotes = told.remotes;
  for (const std::string& file : told.configs) {
    const auto text = read_config(process, told.directory, file);
    if (!text) continue;
    for (OpenvpnRemote& remote : parse_openvpn_config(*text).remotes) remotes.push_back(std::move(remote));
  }
  return remotes;
}

/// The addresses of a remote in the family of the process's UDP socket: OpenVPN opens it in the server's family.
Result<std::vector<IpAddress>> addresses_of(const OpenvpnRemote& remote, const std::set<Family>& families,
                                            ServerNames names) {
  std::vector<IpAddress> addresses;
  if (const auto literal = IpAddress::parse(remote.host)) {
    addresses.push_back(*literal);
    return addresses;
  }
  if (names == ServerNames::kLeave) {
    return unavailable(
        fmt::format("{} is known by its name only", shorten(escape_controls(remote.host), kMostHostBytes)));
  }
  const auto found = look_up_name(remote.host, remote.host);
  if (!found) return std::unexpected(found.error());
  for (const ResolvedAddress& resolved : *found) {
    const bool possible = families.empty() || families.contains(resolved.address.family);
    if (possible && std::ranges::find(addresses, resolved.address) == addresses.end()) {
      addresses.push_back(resolved.address);
    }
  }
  return addresses;
}

Result<TunnelEndpoint> openvpn_endpoint(const TunHolder& holder, const std::vector<InternetSocket>& sockets,
                                        ServerNames names) {
  const auto remotes = configured_remotes(holder);
  if (remotes.empty()) return unavailable(fmt::format("{} names no remote: it may be a server", described(holder)));
  std::set<Family> families;
  for (const InternetSocket& socket : sockets) {
    if (!socket.tcp) families.insert(socket.local.family);
  }
  std::set<Remote> candidates;
  for (const OpenvpnRemote& remote : remotes) {
    if (remote.tcp) continue;  // a TCP tunnel in use has a connected socket
    const auto addresses = addresses_of(remote, families, names);
    if (!addresses) return unavailable(fmt::format("{}, a server of {}", addresses.error().message, described(holder)));
    for (const IpAddress& address : *addresses) candidates.emplace(address, remote.port, false);
  }
  if (candidates.size() != 1) {
    return unavailable(fmt::format("{} may use one of {} servers, and its socket does not say which", described(holder),
                                   candidates.size()));
  }
  const auto& [address, port, tcp] = *candidates.begin();
  TunnelEndpoint endpoint = endpoint_of(holder, address, port);
  endpoint.source = fmt::format("remote option of {}", described(holder));
  return endpoint;
}

Result<TunnelEndpoint> find_holder_endpoint(const TunHolder& holder, ServerNames names) {
  const auto sockets = process_sockets(holder.pid);
  if (!sockets && has_ended(errno)) return unavailable(fmt::format("{} has just ended", described(holder)));
  if (!sockets) {
    return failure(ErrorKind::kPermission, fmt::format("only root may see the sockets of {}", described(holder)),
                   fmt::format("run as root, or {}", kNameTheServer));
  }
  const bool server = std::ranges::any_of(
      *sockets, [](const InternetSocket& socket) { return socket.listening && !socket.local.is_loopback(); });
  const auto remotes = connected_remotes(*sockets);
  if (server || remotes.size() > 1) {
    return unavailable(fmt::format("{} has {} connections: it may be a server", described(holder), remotes.size()));
  }
  if (remotes.empty() && holder.name == "openvpn") return openvpn_endpoint(holder, *sockets, names);
  if (remotes.empty()) return unavailable(fmt::format("{} has no connected socket", described(holder)));
  const auto& [address, port, tcp] = *remotes.begin();
  TunnelEndpoint endpoint = endpoint_of(holder, address, port);
  endpoint.tcp = tcp;
  endpoint.source = fmt::format("socket of {}", described(holder));
  return endpoint;
}

}  // namespace

Result<TunnelEndpoint> find_tun_endpoint(const std::string& interface, const TunHolders& found) {
  const std::vector<TunHolder> holders = found.likely();
  if (holders.empty() && found.unreadable > 0) {
    return failure(ErrorKind::kPermission, fmt::format("only root may see which process holds {}", interface),
                   fmt::format("run as root, or {}", kNameTheServer));
  }
  if (holders.empty()) return unavailable(fmt::format("no process that can be seen from here holds {}", interface));
  return find_endpoint_of(holders, ServerNames::kLookUp);
}

Result<TunnelEndpoint> find_endpoint_of(const std::vector<TunHolder>& holders, ServerNames names) {
  std::vector<TunnelEndpoint> endpoints;
  for (const TunHolder& holder : holders) {
    auto endpoint = find_holder_endpoint(holder, names);
    if (!endpoint && holders.size() == 1) return endpoint;
    // A child has the sockets that it was started with.
    if (endpoint && (endpoints.empty() || !is_same(endpoints.front(), *endpoint))) endpoints.push_back(*endpoint);
  }
  if (endpoints.size() == 1) return endpoints.front();
  return unavailable(fmt::format("{} processes hold it", holders.size()));
}

}  // namespace vpndoctor
