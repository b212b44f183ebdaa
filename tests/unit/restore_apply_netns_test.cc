// SPDX-License-Identifier: Apache-2.0
// Restore plans carried out on a real kernel: random states before and after, made with `ip`. The kernel's own listing
// must be the same as it was, nothing must be left to do, and no step may take away what both states have.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "in_namespace.h"
#include "local_routes.h"
#include "vpndoctor/apply_plan.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/restore_plan.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::output_of;
using testing_support::run;
using testing_support::wait_for_local_routes;

void make_links() {
  run("ip link set lo up");
  run("ip link add v0 type veth peer name v1 && ip link add d0 type veth peer name d1");
  run("for i in v0 v1 d0 d1; do ip link set $i up; done");
  run("ip address add 10.0.0.1/24 dev v0 && ip address add 10.0.1.1/24 dev d0");
  run("ip address add 2001:db8::1/64 dev v0 nodad && ip address add 2001:db8:0:1::1/64 dev d0 nodad");
  wait_for_local_routes();
}

/// Commands that change routes and rules, from a pool small enough that keys collide. Many are refused: so be it.
class RandomCommands {
 public:
  explicit RandomCommands(unsigned seed) : random_(seed) {}

  void run_some(int count) {
    const std::string file = fmt::format("/tmp/vpndoctor-restore-{}", ::getpid());
    std::ofstream script(file);
    for (int i = 0; i < count; ++i) script << "ip " << next() << " 2>/dev/null\n";
    script.close();
    run("sh " + file + " ; true");
    std::remove(file.c_str());
  }

 private:
  std::string next() {
    switch (pick(5)) {
      case 0:
        return rule();
      case 1:
        return fmt::format("-4 route del {}", inet_route());
      case 2:
        return inet6_route();
      default:
        return fmt::format("-4 route {} {}", any({"add", "append", "prepend", "replace"}), inet_route());
    }
  }

  std::string inet_route() {
    const std::string type = any({"", "", "", "unreachable", "throw"});
    // The kernel looks for gateways by the rules, too: what refuses them all would make most commands fail.
    const std::string key =
        fmt::format("{} {} {} {} ", any({"default", "10.9.0.0/16", "10.9.1.0/24", "203.0.113.5", "0.0.0.0/1"}),
                    any({"", "table 100"}), any({"", "metric 100"}), any({"", "", "tos 0x10"}));
    const std::string extras =
        fmt::format(" {} {} {} ", any({"", "proto static", "proto 200"}), any({"", "mtu 1400"}), any({"", "realms 7"}));
    if (!type.empty()) return fmt::format("{} 10.9.0.0/16 {} {}", type, any({"", "table 100"}), extras);
    const std::string leg =
        any({"via 10.0.0.2 dev v0 src 10.0.1.1", "via 10.0.0.2 dev v0", "via 10.0.1.2 dev d0", "dev v0", "dev d0",
             "via 198.51.100.7 dev v0 onlink", "nexthop via 10.0.0.2 dev v0 weight 3 nexthop via 10.0.1.2 dev d0",
             "via inet6 2001:db8::2 dev v0"});
    return key + (leg.starts_with("nexthop") ? extras + leg : leg + extras);
  }

  /// Routes with gateways have metrics of their own: the kernel's dump hides a route without that stands between the
  /// siblings of a multipath route (net/ipv6/route.c rt6_dump_route() goes on after the last sibling).
  std::string inet6_route() {
    const bool has_gateway = pick(2) == 0;
    // Without a gateway, a replacement can make two equal routes of one key, which nothing can add again.
    const std::string verb = has_gateway ? any({"add", "append", "replace", "del"}) : any({"add", "append", "del"});
    const std::string key = fmt::format("{} {} {}", any({"default", "2001:db8:9::/48", "2001:db8:9:1::/64"}),
                                        any({"", "", "from 2001:db8:5::/48"}),
                                        has_gateway ? any({"", "metric 100"}) : any({"metric 50", "metric 60"}));
    const std::string leg = has_gateway ? any({"via 2001:db8::2 dev v0", "via 2001:db8:0:1::2 dev d0",
                                               "via fe80::9 dev d0", "via 2001:db8::2 dev v0 pref high"})
                                        : any({"dev v0", "dev d0", "dev v0 mtu 1400", ""});
    return fmt::format("-6 route {} {}{} {} {}", verb, leg.empty() ? "unreachable " : "", key, leg,
                       any({"", "proto static"}));
  }

  std::string rule() {
    if (pick(4) == 0) return fmt::format("{} rule del pref {}", any({"-4", "-6"}), 100 * (pick(3) + 1));
    const std::string family = any({"-4", "-6"});
    const std::string selector =
        any({"", "fwmark 5", "fwmark 5/0xff", "not fwmark 7", "iif v0", "oif gone0", "ipproto 6 dport 22",
             "uidrange 5-9", "tos 0x10", family == "-4" ? "from 10.1.0.0/16" : "from 2001:db8:7::/48"});
    return fmt::format("{} rule add {} pref {} {}", family, selector, 100 * (pick(3) + 1),
                       pick(4) == 0 ? "lookup 77"
                                    : any({"lookup 100", "lookup main suppress_prefixlength 0", "goto 32766",
                                           "lookup main protocol static"}));
  }

  std::size_t pick(std::size_t choices) { return std::uniform_int_distribution<std::size_t>(0, choices - 1)(random_); }
  std::string any(const std::vector<std::string>& choices) { return choices[pick(choices.size())]; }

  std::mt19937 random_;
};

Snapshot collected() {
  auto snapshot = collect_snapshot({.tunnels = false});
  EXPECT_TRUE(snapshot.has_value());
  return snapshot ? std::move(*snapshot) : Snapshot{};
}

/// The kernel's own listing in its order; of IPv6 routes the order among those of one metric means nothing.
std::string listing() { return output_of("ip -d -4 route show table all; ip -4 rule; ip -6 rule"); }

std::string inet6_listing() { return output_of("ip -d -6 route show table all | grep -v 'table local'"); }

std::string described(const RestorePlan& plan) {
  std::string text;
  for (const RestoreOperation& each : plan.operations) {
    text +=
        fmt::format("{}{}  # {} {}\n", each.applicable ? "" : "(not) ", joined(each.argv), each.reason, each.why_not);
  }
  return text;
}

/// How many routes of one snapshot are in the other, too.
bool has_route(const Snapshot& snapshot, const RouteTable& table, const Route& route) {
  const RouteTable& routes = *snapshot.routes;
  return std::ranges::any_of(routes.routes, [&](const Route& each) { return same_route(routes, each, table, route); });
}

bool is_object(const RestorePlan& plan, const RouteTable& table, const Route& route) {
  return std::ranges::any_of(plan.operations, [&](const RestoreOperation& each) {
    const auto* object = std::get_if<StandaloneRoute>(&each.object);
    if (object == nullptr) return false;
    Route only = object->route;
    only.next_hops = only.attributes = 0;
    return same_route({{only}, {object->next_hops}, {object->attributes}}, only, table, route);
  });
}

/// Routes that both have and that need no other place among those of their key.
std::vector<Route> common_routes(const Snapshot& now, const Snapshot& target, const RestorePlan& plan) {
  std::vector<Route> common;
  for (const Route& route : now.routes->routes) {
    if (has_route(target, *now.routes, route) && !is_object(plan, *now.routes, route)) common.push_back(route);
  }
  return common;
}

/// Applies one operation after the other, and looks for what both states have after each.
/// What went wrong on the way: steps that failed, and routes of both states that a step took away. Counts what it
/// looked at, so that a walk over nothing is seen.
struct Walk {
  std::vector<std::string> faults;
  std::size_t looks = 0;
};

void apply_step_by_step(const RestorePlan& plan, const Snapshot& now, const Snapshot& target, Walk& walk) {
  const std::vector<Route> common = common_routes(now, target, plan);
  for (const RestoreOperation& operation : plan.operations) {
    RestorePlan one;
    one.operations.push_back(operation);
    const auto outcome = apply_plan(one);
    if (!outcome || !outcome->applied) {
      walk.faults.push_back("failed: " + joined(operation.argv) + " of " + described(plan));
      return;
    }
    const Snapshot present = collected();
    for (const Route& route : common) {
      ++walk.looks;
      if (has_route(present, *now.routes, route)) continue;
      walk.faults.push_back(joined(route_words(*now.routes, route)) + " is gone after " + joined(operation.argv));
    }
  }
}

void expect_same(const Snapshot& target, const std::string& listed) {
  const Snapshot present = collected();
  const RestorePlan second = plan_restore(present, target);
  EXPECT_EQ(second.operations.size(), 0U) << described(second);
  EXPECT_TRUE(diff_snapshots(target, present).is_equal());
  EXPECT_EQ(listing(), listed);
}

TEST(RestoreApply, EveryRandomStateComesBack) {
  in_network_namespace([] {
    make_links();
    for (unsigned seed = 0; seed < 16; ++seed) {
      SCOPED_TRACE(seed);
      RandomCommands commands(seed);
      commands.run_some(40);
      const Snapshot target = collected();
      const std::string listed = listing();
      const std::string listed6 = inet6_listing();
      commands.run_some(25);
      const Snapshot now = collected();
      const std::string changed = listing();
      const std::string changed6 = inet6_listing();
      const RestorePlan plan = plan_restore(now, target);
      const auto outcome = apply_plan(plan);
      ASSERT_TRUE(outcome.has_value());
      ASSERT_TRUE(outcome->applied) << fmt::format("{}", fmt::join(outcome->messages, "\n")) << "\n"
                                    << described(plan) << changed6 << "was\n"
                                    << listed6;
      expect_same(target, listed);
      const auto undone = undo_plan(plan);
      ASSERT_TRUE(undone->rolled_back) << fmt::format("{}", fmt::join(undone->messages, "\n")) << described(plan)
                                       << changed6;
      expect_same(now, changed);
      if (testing::Test::HasFailure()) FAIL() << described(plan) << changed6 << "was\n" << listed6;
    }
  });
}

TEST(RestoreApply, NoStepTakesAwayWhatBothStatesHave) {
  in_network_namespace([] {
    make_links();
    Walk walk;
    for (unsigned seed = 100; seed < 106; ++seed) {
      SCOPED_TRACE(seed);
      RandomCommands commands(seed);
      commands.run_some(40);
      const Snapshot target = collected();
      commands.run_some(25);
      const Snapshot now = collected();
      apply_step_by_step(plan_restore(now, target), now, target, walk);
    }
    EXPECT_EQ(walk.faults, std::vector<std::string>());
    EXPECT_GT(walk.looks, 0U);
  });
}

}  // namespace
}  // namespace vpndoctor
