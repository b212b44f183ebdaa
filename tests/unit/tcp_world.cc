// SPDX-License-Identifier: Apache-2.0
// Builds the three namespaces from forked processes: each unshares its own, the router hands out the links.
#include "tcp_world.h"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace vpndoctor {
namespace {

constexpr std::uint16_t kPort = 443;

bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

/// Two pipes between a process and its parent, one byte a step.
struct Line {
  std::array<int, 2> up{};
  std::array<int, 2> down{};
  Line() {
    if (pipe(up.data()) != 0 || pipe(down.data()) != 0) std::abort();
  }
  void tell_parent() const { (void)!write(up[1], "x", 1); }
  void tell_child() const { (void)!write(down[1], "x", 1); }
  bool hear_child() {
    close_once(up[1]);
    return hear(up[0]);
  }
  bool hear_parent() {
    close_once(down[1]);
    return hear(down[0]);
  }

 private:
  static bool hear(int fd) {
    char byte = 0;
    return read(fd, &byte, 1) == 1;
  }
  static void close_once(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

template <class Body>
pid_t fork_process(Body body) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  body();
  _exit(0);
}

bool enter_namespace() {
  if (unshare(CLONE_NEWNET) == 0) return true;
  const auto uid = getuid();
  const auto gid = getgid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << fmt::format("0 {} 1", uid);
  std::ofstream("/proc/self/gid_map") << fmt::format("0 {} 1", gid);
  return true;
}

/// Rules by packet length must see the packets that a wire would carry.
void send_single_packets(const char* interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ethtool_value value{ETHTOOL_STSO, 0};
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (ioctl(fd, SIOCETHTOOL, &request) != 0) std::abort();
  close(fd);
}

bool configure_end(const char* interface, int network) {
  send_single_packets(interface);
  return run("ip link set lo up") && run(fmt::format("ip addr add 10.9.{}.2/24 dev {}", network, interface)) &&
         run(fmt::format("ip addr add fd09:{}::2/64 dev {} nodad", network, interface)) &&
         run(fmt::format("ip link set {} up", interface)) &&
         run(fmt::format("ip route add default via 10.9.{}.1", network)) &&
         run(fmt::format("ip -6 route add default via fd09:{}::1 dev {}", network, interface));
}

std::string add_link(const char* end, pid_t pid, int mtu) {
  const std::string to = fmt::format("to-{}", end);
  return fmt::format("ip link add {0} mtu {1} type veth peer name {2} mtu {1} netns {3} && ip link set {0} mtu {1}", to,
                     mtu, end, pid);
}

/// Link-local addresses that wait for duplicate detection would make the first SYNs wait as well.
void skip_duplicate_detection() { std::ofstream("/proc/sys/net/ipv6/conf/default/accept_dad") << "0"; }

bool configure_router(const TcpWorld& world, pid_t client, pid_t server) {
  skip_duplicate_detection();
  bool ok = run(add_link("client", client, world.client_link_mtu)) &&
            run(add_link("server", server, world.server_link_mtu)) && run("ip link set lo up");
  for (const auto& [end, network] : {std::pair("to-client", 1), std::pair("to-server", 2)}) {
    ok = ok && run(fmt::format("ip addr add 10.9.{}.1/24 dev {}", network, end)) &&
         run(fmt::format("ip addr add fd09:{}::1/64 dev {} nodad", network, end)) &&
         run(fmt::format("ip link set {} up", end));
  }
  std::ofstream("/proc/sys/net/ipv4/ip_forward") << "1";
  std::ofstream("/proc/sys/net/ipv6/conf/all/forwarding") << "1";
  for (const auto& command : world.router_commands) ok = ok && run(command);
  if (world.router_rules.empty()) return ok;
  ok = ok && run("nft add table inet world && nft add chain inet world way '{ type filter hook forward priority 0; }'");
  for (const auto& rule : world.router_rules) ok = ok && run("nft add rule inet world way '" + rule + "'");
  return ok;
}

void answer(TestServer kind, int fd, std::map<int, bool>& answered) {
  std::array<char, 65536> buffer;
  const ssize_t got = read(fd, buffer.data(), buffer.size());
  if (got <= 0) {
    answered.erase(fd);
    close(fd);
  } else if (!answered[fd] && kind != TestServer::kMute) {
    answered[fd] = true;
    const std::size_t size = kind == TestServer::kSsh ? 1100 : kind == TestServer::kHangsUp ? 7 : 4000;
    const std::string reply(size, 'r');
    (void)!write(fd, reply.data(), reply.size());
    if (kind == TestServer::kHangsUp) {
      answered.erase(fd);
      close(fd);
    }
  }
}

void serve(TestServer kind, const Line& line) {
  const int listener = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(kPort);
  if (bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 || listen(listener, 16) != 0) return;
  line.tell_parent();
  std::map<int, bool> answered;
  for (;;) {
    std::vector<pollfd> fds = {{listener, POLLIN, 0}};
    for (const auto& [fd, done] : answered) fds.push_back({fd, POLLIN, 0});
    poll(fds.data(), fds.size(), -1);
    for (const auto& ready : fds) {
      if (ready.revents == 0) continue;
      if (ready.fd != listener) {
        answer(kind, ready.fd, answered);
        continue;
      }
      const int fd = accept(listener, nullptr, nullptr);
      answered[fd] = false;
      if (kind == TestServer::kSsh) (void)!write(fd, "SSH-2.0-test\r\n", 14);
    }
  }
}

/// Tells the parent when s_server says that it listens; its input stays open, since it ends with that.
void serve_openssl(const Line& line) {
  char directory[] = "/tmp/vpndoctor-tcp-XXXXXX";
  if (mkdtemp(directory) == nullptr) return;
  const std::string files = fmt::format("-keyout {0}/key -out {0}/cert", directory);
  run("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2 " + files);
  const std::string command = fmt::format(
      "sleep 60 | openssl s_server -accept {} -cert {}/cert -key {}/key 2>/dev/null", kPort, directory, directory);
  FILE* output = popen(command.c_str(), "r");
  char text[256];
  while (output != nullptr && fgets(text, sizeof text, output) != nullptr) {
    if (std::strstr(text, "ACCEPT") == nullptr) continue;
    std::filesystem::remove_all(directory);
    line.tell_parent();
  }
}

TcpEvidence probe(const TcpWorld& world) {
  TcpProbeOptions options = world.options;
  options.target = *IpAddress::parse(world.inet6 ? "fd09:2::2" : "10.9.2.2");
  if (world.capture) options.capture_interface = "client";
  TcpProber prober(options);
  prober.examine(world.sizes, std::chrono::steady_clock::now());
  while (!prober.done()) {
    const auto now = std::chrono::steady_clock::now();
    const auto wake = prober.wake_at();
    int timeout_ms = -1;
    if (wake != TimePoint::max()) {
      timeout_ms = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(std::max(wake, now) - now).count());
    }
    auto fds = prober.descriptors();
    poll(fds.data(), fds.size(), timeout_ms);
    prober.step(std::chrono::steady_clock::now());
  }
  return prober.evidence();
}

std::string written(const TcpEvidence& evidence) {
  const auto number = [](const auto& value) { return value ? static_cast<long>(*value) : -1L; };
  std::string text = fmt::format("{} {} {} {} {} {} {} {}\n", evidence.port, static_cast<int>(evidence.state),
                                 number(evidence.sent_mss_bytes), number(evidence.peer_mss_bytes),
                                 number(evidence.forward_full_bytes), number(evidence.forward_lost_bytes),
                                 number(evidence.reverse_full_bytes), number(evidence.reverse_lost_bytes));
  for (const auto& note : evidence.notes) text += note + "\n";
  return text;
}

TcpEvidence read_evidence(const std::string& text) {
  std::istringstream stream(text);
  TcpEvidence evidence;
  int state = 0;
  std::array<long, 6> numbers{};
  stream >> evidence.port >> state;
  for (long& number : numbers) stream >> number;
  const auto size = [&](std::size_t i) {
    return numbers[i] < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(numbers[i]));
  };
  evidence.state = static_cast<TcpEvidence::State>(state);
  if (size(0)) evidence.sent_mss_bytes = static_cast<std::uint16_t>(*size(0));
  if (size(1)) evidence.peer_mss_bytes = static_cast<std::uint16_t>(*size(1));
  evidence.forward_full_bytes = size(2);
  evidence.forward_lost_bytes = size(3);
  evidence.reverse_full_bytes = size(4);
  evidence.reverse_lost_bytes = size(5);
  std::string note;
  std::getline(stream, note);
  while (std::getline(stream, note)) evidence.notes.push_back(note);
  return evidence;
}

void run_server(const TcpWorld& world, Line& line) {
  if (unshare(CLONE_NEWNET) != 0) return;
  skip_duplicate_detection();
  line.tell_parent();
  if (!line.hear_parent() || !configure_end("server", 2)) return;
  if (world.server == TestServer::kNone) {
    line.tell_parent();
    pause();
  }
  if (world.server == TestServer::kOpenSsl) serve_openssl(line);
  serve(world.server, line);
}

void run_client(const TcpWorld& world, Line& line, int result) {
  if (unshare(CLONE_NEWNET) != 0) return;
  skip_duplicate_detection();
  line.tell_parent();
  if (!line.hear_parent() || !configure_end("client", 1)) return;
  line.tell_parent();
  if (!line.hear_parent()) return;
  run(world.inet6 ? "ping -6 -c 1 -w 10 fd09:2::2"
                  : "ping -4 -c 1 -w 10 10.9.2.2");  // until links and neighbours are up
  const std::string text = written(probe(world));
  (void)!write(result, text.data(), text.size());
}

/// The router's process: everything below it dies with it.
void run_world(const TcpWorld& world, int result) {
  const auto fail = [&](const std::string& why) {
    const std::string text = "!" + why;
    (void)!write(result, text.data(), text.size());
  };
  if (!enter_namespace()) return fail("network namespaces are not allowed here");
  Line server_line;
  Line client_line;
  const pid_t server = fork_process([&] { run_server(world, server_line); });
  const pid_t client = fork_process([&] { run_client(world, client_line, result); });
  const bool born = server_line.hear_child() && client_line.hear_child();
  if (!born || !configure_router(world, client, server)) {
    fail("veth links or nft rules could not be made");
  } else {
    server_line.tell_child();
    client_line.tell_child();
    if (server_line.hear_child() && client_line.hear_child()) {
      client_line.tell_child();
      waitpid(client, nullptr, 0);
    } else {
      fail("an end could not be configured");
    }
  }
  kill(client, SIGKILL);
  kill(server, SIGKILL);
}

}  // namespace

std::expected<TcpEvidence, std::string> examine_in(const TcpWorld& world) {
  std::array<int, 2> result{};
  if (pipe(result.data()) != 0) return std::unexpected("no pipe");
  const pid_t pid = fork_process([&] {
    setpgid(0, 0);
    run_world(world, result[1]);
  });
  close(result[1]);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = read(result[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.ends_with('\n') || text.starts_with('!')) break;
  }
  close(result[0]);
  waitpid(pid, nullptr, 0);
  kill(-pid, SIGKILL);
  if (text.empty()) return std::unexpected("the world fell silent");
  if (text.front() == '!') return std::unexpected(text.substr(1));
  return read_evidence(text);
}

}  // namespace vpndoctor
