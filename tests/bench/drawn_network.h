// SPDX-License-Identifier: Apache-2.0
// Draws networks for the search benchmark. The same number gives the same network on every machine that has the same
// standard library.
#pragma once

#include <cstdint>

#include "simulated_network.h"

namespace vpndoctor::bench {

struct DrawnNetwork {
  testing::SimulatedNetwork network;
  Family family = Family::kInet;
  double round_trip_loss = 0;
};

inline constexpr std::uint32_t kDeviceMtuBytes = 1500;

/// Draws network `number`: 1 to 6 hops, 0.4 to 300 ms away, up to 30 % of the round trips lost (every third in bursts),
/// jitter, ICMP rate limits, silent routers, black holes, signalled and misreported sizes, holes on the way back.
DrawnNetwork draw_network(std::uint64_t number);

}  // namespace vpndoctor::bench
