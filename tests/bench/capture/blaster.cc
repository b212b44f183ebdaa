// SPDX-License-Identifier: Apache-2.0
// Sends UDP datagrams in frames of 1514 bytes through a packet socket, so many a second or as many as it can, from a
// thousand source ports to a thousand addresses. `blaster INTERFACE SOURCE-ADDRESS PACKETS-A-SECOND SECONDS`; 0 packets
// a second: no limit. Prints what it sent as JSON.
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kFrameBytes = 1514;
constexpr std::size_t kFlows = 1000;
constexpr std::size_t kBatch = 64;
using Frame = std::array<std::uint8_t, kFrameBytes>;

/// Ethernet to nobody, IPv4, UDP to 9.9.x.y.
Frame frame_of(const std::array<std::uint8_t, 6>& mac, in_addr source, std::size_t flow) {
  Frame frame{};
  constexpr std::array<std::uint8_t, 6> kNobody{2, 0xff, 0, 0, 0, 0xff};
  std::copy(kNobody.begin(), kNobody.end(), frame.begin());
  std::copy(mac.begin(), mac.end(), frame.begin() + 6);
  constexpr std::array<std::uint8_t, 14> kStart{0x08, 0, 0x45, 0, 0x05, 0xdc, 0, 1, 0, 0, 64, 17, 0, 0};
  std::copy(kStart.begin(), kStart.end(), frame.begin() + 12);
  std::memcpy(frame.data() + 26, &source, 4);
  const std::array<std::uint8_t, 12> rest{9,
                                          9,
                                          static_cast<std::uint8_t>(flow >> 8U),
                                          static_cast<std::uint8_t>(flow),
                                          static_cast<std::uint8_t>(0xc0 + (flow >> 8U)),
                                          static_cast<std::uint8_t>(flow),
                                          0x23,
                                          0x28,
                                          0x05,
                                          0xc8,
                                          0,
                                          0};
  std::copy(rest.begin(), rest.end(), frame.begin() + 30);
  return frame;
}

int packet_socket(const char* interface, std::array<std::uint8_t, 6>& mac) {
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) != 0) return -1;
  std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

/// Waits until the packets that were sent are no more than the rate allows.
void pace(Clock::time_point begin, std::uint64_t sent, double rate) {
  if (rate <= 0) return;
  const auto due = begin + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(static_cast<double>(sent) / rate));
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(due - Clock::now()).count();
  if (left <= 0) return;
  const timespec rest{left / 1'000'000'000, left % 1'000'000'000};
  nanosleep(&rest, nullptr);
}

}  // namespace

int main(int count, char** words) {
  std::array<std::uint8_t, 6> mac{};
  in_addr source{};
  if (count != 5 || inet_pton(AF_INET, words[2], &source) != 1) return 2;
  const int fd = packet_socket(words[1], mac);
  if (fd < 0) {
    std::perror("blaster");
    return 1;
  }
  const double rate = std::atof(words[3]);
  std::vector<Frame> frames;
  frames.reserve(kFlows);
  for (std::size_t flow = 0; flow < kFlows; ++flow) frames.push_back(frame_of(mac, source, flow));
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> messages{};
  const auto begin = Clock::now();
  const auto end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(words[4])));
  std::uint64_t sent = 0;
  while (Clock::now() < end) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      pieces[i] = {frames[(sent + i) % kFlows].data(), kFrameBytes};
      messages[i].msg_hdr = {};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int done = sendmmsg(fd, messages.data(), kBatch, 0);
    if (done > 0) sent += static_cast<std::uint64_t>(done);
    pace(begin, sent, rate);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("{\"packets\": %llu, \"seconds\": %.3f}\n", static_cast<unsigned long long>(sent), seconds);
  close(fd);
  return 0;
}
