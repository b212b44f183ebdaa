// SPDX-License-Identifier: Apache-2.0
// The route lookup against the kernel's own: random machines in network namespaces, random flows of both families.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fib/differential.h"
#include "in_namespace.h"

namespace vpndoctor {
namespace {

constexpr double kMostLabelled = 0.15;  // of all answers: a label must not hide an error
constexpr double kMostDoubted = 0.10;

TEST(FibKernel, AnswersAsTheKernelDoes) {
  testing_support::in_network_namespace([] {
    const fib_test::DifferentialPlan plan{.first_seed = 1, .worlds = 250, .flows = 400, .most_reports = 5};
    const auto tally = fib_test::run_differential(plan);
    ASSERT_TRUE(tally.has_value()) << tally.error().message;
    for (const std::string& report : tally->reports) ADD_FAILURE() << report;
    EXPECT_EQ(tally->mismatches, 0U);
    EXPECT_EQ(tally->flows, 100000U);
    const auto flows = static_cast<double>(tally->flows);
    EXPECT_LT(static_cast<double>(tally->depends_neighbour + tally->depends_hash) / flows, kMostLabelled);
    EXPECT_LT(static_cast<double>(tally->all_doubts().answers) / flows, kMostDoubted);
    // Else the worlds are too poor to test anything.
    EXPECT_GT(static_cast<double>(tally->found_route) / flows, 0.3);
    EXPECT_GT(tally->depends_neighbour, 30U);
    EXPECT_GT(tally->depends_hash, 100U);
  });
}

}  // namespace
}  // namespace vpndoctor
