// SPDX-License-Identifier: Apache-2.0
// Routes with everything that a route can have: read from the kernel, taken away, and made again from our words, they
// look to `ip` as before.
#include <gtest/gtest.h>

#include "in_namespace.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;

constexpr const char* kDump = "ip -4 -d route show table 77; ip -6 -d route show table 77";

TEST(RouteWords, RoutesThatAreMadeAgainLookAsBefore) {
  in_network_namespace([] {
    run("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
    run("ip address add 10.0.0.1/24 dev v0 && ip address add 2001:db8::1/64 dev v0 nodad");
    for (const char* words :
         {"10.21.0.0/16 encap ip id 5 dst 192.0.2.4 ttl 9 tos 4 csum seq via 10.0.0.2 dev v0",
          "10.22.0.0/16 via 10.0.0.2 mtu lock 1400 rtt 12 rttvar 5 rto_min 200ms window 3 congctl lock cubic features "
          "ecn "
          "quickack 1 realms 3/5 initcwnd 10 initrwnd 9 cwnd 8 ssthresh 7 reordering 6 hoplimit 5 fastopen_no_cookie 1",
          "10.23.0.0/16 nexthop via 10.0.0.2 dev v0 weight 3 nexthop via inet6 fe80::1 dev v1 weight 256 onlink",
          "2001:db8:1::/48 encap seg6 mode encap segs 2001:db8::5,2001:db8::6 dev v0",
          "2001:db8:2::/48 encap seg6 mode inline segs 2001:db8::5,2001:db8::6 dev v0",
          "2001:db8:3::/48 encap ip6 id 5 dst 2001:db8::7 hoplimit 3 dev v0",
          "2001:db8:4::/48 from 2001:db8:5::/48 via 2001:db8::9 dev v0 pref high mtu 1300"}) {
      // Which encapsulations there are is the kernel's choice.
      output_of(std::string("ip route add ") + words + " table 77 2>/dev/null");
    }
    const std::string before = output_of(kDump);
    ASSERT_NE(before.find("10.22.0.0/16"), std::string::npos);
    const auto snapshot = collect_snapshot({.tunnels = false});
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    run("ip -4 route flush table 77 && ip -6 route flush table 77");
    for (const Route& route : snapshot->routes->routes) {
      if (route.table != 77) continue;
      const char* ip = route.destination.family() == Family::kInet ? "ip -4" : "ip -6";
      run(std::string(ip) + " route add " + joined(route_words(*snapshot->routes, route)));
    }
    EXPECT_EQ(output_of(kDump), before);
  });
}

}  // namespace
}  // namespace vpndoctor
