// SPDX-License-Identifier: Apache-2.0
// getaddrinfo() in a child process; see the header.
#include "libc_lookup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>

#include "parse_number.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxAnswerBytes = 16384;
constexpr int kMaxAddresses = 256;

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string address_text(const addrinfo& info) {
  if (info.ai_family == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, info.ai_addr, sizeof address);
    return IpAddress::from_bytes(std::as_bytes(std::span(&address.sin_addr, 1)))->to_string();
  }
  sockaddr_in6 address;
  std::memcpy(&address, info.ai_addr, sizeof address);
  return IpAddress::from_bytes(std::as_bytes(std::span(&address.sin6_addr, 1)))->to_string();
}

/// In the child: one line with the status and errno, then one for each address.
[[noreturn]] void look_up(const std::string& name, std::uint16_t type, int descriptor) {
  addrinfo hints{};
  hints.ai_family = type == kDnsTypeAaaa ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* first = nullptr;
  const int status = getaddrinfo(name.c_str(), nullptr, &hints, &first);
  std::string answer = fmt::format("{} {}\n", status, status == EAI_SYSTEM ? errno : 0);
  int count = 0;
  for (const addrinfo* info = first; info != nullptr && count < kMaxAddresses; info = info->ai_next, ++count) {
    answer += address_text(*info) + "\n";
  }
  write_all(descriptor, answer);
  _exit(0);
}

struct ChildEnd {
  std::string answer;
  bool is_over = false;
  bool interrupted = false;
};

ChildEnd read_answer(const LibcLookup& lookup, Milliseconds deadline, int interrupt_descriptor) {
  ChildEnd end;
  const auto until = lookup.started_at + std::chrono::ceil<std::chrono::milliseconds>(deadline);
  while (end.answer.size() < kMaxAnswerBytes) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    std::array<pollfd, 2> polled{pollfd{lookup.pipe.get(), POLLIN, 0}, pollfd{interrupt_descriptor, POLLIN, 0}};
    const int ready = poll(polled.data(), polled.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 600000)));
    if (ready < 0 && errno == EINTR) continue;
    end.interrupted = polled[1].revents != 0;
    if (polled[0].revents == 0) return end;
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(lookup.pipe.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    end.answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  end.is_over = true;
  return end;
}

/// Ends the child when it still runs; returns its wait status.
int end_child(int pid, bool is_over) {
  if (!is_over) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string status_name(int status) {
  switch (status) {
    case 0:
      return "NOERROR";
    case EAI_NONAME:
      return "EAI_NONAME";
    case EAI_NODATA:
      return "EAI_NODATA";
    case EAI_AGAIN:
      return "EAI_AGAIN";
    case EAI_FAIL:
      return "EAI_FAIL";
    case EAI_SYSTEM:
      return "EAI_SYSTEM";
    default:
      return fmt::format("EAI {}", status);
  }
}

void read_lines(std::string_view answer, DnsWayAnswer& way) {
  const std::string_view head = answer.substr(0, answer.find('\n'));
  const auto status = parse_number<int>(head.substr(0, head.find(' ')));
  const auto error = parse_number<int>(head.substr(std::min(head.size(), head.find(' ') + 1)));
  if (!status) {
    way.outcome = DnsOutcome::kMalformed;
    way.reason = "the C library's process ended without an answer";
    return;
  }
  way.outcome = DnsOutcome::kAnswered;
  way.status = status_name(*status);
  if (*status != 0) way.reason = *status == EAI_SYSTEM ? std::strerror(error.value_or(0)) : gai_strerror(*status);
  answer.remove_prefix(std::min(answer.size(), head.size() + 1));
  while (!answer.empty()) {
    const std::string_view line = answer.substr(0, answer.find('\n'));
    if (IpAddress::parse(line)) way.addresses.emplace_back(line);
    answer.remove_prefix(std::min(answer.size(), line.size() + 1));
  }
  std::ranges::sort(way.addresses);
}

}  // namespace

LibcLookup start_libc_lookup(const std::string& name, std::uint16_t type) {
  LibcLookup lookup;
  lookup.started_at = std::chrono::steady_clock::now();
  if (type != kDnsTypeA && type != kDnsTypeAaaa) {
    lookup.why_none = "the C library is asked for addresses only";
    return lookup;
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    lookup.why_none = std::strerror(errno);
    return lookup;
  }
  Fd reading(ends[0]);
  const Fd writing(ends[1]);
  const pid_t parent = getpid();
  lookup.pid = fork();
  if (lookup.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    look_up(name, type, writing.get());
  }
  if (lookup.pid < 0) {
    lookup.why_none = std::strerror(errno);
    return lookup;
  }
  lookup.pipe = std::move(reading);
  return lookup;
}

DnsWayAnswer finish_libc_lookup(LibcLookup lookup, Milliseconds deadline, int interrupt_descriptor) {
  DnsWayAnswer way;
  way.way = "libc";
  way.reason = lookup.why_none;
  if (lookup.pid < 0) return way;
  const ChildEnd end = read_answer(lookup, deadline, interrupt_descriptor);
  const int status = end_child(lookup.pid, end.is_over);
  way.took = std::chrono::steady_clock::now() - lookup.started_at;
  if (!end.is_over) {
    way.outcome = end.interrupted ? DnsOutcome::kNotAsked : DnsOutcome::kSilent;
    way.reason = end.interrupted
                     ? "interrupted"
                     : fmt::format("getaddrinfo() had not returned after {:.1f} s", deadline.count() / 1000);
    way.took = end.interrupted ? std::nullopt : way.took;
  } else if (WIFSIGNALED(status)) {
    way.outcome = DnsOutcome::kMalformed;
    way.reason = fmt::format("the C library crashed: {}", strsignal(WTERMSIG(status)));
  } else {
    read_lines(end.answer, way);
  }
  return way;
}

}  // namespace vpndoctor
