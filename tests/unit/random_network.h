// SPDX-License-Identifier: Apache-2.0
// Draws networks at random, and holds what a search said of one against what is true of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulated_network.h"

namespace vpndoctor::testing {

struct RandomNetworkOptions {
  double least_round_trip_loss = 0;
  double most_round_trip_loss = 0.2;
  bool hostile_claims = true;  ///< some routers claim 0, too little or too much
  bool any_bursts = true;
};

struct RandomNetwork {
  SimulatedNetwork network;
  PathMtuSearchOptions search;
};

RandomNetwork random_network(std::uint64_t seed, const RandomNetworkOptions& options);

/// A statement that is not true.
struct Lie {
  enum class About { kSize, kHop, kCause };
  About about = About::kSize;
  std::string text;
};

/// What one search made of one network.
struct Judgement {
  bool exact = false;      ///< the path MTU was named to the byte
  bool hop_named = false;  ///< a constriction was named
  std::vector<Lie> lies;
};

Judgement judge(const RandomNetwork& random, const PathMtuMeasurement& measurement);

/// Names the network's traits, for messages about a seed.
std::string describe(const RandomNetwork& random);

}  // namespace vpndoctor::testing
