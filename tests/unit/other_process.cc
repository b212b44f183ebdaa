// SPDX-License-Identifier: Apache-2.0
// A process beside the test's; see the header.
#include "other_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "in_namespace.h"

namespace vpndoctor::testing_support {

OtherProcess::OtherProcess(const std::function<bool()>& set_up) {
  std::array<int, 2> ready{};
  std::array<int, 2> hold{};
  if (::pipe2(ready.data(), O_CLOEXEC) != 0 || ::pipe2(hold.data(), O_CLOEXEC) != 0) std::abort();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(hold[1]);
    char byte = set_up() ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    // Returns when the other end goes, however that happens.
    ::_exit(::read(hold[0], &byte, 1) == 0 ? 0 : 1);
  }
  hold_ = hold[1];
  ::close(hold[0]);
  ::close(ready[1]);
  char byte = 'n';
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y') << "a second process";
  ::close(ready[0]);
}

OtherProcess::~OtherProcess() {
  ::close(hold_);
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void OtherProcess::stop() const {
  EXPECT_EQ(::kill(pid_, SIGSTOP), 0);
  EXPECT_EQ(::waitpid(pid_, nullptr, WUNTRACED), pid_);
}

bool may_not_make_tun() { return ::access("/dev/net/tun", W_OK) != 0; }

int open_tun(const char* name, bool multi_queue) {
  const int device = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (multi_queue ? IFF_MULTI_QUEUE : 0));
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (device >= 0 && ::ioctl(device, TUNSETIFF, &request) == 0) return device;
  ADD_FAILURE() << "open " << name << ": " << std::strerror(errno);
  ::close(device);
  return -1;
}

void hide_control_sockets() {
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  run("mkdir -p /run/wireguard");
  ASSERT_EQ(::mount("none", "/run/wireguard", "tmpfs", 0, nullptr), 0);
}

bool enter_namespace_of(pid_t pid) {
  const int other = ::open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
  const bool entered = other >= 0 && ::setns(other, CLONE_NEWNET) == 0;
  ::close(other);
  return entered;
}

}  // namespace vpndoctor::testing_support
