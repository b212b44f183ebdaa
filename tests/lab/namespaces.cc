// SPDX-License-Identifier: Apache-2.0
// unshare(2) and setns(2), and the files in /proc that belong to them.
#include "namespaces.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace vpndoctor::lab {
namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

bool write_file(const std::string& path, const std::string& text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::unexpected<Error> refused(const char* what) {
  return failure(ErrorKind::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno)),
                 "run as root, or where unprivileged user namespaces are allowed");
}

Result<void> become_root_of_a_user_namespace() {
  const uid_t user = getuid();
  const gid_t group = getgid();
  if (unshare(CLONE_NEWUSER) != 0) return refused("cannot make a user namespace");
  write_file("/proc/self/setgroups", "deny");
  const bool mapped = write_file("/proc/self/uid_map", fmt::format("0 {} 1", user)) &&
                      write_file("/proc/self/gid_map", fmt::format("0 {} 1", group));
  if (!mapped) return refused("cannot map the user into a user namespace");
  return {};
}

void bring_loopback_up() {
  const Fd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ioctl(socket_fd.get(), SIOCSIFFLAGS, &request);
}

}  // namespace

Result<void> enter_private_world() {
  // The network namespace is the place to return to between the others; the machine's own is never entered again.
  constexpr int kPrivate = CLONE_NEWNS | CLONE_NEWNET;
  if (unshare(kPrivate) != 0) {
    if (auto entered = become_root_of_a_user_namespace(); !entered) return entered;
    if (unshare(kPrivate) != 0) return refused("cannot make mount and network namespaces");
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return refused("cannot make mounts private");
  if (mount("tmpfs", "/run", "tmpfs", 0, "mode=755") != 0) return refused("cannot mount an empty /run");
  return {};
}

Result<NetNamespace> NetNamespace::create() {
  const Fd outside(open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  if (unshare(CLONE_NEWNET) != 0) return refused("cannot make a network namespace");
  Fd inside(open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  bring_loopback_up();
  for (const char* scope : {"all", "default"}) {
    const std::string conf = fmt::format("ipv6/conf/{}/", scope);
    write_sysctl(conf + "accept_dad", "0");
    write_sysctl(conf + "accept_ra", "0");
    write_sysctl(conf + "router_solicitations", "0");
  }
  if (setns(outside.get(), CLONE_NEWNET) != 0) return refused("cannot return from a network namespace");
  return NetNamespace(std::move(inside));
}

bool NetNamespace::enter() const { return setns(fd_.get(), CLONE_NEWNET) == 0; }

InNamespace::InNamespace(const NetNamespace& inside) : outside_(open(kOwnNamespace, O_RDONLY | O_CLOEXEC)) {
  inside.enter();
}

InNamespace::~InNamespace() { setns(outside_.get(), CLONE_NEWNET); }

bool write_sysctl(const std::string& name, const std::string& value) {
  return write_file("/proc/sys/net/" + name, value);
}

}  // namespace vpndoctor::lab
