// SPDX-License-Identifier: Apache-2.0
// The page of codes is made from the registry, and the committed one is the same (UPDATE_GOLDEN=1 rewrites it).
#include "vpndoctor/codes_page.h"

#include <gtest/gtest.h>

#include <sstream>

#include "golden.h"
#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

TEST(CodesPage, TheCommittedPageIsMadeFromTheRegistry) {
  const std::string page = render_codes_mdoc();
  EXPECT_FALSE(page.empty());
  testing_support::expect_file("man/vpndoctor-codes.7", page);
}

TEST(CodesPage, EveryCodeIsExplainedIn80Columns) {
  for (const CodeEntry& entry : all_codes()) {
    const std::string text = render_code_text(entry);
    EXPECT_TRUE(text.starts_with(entry.code));
    EXPECT_NE(text.find(entry.slug), std::string::npos);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80U) << line;
  }
}

TEST(CodesPage, TheListHasALineForEachCode) {
  const std::string list = render_code_list();
  for (const CodeEntry& entry : all_codes()) EXPECT_NE(list.find("\n" + std::string(entry.code)), std::string::npos);
}

TEST(CodesPage, WhatRoffWouldReadAsARequestIsEscaped) {
  const std::string page = render_codes_mdoc();
  EXPECT_NE(page.find(".It Sy MTU001 mtu\\-black\\-hole Pq error\n"), std::string::npos);
}

}  // namespace
}  // namespace vpndoctor
