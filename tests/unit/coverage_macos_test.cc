// SPDX-License-Identifier: Apache-2.0
// Coverage and its checks over what netstat and ifconfig of a Mac print.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "macos_machine.h"
#include "vpndoctor/leak_checks.h"

namespace vpndoctor {
namespace {

constexpr const char* kInterfaces = R"(lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
	inet 127.0.0.1 netmask 0xff000000
	inet6 ::1 prefixlen 128
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
	inet6 fe80::5%en0 prefixlen 64 scopeid 0x6
	inet6 2a0e:50::5 prefixlen 64 autoconf
	inet 192.168.50.5 netmask 0xffffff00 broadcast 192.168.50.255
	status: active
utun0: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1000
	inet6 fe80::ce81:b1c:bd2c:69e%utun0 prefixlen 64 scopeid 0x8
utun4: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1420
	inet 10.8.0.2 --> 10.8.0.1 netmask 0xffffffff
)";

constexpr const char* kInet = R"(default 192.168.50.1 UGScg en0
10.8.0.1 10.8.0.2 UH utun4
127 127.0.0.1 UCS lo0
127.0.0.1 127.0.0.1 UH lo0
192.168.50 link#6 UCS en0 !
192.168.50.5/32 link#6 UCS en0 !
224.0.0/4 link#6 UmCS en0 !
255.255.255.255/32 link#6 UCS en0 !
)";
constexpr const char* kHalves = "0/1 10.8.0.1 UGSc utun4\n128.0/1 10.8.0.1 UGSc utun4\n";
constexpr const char* kInet6 = R"(default fe80::1%en0 UGcg en0
::1 ::1 UHL lo0
2a0e:50::/64 link#6 UC en0
2a0e:50::5 1e:0:0:0:0:5 UHL lo0
fe80::%en0/64 link#6 UCI en0
fe80::%utun0/64 fe80::ce81:b1c:bd2c:69e%utun0 UcI utun0
ff02::%en0/32 link#6 UmCI en0
)";

Snapshot mac(const std::string& inet) { return testing_support::macos_machine(kInterfaces, inet, kInet6); }

std::map<std::string, std::string> outside(const FamilyCoverage& coverage) {
  std::map<std::string, std::string> rows;
  for (const OutsidePrefix& each : coverage.outside) {
    rows[each.prefix.to_string()] = std::string(address_class_name(each.address_class)) + " " + each.interface;
  }
  return rows;
}

TEST(CoverageOfMac, HalvesAreAFullTunnelBesideOpenInet6) {
  const Snapshot snapshot = mac(std::string(kHalves) + kInet);
  const Fib fib(snapshot);
  const Coverage coverage = find_coverage(snapshot, fib, 501);
  EXPECT_EQ(coverage.inet.mode, CoverageMode::kFull) << coverage.inet.why_unknown;
  EXPECT_EQ(coverage.inet.tunnels, std::vector<std::string>{"utun4"});
  EXPECT_EQ(outside(coverage.inet).at("192.168.50.0/24"), "lan en0");
  EXPECT_FALSE(outside(coverage.inet).contains("255.255.255.255/32")) << "a broadcast is no unicast space";
  EXPECT_EQ(coverage.inet6.mode, CoverageMode::kNone) << coverage.inet6.why_unknown;
  EXPECT_EQ(outside(coverage.inet6).at("2400::/6"), "public en0");
  const CheckResults results = check_leaks(
      {.snapshot = snapshot, .fib = fib, .uid = 501, .tunnels = {}, .coverage = coverage, .expectation = {}});
  EXPECT_EQ(std::ranges::count(results.findings, "LEK001", &Finding::code), 1);
}

TEST(CoverageOfMac, WithoutAVpnTheSystemsOwnUtunIsNone) {
  const Snapshot snapshot = mac(kInet);
  const Fib fib(snapshot);
  const Coverage coverage = find_coverage(snapshot, fib, 501);
  EXPECT_EQ(coverage.inet6.mode, CoverageMode::kNone);
  EXPECT_EQ(outside(coverage.inet).at("64.0.0.0/3"), "public en0");
}

}  // namespace
}  // namespace vpndoctor
