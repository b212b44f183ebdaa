// SPDX-License-Identifier: Apache-2.0
// Asks dnsmasq for its upstreams and finds their domains in its configuration; see dns_sources.h. The only question is
// CHAOS TXT servers.bind, to a loopback address where a process called dnsmasq listens.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "ask_daemon.h"
#include "dns_sources.h"
#include "dnsmasq_files.h"
#include "handles.h"
#include "port_holders.h"

namespace vpndoctor {
namespace {

using Kind = DaemonFailure::Kind;
using Upstreams = std::vector<DnsmasqUpstream>;
constexpr const char* kProcessName = "dnsmasq";
constexpr std::size_t kMostInstances = 20;

std::unexpected<DaemonFailure> fail(Kind kind, std::string why) {
  return std::unexpected(DaemonFailure{kind, std::move(why)});
}

Asked<Fd> connect_to(const DnsServer& server) {
  const bool is_inet = server.address.family == Family::kInet;
  Fd socket(::socket(is_inet ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(Kind::kAbsent, std::strerror(errno));
  sockaddr_storage place{};
  socklen_t size = sizeof(sockaddr_in);
  if (is_inet) {
    auto& inet = reinterpret_cast<sockaddr_in&>(place);
    inet.sin_family = AF_INET;
    inet.sin_port = htons(server.port);
    std::memcpy(&inet.sin_addr, server.address.bytes.data(), sizeof inet.sin_addr);
  } else {
    auto& inet6 = reinterpret_cast<sockaddr_in6&>(place);
    inet6.sin6_family = AF_INET6;
    inet6.sin6_port = htons(server.port);
    std::memcpy(&inet6.sin6_addr, server.address.bytes.data(), sizeof inet6.sin6_addr);
    size = sizeof inet6;
  }
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&place), size) != 0) {
    return fail(Kind::kAbsent, std::strerror(errno));
  }
  return socket;
}

/// Waits for the reply to the question; whatever else arrives is passed over.
Asked<DnsMessage> receive(const Fd& socket, const DnsQuestionMessage& question, const Deadline& deadline) {
  std::array<std::byte, 65536> buffer;
  while (true) {
    pollfd waited{.fd = socket.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(deadline.left().count()));
    if (ready == 0) return fail(Kind::kSilent, "dnsmasq did not answer within 1 s");
    if (ready < 0 && errno != EINTR) return fail(Kind::kAbsent, std::strerror(errno));
    const ssize_t size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size < 0) return fail(Kind::kAbsent, std::strerror(errno));
    auto message = decode_dns_message(std::span(buffer).first(static_cast<std::size_t>(size)));
    if (message && is_reply_to(*message, question)) return std::move(*message);
  }
}

Asked<DnsMessage> ask_servers(const DnsServer& server, const Deadline& deadline) {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != sizeof id) return fail(Kind::kAbsent, "no random number");
  const DnsQuestionMessage question = servers_bind_question(id);
  const auto bytes = encode_dns_question(question);
  const auto socket = connect_to(server);
  if (!socket) return std::unexpected(socket.error());
  if (::send(socket->get(), bytes->data(), bytes->size(), MSG_NOSIGNAL) < 0) {
    return fail(Kind::kAbsent, std::strerror(errno));
  }
  return receive(*socket, question, deadline);
}

Observed<Upstreams> upstreams_of(const DnsServer& server, const Deadline& deadline) {
  if (!server.address.is_loopback()) return Observed<Upstreams>::missing("only a loopback address is asked");
  const auto reply = ask_servers(server, deadline);
  if (!reply) return Observed<Upstreams>::missing(reply.error().why);
  auto upstreams = parse_servers_bind(*reply);
  if (!upstreams) return Observed<Upstreams>::missing("its answer to servers.bind was not understood");
  Observed<Upstreams> observed(std::move(*upstreams), "dnsmasq, servers.bind");
  if (reply->truncated) observed.add_limit("the list of its servers is cut");
  return observed;
}

/// Addresses that stand for a wildcard socket: the loopback one is asked.
DnsServer reachable(DnsServer server) {
  if (!server.address.is_unspecified()) return server;
  server.address = *IpAddress::parse(server.address.family == Family::kInet ? "127.0.0.1" : "::1");
  return server;
}

/// A process that may hold the socket: one whose options say that it listens there. Only asked where the holder cannot
/// be read.
bool listens_by_options(const DnsmasqOptions& options, const DnsServer& server) {
  if (options.listen_addresses.empty()) return server.address.is_unspecified();
  return std::ranges::any_of(options.listen_addresses,
                             [&server](const std::string& text) { return IpAddress::parse(text) == server.address; });
}

/// The dnsmasq that listens there; null when it is none, or when that cannot be told.
std::optional<pid_t> dnsmasq_at(const DnsListener& listener, const std::vector<pid_t>& running) {
  if (listener.pid) {
    if (listener.process != kProcessName) return std::nullopt;
    return static_cast<pid_t>(*listener.pid);
  }
  std::vector<pid_t> fitting;
  for (const pid_t pid : running) {
    if (listens_by_options(read_dnsmasq_configuration(pid).options, listener.server)) fitting.push_back(pid);
  }
  return fitting.size() == 1 ? std::optional(fitting.front()) : std::nullopt;
}

DnsmasqInstance read_instance(pid_t pid, const DnsServer& server) {
  DnsmasqFiles files = read_dnsmasq_configuration(pid);
  DnsmasqInstance instance;
  instance.listens_on = server;
  instance.pid = static_cast<std::uint32_t>(pid);
  instance.belongs_to_network_manager = files.options.is_for_network_manager;
  instance.never_forwarded = files.options.never_forwarded;
  instance.upstreams = upstreams_of(server, Deadline(kDaemonPatience));
  if (instance.upstreams) *instance.upstreams = join_dnsmasq_servers(*instance.upstreams, files.options);
  instance.domains_are_known = instance.upstreams.is_complete() && files.unreadable.empty() &&
                               files.options.not_understood.empty() && !files.options.takes_servers_over_bus;
  for (const std::string& path : files.unreadable) {
    instance.upstreams.add_limit(fmt::format("its file {} cannot be read", path));
  }
  return instance;
}

}  // namespace

Observed<std::vector<DnsmasqInstance>> read_dnsmasq(const Observed<std::vector<DnsListener>>& listeners,
                                                    const Observed<NetworkManagerDns>& /*network_manager*/) {
  using Instances = Observed<std::vector<DnsmasqInstance>>;
  if (!listeners) return Instances::missing("who listens on port 53 is not known: " + listeners.why_missing());
  const bool has_unknown = std::ranges::any_of(*listeners, [](const DnsListener& each) { return !each.pid; });
  const std::vector<pid_t> running = has_unknown ? processes_named(kProcessName) : std::vector<pid_t>();
  std::vector<DnsmasqInstance> instances;
  for (const DnsListener& listener : *listeners) {
    const DnsServer server = reachable(listener.server);
    const bool is_known = std::ranges::any_of(instances, [&server](const auto& i) { return i.listens_on == server; });
    if (is_known || instances.size() == kMostInstances) continue;
    if (const auto pid = dnsmasq_at(listener, running)) instances.push_back(read_instance(*pid, server));
  }
  return {std::move(instances), "processes that listen on port 53"};
}

}  // namespace vpndoctor
