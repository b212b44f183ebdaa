// SPDX-License-Identifier: Apache-2.0
// Captures SYN-ACKs through a packet socket with a small kernel filter; what passes it is decoded and checked in full.
#include "syn_ack_capture.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostSeen = 64;

// Offsets count from the network header, since a SOCK_DGRAM packet socket takes off the link layer. Lets through TCP
// segments from the port whose SYN and ACK flags are both set.
std::array<sock_filter, 10> inet_filter(std::uint16_t port) {
  return {{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 7),
           BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 4), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
           BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x12, 0, 1),
           BPF_STMT(BPF_RET | BPF_K, 256), BPF_STMT(BPF_RET | BPF_K, 0)}};
}

std::array<sock_filter, 9> inet6_filter(std::uint16_t port) {
  return {{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 6),
           BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 40), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 4),
           BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 53), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x12, 0, 1), BPF_STMT(BPF_RET | BPF_K, 256),
           BPF_STMT(BPF_RET | BPF_K, 0)}};
}

bool attach(int fd, std::span<sock_filter> filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

bool attach_filter(int fd, Family family, std::uint16_t port) {
  if (family == Family::kInet) {
    auto filter = inet_filter(port);
    return attach(fd, filter);
  }
  auto filter = inet6_filter(port);
  return attach(fd, filter);
}

}  // namespace

Result<SynAckCapture> SynAckCapture::open(const std::string& interface, const IpAddress& target, std::uint16_t port) {
  // Protocol 0 receives nothing: the filter is in place before the first packet.
  Fd fd(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure(ErrorKind::kPermission, "capturing the peer's SYN-ACK needs CAP_NET_RAW");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(target.family == Family::kInet ? ETH_P_IP : ETH_P_IPV6);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (address.sll_ifindex == 0 || !attach_filter(fd.get(), target.family, port) ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failure(ErrorKind::kUnavailable, "capturing on " + interface + ": " + std::strerror(errno));
  }
  return SynAckCapture(std::move(fd), target, port);
}

void SynAckCapture::receive() {
  std::array<std::byte, 256> buffer;
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const auto packet = decode_ip_packet(std::span(buffer).first(static_cast<std::size_t>(got)));
    if (!packet || packet->is_fragment() || packet->protocol != kProtocolTcp || packet->source != target_) continue;
    const auto segment = decode_tcp(packet->payload);
    if (!segment || !segment->syn || !segment->ack || segment->rst || segment->source_port != port_) continue;
    if (seen_.size() < kMostSeen) seen_.push_back({segment->destination_port, segment->mss_bytes});
  }
}

std::optional<std::uint16_t> SynAckCapture::mss_for(std::uint16_t local_port) const {
  for (const auto& seen : seen_) {
    if (seen.local_port == local_port) return seen.mss_bytes;
  }
  return std::nullopt;
}

}  // namespace vpndoctor
