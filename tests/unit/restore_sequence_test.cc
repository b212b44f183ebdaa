// SPDX-License-Identifier: Apache-2.0
// Steps from one order to another: random lists, checked on the model of the kernel and against the shortest way that a
// search finds.
#include "restore_sequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <queue>
#include <random>

namespace vpndoctor {
namespace {

using Kind = SequenceStep::Kind;

constexpr int kEntries = 5;

EntryList random_list(std::mt19937& random) {
  EntryList list = {0, 1, 2, 3, 4};
  std::ranges::shuffle(list, random);
  list.resize(std::uniform_int_distribution<std::size_t>(0, kEntries)(random));
  return list;
}

SequenceModel exact_model() {
  SequenceModel model;
  model.covers = [](int request, int present) { return request == present; };
  return model;
}

/// A request matches the entries of its row, itself among them.
SequenceModel vague_model(std::mt19937& random) {
  std::vector<std::vector<bool>> matches(kEntries, std::vector<bool>(kEntries));
  for (int i = 0; i < kEntries; ++i) {
    for (int j = 0; j < kEntries; ++j) {
      matches[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = i == j || random() % 4 == 0;
    }
  }
  SequenceModel model;
  model.covers = [matches](int request, int present) {
    return matches[static_cast<std::size_t>(request)][static_cast<std::size_t>(present)];
  };
  return model;
}

/// Where the steps lead; an empty optional when one of them would be refused or hit another entry.
std::optional<EntryList> followed(EntryList list, const std::vector<SequenceStep>& steps, const SequenceModel& model) {
  for (const SequenceStep& step : steps) {
    auto next = after_step(list, step, model);
    if (!next) return std::nullopt;
    list = *next;
  }
  return list;
}

/// The length of the shortest way, by breadth-first search.
std::size_t shortest(const EntryList& now, const EntryList& target, const SequenceModel& model) {
  std::map<EntryList, std::size_t> distance = {{now, 0}};
  std::queue<EntryList> waiting;
  waiting.push(now);
  while (!distance.contains(target)) {
    const EntryList list = waiting.front();
    waiting.pop();
    for (int entry = 0; entry < kEntries; ++entry) {
      for (const Kind kind : {Kind::kAddFirst, Kind::kAddLast, Kind::kReplaceFirst, Kind::kDelete}) {
        const auto next = after_step(list, {kind, entry}, model);
        if (next && distance.emplace(*next, distance[list] + 1).second) waiting.push(*next);
      }
    }
  }
  return distance[target];
}

TEST(RestoreSequence, TakesTheFewestStepsUnlessTheOrderItselfChanged) {
  std::mt19937 random(1);
  const SequenceModel model = exact_model();
  for (int round = 0; round < 300; ++round) {
    EntryList now = random_list(random);
    EntryList target = random_list(random);
    std::ranges::sort(now);
    std::ranges::sort(target);
    const auto steps = sequence_steps(now, target, model);
    ASSERT_EQ(followed(now, steps, model), target);
    ASSERT_EQ(steps.size(), shortest(now, target, model))
        << testing::PrintToString(now) << testing::PrintToString(target);
  }
}

TEST(RestoreSequence, NoDeletionHitsAnotherEntry) {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    SequenceModel model = vague_model(random);
    model.has_first = round % 2 == 0;
    const EntryList now = random_list(random);
    const EntryList target = random_list(random);
    ASSERT_EQ(followed(now, sequence_steps(now, target, model), model), target);
  }
}

TEST(RestoreSequence, WhatIsPinnedIsNeverTouched) {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    SequenceModel model = exact_model();
    model.pinned = {true, true, false, false, false};
    for (const SequenceStep& step : sequence_steps(random_list(random), random_list(random), model)) {
      EXPECT_FALSE(model.is_pinned(step.entry));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(RestoreSequence, CopiesOfARuleGoUntilOneIsLeft) {
  SequenceModel model = exact_model();
  model.has_first = false;
  model.allows_copies = true;
  const auto steps = sequence_steps({0, 0, 1, 0}, {1, 0}, model);
  EXPECT_EQ(steps.size(), 2U);
  EXPECT_EQ(followed({0, 0, 1, 0}, steps, model), EntryList({1, 0}));
}

TEST(RestoreSequence, AReplacementStandsForAnAdditionAndADeletion) {
  const auto steps = sequence_steps({0}, {1}, exact_model());
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].kind, Kind::kReplaceFirst);
}

}  // namespace
}  // namespace vpndoctor
