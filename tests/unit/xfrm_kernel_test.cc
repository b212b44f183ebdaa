// SPDX-License-Identifier: Apache-2.0
// Which IPsec policy a packet meets, compared with what the kernel does to packets that are really sent: it refuses
// them, counts them as lacking a state, or lets them go.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "unit/draw.h"
#include "unit/in_namespace.h"
#include "unit/random_xfrm.h"
#include "vpndoctor/xfrm_match.h"

namespace vpndoctor {
namespace {

using testing_support::Draw;
using testing_support::DrawnPolicy;
using testing_support::in_network_namespace;
using testing_support::make_policies;
using testing_support::output_of;
using testing_support::random_peer;
using testing_support::random_policies;
using testing_support::run;

/// How many packets lacked a state, in this namespace.
long packets_without_state() {
  std::ifstream file("/proc/net/xfrm_stat");
  std::string name;
  long count = 0;
  while (file >> name >> count) {
    if (name == "XfrmOutNoStates") return count;
  }
  ADD_FAILURE() << "no XfrmOutNoStates";
  return 0;
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
  SocketAddress result;
  if (address.family == Family::kInet) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    std::memcpy(&to.sin_addr, address.bytes.data(), sizeof to.sin_addr);
    std::memcpy(&result.storage, &to, sizeof to);
    result.size = sizeof to;
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    std::memcpy(&to.sin6_addr, address.bytes.data(), sizeof to.sin6_addr);
    std::memcpy(&result.storage, &to, sizeof to);
    result.size = sizeof to;
  }
  return result;
}

/// Sends one packet of the flow and tells its fate.
XfrmFate kernel_fate(const Flow& flow) {
  const int family = flow.destination.family == Family::kInet ? AF_INET : AF_INET6;
  const int type = flow.ip_protocol == IPPROTO_TCP   ? SOCK_STREAM
                   : flow.ip_protocol == IPPROTO_UDP ? SOCK_DGRAM
                                                     : SOCK_RAW;
  const int socket = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, flow.ip_protocol);
  EXPECT_GE(socket, 0) << std::strerror(errno);
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  ::setsockopt(socket, SOL_SOCKET, SO_MARK, &flow.mark, sizeof flow.mark);
  if (!flow.output_interface.empty()) {
    EXPECT_EQ(::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, flow.output_interface.c_str(),
                           static_cast<socklen_t>(flow.output_interface.size())),
              0);
  }
  const SocketAddress from = socket_address(*flow.source, flow.source_port);
  EXPECT_EQ(::bind(socket, from.get(), from.size), 0) << std::strerror(errno);
  const SocketAddress to = socket_address(flow.destination, type == SOCK_RAW ? 0 : flow.destination_port);
  const long before = packets_without_state();
  const int result = type == SOCK_STREAM ? ::connect(socket, to.get(), to.size)
                                         : static_cast<int>(::sendto(socket, "x", 1, 0, to.get(), to.size));
  const int error = result < 0 ? errno : 0;
  ::close(socket);
  if (error == EPERM) return XfrmFate::kBlocked;
  EXPECT_TRUE(error == 0 || error == EINPROGRESS) << std::strerror(error) << " " << flow_text(flow);
  return packets_without_state() > before ? XfrmFate::kTaken : XfrmFate::kClear;
}

Flow random_flow(Draw& draw, std::mt19937_64& random) {
  Flow flow;
  const Family family = draw.family();
  const bool is_4 = family == Family::kInet;
  flow.destination = random_peer(random, family);
  flow.source =
      IpAddress::parse(draw.chance(3) ? (is_4 ? "198.51.100.5" : "2001:db8::5") : (is_4 ? "10.0.0.1" : "fd00::1"));
  const std::uint8_t protocols[] = {6, 17, 17, 253};
  flow.ip_protocol = protocols[draw.below(4)];
  if (flow.ip_protocol != 253) {
    flow.source_port = static_cast<std::uint16_t>(1000 + draw.below(3));
    flow.destination_port = static_cast<std::uint16_t>(1000 + draw.below(3));
  }
  flow.mark = draw.chance(2) ? 0 : static_cast<std::uint32_t>(draw.below(8));
  if (draw.chance(3)) flow.output_interface = "d0";
  return flow;
}

/// Two interfaces; all peers are behind d0, whose gateway is a neighbour that never answers.
void make_network() {
  run("for i in 0 1; do ip link add d$i type veth peer name p$i; "
      "sysctl -q -w net.ipv6.conf.d$i.accept_ra=0 net.ipv6.conf.d$i.router_solicitations=0 "
      "net.ipv6.conf.p$i.disable_ipv6=1; "
      "ip link set p$i up; ip link set d$i up; ip addr add 10.$i.0.1/24 dev d$i; "
      "ip -6 addr add fd0$i::1/64 dev d$i nodad; done; ip link set lo up; ip addr add 198.51.100.5/32 dev d0; "
      "ip -6 addr add 2001:db8::5/128 dev d0 nodad; "
      "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev d0; ip neigh add fd00::2 lladdr 02:00:00:00:00:02 dev d0; "
      "ip route add default via 10.0.0.2; ip -6 route add default via fd00::2 dev d0");
}

Xfrm xfrm_of(const std::vector<DrawnPolicy>& policies) {
  Xfrm xfrm;
  for (const DrawnPolicy& each : policies) xfrm.policies.insert(xfrm.policies.begin(), each.policy);
  return xfrm;
}

TEST(XfrmKernel, APacketMeetsThePolicyThatTheKernelTakes) {
  in_network_namespace([] {
    make_network();
    if (output_of("ip xfrm policy 2>&1").find("not supported") != std::string::npos) GTEST_SKIP() << "no IPsec here";
    std::mt19937_64 random(7);
    Draw draw(random);
    std::array<int, 3> seen{};
    for (int round = 0; round < 60; ++round) {
      const std::vector<DrawnPolicy> policies = random_policies(random, 14);
      make_policies(policies);
      const Xfrm xfrm = xfrm_of(policies);
      const OutgoingXfrm outgoing(xfrm);
      for (int packet = 0; packet < 50; ++packet) {
        Flow flow = random_flow(draw, random);
        // The machine's own address is behind the loopback device, which asks no policy for IPv4.
        if (flow.destination.bytes[flow.destination.family == Family::kInet ? 3 : 15] == 5) continue;
        const XfrmFate fate = kernel_fate(flow);
        ++seen[static_cast<std::size_t>(fate)];
        std::string all;
        for (const DrawnPolicy& each : policies) all += each.words + "\n";
        ASSERT_EQ(outgoing.answer(flow, "d0").fate, fate) << flow_text(flow) << "\n" << all;
      }
    }
    for (const int count : seen) EXPECT_GT(count, 100);
    run("ip xfrm policy flush");
  });
}

TEST(XfrmKernel, TheDefaultBlocksWhatNoPolicyTakes) {
  in_network_namespace([] {
    make_network();
    run("ip xfrm policy setdefault out block && ip xfrm policy add dst 198.51.100.1/32 dir out action allow");
    Flow flow;
    flow.destination = *IpAddress::parse("198.51.100.1");
    flow.source = IpAddress::parse("10.0.0.1");
    flow.ip_protocol = IPPROTO_UDP;
    flow.source_port = flow.destination_port = 1000;
    Xfrm xfrm;
    xfrm.blocks_output_by_default = true;
    xfrm.policies.emplace_back().destination = IpPrefix::host(flow.destination);
    EXPECT_EQ(kernel_fate(flow), XfrmFate::kClear);
    EXPECT_EQ(find_xfrm_fate(xfrm, flow, "d0").fate, XfrmFate::kClear);
    flow.destination = *IpAddress::parse("198.51.100.2");
    EXPECT_EQ(kernel_fate(flow), XfrmFate::kBlocked);
    EXPECT_EQ(find_xfrm_fate(xfrm, flow, "d0").fate, XfrmFate::kBlocked);
  });
}

}  // namespace
}  // namespace vpndoctor
