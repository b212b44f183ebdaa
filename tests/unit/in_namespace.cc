// SPDX-License-Identifier: Apache-2.0
// Namespaces for tests; see the header.
#include "in_namespace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>

namespace vpndoctor::testing_support {
namespace {

constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kNotAllowed = 77;

bool write_file(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

bool enter_namespace() {
  if (::unshare(CLONE_NEWNET) == 0) return true;
  const std::string uid = std::to_string(::getuid());
  const std::string gid = std::to_string(::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", "0 " + uid + " 1") &&
         write_file("/proc/self/gid_map", "0 " + gid + " 1");
}

[[noreturn]] void child(const std::function<void()>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!enter_namespace()) ::_exit(kNotAllowed);
  if (std::system("ip link set lo up") != 0) ::_exit(kNotAllowed);
  try {
    body();
  } catch (const std::exception& error) {
    // Never up the stack: the child would go on as a second copy of the test program.
    ADD_FAILURE() << "the body threw: " << error.what();
  }
  std::fflush(nullptr);
  ::_exit(::testing::Test::HasFailure() ? kFailed : kPassed);
}

int exit_code_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

void in_network_namespace(const std::function<void()>& body) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) child(body);
  const int code = exit_code_of(pid);
  if (code == kNotAllowed) GTEST_SKIP() << "network namespaces are not allowed here, or ip(8) is missing";
  EXPECT_EQ(code, kPassed) << "the expectations above failed in the namespace";
}

PeerNamespace::PeerNamespace() : keeper_([] { return ::unshare(CLONE_NEWNET) == 0; }) {}

void PeerNamespace::run(const std::string& command) const {
  testing_support::run("nsenter --net=/proc/" + std::to_string(pid()) + "/ns/net sh -c '" + command + "'");
}

void run(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0) << command; }

std::string output_of(const std::string& command) {
  struct Closer {
    void operator()(FILE* pipe) const { ::pclose(pipe); }
  };
  const std::unique_ptr<FILE, Closer> pipe(::popen(command.c_str(), "r"));
  std::string text;
  std::array<char, 4096> block;
  while (pipe) {
    const std::size_t got = std::fread(block.data(), 1, block.size(), pipe.get());
    if (got == 0) break;
    text.append(block.data(), got);
  }
  return text;
}

}  // namespace vpndoctor::testing_support
