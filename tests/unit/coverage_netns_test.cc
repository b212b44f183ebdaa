// SPDX-License-Identifier: Apache-2.0
// The prefixes outside a tunnel against the kernel's own answer, over random routes and rules in a namespace.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <random>
#include <regex>
#include <sstream>

#include "in_namespace.h"
#include "ip_lines.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/coverage.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of_batch;
using testing_support::run;

void make_links() {
  run("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
  run("ip tuntap add g0 mode tun && ip link set g0 up");
  run("ip address add 192.168.7.2/24 dev v0 && ip address add 10.8.0.2/24 dev g0 && ip route add default via "
      "192.168.7.1");
}

std::vector<std::string> random_lines(std::mt19937& random) {
  const auto pick = [&random](unsigned below) { return static_cast<unsigned>(random() % below); };
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) {
    const IpPrefix prefix =
        IpPrefix::of(*IpAddress::parse(fmt::format("9.{}.{}.{}", pick(4), pick(256), pick(256))), 8 + pick(25));
    constexpr std::array kWays = {"dev g0", "dev g0", "dev v0", "via 192.168.7.1 dev v0"};
    constexpr std::array kTypes = {"blackhole", "unreachable", "prohibit", "throw"};
    const std::string table = pick(3) == 0 ? "77" : "main";
    lines.push_back(pick(6) == 0
                        ? fmt::format("route add {} {} metric {} table {}", kTypes[pick(4)], prefix, i + 1, table)
                        : fmt::format("route add {} {} metric {} table {}", prefix, kWays[pick(4)], i + 1, table));
  }
  lines.push_back(fmt::format("rule add to 9.{}.0.0/17 lookup 77 pref 100", pick(4)));
  lines.push_back(fmt::format("rule add to 9.{}.128.0/18 blackhole pref 200", pick(4)));
  lines.push_back("rule add not fwmark 5 lookup 77 pref 300");
  lines.push_back("rule add lookup main suppress_prefixlength 0 pref 250");
  return lines;
}

/// Where the kernel sends each address; one that is missing goes nowhere.
std::map<std::string, std::string> kernel_answers(const std::vector<std::string>& addresses) {
  std::vector<std::string> lines;
  for (const std::string& each : addresses) lines.push_back("route get " + each);
  std::istringstream output(output_of_batch(lines));
  const std::regex answer("^(\\w+ )?(\\d+\\.\\d+\\.\\d+\\.\\d+) .*dev (\\S+).*");
  std::map<std::string, std::string> interfaces;
  std::smatch match;
  for (std::string line; std::getline(output, line);) {
    if (std::regex_match(line, match, answer)) interfaces[match[2]] = match[3];
  }
  return interfaces;
}

void expect_outside_of_the_kernel(unsigned seed) {
  std::mt19937 random(seed);
  output_of_batch(random_lines(random));
  const auto snapshot = collect_snapshot({.tunnels = false});
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  const FamilyCoverage coverage = find_coverage(*snapshot, Fib(*snapshot), 0).inet;
  std::vector<std::string> addresses;
  for (int i = 0; i < 500; ++i) {
    addresses.push_back(
        fmt::format("{}.{}.{}.{}", i % 5 == 0 ? 1 + random() % 220 : 9, random() % 5, random() % 256, random() % 256));
  }
  for (const Route& route : snapshot->routes->routes) {
    if (route.destination.family() == Family::kInet && route.destination.address.bytes[0] == 9) {
      addresses.push_back(route.destination.address.to_string());
      addresses.push_back(route.destination.last_address().to_string());
    }
  }
  const auto answers = kernel_answers(addresses);
  EXPECT_FALSE(answers.empty());
  for (const std::string& text : addresses) {
    const auto found = answers.find(text);
    const bool leaves = found != answers.end() && found->second == "v0";
    const IpAddress address = *IpAddress::parse(text);
    const bool is_outside =
        std::ranges::any_of(coverage.outside, [&](const OutsidePrefix& each) { return each.prefix.contains(address); });
    EXPECT_EQ(is_outside, leaves) << "seed " << seed << ", " << text;
  }
}

TEST(CoverageInNamespace, OutsideIsWhatTheKernelSendsOut) {
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/net/tun is not there";
  in_network_namespace([] {
    for (unsigned seed = 0; seed < 10; ++seed) {
      make_links();
      expect_outside_of_the_kernel(seed);
      run("ip link del v0 && ip link del g0 && ip route flush table 77");
      run("for p in 100 200 250 300; do ip rule del pref $p; done; ip route flush table main");
    }
  });
}

}  // namespace
}  // namespace vpndoctor
