// SPDX-License-Identifier: Apache-2.0
// Gives many lines to ip(8).
#pragma once

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "in_namespace.h"

namespace vpndoctor::testing_support {

/// Runs `ip` once a line; any refused line fails the test. Not -batch: there, iproute2 6.1 takes the last protocol that
/// was given as a number for a name that it has seen before.
inline void run_lines(const std::string& ip, const std::vector<std::string>& lines) {
  const std::string file = "/tmp/vpndoctor-words-" + std::to_string(::getpid());
  std::ofstream script(file);
  for (const std::string& line : lines) script << ip << ' ' << line << " || exit 1\n";
  script.close();
  run("sh " + file);
  std::remove(file.c_str());
}

/// Runs one `ip -batch` and returns what it printed; refused lines are passed over.
inline std::string output_of_batch(const std::vector<std::string>& lines) {
  const std::string file = "/tmp/vpndoctor-batch-" + std::to_string(::getpid());
  std::ofstream script(file);
  for (const std::string& line : lines) script << line << '\n';
  script.close();
  std::string output = output_of("ip -force -batch " + file + " 2>/dev/null");
  std::remove(file.c_str());
  return output;
}

}  // namespace vpndoctor::testing_support
