// SPDX-License-Identifier: Apache-2.0
// What the packet filter does to a packet, against the kernel's own: random rulesets, loaded by nft and iptables-nft,
// and real packets that arrive at the other end of a cable or do not.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "draw.h"
#include "leak_facets.h"
#include "packet_world.h"
#include "random_ruleset.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using testing_support::Draw;
using testing_support::PacketWorld;

constexpr unsigned kFlowsOfRuleset = 12;
constexpr double kMostUnknown = 0.35;  // of all answers: the rulesets ask for what cannot be known
constexpr double kMostRefused = 0.35;  // of all rulesets

struct Tally {
  unsigned rulesets = 0;
  unsigned refused = 0;
  unsigned answers = 0;
  unsigned unknown = 0;
  unsigned accepted = 0;
  unsigned dropped = 0;
  unsigned moved = 0;  ///< accepted, by another interface than without the packet filter
};

/// Runs a program with `text` as its input; true when it succeeds.
bool feed(const std::string& command, const std::string& text) {
  FILE* pipe = ::popen((command + " >/dev/null 2>&1").c_str(), "w");
  if (pipe == nullptr) return false;
  std::fwrite(text.data(), 1, text.size(), pipe);
  return ::pclose(pipe) == 0;
}

bool has(const std::string& program) { return ::system(("command -v " + program + " >/dev/null").c_str()) == 0; }

/// Source ports are never used twice: every packet begins a connection.
Flow random_flow(Draw& draw, bool forwards, std::uint16_t source_port) {
  constexpr std::array<std::uint16_t, 6> kPorts = {53, 80, 90, 123, 443, 444};
  constexpr std::array<std::uint32_t, 4> kMarks = {0, 0, 3, 7};
  constexpr std::array<std::uint32_t, 3> kUsers = {0, 1000, 1001};
  const bool is_inet = draw.chance(2);
  const auto address = [](const char* text) { return *IpAddress::parse(text); };
  Flow flow;
  flow.destination = is_inet ? address(draw.chance(2) ? "9.9.9.9" : "8.8.8.8")
                             : address(draw.chance(2) ? "2620:fe::9" : "2a00:1450::8");
  flow.source = is_inet ? address("192.168.50.5") : address("2a0e:50::5");
  if (forwards) {
    flow.source = is_inet ? address("10.9.0.2") : address("2a0e:99::2");
    flow.input_interface = "in0";
  } else {
    flow.mark = kMarks[draw.below(kMarks.size())];
    flow.uid = kUsers[draw.below(kUsers.size())];
  }
  const std::uint8_t icmp = is_inet ? kProtocolIcmp : kProtocolIcmp6;
  const std::array<std::uint8_t, 3> protocols = {kProtocolTcp, kProtocolUdp, icmp};
  flow.ip_protocol = protocols[draw.below(protocols.size())];
  flow.source_port = source_port;
  if (flow.ip_protocol != icmp) flow.destination_port = kPorts[draw.below(kPorts.size())];
  return flow;
}

class Differential {
 public:
  explicit Differential(std::uint64_t seed) : random_(seed), draw_(random_) {
    auto snapshot = collect_snapshot({});
    EXPECT_TRUE(snapshot.has_value());
    snapshot_ = *std::move(snapshot);
  }

  /// Sends flows through the ruleset that is loaded.
  void compare(const std::string& ruleset, bool forwards) {
    ++tally.rulesets;
    snapshot_.firewall = read_firewall(*snapshot_.links);
    ASSERT_TRUE(snapshot_.firewall.is_complete()) << snapshot_.firewall.why_missing();
    const Fib fib(snapshot_);
    for (unsigned i = 0; i < kFlowsOfRuleset && !::testing::Test::HasFailure(); ++i) {
      compare_flow(fib, random_flow(draw_, forwards, next_port_++), ruleset);
    }
  }

  std::mt19937_64& random() { return random_; }
  Tally tally;

 private:
  void compare_flow(const Fib& fib, const Flow& flow, const std::string& ruleset) {
    const std::string interface(fib.lookup(flow).interface);
    const FirewallAnswer answer = flow.input_interface.empty() ? simulate_output(snapshot_, flow, interface)
                                                               : simulate_forward(snapshot_, flow, interface);
    const std::string left_by = world_.send(flow);
    ++tally.answers;
    if (answer.verdict == FirewallVerdict::kUnknown) ++tally.unknown;
    if (answer.verdict == FirewallVerdict::kUnknown) return;
    const bool is_accepted = answer.verdict == FirewallVerdict::kAccepted;
    ++(is_accepted ? tally.accepted : tally.dropped);
    if (is_accepted && answer.interface != interface) ++tally.moved;
    EXPECT_EQ(is_accepted ? answer.interface : "", left_by)
        << flow_text(flow) << "\n"
        << answer.why << "\n"
        << ruleset << testing_support::output_of("nft --debug=netlink -a list ruleset 2>&1");
  }

  PacketWorld world_;
  std::mt19937_64 random_;
  Draw draw_;
  Snapshot snapshot_;
  std::uint16_t next_port_ = 2000;
};

void expect_useful(const Tally& tally) {
  const auto answers = static_cast<double>(tally.answers);
  std::printf("%u rulesets, %u refused; %u answers: %u accepted (%u moved), %u dropped, %u unknown\n", tally.rulesets,
              tally.refused, tally.answers, tally.accepted, tally.moved, tally.dropped, tally.unknown);
  EXPECT_LT(tally.unknown / answers, kMostUnknown);
  EXPECT_LT(tally.refused, kMostRefused * (tally.rulesets + tally.refused));
  EXPECT_GT(tally.accepted / answers, 0.1);
  EXPECT_GT(tally.dropped / answers, 0.1);
}

/// Skips the calling test where programs are missing, and where other users' sockets cannot be made.
#define SKIP_UNLESS_POSSIBLE(program)                                \
  if (!has(program)) GTEST_SKIP() << program << " is not installed"; \
  if (::geteuid() != 0) GTEST_SKIP() << "only root may send as another user and mark"

void run_nft(bool forwards, std::uint64_t seed, unsigned rulesets) {
  testing_support::in_network_namespace([=] {
    Differential differential(seed);
    for (unsigned i = 0; i < rulesets && !::testing::Test::HasFailure(); ++i) {
      const std::string ruleset = testing_support::random_nft_ruleset(differential.random(), {forwards});
      feed("nft -i", ruleset);
      differential.compare(ruleset, forwards);
    }
    expect_useful(differential.tally);
  });
}

void run_iptables(bool forwards, std::uint64_t seed, unsigned rulesets) {
  testing_support::in_network_namespace([=] {
    Differential differential(seed);
    for (unsigned i = 0; i < rulesets && !::testing::Test::HasFailure(); ++i) {
      const std::string inet = testing_support::random_iptables_ruleset(differential.random(), {forwards}, false);
      const std::string inet6 = testing_support::random_iptables_ruleset(differential.random(), {forwards}, true);
      testing_support::run("nft flush ruleset");
      if (feed("iptables-nft-restore", inet) && feed("ip6tables-nft-restore", inet6)) {
        differential.compare(inet + inet6, forwards);
      } else {
        ++differential.tally.refused;
      }
    }
    expect_useful(differential.tally);
  });
}

TEST(FirewallKernel, JudgesOutgoingPacketsAsNftablesDoes) {
  SKIP_UNLESS_POSSIBLE("nft");
  run_nft(false, 1, 100);
}

TEST(FirewallKernel, JudgesForwardedPacketsAsNftablesDoes) {
  SKIP_UNLESS_POSSIBLE("nft");
  run_nft(true, 2, 60);
}

TEST(FirewallKernel, JudgesOutgoingPacketsAsIptablesDoes) {
  SKIP_UNLESS_POSSIBLE("iptables-nft-restore");
  run_iptables(false, 3, 60);
}

TEST(FirewallKernel, JudgesForwardedPacketsAsIptablesDoes) {
  SKIP_UNLESS_POSSIBLE("iptables-nft-restore");
  run_iptables(true, 4, 40);
}

}  // namespace
}  // namespace vpndoctor
