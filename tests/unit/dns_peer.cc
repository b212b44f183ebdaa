// SPDX-License-Identifier: Apache-2.0
// A scripted DNS server; see the header.
#include "dns_peer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "dns_socket.h"
#include "vpndoctor/dns_message.h"

namespace vpndoctor::testing_support {
namespace {

constexpr std::size_t kHeaderBytes = 12;

Fd bound_socket(const DnsServer& server, int type) {
  const DnsSocketAddress address = dns_socket_address(server, {});
  Fd fd(socket(address.storage.ss_family, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) _exit(1);
  return fd;
}

class PeerLoop {
 public:
  PeerLoop(DnsServer server, DnsPeer::Behaviour behaviour, bool tcp)
      : server_(std::move(server)), behaviour_(std::move(behaviour)), udp_(bound_socket(server_, SOCK_DGRAM)) {
    if (!tcp) return;
    tcp_ = bound_socket(server_, SOCK_STREAM);
    if (listen(tcp_.get(), 8) != 0) _exit(1);
  }

  [[noreturn]] void run() {
    while (true) {
      std::array<pollfd, 2> polled{pollfd{udp_.get(), POLLIN, 0}, pollfd{tcp_.get(), POLLIN, 0}};
      poll(polled.data(), polled.size(), -1);
      if ((polled[0].revents & POLLIN) != 0) answer_udp();
      if ((polled[1].revents & POLLIN) != 0) answer_tcp();
    }
  }

 private:
  void answer_udp() {
    DnsBytes question(65535);
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const ssize_t got =
        recvfrom(udp_.get(), question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0) return;
    question.resize(static_cast<std::size_t>(got));
    for (const DnsPeerReply& reply : behaviour_(question, count_++)) {
      std::this_thread::sleep_for(reply.after);
      Fd other;
      if (!reply.from.empty()) {
        DnsServer source = server_;
        source.address = *IpAddress::parse(reply.from);
        other = bound_socket(source, SOCK_DGRAM);
      }
      sendto(other ? other.get() : udp_.get(), reply.bytes.data(), reply.bytes.size(), 0,
             reinterpret_cast<const sockaddr*>(&from), length);
    }
  }

  void answer_tcp() {
    const Fd client(accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::array<unsigned char, 2> size{};
    if (recv(client.get(), size.data(), size.size(), MSG_WAITALL) != 2) return;
    DnsBytes question(size[0] * std::size_t{256} + size[1]);
    if (recv(client.get(), question.data(), question.size(), MSG_WAITALL) < 0) return;
    const auto replies = behaviour_(question, count_++);
    if (replies.empty()) return;
    DnsBytes framed{static_cast<std::byte>(replies[0].bytes.size() >> 8U),
                    static_cast<std::byte>(replies[0].bytes.size() & 0xFFU)};
    framed.insert(framed.end(), replies[0].bytes.begin(), replies[0].bytes.end());
    send(client.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
  }

  DnsServer server_;
  DnsPeer::Behaviour behaviour_;
  Fd udp_;
  Fd tcp_;
  std::size_t count_ = 0;
};

void enter_namespace_of(pid_t pid) {
  if (pid < 0) return;
  const Fd fd(open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (setns(fd.get(), CLONE_NEWNET) != 0) _exit(1);
}

void end_question(DnsBytes& reply, const DnsBytes& question) {
  const auto name = decode_dns_name(question, kHeaderBytes);
  reply.resize(name ? name->next + 4 : kHeaderBytes);
  for (const std::size_t count : {6U, 8U, 10U}) reply[count] = reply[count + 1] = std::byte{0};
}

}  // namespace

DnsPeer::DnsPeer(const std::string& server, Behaviour behaviour, DnsPeerOptions options) {
  std::array<int, 2> ready{};
  if (pipe2(ready.data(), O_CLOEXEC) != 0) std::abort();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    enter_namespace_of(options.in_namespace_of);
    PeerLoop loop(*DnsServer::parse(server), std::move(behaviour), options.tcp);
    if (write(ready[1], "y", 1) != 1) _exit(1);
    loop.run();
  }
  close(ready[1]);
  char byte = 'n';
  EXPECT_EQ(read(ready[0], &byte, 1), 1) << "a DNS server at " << server;
  close(ready[0]);
}

DnsPeer::~DnsPeer() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

DnsBytes reply_with_code(const DnsBytes& question, unsigned rcode, bool truncated) {
  DnsBytes reply = question;
  end_question(reply, question);
  reply[2] = truncated ? std::byte{0x83} : std::byte{0x81};
  reply[3] = static_cast<std::byte>(0x80U | rcode);
  return reply;
}

DnsBytes reply_with_addresses(const DnsBytes& question, const std::vector<std::string>& addresses) {
  DnsBytes reply = reply_with_code(question, 0);
  reply[6] = static_cast<std::byte>(addresses.size() >> 8U);
  reply[7] = static_cast<std::byte>(addresses.size() & 0xFFU);
  for (const std::string& text : addresses) {
    for (const unsigned byte : {0xC0U, 0x0CU, 0U, 1U, 0U, 1U, 0U, 0U, 0U, 60U, 0U, 4U}) {
      reply.push_back(static_cast<std::byte>(byte));
    }
    const IpAddress address = *IpAddress::parse(text);
    for (const std::uint8_t byte : address.octets()) reply.push_back(static_cast<std::byte>(byte));
  }
  return reply;
}

}  // namespace vpndoctor::testing_support
