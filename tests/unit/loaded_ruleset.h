// SPDX-License-Identifier: Apache-2.0
// What the kernel makes of a ruleset that nft loads, read back: within a network namespace of its own.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "leak_facets.h"
#include "machine.h"

namespace vpndoctor::testing_support {

/// Gives a text to a command.
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

/// The machine behind the ruleset.
inline Snapshot with_ruleset(Machine machine, const std::string& ruleset) {
  Snapshot snapshot = machine.snapshot();
  snapshot.firewall = loaded_ruleset(ruleset);
  return snapshot;
}

}  // namespace vpndoctor::testing_support
