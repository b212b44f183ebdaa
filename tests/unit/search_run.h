// SPDX-License-Identifier: Apache-2.0
// One search on one simulated network, and networks that many tests begin with.
#pragma once

#include <cstdint>

#include "simulated_network.h"

namespace vpndoctor::testing {

/// Everything that can be asked of a finished search.
struct SearchRun {
  PathMtuMeasurement found;
  Milliseconds took{};
  Simulation simulation;
};

/// Options of a raw carrier, IPv4 and 1500 bytes.
inline PathMtuSearchOptions raw_options(Family family = Family::kInet) {
  PathMtuSearchOptions options;
  options.family = family;
  options.abilities = {.echo = true, .udp = true, .ttl_limited = true, .fragments = true, .harmless = true};
  return options;
}

inline SearchRun search(const SimulatedNetwork& network, const PathMtuSearchOptions& options = raw_options(),
                        std::uint64_t seed = 1) {
  PathMtuSearch path_search(options, Simulation::begin());
  SearchRun run{{}, {}, Simulation(network, seed)};
  run.took = run.simulation.run(path_search);
  path_search.describe(run.found);
  return run;
}

/// Four links and 40 ms; the second link carries `mtu_bytes` there.
inline SimulatedNetwork path_of(std::uint32_t mtu_bytes, bool signals = false) {
  SimulatedNetwork network;
  network.links.resize(4);
  network.links[1].mtu_bytes = mtu_bytes;
  network.links[1].signals = signals;
  return network;
}

inline constexpr SizeBounds exactly(std::uint32_t bytes) { return {bytes, bytes}; }

}  // namespace vpndoctor::testing
