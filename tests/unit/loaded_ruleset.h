// SPDX-License-Identifier: Apache-2.0
// A machine built by hand behind a packet filter that the kernel has loaded and that is read back. Within a network
// namespace of its own.
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

/// The machine with a ruleset that nft has loaded.
inline Snapshot with_ruleset(Machine machine, const std::string& ruleset) {
  Snapshot snapshot = machine.snapshot();
  feed("nft -f -", "flush ruleset\n" + ruleset);
  snapshot.firewall = read_firewall({});
  EXPECT_TRUE(snapshot.firewall.is_complete()) << snapshot.firewall.why_missing();
  return snapshot;
}

}  // namespace vpndoctor::testing_support
