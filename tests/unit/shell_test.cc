// SPDX-License-Identifier: Apache-2.0
// Commands that are printed must mean the same to a shell. The oracle is /bin/sh.
#include "shell.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <random>

#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

using Lines = std::vector<std::string>;

struct ClosePipe {
  void operator()(FILE* pipe) const { pclose(pipe); }
};

/// Runs the text in sh and returns its output.
std::string shell_output(const std::string& script) {
  const std::unique_ptr<FILE, ClosePipe> pipe(popen(script.c_str(), "r"));
  std::string output;
  for (int c = fgetc(pipe.get()); c != EOF; c = fgetc(pipe.get())) output += static_cast<char>(c);
  return output;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(Shell, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quoted("net.ipv4.route=1"), "net.ipv4.route=1");
  EXPECT_EQ(shell_quoted("{"), "'{'");
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("it's"), "\"it's\"");
  EXPECT_EQ(shell_quoted("it's $5"), "'it'\\''s $5'");
}

TEST(Shell, RootCommandsAreRunBySudo) {
  EXPECT_EQ(command_lines({"linux", {"ip", "link", "set", "dev", "wg0", "mtu", "1340"}, true}, 80, 2),
            (Lines{"  sudo ip link set dev wg0 mtu 1340"}));
  EXPECT_EQ(command_lines({"linux", {"sudo", "true"}, true}, 80, 0), (Lines{"sudo true"}));
}

TEST(Shell, ConfigurationLinesAreNotQuoted) {
  EXPECT_EQ(command_lines({"wireguard", {"MTU", "=", "1340"}, true}, 80, 4), (Lines{"    MTU = 1340"}));
  EXPECT_EQ(command_lines({"openvpn", {"mssfix", "1360"}, false}, 80, 0), (Lines{"mssfix 1360"}));
}

TEST(Shell, LongCommandsGoOnBehindABackslash) {
  EXPECT_EQ(command_lines({"linux", {"echo", "one", "two", "three", "four"}, false}, 18, 0),
            (Lines{"echo one two \\", "    three four"}));
}

TEST(Shell, FoldedCommandsMeanTheSameToSh) {
  constexpr std::size_t kColumns = 44;
  static constexpr std::string_view kCharacters = "ab \\'\"$`{};|&*?~#!-x";
  std::mt19937_64 random(15);
  for (int i = 0; i < 150; ++i) {
    Command command{"linux", {"printf", "<%s>"}, false};
    std::string expected;
    for (std::size_t words = 1 + random() % 5; words > 0; --words) {
      std::string word;
      for (std::size_t length = random() % (i % 3 == 0 ? 120 : 20); length > 0; --length) {
        word += kCharacters[random() % kCharacters.size()];
      }
      command.argv.push_back(word);
      expected += "<" + word + ">";
    }
    const Lines lines = command_lines(command, kColumns, random() % 7);
    for (const std::string& line : lines) EXPECT_LE(display_width(line), kColumns) << line;
    ASSERT_EQ(shell_output(joined(lines)), expected) << joined(lines);
  }
}

}  // namespace
}  // namespace vpndoctor
