// SPDX-License-Identifier: Apache-2.0
// The packet filter's model on rulesets built by hand: what is unknown makes an answer unknown only where it decides.
#include "vpndoctor/firewall.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "machine.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;
using Steps = std::vector<FirewallExpression>;

constexpr std::uint32_t kRegister = 4;

FirewallExpression verdict(FirewallAction action, std::string chain = {}) {
  return {.name = "immediate", .decision = {action, std::move(chain)}};
}
const FirewallExpression kAccept = verdict(FirewallAction::kAccept);
const FirewallExpression kDrop = verdict(FirewallAction::kDrop);
const FirewallExpression kRateLimit = {.name = "limit"};

/// meta mark NUMBER, in the byte order of a small machine.
Steps mark_is(char number) {
  return {{.name = "meta", .destination = kRegister, .key = 3},
          {.name = "cmp", .source = kRegister, .data = std::string{number, '\0', '\0', '\0'}}};
}
Steps set_mark(char number) {
  return {{.name = "immediate", .destination = kRegister, .data = std::string{number, '\0', '\0', '\0'}},
          {.name = "meta", .source = kRegister, .key = 3}};
}

Steps operator+(Steps left, const Steps& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Steps operator+(Steps left, const FirewallExpression& right) { return std::move(left) + Steps{right}; }

FirewallChain output_chain(const std::vector<Steps>& rules, bool drops_by_default = false,
                           const std::string& type = "filter") {
  FirewallChain chain{.name = "output", .type = type, .hook = FirewallHook::kOutput};
  chain.drops_by_default = drops_by_default;
  for (const Steps& each : rules) chain.rules.push_back({.handle = chain.rules.size() + 1, .expressions = each});
  return chain;
}

Snapshot machine_with(const std::vector<FirewallChain>& chains) {
  Machine machine = Machine::ordinary();
  machine.link("eth1").address("eth1", "198.51.100.2/24");
  machine.route({.destination = "default", .interface = "eth1", .gateway = "198.51.100.1", .table = 100});
  Rule marked;
  marked.priority = 100;
  marked.mark = 7;
  marked.mark_mask = 0xffffffff;
  marked.table = 100;
  machine.rule(marked);
  Snapshot snapshot = machine.snapshot();
  Firewall firewall;
  firewall.tables = {{.family = "inet", .name = "t", .chains = chains}};
  snapshot.firewall = Observed<Firewall>(firewall, "test");
  return snapshot;
}

FirewallAnswer answer_of(const Snapshot& snapshot, std::uint32_t mark = 0) {
  Flow flow;
  flow.destination = *IpAddress::parse("9.9.9.9");
  flow.source = IpAddress::parse("192.0.2.2");
  flow.ip_protocol = kProtocolTcp;
  flow.destination_port = 443;
  flow.mark = mark;
  return simulate_output(snapshot, flow, "eth0");
}

FirewallVerdict verdict_of(const std::vector<FirewallChain>& chains, std::uint32_t mark = 0) {
  return answer_of(machine_with(chains), mark).verdict;
}

TEST(Firewall, WithoutChainsEverythingPasses) {
  const FirewallAnswer answer = answer_of(machine_with({}));
  EXPECT_EQ(answer.verdict, FirewallVerdict::kAccepted);
  EXPECT_EQ(answer.interface, "eth0");
}

TEST(Firewall, DropIsFinalAndAcceptIsOfItsChainAlone) {
  EXPECT_EQ(verdict_of({output_chain({Steps{kAccept}}), output_chain({Steps{kDrop}})}), FirewallVerdict::kDropped);
  EXPECT_EQ(verdict_of({output_chain({Steps{kAccept}}, true)}), FirewallVerdict::kAccepted);
  EXPECT_EQ(verdict_of({output_chain({}, true)}), FirewallVerdict::kDropped);
}

TEST(Firewall, WhatIsUnknownMattersOnlyWhereItDecides) {
  EXPECT_EQ(verdict_of({output_chain({Steps{kRateLimit} + kDrop})}), FirewallVerdict::kUnknown);
  EXPECT_EQ(verdict_of({output_chain({Steps{kRateLimit} + kDrop}, true)}), FirewallVerdict::kDropped);
  EXPECT_EQ(verdict_of({output_chain({Steps{kRateLimit} + kAccept, Steps{kAccept}}, true)}),
            FirewallVerdict::kAccepted);
  EXPECT_EQ(verdict_of({output_chain({Steps{kRateLimit} + kAccept}), output_chain({Steps{kDrop}})}),
            FirewallVerdict::kDropped);
}

TEST(Firewall, UnknownAnswerSaysWhatItDependsOn) {
  const FirewallAnswer answer = answer_of(machine_with({output_chain({Steps{kRateLimit} + kDrop})}));
  EXPECT_TRUE(answer.why.contains("rate limit")) << answer.why;
  EXPECT_TRUE(answer.why.contains("rule 1 of chain output of table inet t")) << answer.why;
}

TEST(Firewall, StepThatIsNotModelledIsNamed) {
  const FirewallExpression match{.name = "match", .subject = "recent"};
  EXPECT_TRUE(answer_of(machine_with({output_chain({Steps{match} + kDrop})})).why.contains("recent"));
  const FirewallExpression target{.name = "target", .subject = "TARPIT"};
  EXPECT_EQ(verdict_of({output_chain({Steps{target}})}), FirewallVerdict::kUnknown);
}

TEST(Firewall, MarkThatMayBeSetIsUnknownAfterwards) {
  const Steps maybe_marked = Steps{kRateLimit} + set_mark(7);
  EXPECT_EQ(verdict_of({output_chain({maybe_marked, mark_is(7) + kDrop})}), FirewallVerdict::kUnknown);
  // A mark is known by its bits: what is 0 or 7 may be any number below 8, and never 8.
  EXPECT_EQ(verdict_of({output_chain({maybe_marked, mark_is(8) + kDrop})}), FirewallVerdict::kAccepted);
  EXPECT_EQ(verdict_of({output_chain({set_mark(7), mark_is(7) + kDrop})}), FirewallVerdict::kDropped);
}

TEST(Firewall, ConnectionIsThereAfterTrackingWhateverThePriorityOfALaterHook) {
  constexpr char kStateNew = 8;
  const Steps is_new = {{.name = "ct", .destination = kRegister},
                        {.name = "cmp", .source = kRegister, .data = std::string{kStateNew, '\0', '\0', '\0'}}};
  FirewallChain chain = output_chain({is_new + kDrop});
  EXPECT_EQ(verdict_of({chain}), FirewallVerdict::kDropped);
  chain.priority = -300;
  EXPECT_EQ(verdict_of({chain}), FirewallVerdict::kAccepted) << "it is before connection tracking";
  chain.hook = FirewallHook::kPostrouting;
  EXPECT_EQ(verdict_of({chain}), FirewallVerdict::kDropped);
}

TEST(Firewall, OnlyAChainOfTheTypeRouteSendsAMarkedPacketAnotherWay) {
  const FirewallAnswer routed = answer_of(machine_with({output_chain({set_mark(7)}, false, "route")}));
  EXPECT_EQ(routed.verdict, FirewallVerdict::kAccepted);
  EXPECT_EQ(routed.interface, "eth1");
  EXPECT_EQ(answer_of(machine_with({output_chain({set_mark(7)})})).interface, "eth0");
}

TEST(Firewall, JumpComesBackAndGotoDoesNot) {
  FirewallChain other{.name = "other"};
  other.rules = {{.expressions = mark_is(3) + kDrop}};
  const auto chains = [&](FirewallAction action) {
    return std::vector{output_chain({Steps{verdict(action, "other")}, Steps{kDrop}}), other};
  };
  EXPECT_EQ(verdict_of(chains(FirewallAction::kJump)), FirewallVerdict::kDropped);
  EXPECT_EQ(verdict_of(chains(FirewallAction::kGoto)), FirewallVerdict::kAccepted);
  EXPECT_EQ(verdict_of(chains(FirewallAction::kGoto), 3), FirewallVerdict::kDropped);
}

TEST(Firewall, LoopOfJumpsEnds) {
  FirewallChain other{.name = "other"};
  other.rules = {{.expressions = {verdict(FirewallAction::kJump, "other")}}};
  EXPECT_EQ(verdict_of({output_chain({Steps{verdict(FirewallAction::kJump, "other")}}), other}),
            FirewallVerdict::kUnknown);
}

/// Chains that jump to the next one twice would double the work with each.
TEST(Firewall, ManyJumpsEnd) {
  std::vector<FirewallChain> chains = {output_chain({Steps{verdict(FirewallAction::kJump, "c0")}})};
  for (int i = 0; i < 15; ++i) {
    FirewallChain chain{.name = "c" + std::to_string(i)};
    const std::string next = "c" + std::to_string(i + 1);
    const int jumps = i == 14 ? 0 : 4;
    for (int n = 0; n < jumps; ++n) chain.rules.push_back({.expressions = {verdict(FirewallAction::kJump, next)}});
    chains.push_back(std::move(chain));
  }
  EXPECT_EQ(verdict_of(chains), FirewallVerdict::kUnknown);
}

TEST(Firewall, DormantTablesDoNothing) {
  Snapshot snapshot = machine_with({output_chain({Steps{kDrop}})});
  EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kDropped);
  snapshot.firewall->tables[0].is_dormant = true;
  EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kAccepted);
}

TEST(Firewall, EgressOfTheDeviceCounts) {
  FirewallChain egress{.name = "egress", .type = "filter", .hook = FirewallHook::kEgress};
  egress.drops_by_default = true;
  Snapshot snapshot = machine_with({egress});
  snapshot.firewall->tables[0].family = "netdev";
  for (const auto& [device, verdict] :
       {std::pair{"eth0", FirewallVerdict::kDropped}, std::pair{"eth*", FirewallVerdict::kDropped},
        std::pair{"eth1", FirewallVerdict::kAccepted}}) {
    snapshot.firewall->tables[0].chains[0].devices = {device};
    EXPECT_EQ(answer_of(snapshot).verdict, verdict) << device;
  }
}

TEST(Firewall, PacketThatIsRedirectedIsUnknown) {
  FirewallChain chain = output_chain({Steps{{.name = "redir"}}});
  chain.type = "nat";
  EXPECT_EQ(verdict_of({chain}), FirewallVerdict::kUnknown);
  EXPECT_EQ(verdict_of({chain, output_chain({}, true)}), FirewallVerdict::kDropped);
}

TEST(Firewall, WhatElseFiltersMattersOnlyForWhatPasses) {
  Snapshot snapshot = machine_with({output_chain({mark_is(0) + kDrop})});
  snapshot.firewall->others = {"iptables-legacy has the table filter"};
  EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kDropped);
  EXPECT_EQ(answer_of(snapshot, 5).verdict, FirewallVerdict::kUnknown);
  snapshot.firewall->others_may_mark = true;
  EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kUnknown);
}

TEST(Firewall, FacetThatIsMissingOrCutIsUnknown) {
  Snapshot snapshot = machine_with({});
  snapshot.firewall.add_limit("a rule is not understood");
  EXPECT_TRUE(answer_of(snapshot).why.contains("a rule is not understood"));
  snapshot.firewall = Observed<Firewall>::missing("only root may read it");
  EXPECT_TRUE(answer_of(snapshot).why.contains("only root may read it"));
  EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kUnknown);
}

TEST(Firewall, NumbersOfABigMachineAreRead) {
  Snapshot snapshot =
      machine_with({output_chain({{{.name = "meta", .destination = kRegister, .key = 3},
                                   {.name = "cmp", .source = kRegister, .data = {'\0', '\0', '\0', '\5'}},
                                   kDrop}})});
  EXPECT_EQ(answer_of(snapshot, 5).verdict, FirewallVerdict::kAccepted);
  snapshot.firewall->is_big_endian = true;
  EXPECT_EQ(answer_of(snapshot, 5).verdict, FirewallVerdict::kDropped);
}

/// Takes the destination port, which is 443, into the register.
const FirewallExpression kLoadPort = {.name = "payload", .destination = kRegister, .key = 2, .offset = 2, .length = 2};

std::string port_bytes(int port) { return {static_cast<char>(port >> 8), static_cast<char>(port & 0xff)}; }

TEST(Firewall, NumbersAreComparedAsTheOperationSays) {
  for (const int other : {442, 443, 444}) {
    const std::array<bool, 6> expected = {443 == other, 443 != other, 443 < other,
                                          443 <= other, 443 > other,  443 >= other};
    for (std::uint32_t operation = 0; operation < expected.size(); ++operation) {
      const FirewallExpression compare = {
          .name = "cmp", .source = kRegister, .operation = operation, .data = port_bytes(other)};
      EXPECT_EQ(verdict_of({output_chain({Steps{kLoadPort, compare, kDrop}})}) == FirewallVerdict::kDropped,
                expected.at(operation))
          << operation << ' ' << other;
    }
  }
}

TEST(Firewall, RangesAreInvertedWhereTheRuleSaysSo) {
  for (const bool is_inverted : {false, true}) {
    for (const int last : {442, 443, 500}) {
      const FirewallExpression range = {.name = "range",
                                        .source = kRegister,
                                        .operation = is_inverted ? 1U : 0U,
                                        .data = port_bytes(400),
                                        .second_data = port_bytes(last)};
      EXPECT_EQ(verdict_of({output_chain({Steps{kLoadPort, range, kDrop}})}) == FirewallVerdict::kDropped,
                (last >= 443) != is_inverted)
          << last;
    }
  }
}

TEST(Firewall, ASetThatRulesFillMayHoldAnything) {
  const FirewallExpression lookup = {.name = "lookup", .subject = "s", .source = kRegister};
  Snapshot snapshot = machine_with({output_chain({Steps{kLoadPort, lookup, kDrop}})});
  snapshot.firewall->tables[0].sets = {{.name = "s", .key_bytes = 2}};
  EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kAccepted);
  snapshot.firewall->tables[0].sets[0].flags = kFirewallSetDynamic;
  EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kUnknown);
}

TEST(Firewall, APacketWhoseDestinationIsWrittenGoesNobodyKnowsWhere) {
  for (const auto& [offset, expected] :
       {std::pair{16U, FirewallVerdict::kUnknown}, std::pair{12U, FirewallVerdict::kAccepted}}) {
    const Steps write = {{.name = "immediate", .destination = kRegister, .data = "\x08\x08\x08\x08"},
                         {.name = "payload", .source = kRegister, .key = 1, .offset = offset, .length = 4}};
    EXPECT_EQ(verdict_of({output_chain({write})}), expected) << offset;
  }
}

TEST(Firewall, ALookupOfRoutesTakesTheMarkWhereTheRuleSaysSo) {
  constexpr std::uint32_t kOfDestination = 2;
  constexpr std::uint32_t kWithMark = 4;
  const auto is_by = [](std::uint32_t flags, std::string interface) {
    interface.resize(16);
    const Steps steps = {{.name = "fib", .destination = kRegister, .key = 2, .flags = flags},
                         {.name = "cmp", .source = kRegister, .data = interface},
                         kDrop};
    return verdict_of({output_chain({steps})}, 7) == FirewallVerdict::kDropped;
  };
  EXPECT_TRUE(is_by(kOfDestination, "eth0"));
  EXPECT_TRUE(is_by(kOfDestination | kWithMark, "eth1"));
  EXPECT_FALSE(is_by(kOfDestination | kWithMark, "eth0"));
}

TEST(Firewall, TheTypeOfAnAddressIsThatOfItsLongestLocalRoute) {
  for (const bool is_longest_first : {false, true}) {
    Machine machine = Machine::ordinary();
    for (const bool is_host : {is_longest_first, !is_longest_first}) {
      machine.route({.destination = is_host ? "9.9.9.9/32" : "9.9.9.0/24",
                     .interface = "eth0",
                     .table = kTableLocal,
                     .type = is_host ? RouteType::kBroadcast : RouteType::kLocal});
    }
    Snapshot snapshot = machine.snapshot();
    const Steps steps = {{.name = "fib", .destination = kRegister, .key = 3, .flags = 2},
                         {.name = "cmp", .source = kRegister, .data = std::string("\3\0\0\0", 4)},
                         kDrop};
    Firewall firewall;
    firewall.tables = {{.family = "inet", .name = "t", .chains = {output_chain({steps})}}};
    snapshot.firewall = {firewall, "test"};
    EXPECT_EQ(answer_of(snapshot).verdict, FirewallVerdict::kDropped) << is_longest_first;
  }
}

}  // namespace
}  // namespace vpndoctor
