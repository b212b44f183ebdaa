// SPDX-License-Identifier: Apache-2.0
// How often the search for the author of a change is made.
#include "netlink_ports.h"

#include <gtest/gtest.h>

#include <string>

namespace vpndoctor {
namespace {

using namespace std::chrono_literals;

/// A system whose look-ups take a while, and its clock.
struct System {
  std::chrono::steady_clock::time_point now{1h};
  std::chrono::milliseconds cost{0};
  bool is_still = true;
  int look_ups = 0;
  int checks = 0;

  PortLookup lookup() {
    return {[this](std::uint32_t port) {
              ++look_ups;
              now += cost;
              return PortOwner{{port, static_cast<std::uint32_t>(look_ups), "process", {}}, "socket:[1]"};
            },
            [this](const PortOwner&) {
              ++checks;
              return is_still;
            },
            [this] { return now; }};
  }
};

TEST(PortOwners, ASlowLookUpIsRememberedForTenTimesAsLong) {
  System system;
  system.cost = 400ms;
  PortOwners owners(system.lookup());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(owners.find(7).name, "process");
    system.now += 1ms;
  }
  EXPECT_EQ(system.look_ups, 1);
  EXPECT_EQ(system.checks, 0);
}

TEST(PortOwners, AnExpiredAnswerIsCheckedBeforeItIsSearchedAnew) {
  System system;
  PortOwners owners(system.lookup());
  owners.find(7);
  system.now += 99ms;
  owners.find(7);
  EXPECT_EQ(system.checks, 0);
  system.now += 2ms;
  owners.find(7);
  EXPECT_EQ(system.checks, 1);
  EXPECT_EQ(system.look_ups, 1);
  system.is_still = false;
  system.now += 101ms;
  EXPECT_EQ(owners.find(7).pid, 2U);
  EXPECT_EQ(system.look_ups, 2);
}

TEST(PortOwners, EveryPortHasItsOwn) {
  System system;
  PortOwners owners(system.lookup());
  EXPECT_EQ(owners.find(7).port, 7U);
  EXPECT_EQ(owners.find(8).port, 8U);
  EXPECT_EQ(system.look_ups, 2);
}

}  // namespace
}  // namespace vpndoctor
