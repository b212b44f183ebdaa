// SPDX-License-Identifier: Apache-2.0
// The egress lookup against the kernel, with iproute2's reading of the same answers as the oracle.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "in_namespace.h"
#include "vpndoctor/egress.h"

namespace vpndoctor {
namespace {

using nlohmann::json;
using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::PeerNamespace;
using testing_support::run;

IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }

/// Our query in iproute2's words.
std::string words(const EgressQuery& query) {
  std::string text = query.target.to_string();
  if (query.source) text += fmt::format(" from {}", *query.source);
  if (!query.interface.empty()) text += fmt::format(" oif {}", query.interface);
  if (query.mark) text += fmt::format(" mark {}", *query.mark);
  return text;
}

std::optional<json> first_object(const std::string& command) {
  const json parsed = json::parse(output_of(command + " 2>/dev/null"), nullptr, false);
  return parsed.is_array() && !parsed.empty() ? std::optional(parsed[0]) : std::nullopt;
}

std::string text_of(const json& object, const char* key) { return object.value(key, std::string()); }

std::string gateway_of(const json& route) {
  if (route.contains("via")) return route["via"]["host"];
  return text_of(route, "gateway");
}

std::optional<std::uint32_t> mtu_of(const std::optional<json>& route) {
  if (!route || !route->contains("metrics")) return std::nullopt;
  for (const json& metric : (*route)["metrics"]) {
    if (metric.contains("mtu")) return metric["mtu"].get<std::uint32_t>();
  }
  return std::nullopt;
}

void expect_as_iproute2(const EgressQuery& query) {
  SCOPED_TRACE("ip route get " + words(query));
  const auto oracle = first_object("ip -j route get " + words(query));
  const auto egress = query_egress(query);
  ASSERT_EQ(egress.has_value(), oracle.has_value()) << (egress ? "" : egress.error().message);
  if (!egress) {
    EXPECT_EQ(egress.error().kind, ErrorKind::kNoRoute);
    return;
  }
  // Absent when --interface names a link without a route: the kernel then takes the target for on-link.
  const auto entry = first_object("ip -j route get fibmatch " + words(query));
  const auto link = first_object("ip -j -d link show dev " + text_of(*oracle, "dev"));
  EXPECT_EQ(egress->interface, text_of(*oracle, "dev"));
  EXPECT_EQ(egress->interface_index, (*link)["ifindex"].get<int>());
  EXPECT_EQ(egress->link_mtu_bytes, (*link)["mtu"].get<std::uint32_t>());
  EXPECT_EQ(egress->gateway ? egress->gateway->to_string() : "", gateway_of(*oracle));
  EXPECT_EQ(egress->source.to_string(), query.source ? query.source->to_string() : text_of(*oracle, "prefsrc"));
  EXPECT_EQ(egress->is_local, text_of(*oracle, "type") == "local");
  EXPECT_EQ(egress->route_mtu_bytes, mtu_of(entry));
  const bool cached = oracle->contains("expires");
  EXPECT_EQ(egress->kernel_path_mtu_bytes, cached ? mtu_of(oracle) : std::nullopt);
}

/// Two links, so that a choice is possible, with addresses of both families.
void set_up_links() {
  for (const char* link : {"a", "b"}) {
    run(fmt::format("ip link add {0}0 type veth peer name {0}1", link));
    run(fmt::format("ip link set {0}0 up; ip link set {0}1 up", link));
  }
  run("ip link set b0 mtu 1420");
  run("ip addr add 10.1.0.1/24 dev a0; ip addr add 10.2.0.1/24 dev b0; ip addr add 10.1.0.9/24 dev a0");
  run("ip addr add 2001:db8:1::1/64 dev a0 nodad; ip addr add 2001:db8:2::1/64 dev b0 nodad");
}

/// Random but reproducible route set-ups; case `number` has a prefix of its own.
class RandomCase {
 public:
  explicit RandomCase(unsigned number) : random_(number), inet6_(random_() % 3 == 0), number_(number) {}

  void install() {
    const std::string table = pick(4) == 0 ? " table 100" : "";
    const std::string metric = pick(3) == 0 ? " metric 77" : "";
    run("ip route add " + route(metric + table));
  }

  EgressQuery query() {
    EgressQuery query;
    query.target = ip(inet6_ ? fmt::format("2001:db8:{:x}::{:x}", 0x100 + number_, pick(200) + 1)
                             : fmt::format("10.{}.{}.7", 10 + number_, pick(200)));
    if (pick(3) == 0) query.mark = pick(2) == 0 ? 100U : 5U;
    if (pick(4) == 0) query.interface = pick(2) == 0 ? "a0" : "b0";
    if (pick(4) == 0) query.source = ip(inet6_ ? "2001:db8:1::1" : "10.1.0.9");
    return query;
  }

 private:
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_()) % count; }

  std::string route(const std::string& key) {
    const std::string prefix =
        (inet6_ ? fmt::format("2001:db8:{:x}::/48", 0x100 + number_) : fmt::format("10.{}.0.0/16", 10 + number_)) + key;
    const unsigned form = pick(9);
    if (form == 0) {
      return fmt::format("{} {}", std::array{"blackhole", "unreachable", "prohibit", "throw"}[pick(4)], prefix);
    }
    if (form == 1) return fmt::format("{} dev {}", prefix, pick(2) == 0 ? "a0" : "b0");
    if (form == 2 && !inet6_) return fmt::format("{} via inet6 2001:db8:1::2 dev a0{}", prefix, metrics());
    if (form == 3) {
      return fmt::format("{}{} nexthop via {} weight 1 nexthop via {} weight 3", prefix, metrics(), gateway("1"),
                         gateway("2"));
    }
    if (form == 4 && !inet6_) return fmt::format("{} via 10.1.0.2 src 10.1.0.9{}", prefix, metrics());
    if (form == 5)
      return fmt::format("{} via {} dev b0 onlink{}", prefix, inet6_ ? "2001:db8:77::1" : "10.99.0.1", metrics());
    return fmt::format("{} via {}{}", prefix, gateway(pick(2) == 0 ? "1" : "2"), metrics());
  }

  std::string gateway(const char* net) const {
    return inet6_ ? fmt::format("2001:db8:{}::2", net) : fmt::format("10.{}.0.2", net);
  }
  std::string metrics() {
    const unsigned kind = pick(4);
    if (kind > 1) return "";
    return fmt::format(" mtu {}{}", kind == 0 ? "lock " : "", 1280 + pick(140));
  }

  std::minstd_rand random_;
  bool inet6_;
  unsigned number_;
};

TEST(EgressInNamespace, RandomRouteSetUpsAreReadAsIproute2ReadsThem) {
  in_network_namespace([] {
    set_up_links();
    run("ip rule add fwmark 100 lookup 100; ip -6 rule add fwmark 100 lookup 100");
    run("ip rule add fwmark 5 to 10.20.0.0/14 prohibit; ip rule add from 10.1.0.9 to 10.40.0.0/14 lookup 100");
    for (unsigned number = 0; number < 120; ++number) {
      RandomCase random_case(number * 7919 % 120);
      random_case.install();
      for (int round = 0; round < 2; ++round) expect_as_iproute2(random_case.query());
    }
  });
}

TEST(EgressInNamespace, EachRefusalIsNamedAfterItsRoute) {
  in_network_namespace([] {
    set_up_links();
    run("ip route add unreachable 10.3.0.0/16; ip route add prohibit 10.4.0.0/16; ip route add blackhole 10.5.0.0/16");
    run("ip route add unreachable 2001:db8:3::/48; ip route add prohibit 2001:db8:4::/48; ip route add blackhole "
        "2001:db8:5::/48");
    const std::vector<std::pair<std::string, std::string>> cases{{"10.3.0.1", "`unreachable`"},
                                                                 {"10.4.0.1", "`prohibit`"},
                                                                 {"10.5.0.1", "`blackhole`"},
                                                                 {"2001:db8:3::1", "`unreachable`"},
                                                                 {"2001:db8:4::1", "`prohibit`"},
                                                                 {"2001:db8:5::1", "`blackhole`"},
                                                                 {"10.6.0.1", "network is unreachable"},
                                                                 {"2001:db8:6::1", "network is unreachable"}};
    for (const auto& [target, word] : cases) {
      const auto egress = query_egress({.target = ip(target), .interface = {}, .source = {}, .mark = {}});
      ASSERT_FALSE(egress.has_value()) << target;
      EXPECT_EQ(egress.error().kind, ErrorKind::kNoRoute) << target;
      EXPECT_NE(egress.error().message.find(word), std::string::npos) << egress.error().message;
      EXPECT_FALSE(egress.error().hint.empty()) << target;
    }
  });
}

TEST(EgressInNamespace, WrongOptionsAreUsageErrors) {
  in_network_namespace([] {
    set_up_links();
    run("ip route add default via 10.1.0.2; ip link add c0 type veth peer name c1");
    const auto kind = [](const EgressQuery& query) {
      const auto egress = query_egress(query);
      return egress ? std::string("none") : std::string(error_kind_name(egress.error().kind));
    };
    const auto query = [](const char* target, const char* interface, const char* source) {
      return EgressQuery{ip(target), interface, IpAddress::parse(source), std::nullopt};
    };
    EXPECT_EQ(kind(query("192.0.2.1", "", "")), "none");
    EXPECT_EQ(kind(query("192.0.2.1", "nope", "")), "usage");
    EXPECT_EQ(kind(query("192.0.2.1", "a-name-that-is-too-long", "")), "usage");
    EXPECT_EQ(kind(query("192.0.2.1", "c0", "")), "no_route");
    EXPECT_EQ(kind(query("192.0.2.1", "", "10.1.0.77")), "usage");
    EXPECT_EQ(kind(query("192.0.2.1", "", "2001:db8:1::1")), "usage");
    EXPECT_EQ(kind(query("10.1.0.255", "", "")), "usage");
    EXPECT_EQ(kind(query("224.0.0.1", "", "")), "usage");
    EXPECT_EQ(kind(query("ff02::1", "a0", "")), "usage");
    EXPECT_EQ(kind(query("127.0.0.1", "", "127.0.0.2")), "none");
  });
}

TEST(EgressInNamespace, OwnAddressesAreLocal) {
  in_network_namespace([] {
    set_up_links();
    for (const char* own : {"127.0.0.1", "10.1.0.1", "10.2.0.1", "::1", "2001:db8:2::1"}) {
      const auto egress = query_egress({.target = ip(own), .interface = {}, .source = {}, .mark = {}});
      ASSERT_TRUE(egress.has_value()) << own;
      EXPECT_TRUE(egress->is_local) << own;
      EXPECT_EQ(egress->link_mtu_bytes, 65536U) << own;
    }
  });
}

TEST(EgressInNamespace, ALoweredDeviceMtuOfIpv6IsConfiguration) {
  in_network_namespace([] {
    set_up_links();
    run("ip -6 route add default via 2001:db8:1::2; echo 1380 > /proc/sys/net/ipv6/conf/a0/mtu");
    const auto egress = query_egress({.target = ip("2001:db8:99::1"), .interface = {}, .source = {}, .mark = {}});
    ASSERT_TRUE(egress.has_value());
    EXPECT_EQ(egress->link_mtu_bytes, 1500U);
    EXPECT_EQ(egress->route_mtu_bytes, 1380U);
    EXPECT_EQ(egress->kernel_path_mtu_bytes, std::nullopt);
  });
}

/// Sends a large datagram and waits for the too-big message that it provokes.
void provoke_too_big(const IpAddress& target) {
  const bool inet = target.family == Family::kInet;
  const int fd = ::socket(inet ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const int discover = inet ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO;
  ::setsockopt(fd, inet ? IPPROTO_IP : IPPROTO_IPV6, inet ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on);
  ::setsockopt(fd, inet ? IPPROTO_IP : IPPROTO_IPV6, inet ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &discover,
               sizeof discover);
  sockaddr_storage address{};
  socklen_t size = sizeof(sockaddr_in);
  if (inet) {
    auto* to = reinterpret_cast<sockaddr_in*>(&address);
    to->sin_family = AF_INET;
    to->sin_port = htons(9);
    std::memcpy(&to->sin_addr, target.octets().data(), 4);
  } else {
    auto* to = reinterpret_cast<sockaddr_in6*>(&address);
    size = sizeof(sockaddr_in6);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(9);
    std::memcpy(&to->sin6_addr, target.octets().data(), 16);
  }
  const std::string payload(1420, 'x');
  EXPECT_EQ(::sendto(fd, payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&address), size), 1420);
  pollfd waiting{fd, 0, 0};
  EXPECT_EQ(::poll(&waiting, 1, 10'000), 1) << "no too-big message for " << target.to_string();
  ::close(fd);
}

/// This namespace, a router behind a0, and behind that a link with an MTU of 1300.
void set_up_router(const PeerNamespace& router) {
  run("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad");
  router.run("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad");
  set_up_links();
  run(fmt::format("ip link set a1 netns {}", router.pid()));
  router.run("ip link set a1 up; ip addr add 10.1.0.2/24 dev a1; ip addr add 2001:db8:1::2/64 dev a1 nodad");
  router.run("ip link add far type veth peer name end; ip link set far mtu 1300 up; ip link set end up");
  router.run("ip addr add 10.50.0.1/16 dev far; ip addr add 2001:db8:50::1/48 dev far nodad");
  router.run("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
}

TEST(EgressInNamespace, ACachedExceptionIsToldFromTheMetricOfItsRoute) {
  in_network_namespace([] {
    const PeerNamespace router;
    set_up_router(router);
    run("ip route add 10.50.0.0/17 via 10.1.0.2; ip route add 10.50.128.0/17 via 10.1.0.2 mtu 1480");
    run("ip route add 2001:db8:50::/49 via 2001:db8:1::2; ip route add 2001:db8:50:8000::/49 via 2001:db8:1::2 mtu "
        "1480");
    for (const char* target : {"10.50.0.9", "10.50.128.9", "2001:db8:50::9", "2001:db8:50:8000::9"}) {
      const EgressQuery query{.target = ip(target), .interface = {}, .source = {}, .mark = {}};
      EXPECT_EQ(query_cached_path_mtu(query).value(), std::nullopt) << target;
      provoke_too_big(query.target);
      EXPECT_EQ(query_cached_path_mtu(query).value(), 1300U) << target;
      const bool has_metric =
          std::string(target).find("80") != std::string::npos || std::string(target).find(".128.") != std::string::npos;
      EXPECT_EQ(query_egress(query)->route_mtu_bytes, has_metric ? std::optional(1480U) : std::nullopt) << target;
      expect_as_iproute2(query);
    }
  });
}

TEST(EgressInNamespace, ATunIsATunnelAndATapIsNot) {
  if (::access("/dev/net/tun", W_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    set_up_links();
    run("ip tuntap add tunny mode tun; ip link set tunny up; ip addr add 10.7.0.1/24 dev tunny");
    run("ip tuntap add tappy mode tap; ip link set tappy up; ip addr add 10.8.0.1/24 dev tappy");
    const auto kind = [](const char* target) {
      return query_egress({.target = ip(target), .interface = {}, .source = {}, .mark = {}}).value().tunnel_kind;
    };
    EXPECT_EQ(kind("10.7.0.2"), "tun");
    EXPECT_EQ(kind("10.8.0.2"), "");
    EXPECT_EQ(kind("10.1.0.2"), "");
  });
}

}  // namespace
}  // namespace vpndoctor
