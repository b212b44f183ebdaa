// SPDX-License-Identifier: Apache-2.0
// A client, a router and a target in network namespaces of their own, made with ip(8) of real kernels' routing. Nothing
// outside these namespaces is touched; they vanish with the object.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

namespace vpndoctor::testing {

/// An open network namespace.
class Namespace {
 public:
  explicit Namespace(int fd = -1) : fd_(fd) {}
  Namespace(Namespace&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Namespace& operator=(Namespace&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Namespace() {
    if (fd_ >= 0) close(fd_);
  }
  static Namespace current() { return Namespace(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }
  int fd() const { return fd_; }
  /// A path by which another process can name this namespace.
  std::string path() const { return fmt::format("/proc/{}/fd/{}", getpid(), fd_); }
  bool enter() const { return setns(fd_, CLONE_NEWNET) == 0; }

 private:
  int fd_;
};

/// Enters a namespace for a scope. Sockets stay in the namespace where they were opened.
class Inside {
 public:
  explicit Inside(const Namespace& there) : back_(Namespace::current()) { there.enter(); }
  ~Inside() { back_.enter(); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Namespace back_;
};

/// Runs a shell command, true when it succeeds.
inline bool run(const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; }

/// Runs a shell command and returns what it prints.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return text;
  for (int character = std::fgetc(pipe); character != EOF; character = std::fgetc(pipe)) {
    text.push_back(static_cast<char>(character));
  }
  pclose(pipe);
  return text;
}

inline void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

/// client 192.0.2.1 -- 192.0.2.2 router 198.51.100.1 -- 198.51.100.2 target, and 2001:db8:1::/64, 2001:db8:2::/64
/// alike. All links carry 1500 bytes, ICMP is not rate limited.
class RouterNetwork {
 public:
  /// Builds it; nullopt with a reason in `why` when this machine does not allow it.
  static std::optional<RouterNetwork> build(std::string& why);

  Namespace client;
  Namespace router;
  Namespace target;

  /// Makes the router carry no more than `mtu` bytes towards the target (client false) or back to the client.
  bool narrow(int mtu, bool towards_client) const;
  /// The kernel's cached path MTU exceptions of the client, empty when there are none.
  std::string cache() const;
};

inline bool may_unshare(std::string& why) {
  if (unshare(CLONE_NEWNET) == 0) return true;
  const std::string uid_map = fmt::format("0 {} 1", geteuid());
  const std::string gid_map = fmt::format("0 {} 1", getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    why = "neither root nor unprivileged user namespaces here";
    return false;
  }
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", uid_map);
  write_file("/proc/self/gid_map", gid_map);
  return true;
}

inline Namespace new_namespace() {
  unshare(CLONE_NEWNET);
  return Namespace::current();
}

inline void quiet_kernel() {
  write_file("/proc/sys/net/ipv4/icmp_ratelimit", "0");
  write_file("/proc/sys/net/ipv6/icmp/ratelimit", "0");
  write_file("/proc/sys/net/ipv4/icmp_msgs_per_sec", "100000");
  write_file("/proc/sys/net/ipv4/icmp_msgs_burst", "100000");
  write_file("/proc/sys/net/ipv4/ping_group_range", "0 0");
  // Duplicate address detection would keep IPv6 silent for its first seconds.
  for (const char* scope : {"all", "default"}) {
    write_file(fmt::format("/proc/sys/net/ipv6/conf/{}/accept_dad", scope), "0");
    write_file(fmt::format("/proc/sys/net/ipv6/conf/{}/dad_transmits", scope), "0");
  }
  run("ip link set lo up");
}

inline bool set_up_client(const RouterNetwork& network) {
  Inside inside(network.client);
  return run(fmt::format("ip link add cr0 type veth peer name rc0 netns {}", network.router.path())) &&
         run("ip link set cr0 up && ip addr add 192.0.2.1/24 dev cr0 && ip -6 addr add 2001:db8:1::1/64 dev cr0 nodad");
}

inline bool set_up_router(const RouterNetwork& network) {
  Inside inside(network.router);
  write_file("/proc/sys/net/ipv4/ip_forward", "1");
  write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1");
  return run(fmt::format("ip link add rt0 type veth peer name tr0 netns {}", network.target.path())) &&
         run("ip addr add 192.0.2.2/24 dev rc0 && ip -6 addr add 2001:db8:1::2/64 dev rc0 nodad && ip link set rc0 "
             "up") &&
         run("ip addr add 198.51.100.1/24 dev rt0 && ip -6 addr add 2001:db8:2::1/64 dev rt0 nodad && "
             "ip link set rt0 up");
}

inline bool set_up_routes(const RouterNetwork& network) {
  {
    Inside inside(network.target);
    if (!run("ip addr add 198.51.100.2/24 dev tr0 && ip -6 addr add 2001:db8:2::2/64 dev tr0 nodad && "
             "ip link set tr0 up && ip route add default via 198.51.100.1 && ip -6 route add default via "
             "2001:db8:2::1")) {
      return false;
    }
  }
  Inside inside(network.client);
  return run("ip route add default via 192.0.2.2 && ip -6 route add default via 2001:db8:1::2");
}

inline std::optional<RouterNetwork> RouterNetwork::build(std::string& why) {
  if (!run("ip -V >/dev/null")) {
    why = "ip(8) is not installed";
    return std::nullopt;
  }
  const Namespace home = Namespace::current();
  if (!may_unshare(why)) return std::nullopt;
  RouterNetwork network{Namespace::current(), new_namespace(), new_namespace()};
  for (const Namespace* each : {&network.client, &network.router, &network.target}) {
    Inside inside(*each);
    quiet_kernel();
  }
  const bool built = set_up_client(network) && set_up_router(network) && set_up_routes(network);
  // Without root the way back is closed by the user namespace; the process then stays in the last namespace.
  home.enter();
  if (built) return network;
  why = "ip(8) could not build the network here (veth missing?)";
  return std::nullopt;
}

inline bool RouterNetwork::narrow(int mtu, bool towards_client) const {
  Inside inside(router);
  if (towards_client) {
    return run(fmt::format("ip route replace 192.0.2.1/32 dev rc0 mtu lock {}", mtu)) &&
           run(fmt::format("ip -6 route replace 2001:db8:1::1/128 dev rc0 mtu lock {}", mtu));
  }
  return run(fmt::format("ip route replace 198.51.100.2/32 dev rt0 mtu lock {}", mtu)) &&
         run(fmt::format("ip -6 route replace 2001:db8:2::2/128 dev rt0 mtu lock {}", mtu));
}

inline std::string RouterNetwork::cache() const {
  Inside inside(client);
  return output_of("ip route get 198.51.100.2 | grep -o 'expires.*mtu.*'") +
         output_of("ip -6 route get 2001:db8:2::2 | grep -o 'expires.*mtu.*'");
}

}  // namespace vpndoctor::testing
