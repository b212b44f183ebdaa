// SPDX-License-Identifier: Apache-2.0
// fork(), the descent into a namespace, and execvp(). Between the two only system calls: other threads may hold locks.
#include "process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace vpndoctor::lab {
namespace {

constexpr uid_t kNobody = 65534;
constexpr int kCannotExecute = 127;

/// Gives up every capability for good, also for what is executed later as user 0.
bool drop_privileges() {
  if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP) != 0) return false;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    prctl(PR_CAPBSET_DROP, capability);
  }
  // Raw calls: the C library would try to change all threads. User 65534 does not exist in a one-user namespace.
  syscall(SYS_setgroups, 0, nullptr);
  syscall(SYS_setresgid, kNobody, kNobody, kNobody);
  syscall(SYS_setresuid, kNobody, kNobody, kNobody);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> none{};
  return syscall(SYS_capset, &header, none.data()) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/// Shows the namespace's own devices in /sys, as on a machine; without the right to mount it stays as it is.
void show_own_sysfs() {
  if (unshare(CLONE_NEWNS) == 0) mount("sysfs", "/sys", "sysfs", MS_RDONLY, nullptr);
}

void connect_streams(const Process::Streams& streams) {
  if (streams.input >= 0) dup2(streams.input, STDIN_FILENO);
  if (streams.output >= 0) dup2(streams.output, STDOUT_FILENO);
  if (streams.errors >= 0) dup2(streams.errors, STDERR_FILENO);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Returns the lab's environment with `added` in front, which wins.
std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  std::vector<std::string> all = added;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

int exit_code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> open_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failure(ErrorKind::kInternal, "cannot make a pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// Appends what is there to read; false at the end of the stream.
bool read_some(int fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t received = read(fd, buffer.data(), buffer.size());
  if (received > 0) into.append(buffer.data(), static_cast<std::size_t>(received));
  return received > 0;
}

}  // namespace

Result<Process> Process::start(const Command& command, Streams streams) {
  std::vector<std::string> texts = command.argv;
  const std::vector<char*> argv = pointers_to(texts);
  std::vector<std::string> variables = environment_with(command.environment);
  const std::vector<char*> environment = pointers_to(variables);
  const pid_t pid = fork();
  if (pid < 0) return failure(ErrorKind::kInternal, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (pid > 0) return Process(pid);
  connect_streams(streams);
  if (command.inside != nullptr && !command.inside->enter()) _exit(kCannotExecute);
  if (command.inside != nullptr) show_own_sysfs();
  if (command.unprivileged && !drop_privileges()) _exit(kCannotExecute);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execvpe(argv[0], argv.data(), environment.data());
  dprintf(STDERR_FILENO, "vpndoctor-lab: cannot execute %s: %s\n", argv[0], std::strerror(errno));
  _exit(kCannotExecute);
}

Process::~Process() {
  if (pid_ <= 0) return;
  kill_now();
  wait();
}

void Process::kill_now() { kill(pid_, SIGKILL); }

bool Process::is_running() {
  siginfo_t info{};
  return pid_ > 0 && waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

int Process::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return exit_code_of(status);
}

Result<int> run_attached(const Command& command) {
  auto process = Process::start(command, {});
  if (!process) return std::unexpected(process.error());
  // The terminal sends an interrupt to both; the program decides what becomes of it.
  const auto previous = std::signal(SIGINT, SIG_IGN);
  const int code = process->wait();
  std::signal(SIGINT, previous);
  return code;
}

Result<Outcome> run_captured(const Command& command, std::chrono::seconds limit) {
  auto output = open_pipe();
  auto errors = open_pipe();
  if (!output || !errors) return failure(ErrorKind::kInternal, "cannot make pipes");
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto begin = std::chrono::steady_clock::now();
  auto process = Process::start(command, {nothing.get(), output->write_end.get(), errors->write_end.get()});
  if (!process) return std::unexpected(process.error());
  output->write_end = Fd();
  errors->write_end = Fd();
  Outcome outcome;
  std::array<pollfd, 2> streams{pollfd{output->read_end.get(), POLLIN, 0}, pollfd{errors->read_end.get(), POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    const auto left = limit - (std::chrono::steady_clock::now() - begin);
    const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    if (wait_ms <= 0 || poll(streams.data(), streams.size(), static_cast<int>(wait_ms)) == 0) {
      outcome.timed_out = true;
      process->kill_now();
      break;
    }
    if (streams[0].revents != 0 && !read_some(streams[0].fd, outcome.output)) streams[0].fd = -1;
    if (streams[1].revents != 0 && !read_some(streams[1].fd, outcome.errors)) streams[1].fd = -1;
  }
  outcome.exit_code = process->wait();
  outcome.elapsed = std::chrono::steady_clock::now() - begin;
  return outcome;
}

Result<std::string> run_checked(const Command& command, const std::string& input) {
  auto in = open_pipe();
  auto out = open_pipe();
  if (!in || !out) return failure(ErrorKind::kInternal, "cannot make pipes");
  if (write(in->write_end.get(), input.data(), input.size()) < 0) return failure(ErrorKind::kInternal, "cannot write");
  in->write_end = Fd();
  auto process = Process::start(command, {in->read_end.get(), out->write_end.get(), -1});
  if (!process) return std::unexpected(process.error());
  out->write_end = Fd();
  std::string output;
  while (read_some(out->read_end.get(), output)) {
  }
  const int code = process->wait();
  if (code != 0) return failure(ErrorKind::kInternal, fmt::format("{} exited with {}", command.argv.front(), code));
  return output;
}

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace vpndoctor::lab
