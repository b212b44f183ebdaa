// SPDX-License-Identifier: Apache-2.0
// A dump that changed while it was read is never called stable. A writer always adds one route before it deletes the
// other, so that at every moment there is at least one of the two: a table that shows neither is torn.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "in_namespace.h"
#include "local_routes.h"
#include "million_routes.h"
#include "netlink.h"
#include "routing_changes.h"
#include "rtnl_decode.h"
#include "vpndoctor/collect.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::install_routes;
using testing_support::make_big_interface;
using testing_support::run;
using testing_support::wait_for_local_routes;

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

/// The two host routes lie at both ends of the table, so that a dump passes them at different times.
struct Pair {
  IpAddress first;
  IpAddress last;
};

/// Sends one request for a host route through `interface` and waits for its acknowledgement.
void change(int socket, std::uint16_t type, const IpAddress& address, int interface) {
  struct Request {
    nlmsghdr header{};
    rtmsg route{};
    std::array<std::byte, 64> attributes{};
  } request;
  const auto octets = address.octets();
  std::size_t size = 0;
  const auto put = [&](std::uint16_t kind, const void* data, std::size_t length) {
    const rtattr attribute{static_cast<std::uint16_t>(sizeof(rtattr) + length), kind};
    std::memcpy(request.attributes.data() + size, &attribute, sizeof attribute);
    std::memcpy(request.attributes.data() + size + sizeof attribute, data, length);
    size += RTA_ALIGN(attribute.rta_len);
  };
  put(RTA_DST, octets.data(), octets.size());
  put(RTA_OIF, &interface, sizeof interface);
  request.route.rtm_family = address.family == Family::kInet ? AF_INET : AF_INET6;
  request.route.rtm_dst_len = static_cast<unsigned char>(octets.size() * 8);
  request.route.rtm_table = RT_TABLE_MAIN;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_LINK;
  request.route.rtm_type = RTN_UNICAST;
  request.header.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + sizeof(rtmsg) + size);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
  ::send(socket, &request, request.header.nlmsg_len, 0);
  std::array<char, 1024> answer;
  ::recv(socket, answer.data(), answer.size(), 0);
}

/// A process that makes before it breaks, as fast as it can, until it is killed.
class Writer {
 public:
  Writer(const Pair& pair, const char* interface) {
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) write_for_ever(pair, static_cast<int>(::if_nametoindex(interface)), ready[1]);
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
  }
  ~Writer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  [[noreturn]] static void write_for_ever(const Pair& pair, int interface, int ready) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    change(socket, RTM_NEWROUTE, pair.first, interface);
    if (::write(ready, "r", 1) != 1) ::_exit(1);
    while (true) {
      change(socket, RTM_NEWROUTE, pair.last, interface);
      change(socket, RTM_DELROUTE, pair.first, interface);
      change(socket, RTM_NEWROUTE, pair.first, interface);
      change(socket, RTM_DELROUTE, pair.last, interface);
    }
  }

  pid_t pid_ = -1;
};

bool has_route(const Snapshot& snapshot, const IpAddress& address) {
  const IpPrefix prefix = IpPrefix::host(address);
  for (const Route& route : snapshot.routes->routes) {
    if (route.destination == prefix && route.table == kTableMain) return true;
  }
  return false;
}

/// Reads under the writer: torn tables that are called stable, and unstable ones.
std::pair<int, int> read_under(const Pair& pair, int reads) {
  const Writer writer(pair, "big0");
  int torn_and_stable = 0;
  int unstable = 0;
  for (int i = 0; i < reads; ++i) {
    const auto snapshot = collect_snapshot({.tunnels = false, .most_attempts = 1});
    if (!snapshot) {
      ADD_FAILURE() << snapshot.error().message;
      break;
    }
    const bool torn = !has_route(*snapshot, pair.first) && !has_route(*snapshot, pair.last);
    torn_and_stable += torn && *snapshot->stable ? 1 : 0;
    unstable += *snapshot->stable ? 0 : 1;
  }
  return {torn_and_stable, unstable};
}

TEST(CollectStability, TornIpv4TableIsNeverCalledStable) {
  in_network_namespace([] {
    ASSERT_TRUE(make_big_interface());
    EXPECT_EQ(install_routes(10000), "");
    const auto [torn_and_stable, unstable] = read_under({ip("12.0.0.1"), ip("200.0.0.1")}, 150);
    EXPECT_EQ(torn_and_stable, 0);
    EXPECT_GT(unstable, 0);
  });
}

TEST(CollectStability, TornIpv6TableIsNeverCalledStable) {
  in_network_namespace([] {
    ASSERT_TRUE(make_big_interface());
    run("for i in $(seq 3000); do echo route add 2001:db8:1:$i::/64 dev big0; done | ip -6 -batch -");
    const auto [torn_and_stable, unstable] = read_under({ip("2001:db8::1"), ip("2001:db8:ffff::1")}, 150);
    EXPECT_EQ(torn_and_stable, 0);
    EXPECT_GT(unstable, 0);
  });
}

/// Reads the IPv4 table, and in the middle of it moves the only one of the pair from the end to the front.
int pair_seen_in_torn_dump(const Pair& pair) {
  const int interface = static_cast<int>(::if_nametoindex("big0"));
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  change(socket, RTM_NEWROUTE, pair.last, interface);
  const NlMessage request = netlink_message(RTM_GETROUTE, 0);
  rtmsg header{};
  header.rtm_family = AF_INET;
  nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO);
  int messages = 0;
  int seen = 0;
  std::string rest;
  const auto end = netlink_dump(*request, [&](std::uint16_t, Bytes payload) {
    if (++messages == 100) {
      change(socket, RTM_NEWROUTE, pair.first, interface);
      change(socket, RTM_DELROUTE, pair.last, interface);
    }
    const auto key = decode_route_key(payload, rest);
    if (key &&
        (key->route.destination == IpPrefix::host(pair.first) || key->route.destination == IpPrefix::host(pair.last))) {
      ++seen;
    }
  });
  ::close(socket);
  EXPECT_TRUE(end && end->error_number == 0);
  EXPECT_FALSE(end && end->interrupted) << "the kernel tells of torn route dumps now";
  return seen;
}

TEST(CollectStability, BracketNoticesWhatTheKernelDoesNotFlag) {
  in_network_namespace([] {
    ASSERT_TRUE(make_big_interface());
    EXPECT_EQ(install_routes(20000), "");
    auto changes = RoutingChanges::subscribe();
    ASSERT_TRUE(changes.has_value());
    EXPECT_EQ(pair_seen_in_torn_dump({ip("12.0.0.1"), ip("200.0.0.1")}), 0) << "the dump is not torn";
    EXPECT_TRUE(changes->any());
  });
}

TEST(CollectStability, QuietNamespaceIsStableAtTheFirstAttempt) {
  in_network_namespace([] {
    ASSERT_TRUE(make_big_interface());
    // Duplicate address detection and carriers change the state for a while; wait for the end of both.
    run("timeout 20 sh -c 'while ip -6 addr show | grep -q tentative; do :; done'");
    const auto snapshot = collect_snapshot({.tunnels = false, .most_attempts = 5});
    ASSERT_TRUE(snapshot.has_value());
    EXPECT_EQ(snapshot->stable, true);
  });
}

TEST(RoutingChanges, EveryKindOfChangeIsNoticed) {
  in_network_namespace([] {
    ASSERT_TRUE(make_big_interface());
    run("timeout 20 sh -c 'while ip -6 addr show | grep -q tentative; do :; done'");
    for (const char* command :
         {"ip route add 10.9.0.0/16 dev big0", "ip -6 route add 2001:db8:9::/48 dev big0",
          "ip rule add pref 9 lookup 9", "ip -6 rule add pref 9 lookup 9", "ip addr add 10.8.0.1/24 dev big0",
          "ip addr add 2001:db8::1/64 dev big0 nodad", "ip nexthop add id 9 dev big0",
          "ip link add c0 type veth peer name c1", "ip link set big0 down"}) {
      auto changes = RoutingChanges::subscribe();
      ASSERT_TRUE(changes.has_value());
      EXPECT_FALSE(changes->any()) << "before " << command;
      run(command);
      EXPECT_TRUE(changes->any()) << command;
      wait_for_local_routes();
    }
  });
}

TEST(RoutingChanges, MoreEventsThanFitCountAsAChange) {
  in_network_namespace([] {
    ASSERT_TRUE(make_big_interface());
    auto changes = RoutingChanges::subscribe();
    ASSERT_TRUE(changes.has_value());
    EXPECT_EQ(install_routes(50000), "");
    EXPECT_TRUE(changes->any());
  });
}

}  // namespace
}  // namespace vpndoctor
