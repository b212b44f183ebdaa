// SPDX-License-Identifier: Apache-2.0
// Hop sweep, way-there check and way-back check by themselves, against answers that the test decides one by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "forward_check.h"
#include "hop_sweep.h"
#include "reply_check.h"
#include "simulated_network.h"

namespace vpndoctor {
namespace {

using std::chrono::milliseconds;
using testing::simulated_address;

/// What comes back for a probe sent at this time; nullopt: nothing.
using Answer = std::function<std::optional<Reply::Kind>(const Probe&, TimePoint)>;

/// Records what is sent, a probe a millisecond, and hands over the answers at once.
struct Desk {
  ProbeLedger ledger;
  TimePoint now = TimePoint{} + std::chrono::hours(1);

  Desk() {
    for (int i = 0; i < 8; ++i)
      send({0, Method::kEcho, 60}, [](const Probe&, TimePoint) { return Reply::Kind::kReached; });
  }
  std::optional<Reply> send(Probe probe, const Answer& answer) {
    probe.id = ledger.next_id();
    ledger.record(probe, now);
    const auto kind = answer(probe, now);
    now += milliseconds(1);
    if (!kind) return std::nullopt;
    Reply reply;
    reply.kind = *kind;
    reply.probe_id = probe.id;
    reply.from = simulated_address(std::min<std::size_t>(probe.ttl, 5));
    ledger.settle(reply, now + milliseconds(10));
    return reply;
  }
};

struct Sweep {
  Desk desk;
  HopSweep hops{HopSweepOptions{}, desk.ledger};

  void run(const Answer& answer) {
    for (int step = 0; step < 2000; ++step) {
      desk.ledger.expire(desk.now);
      if (const auto want = hops.next(desk.now)) {
        const auto reply = desk.send({0, want->method, want->size_bytes, want->ttl}, answer);
        if (reply) hops.on_reply(*desk.ledger.find(*reply->probe_id), *reply);
        continue;
      }
      if (hops.settled()) return;
      desk.now += milliseconds(20);
    }
    FAIL() << "the sweep does not end";
  }
  void discover_and_locate(const Answer& answer) {
    hops.start(6);
    run(answer);
    hops.locate(1401, 0.02, true);
    run(answer);
  }
};

/// Five hops, the fifth is the target; packets above 1400 bytes get to hop `hole` and no further.
Answer five_hops(std::uint8_t hole, std::vector<std::uint8_t> silent = {}) {
  return [=](const Probe& probe, TimePoint) -> std::optional<Reply::Kind> {
    if (probe.size_bytes > 1400 && probe.ttl > hole) return std::nullopt;
    if (probe.ttl >= 5) return Reply::Kind::kReached;
    if (std::ranges::find(silent, probe.ttl) != silent.end()) return std::nullopt;
    return Reply::Kind::kTimeExceeded;
  };
}

TEST(HopSweep, FindsEveryHopAndTheDistance) {
  Sweep sweep;
  sweep.hops.start(6);
  sweep.run(five_hops(5));
  EXPECT_EQ(sweep.hops.distance(), 5);
  const auto hops = sweep.hops.hops(1500);
  ASSERT_EQ(hops.size(), 5U);
  for (const Hop& hop : hops) {
    EXPECT_EQ(hop.address, simulated_address(hop.ttl));
    EXPECT_EQ(hop.largest_bytes, 1500U);
  }
  EXPECT_EQ(sweep.hops.ttl_of(simulated_address(3)), 3);
  EXPECT_FALSE(sweep.hops.ttl_of(simulated_address(40)).has_value());
  EXPECT_FALSE(sweep.hops.last_reached().has_value());
}

TEST(HopSweep, PlacesAHoleBetweenTheLastReachedAndTheFirstNot) {
  for (std::uint8_t hole = 0; hole < 4; ++hole) {
    Sweep sweep;
    sweep.discover_and_locate(five_hops(hole));
    EXPECT_EQ(sweep.hops.last_reached(), hole);
    const auto found = sweep.hops.constriction();
    ASSERT_TRUE(found.has_value()) << hole;
    EXPECT_EQ(found->from_ttl, hole);
    EXPECT_EQ(found->to_ttl, hole + 1);
  }
}

TEST(HopSweep, TargetIsNeverAProvenEndOfTheHole) {
  Sweep sweep;
  sweep.discover_and_locate(five_hops(4));
  EXPECT_EQ(sweep.hops.last_reached(), 4);
  EXPECT_FALSE(sweep.hops.constriction().has_value());
}

TEST(HopSweep, SilentRouterIsNotTheCulprit) {
  Sweep sweep;
  sweep.discover_and_locate(five_hops(1, {2, 3}));
  const auto found = sweep.hops.constriction();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->from_ttl, 1);
  EXPECT_EQ(found->to_ttl, 4);
  EXPECT_FALSE(sweep.hops.hops(0)[1].address.has_value());
}

TEST(HopSweep, LargerSizeThatGotFurtherProvesNothingForThisOne) {
  Sweep sweep;
  sweep.discover_and_locate([](const Probe& probe, TimePoint now) {
    return probe.size_bytes == 1500 ? five_hops(5)({0, probe.method, 60, probe.ttl}, now) : five_hops(2)(probe, now);
  });
  const auto found = sweep.hops.constriction();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->from_ttl, 2);
  EXPECT_EQ(found->to_ttl, 3);
}

TEST(HopSweep, SilentTargetLeavesTheDistanceOpen) {
  Sweep sweep;
  sweep.hops.start(6);
  sweep.run([](const Probe& probe, TimePoint now) { return probe.ttl >= 5 ? std::nullopt : five_hops(5)(probe, now); });
  EXPECT_FALSE(sweep.hops.distance().has_value());
  EXPECT_EQ(sweep.hops.hops(0).size(), 4U);
}

/// Linux's limit of ICMP errors: `burst` at once, then one a second.
class Bucket {
 public:
  explicit Bucket(double burst = 6) : burst_(burst), tokens_(burst) {}
  bool take(TimePoint now) {
    if (at_ != TimePoint{}) tokens_ = std::min(burst_, tokens_ + std::chrono::duration<double>(now - at_).count());
    at_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double burst_;
  double tokens_;
  TimePoint at_{};
};

TEST(HopSweep, WaitsForALimitThatIsUsedUp) {
  std::vector<Bucket> routers(6);
  routers[3] = Bucket(2);
  Sweep sweep;
  const auto begin = sweep.desk.now;
  sweep.discover_and_locate([&](const Probe& probe, TimePoint now) -> std::optional<Reply::Kind> {
    const auto kind = five_hops(2)(probe, now);
    return kind && (probe.ttl >= 5 || routers[probe.ttl].take(now)) ? kind : std::nullopt;
  });
  const auto found = sweep.hops.constriction();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->from_ttl, 2);
  EXPECT_EQ(found->to_ttl, 3);
  EXPECT_GE(sweep.desk.now - begin, milliseconds(1000));
}

struct Check {
  Desk desk;
  ForwardCheck check{desk.ledger, 60, 1500};
  int sent = 0;

  void run(const Answer& answer) {
    for (int step = 0; step < 5000; ++step) {
      desk.ledger.expire(desk.now);
      if (const auto size = check.next(desk.now)) {
        ++sent;
        desk.send({0, Method::kUdp, *size}, answer);
        continue;
      }
      if (check.settled()) return;
      desk.now += milliseconds(20);
    }
    FAIL() << "the check does not end";
  }
};

Answer there_up_to(std::uint32_t bytes) {
  return [=](const Probe& probe, TimePoint) {
    return probe.size_bytes <= bytes ? std::optional(Reply::Kind::kReached) : std::nullopt;
  };
}

TEST(ForwardCheck, HoleOnTheWayThereIsConfirmed) {
  Check check;
  check.check.start(1400, 1401, 0.02);
  check.run(there_up_to(1400));
  EXPECT_EQ(check.check.bounds(), (SizeBounds{1400, 1400}));
  EXPECT_LE(*check.check.false_claim_probability(), 1e-3);
}

TEST(ForwardCheck, OpenWayThereIsShownByTheLargestSize) {
  Check check;
  check.check.start(1400, 1401, 0.02);
  check.run(there_up_to(1500));
  EXPECT_EQ(check.check.bounds(), (SizeBounds{1500, 1500}));
  EXPECT_LE(check.sent, 8);
}

TEST(ForwardCheck, BisectsToTheByteWithinItsBudget) {
  for (const std::uint32_t there : {1401U, 1402U, 1437U, 1450U, 1498U, 1499U}) {
    Check check;
    check.check.start(1400, 1401, 0.02);
    check.run(there_up_to(there));
    EXPECT_EQ(check.check.bounds(), (SizeBounds{there, there})) << there;
    EXPECT_LE(check.sent, 120) << there;
  }
}

TEST(ForwardCheck, LargeSuccessSaysNothingWhileTheQuestionIsOpen) {
  Check check;
  check.check.start(1400, 1401, 0.02);
  check.desk.send({0, Method::kUdp, 1500}, there_up_to(1500));
  EXPECT_EQ(check.check.bounds(), SizeBounds{});
}

TEST(ForwardCheck, SilentTargetEndsItWithNothingProven) {
  Check check;
  check.check.start(1400, 1401, 0.02);
  const auto begin = check.desk.now;
  check.run(there_up_to(0));
  EXPECT_FALSE(check.check.answers());
  EXPECT_EQ(check.check.bounds(), SizeBounds{});
  EXPECT_LT(check.desk.now - begin, milliseconds(3000));
}

TEST(ForwardCheck, UsedUpLimitOfTheTargetIsNoLoss) {
  Bucket target;
  Check check;
  check.check.start(1400, 1401, 0.02);
  check.run([&](const Probe&, TimePoint now) {
    return target.take(now) ? std::optional(Reply::Kind::kReached) : std::nullopt;
  });
  EXPECT_EQ(check.check.bounds(), (SizeBounds{1500, 1500}));
}

struct Back {
  Desk desk;
  ReplyCheck check{desk.ledger};

  int run(const Answer& answer, std::ptrdiff_t most_copies = 1) {
    int sent = 0;
    for (; sent < 100; desk.now += milliseconds(20)) {
      desk.ledger.expire(desk.now);
      while (const auto probe = check.next(most_copies)) {
        EXPECT_TRUE(probe->fragmented);
        EXPECT_LE(probe->fragment_bytes, 1400U);
        EXPECT_EQ(probe->id, desk.ledger.next_id());
        desk.send(*probe, answer);
        ++sent;
      }
      if (check.settled()) break;
    }
    return sent;
  }
};

TEST(ReplyCheck, WholeLargeReplyClearsTheWayBack) {
  Back back;
  EXPECT_FALSE(back.check.asked());
  back.check.start(1400);
  EXPECT_EQ(back.run([](const Probe&, TimePoint) { return Reply::Kind::kReached; }), 2);
  EXPECT_TRUE(back.check.large_answered());
  EXPECT_TRUE(back.check.control_answered());
}

TEST(ReplyCheck, LastingSilenceAfterAnsweredControlsIsProof) {
  Back back;
  back.check.start(1400);
  EXPECT_EQ(back.run(there_up_to(2000)), 2) << "without a suspicion nobody is asked twice";
  EXPECT_LE(back.run(there_up_to(2000), 8), 20);
  EXPECT_TRUE(back.check.control_answered());
  EXPECT_FALSE(back.check.large_answered());
  EXPECT_LE(back.check.silence_odds(0.02), 1e-3);
  EXPECT_GT(back.check.silence_odds(0.3), 1e-3) << "at such a loss a packet of many fragments never arrives anyway";
}

TEST(ReplyCheck, TargetThatPutsNothingTogetherIsNotAskedOnAndOn) {
  Back back;
  back.check.start(1400);
  EXPECT_LE(back.run(there_up_to(0), 8), 4);
  EXPECT_FALSE(back.check.control_answered());
}

TEST(ReplyCheck, RefinesEverySizeOnce) {
  Back back;
  back.check.start(1300);
  back.run([](const Probe&, TimePoint) { return Reply::Kind::kReached; });
  back.check.refine({1396, 1403}, 1300);
  back.check.refine({1396, 1403}, 1300);
  const int sent = back.run(there_up_to(1400));
  EXPECT_EQ(sent, 14);
  EXPECT_EQ(back.check.largest_answered_up_to(1403), 1400U);
  back.check.refine({1396, 1403}, 1300);
  EXPECT_EQ(back.run(there_up_to(1400)), 0);
}

TEST(ReplyCheck, PathTooNarrowForFragmentsIsNotAsked) {
  Back back;
  back.check.start(300);
  EXPECT_FALSE(back.check.asked());
  EXPECT_TRUE(back.check.settled());
}

}  // namespace
}  // namespace vpndoctor
