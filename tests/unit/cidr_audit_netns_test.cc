// SPDX-License-Identifier: Apache-2.0
// The audit's shares against the kernel's own answer for every address, over random routes and rules in a namespace.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <regex>
#include <sstream>

#include "in_namespace.h"
#include "ip_lines.h"
#include "vpndoctor/cidr_audit.h"
#include "vpndoctor/collect.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of_batch;
using testing_support::run;

constexpr unsigned kSpace = 256;

void make_random_tables(std::mt19937& random) {
  const auto pick = [&random](unsigned below) { return static_cast<unsigned>(random() % below); };
  run("for i in v d; do ip link add ${i}0 type veth peer name ${i}1 && ip link set ${i}0 up && ip link set ${i}1 up; "
      "done");
  run("ip address add 10.7.0.2/24 dev d0");
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) {
    const unsigned length = 24 + pick(9);
    const IpPrefix prefix = IpPrefix::of(*IpAddress::parse(fmt::format("10.0.0.{}", pick(kSpace))), length);
    constexpr std::array kWays = {"dev v0", "dev v0", "dev d0", "via 10.7.0.1 dev d0"};
    constexpr std::array kTypes = {"blackhole", "unreachable", "prohibit", "throw"};
    const std::string table = pick(3) == 0 ? "77" : "main";
    lines.push_back(pick(6) == 0
                        ? fmt::format("route add {} {} metric {} table {}", kTypes[pick(4)], prefix, i + 1, table)
                        : fmt::format("route add {} {} metric {} table {}", prefix, kWays[pick(4)], i + 1, table));
  }
  lines.push_back(fmt::format("rule add to 10.0.0.{}/26 lookup 77 pref 100", pick(4) * 64));
  lines.push_back(fmt::format("rule add to 10.0.0.{}/27 blackhole pref 200", pick(8) * 32));
  lines.push_back("rule add fwmark 5 lookup 78 pref 50");
  lines.push_back("rule add lookup main suppress_prefixlength 25 pref 300");
  output_of_batch(lines);
}

/// Where the kernel sends each address 10.0.0.N; one that is missing goes nowhere.
std::map<unsigned, std::string> kernel_answers() {
  std::vector<std::string> lines;
  for (unsigned i = 0; i < kSpace; ++i) lines.push_back(fmt::format("route get 10.0.0.{}", i));
  std::istringstream output(output_of_batch(lines));
  const std::regex answer("^(\\w+ )?10\\.0\\.0\\.(\\d+) .*dev (\\S+).*");
  std::map<unsigned, std::string> interfaces;
  std::smatch match;
  for (std::string line; std::getline(output, line);) {
    if (std::regex_match(line, match, answer)) interfaces[static_cast<unsigned>(std::stoul(match[2]))] = match[3];
  }
  return interfaces;
}

std::map<std::string, unsigned> counted(const std::map<unsigned, std::string>& answers, const IpPrefix& within) {
  std::map<std::string, unsigned> counts;
  for (unsigned i = 0; i < kSpace; ++i) {
    const IpAddress address = *IpAddress::parse(fmt::format("10.0.0.{}", i));
    if (!within.contains(address)) continue;
    const auto found = answers.find(i);
    ++counts[found == answers.end() ? "" : found->second];
  }
  return counts;
}

void expect_shares_of_the_kernel(unsigned seed) {
  std::mt19937 random(seed);
  make_random_tables(random);
  const auto snapshot = collect_snapshot({.tunnels = false});
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  const auto answers = kernel_answers();
  EXPECT_FALSE(answers.empty()) << "the kernel sends something somewhere";
  std::vector<IpPrefix> list;
  for (unsigned length = 24; length <= 32; ++length) {
    list.push_back(IpPrefix::of(*IpAddress::parse(fmt::format("10.0.0.{}", random() % kSpace)), length));
  }
  for (const AuditedPrefix& audited : audit_prefixes(Fib(*snapshot), *snapshot, {list, "v0"}).prefixes) {
    std::map<std::string, unsigned> shares;
    for (const ShareThrough& each : audited.through) {
      shares[each.interface] = static_cast<unsigned>(each.share_ratio * (1U << (32U - audited.prefix.length)));
    }
    EXPECT_EQ(shares, counted(answers, audited.prefix)) << "seed " << seed << ", " << audited.prefix.to_string();
  }
}

TEST(CidrAuditInNamespace, SharesAreThoseOfTheKernelForEveryAddress) {
  in_network_namespace([] {
    for (unsigned seed = 0; seed < 12; ++seed) {
      expect_shares_of_the_kernel(seed);
      run("ip link del v0 && ip link del d0 && ip route flush table 77");
      run("for p in 50 100 200 300; do ip rule del pref $p; done");
      // Blackholes have no interface that takes them along.
      run("ip route flush table main");
    }
  });
}

}  // namespace
}  // namespace vpndoctor
