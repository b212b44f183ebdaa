// SPDX-License-Identifier: Apache-2.0
// A watch's own state equals a fresh reading, whatever happened; and it says who did it.
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <semaphore>
#include <thread>

#include "handles.h"
#include "netlink.h"
#include "unit/in_namespace.h"
#include "unit/local_routes.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_watch.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;
using testing_support::wait_for_local_routes;

struct Watched {
  WatchResult result;
  std::vector<RouteEvent> events;
};

constexpr int kLargeBufferBytes = 1 << 24;

/// Watches while `actions` run in a thread of their own, and ends when they have ended. The watch stands still in
/// `on_first_event`.
Watched watch(
    const std::function<void()>& actions, int receive_buffer_bytes = kLargeBufferBytes,
    const std::function<void()>& on_first_event = [] {}) {
  const Fd stop(eventfd(0, EFD_CLOEXEC));
  const Fd begun(eventfd(0, EFD_CLOEXEC));
  std::thread actor([&] {
    std::uint64_t count = 0;
    EXPECT_EQ(read(begun.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
    actions();
    count = 1;
    EXPECT_EQ(write(stop.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
  });
  Watched watched;
  WatchRequest request;
  request.interrupt_descriptor = stop.get();
  request.receive_buffer_bytes = receive_buffer_bytes;
  request.on_begin = [&](const Snapshot&) {
    const std::uint64_t one = 1;
    return write(begun.get(), &one, sizeof one) == static_cast<ssize_t>(sizeof one);
  };
  request.on_event = [&](const RouteEvent& event) {
    if (watched.events.empty()) on_first_event();
    watched.events.push_back(event);
    return true;
  };
  auto result = watch_routes(request);
  actor.join();
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  if (result) watched.result = std::move(*result);
  return watched;
}

/// What differs between the watch's last state and the kernel's, in words.
std::vector<std::string> differences(const Snapshot& last) {
  const auto fresh = collect_snapshot({.tunnels = false});
  EXPECT_TRUE(fresh);
  const SnapshotDiff diff = diff_snapshots(last, *fresh);
  EXPECT_FALSE(diff.is_partial());
  EXPECT_EQ(diff.derived_changes, 0U);
  std::vector<std::string> texts;
  for (const RouteEvent& event : events_between(last, *fresh)) texts.push_back(event.text);
  return texts;
}

bool has_event(const Watched& watched, std::string_view text) {
  return std::ranges::any_of(watched.events, [&](const RouteEvent& each) { return each.text.contains(text); });
}

/// v0 and v1, of which the kernel adds nothing more by itself.
void set_up_two_links() {
  run("ip link set lo up; ip link add v0 type veth peer name v1; ip link set v0 addrgenmode none; "
      "ip link set v1 addrgenmode none; ip link set v0 up; ip link set v1 up");
  run("ip addr add 192.0.2.1/24 dev v0; ip addr add 2001:db8::1/64 dev v0 nodad; ip addr add 198.51.100.1/24 dev v1");
  wait_for_local_routes();
}

TEST(RouteWatch, TellsWhatHappensInWords) {
  in_network_namespace([] {
    set_up_two_links();
    const Watched watched = watch([] {
      run("ip route add 10.0.0.0/8 via 192.0.2.9");
      run("ip route replace 10.0.0.0/8 via 192.0.2.8");
      run("ip route del 10.0.0.0/8");
      run("ip rule add fwmark 7 lookup 100 pref 99");
      run("ip addr add 203.0.113.1/32 dev v1");
      run("ip link set v1 mtu 1400");
      run("ip link add dm0 type veth peer name dm1");
    });
    EXPECT_TRUE(has_event(watched, "10.0.0.0/8 via 192.0.2.9 dev v0 added"));
    EXPECT_TRUE(has_event(watched, "10.0.0.0/8 via 192.0.2.9 dev v0 replaced by 10.0.0.0/8 via 192.0.2.8 dev v0"));
    EXPECT_TRUE(has_event(watched, "10.0.0.0/8 via 192.0.2.8 dev v0 removed"));
    EXPECT_TRUE(has_event(watched, "lookup 100"));
    EXPECT_TRUE(has_event(watched, "address 203.0.113.1/32 added to v1"));
    EXPECT_TRUE(has_event(watched, "v1 changed its MTU from 1500 to 1400"));
    EXPECT_TRUE(has_event(watched, "interface dm0 (veth) appeared"));
    EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{});
  });
}

TEST(RouteWatch, BothEndsOfANewVethKnowEachOther) {
  in_network_namespace([] {
    const Watched watched = watch([] { run("ip link add dm0 type veth peer name dm1"); });
    EXPECT_EQ(watched.events.size(), 2U);
    EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{});
  });
}

TEST(RouteWatch, NoticesTheIpv4RoutesThatALinkTakesWithItInSilence) {
  in_network_namespace([] {
    set_up_two_links();
    run("ip route add 10.0.0.0/8 via 192.0.2.9; ip route add 10.1.0.0/16 dev v0");
    for (const char* command : {"ip link set v0 down", "ip link del v0"}) {
      run("ip link set v0 up; ip route replace 10.0.0.0/8 via 192.0.2.9; ip route replace 10.1.0.0/16 dev v0");
      wait_for_local_routes();
      const Watched watched = watch([command] {
        run(command);
        wait_for_local_routes();  // the other end loses its carrier
      });
      EXPECT_TRUE(has_event(watched, "10.0.0.0/8 via 192.0.2.9 dev v0 removed")) << command;
      EXPECT_TRUE(has_event(watched, "10.1.0.0/16 dev v0 scope link removed")) << command;
      EXPECT_GE(watched.result.resynchronisations, 1U);
      EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{}) << command;
    }
  });
}

TEST(RouteWatch, NoticesTheRoutesThatALostAddressTakesWithIt) {
  in_network_namespace([] {
    set_up_two_links();
    run("ip addr add 203.0.113.1/32 dev v0; ip route add 10.0.0.0/8 via 192.0.2.9 src 203.0.113.1");
    const Watched watched = watch([] { run("ip addr del 203.0.113.1/32 dev v0"); });
    EXPECT_TRUE(has_event(watched, "10.0.0.0/8 via 192.0.2.9"));
    EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{});
  });
}

TEST(RouteWatch, FollowsTheOrderOfRoutesOfOneKey) {
  in_network_namespace([] {
    set_up_two_links();
    const Watched watched = watch([] {
      run("ip route add 10.0.0.0/8 dev v0");
      run("ip route append 10.0.0.0/8 dev v1");
      run("ip route prepend 10.0.0.0/8 via 192.0.2.7");
      run("ip route replace 10.0.0.0/8 via 192.0.2.6");
      run("ip -6 route add 2001:db8:5::/48 via 2001:db8::5");
      run("ip -6 route append 2001:db8:5::/48 via 2001:db8::6");
      run("ip -6 route append 2001:db8:5::/48 via 2001:db8::7");
      run("ip -6 route del 2001:db8:5::/48 via 2001:db8::6");
    });
    EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{});
    EXPECT_EQ(
        std::ranges::count(watched.result.last.routes->routes, *IpPrefix::parse("10.0.0.0/8"), &Route::destination), 3);
  });
}

TEST(RouteWatch, FollowsNexthopObjects) {
  in_network_namespace([] {
    set_up_two_links();
    run("ip nexthop add id 1 via 192.0.2.9 dev v0; ip nexthop add id 2 via 198.51.100.9 dev v1");
    run("ip nexthop add id 10 group 1/2; ip route add 10.0.0.0/8 nhid 10");
    const Watched watched = watch([] {
      run("ip nexthop replace id 1 via 192.0.2.8 dev v0");
      run("ip route add 10.9.0.0/16 nhid 2; ip nexthop del id 2");
    });
    EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{});
  });
}

/// Random commands of `ip`, of which many fail.
std::string random_batch(std::mt19937& random, int count) {
  const auto below = [&](int limit) { return std::uniform_int_distribution(0, limit - 1)(random); };
  const auto pick = [&](std::initializer_list<const char*> words) {
    return std::string(words.begin()[below(static_cast<int>(words.size()))]);
  };
  std::string batch;
  for (int i = 0; i < count; ++i) {
    const int what = below(20);
    const std::string link = pick({"d0", "d1", "d2"});
    if (what < 12) {
      const bool six = below(3) == 0;
      batch += fmt::format(
          "route {} {} {} {} metric {}\n", pick({"add", "append", "prepend", "replace", "del", "del"}),
          six ? pick({"2001:db8:1::/48", "2001:db8:2::/48"}) : pick({"10.0.0.0/8", "10.1.0.0/16"}),
          below(2) == 0 ? "dev " + link
                        : (six ? "via 2001:db8:" : "via 192.0.") + std::to_string(10 + below(3)) + (six ? "::9" : ".9"),
          pick({"", "table 100"}), 1 + below(2));
    } else if (what < 14) {
      batch += fmt::format("rule {} fwmark {} lookup 100 pref {}\n", pick({"add", "del"}), below(3), 50 + below(2));
    } else if (what < 16) {
      const int number = below(3);
      batch += fmt::format("addr {} 192.0.{}.1/24 dev d{}\n", pick({"add", "add", "del"}), 10 + number, number);
    } else if (what < 17) {
      const int number = below(3);
      batch +=
          fmt::format("addr {} 2001:db8:{}::1/64 dev d{} nodad\n", pick({"add", "add", "del"}), 10 + number, number);
    } else if (what < 19) {
      const std::string end = below(3) == 0 ? "p" + link.substr(1) : link;
      batch += fmt::format("link set {} {}\n", end, pick({"up", "up", "up", "down", "mtu 1400"}));
    } else {
      const std::string add = fmt::format("link add {} type veth peer name p{}\nlink set {} up\n", link, link[1], link);
      batch += below(4) == 0 ? "link del " + link + "\n" : add;
    }
  }
  return batch;
}

TEST(RouteWatch, AfterRandomChurnItsStateEqualsAFreshReading) {
  in_network_namespace([] {
    // Link-local addresses would come a second after all is over.
    run("ip link set lo up; sysctl -qw net.ipv6.conf.default.addr_gen_mode=1");
    for (const char* pair : {"d0 type veth peer name p0", "d1 type veth peer name p1", "d2 type veth peer name p2"}) {
      run(std::string("ip link add ") + pair);
    }
    run("for link in d0 d1 d2 p0 p1 p2; do ip link set $link up; done");
    for (const unsigned seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
      std::mt19937 random(seed);
      const std::string batch = random_batch(random, 1500);
      const int buffer = seed % 2 == 0 ? 4096 : kLargeBufferBytes;
      const Watched watched = watch(
          [&] {
            FILE* ip = popen("ip -force -batch - >/dev/null 2>&1", "w");
            ASSERT_NE(ip, nullptr);
            fputs(batch.c_str(), ip);
            pclose(ip);
            wait_for_local_routes();
          },
          buffer);
      EXPECT_GT(watched.events.size(), 200U) << seed;
      EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{}) << seed;
    }
  });
}

/// A request for an IPv4 route of 24 bits through the interface.
NlMessage route_message(std::uint16_t type, int interface_index, std::uint32_t destination) {
  NlMessage message = netlink_message(type, type == RTM_NEWROUTE ? NLM_F_CREATE : 0);
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 24;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  destination = __builtin_bswap32(destination);
  nla_put(message.get(), RTA_DST, sizeof destination, &destination);
  nla_put_s32(message.get(), RTA_OIF, interface_index);
  return message;
}

/// Adds `count` IPv4 routes through the interface in large datagrams, as fast as the kernel takes them.
void add_many_routes(int interface_index, std::uint32_t count) {
  const auto socket = open_netlink(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  std::vector<std::byte> batch;
  const auto send_batch = [&] {
    ASSERT_GE(send(nl_socket_get_fd(socket->get()), batch.data(), batch.size(), 0), 0);
    batch.clear();
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    const NlMessage message = route_message(RTM_NEWROUTE, interface_index, 0x0a000000U + (i << 8U));
    const auto* bytes = reinterpret_cast<const std::byte*>(nlmsg_hdr(message.get()));
    batch.insert(batch.end(), bytes, bytes + nlmsg_hdr(message.get())->nlmsg_len);
    if (batch.size() > 16000) send_batch();
  }
  send_batch();
}

TEST(RouteWatch, AnOverrunIsNoticedAndMended) {
  in_network_namespace([] {
    run("ip link add d0 type veth peer name p0; ip link set d0 addrgenmode none; ip link set p0 addrgenmode none");
    run("ip link set d0 up; ip link set p0 up");
    wait_for_local_routes();
    const int index = std::stoi(output_of("ip -o link show d0"));
    constexpr std::uint32_t kRoutes = 65'000;
    // A watch that is never kept waiting may keep up.
    std::binary_semaphore all_are_there(0);
    const Watched watched = watch(
        [&] {
          add_many_routes(index, kRoutes);
          all_are_there.release();
        },
        4096, [&] { all_are_there.acquire(); });
    EXPECT_TRUE(has_event(watched, "events were lost"));
    EXPECT_GE(watched.result.resynchronisations, 1U);
    EXPECT_GT(watched.result.last.routes->routes.size(), kRoutes);
    EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{});
    // Each route is told once: as it came, or found by reading again.
    const auto added = std::ranges::count_if(watched.events, [](const RouteEvent& event) {
      return event.object == "route" && event.kind == RouteEventKind::kAdded && event.entry.starts_with("10.");
    });
    EXPECT_EQ(added, kRoutes);
  });
}

/// Runs one `ip -batch`.
void run_batch(const std::string& batch) {
  FILE* ip = popen("ip -force -batch - >/dev/null 2>&1", "w");
  ASSERT_NE(ip, nullptr);
  fputs(batch.c_str(), ip);
  pclose(ip);
}

/// `count` pairs of connected interfaces a0-b0, a1-b1, ... with addresses and routes.
std::string pairs_batch(int count) {
  std::string batch;
  for (int i = 0; i < count; ++i) {
    batch += fmt::format("link add a{0} type veth peer name b{0}\n", i);
    // Without link-local addresses, whose check for duplicates goes on for a second.
    batch += fmt::format("link set a{0} addrgenmode none\nlink set b{0} addrgenmode none\n", i);
    batch += fmt::format("link set a{0} up\nlink set b{0} up\n", i);
    batch += fmt::format("addr add 10.{0}.0.1/24 dev a{0}\naddr add 2001:db8:{0}::1/64 dev a{0} nodad\n", i);
    batch += fmt::format("route add 172.16.{0}.0/24 via 10.{0}.0.9\n", i);
  }
  return batch;
}

TEST(RouteWatch, ManyLinksThatGoAreToldOnceEach) {
  in_network_namespace([] {
    constexpr int kPairs = 100;
    run("ip link set lo up");
    run_batch(pairs_batch(kPairs));
    wait_for_local_routes();
    std::string batch;
    for (int i = 0; i < kPairs; ++i) batch += fmt::format("link del a{}\n", i);
    const Watched watched = watch([&] { run_batch(batch); });
    std::map<std::string, int> removed;
    for (const RouteEvent& event : watched.events) {
      EXPECT_NE(event.kind, RouteEventKind::kAdded) << event.text;
      if (event.kind == RouteEventKind::kRemoved) ++removed[event.entry];
    }
    for (const auto& [entry, count] : removed) EXPECT_EQ(count, 1) << entry;
    for (int i = 0; i < kPairs; ++i) {
      EXPECT_EQ(removed[fmt::format("a{}", i)], 1) << i;
      EXPECT_EQ(removed[fmt::format("172.16.{0}.0/24 via 10.{0}.0.9 dev a{0}", i)], 1) << i;
    }
    EXPECT_EQ(watched.result.last.stable, true);
    EXPECT_EQ(differences(watched.result.last), std::vector<std::string>{});
  });
}

/// Adds a route and takes it away again, over and over.
void flap(int interface_index, const std::atomic<bool>& is_over) {
  const auto socket = open_netlink(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  while (!is_over) {
    for (const int type : {RTM_NEWROUTE, RTM_DELROUTE}) {
      const NlMessage message = route_message(static_cast<std::uint16_t>(type), interface_index, 0x0a010000U);
      nl_complete_msg(socket->get(), message.get());
      ASSERT_GE(nl_send(socket->get(), message.get()), 0);
    }
  }
}

TEST(RouteWatch, WhereNothingSettlesOnlyWhatHappenedIsTold) {
  in_network_namespace([] {
    // Link-local addresses would come by themselves, a second later.
    for (const std::string number : {"0", "1"}) {
      run("ip link add d" + number + " type veth peer name p" + number);
      for (const char* end : {"d", "p"}) run("ip link set " + (end + number) + " addrgenmode none up");
    }
    const int index = std::stoi(output_of("ip -o link show d0"));
    std::atomic<bool> is_over = false;
    std::thread flapping([&] { flap(index, is_over); });
    const Watched watched = watch([] { run("ip link del d1"); });
    is_over = true;
    flapping.join();
    EXPECT_TRUE(has_event(watched, "interface d1 (veth) vanished"));
    for (const RouteEvent& event : watched.events) {
      if (event.kind != RouteEventKind::kAdded) continue;
      EXPECT_TRUE(event.entry.starts_with("10.1.0.0/24")) << event.text;
    }
    EXPECT_TRUE(watched.result.last.stable.has_value());
    EXPECT_EQ(watched.result.last.find_link("d1"), nullptr);
  });
}

TEST(RouteWatch, NamesTheProcessThatIsStillThere) {
  in_network_namespace([] {
    run("ip link add d0 type veth peer name p0; ip link set d0 up; ip link set p0 up");
    const int index = std::stoi(output_of("ip -o link show d0"));
    const Watched watched = watch([index] { add_many_routes(index, 3); });
    const auto event = std::ranges::find_if(
        watched.events, [](const RouteEvent& each) { return each.entry.starts_with("10.0.1.0/24"); });
    ASSERT_NE(event, watched.events.end());
    ASSERT_TRUE(event->author);
    // The socket is closed soon; whether it was seen in time is not for this test. Never somebody else.
    if (event->author->pid) {
      EXPECT_EQ(*event->author->pid, static_cast<std::uint32_t>(getpid()));
      EXPECT_FALSE(event->author->name.empty());
    }
  });
}

TEST(RouteWatch, TheKernelIsNamedForWhatItDerives) {
  in_network_namespace([] {
    run("ip link add d0 type veth peer name p0; ip link set d0 up; ip link set p0 up");
    const Watched watched = watch([] { run("ip addr add 192.0.2.1/24 dev d0"); });
    const auto event = std::ranges::find_if(
        watched.events, [](const RouteEvent& each) { return each.entry.starts_with("192.0.2.0/24"); });
    ASSERT_NE(event, watched.events.end());
    EXPECT_TRUE(event->is_derived);
    ASSERT_TRUE(event->author);
    EXPECT_EQ(event->author->name, "kernel");
    EXPECT_FALSE(event->author->pid);
  });
}

TEST(RouteWatch, EndsWhenTimeIsOverOrTheReaderHasGone) {
  in_network_namespace([] {
    WatchRequest request;
    request.duration = std::chrono::duration<double>(0.01);
    const auto timed = watch_routes(request);
    ASSERT_TRUE(timed);
    EXPECT_FALSE(timed->interrupted);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    request.duration.reset();
    request.output_descriptor = ends[1];
    const auto closed = watch_routes(request);
    ASSERT_TRUE(closed);
    EXPECT_TRUE(closed->output_closed);
    close(ends[1]);
  });
}

TEST(RouteDiff, ATunnelThatIsMadeAgainWithItsRoutesIsTheSame) {
  in_network_namespace([] {
    const auto make = [] {
      run("ip tuntap add dev tap8 mode tap; ip link set tap8 up; ip addr add 10.8.0.1/24 dev tap8");
      run("ip route add 10.9.0.0/16 via 10.8.0.2 dev tap8; ip route add 10.10.0.0/16 dev tap8");
      run("ip tuntap add dev tun7 mode tun; ip link set tun7 up; ip addr add 10.7.0.1/24 dev tun7");
      run("ip route add 10.6.0.0/16 via 10.7.0.2 dev tun7");
    };
    set_up_two_links();
    make();
    const auto before = collect_snapshot();
    run("ip link del tap8; ip link del tun7");
    const auto between = collect_snapshot();
    make();
    const auto after = collect_snapshot();
    ASSERT_TRUE(before && between && after);
    std::vector<std::string> changes;
    for (const RouteEvent& event : events_between(*before, *after)) changes.push_back(event.text);
    EXPECT_EQ(changes, std::vector<std::string>{});
    EXPECT_EQ(diff_snapshots(*before, *between).routes.removed.size(), 3U);
    EXPECT_EQ(diff_snapshots(*before, *between).links.removed.size(), 2U);
  });
}

}  // namespace
}  // namespace vpndoctor
