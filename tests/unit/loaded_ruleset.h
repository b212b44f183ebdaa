// SPDX-License-Identifier: Apache-2.0
// A ruleset that nft loads into this network namespace, as the program reads it back.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "leak_facets.h"

namespace vpndoctor::testing_support {

inline void feed(const std::string& command, const std::string& text) {
  FILE* pipe = ::popen(command.c_str(), "w");
  ASSERT_NE(pipe, nullptr);
  std::fwrite(text.data(), 1, text.size(), pipe);
  EXPECT_EQ(::pclose(pipe), 0) << text;
}

inline Observed<Firewall> loaded_ruleset(const std::string& ruleset) {
  feed("nft -f -", "flush ruleset\n" + ruleset);
  auto firewall = read_firewall({});
  EXPECT_TRUE(firewall.is_complete()) << firewall.why_missing();
  return firewall;
}

}  // namespace vpndoctor::testing_support
