// SPDX-License-Identifier: Apache-2.0
// The registry: order, uniqueness and look-up. The texts themselves are read by people.
#include "vpndoctor/codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace vpndoctor {
namespace {

TEST(Codes, AreOrderedAndUnique) {
  const auto codes = all_codes();
  ASSERT_FALSE(codes.empty());
  for (std::size_t i = 1; i < codes.size(); ++i) EXPECT_LT(codes[i - 1].code, codes[i].code);
}

TEST(Codes, HaveUniqueSlugsOfLowerCaseWords) {
  std::set<std::string_view> slugs;
  for (const auto& entry : all_codes()) {
    EXPECT_TRUE(slugs.insert(entry.slug).second) << entry.slug;
    EXPECT_EQ(entry.slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string_view::npos);
  }
}

TEST(Codes, HaveThreeLettersAndThreeDigits) {
  for (const auto& entry : all_codes()) {
    ASSERT_EQ(entry.code.size(), 6U);
    EXPECT_TRUE(std::ranges::all_of(entry.code.substr(0, 3), [](char c) { return c >= 'A' && c <= 'Z'; }));
    EXPECT_TRUE(std::ranges::all_of(entry.code.substr(3), [](char c) { return c >= '0' && c <= '9'; }));
  }
}

TEST(Codes, AreExplainedInSentences) {
  for (const auto& entry : all_codes()) {
    EXPECT_GT(entry.explanation.size(), 100U) << entry.code;
    EXPECT_TRUE(entry.explanation.ends_with('.')) << entry.code;
    EXPECT_FALSE(entry.title.ends_with('.')) << entry.code;
  }
}

TEST(Codes, AreFoundByCodeAndSlugInAnyLetterCase) {
  for (const auto& entry : all_codes()) {
    EXPECT_EQ(find_code(entry.code), &entry);
    EXPECT_EQ(find_code(entry.slug), &entry);
  }
  ASSERT_NE(find_code("mtu001"), nullptr);
  EXPECT_EQ(find_code("mtu001")->slug, "mtu-black-hole");
  EXPECT_EQ(find_code("MTU-Black-Hole")->severity, Severity::kError);
}

TEST(Codes, AreNotFoundByPrefixOrNothing) {
  EXPECT_EQ(find_code(""), nullptr);
  EXPECT_EQ(find_code("MTU"), nullptr);
  EXPECT_EQ(find_code("MTU0011"), nullptr);
  EXPECT_EQ(find_code("mtu-black"), nullptr);
}

}  // namespace
}  // namespace vpndoctor
