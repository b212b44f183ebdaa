// SPDX-License-Identifier: Apache-2.0
// The differential test: random machines in network namespaces, random flows, the kernel's answer beside ours.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "vpndoctor/result.h"

namespace vpndoctor::fib_test {

struct DifferentialPlan {
  std::uint64_t first_seed = 1;
  std::uint64_t worlds = 1;
  std::size_t flows = 400;       ///< a world, half of them of each family
  std::size_t most_reports = 5;  ///< mismatches that are written down in full
};

/// Answers of ours that say that they are uncertain.
struct Doubts {
  std::size_t answers = 0;
  std::size_t differ = 0;  ///< of these, the ones that are not the kernel's
};

struct Tally {
  std::size_t flows = 0;
  std::size_t found_route = 0;        ///< flows that the kernel has a route for
  std::size_t depends_neighbour = 0;  ///< answers of ours that are labelled so
  std::size_t depends_hash = 0;
  std::map<std::string, Doubts, std::less<>> doubts;  ///< by the reason that the answer states
  std::size_t mismatches = 0;
  std::size_t restless = 0;  ///< worlds that changed while they were questioned, asked again
  double kernel_seconds = 0;
  double our_seconds = 0;
  std::vector<std::string> reports;  ///< seed, flow, both answers, our steps

  Doubts all_doubts() const;
  Tally& operator+=(const Tally& other);
};

/// Builds each world in a network namespace of its own, which the calling thread enters (it needs the right to), and
/// compares. Fails when a namespace or a snapshot cannot be had.
Result<Tally> run_differential(const DifferentialPlan& plan);

}  // namespace vpndoctor::fib_test
