// SPDX-License-Identifier: Apache-2.0
// Raw RTM_NEWROUTE messages in batches; see the header.
#include "million_routes.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace vpndoctor::testing_support {
namespace {

constexpr std::uint32_t kBatch = 500;
constexpr std::uint32_t kFirstPrefix = 0x10000000;  // 16.0.0.0
constexpr std::uint32_t kGateway = 0x0aff0002;      // 10.255.0.2

struct RouteRequest {
  nlmsghdr header{};
  rtmsg route{};
  rtattr destination_header{};
  std::uint32_t destination = 0;
  rtattr gateway_header{};
  std::uint32_t gateway = 0;
  rtattr interface_header{};
  std::int32_t interface = 0;
};

RouteRequest request(int interface) {
  constexpr std::uint16_t kAttribute = sizeof(rtattr) + sizeof(std::uint32_t);
  RouteRequest made;
  made.header.nlmsg_len = sizeof made;
  made.header.nlmsg_type = RTM_NEWROUTE;
  made.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
  made.route.rtm_family = AF_INET;
  made.route.rtm_dst_len = 24;
  made.route.rtm_table = RT_TABLE_MAIN;
  made.route.rtm_protocol = RTPROT_STATIC;
  made.route.rtm_scope = RT_SCOPE_UNIVERSE;
  made.route.rtm_type = RTN_UNICAST;
  made.destination_header = {kAttribute, RTA_DST};
  made.gateway_header = {kAttribute, RTA_GATEWAY};
  made.gateway = htonl(kGateway);
  made.interface_header = {kAttribute, RTA_OIF};
  made.interface = interface;
  return made;
}

/// Sends a batch and reads up to the acknowledgement of its last message; returns the first errno.
int send_batch(int socket, const std::vector<RouteRequest>& batch) {
  const std::size_t size = batch.size() * sizeof(RouteRequest);
  if (::send(socket, batch.data(), size, 0) != static_cast<ssize_t>(size)) return errno;
  std::array<char, 65536> answer;
  while (true) {
    const ssize_t got = ::recv(socket, answer.data(), answer.size(), 0);
    if (got < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof(nlmsgerr))) return got < 0 ? errno : EBADMSG;
    nlmsgerr error{};
    std::memcpy(&error, answer.data() + sizeof(nlmsghdr), sizeof error);
    if (error.error != 0) return -error.error;
    if ((error.msg.nlmsg_flags & NLM_F_ACK) != 0) return 0;
  }
}

}  // namespace

bool make_big_interface() {
  return std::system(
             "ip link add big0 type veth peer name big1 && ip link set big0 up && ip link set big1 up && "
             "ip addr add 10.255.0.1/24 dev big0") == 0;
}

std::string install_routes(std::uint32_t count, const std::string& interface) {
  const int index = static_cast<int>(::if_nametoindex(interface.c_str()));
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  RouteRequest next = request(index);
  int error = 0;
  std::vector<RouteRequest> batch;
  for (std::uint32_t i = 0; i < count && error == 0; ++i) {
    next.destination = htonl(kFirstPrefix + (i << 8U));
    batch.push_back(next);
    if (batch.size() < kBatch && i + 1 < count) continue;
    batch.back().header.nlmsg_flags |= NLM_F_ACK;
    error = send_batch(socket, batch);
    batch.clear();
  }
  ::close(socket);
  return error == 0 ? std::string() : std::string("add routes: ") + std::strerror(error);
}

}  // namespace vpndoctor::testing_support
