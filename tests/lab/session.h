// SPDX-License-Identifier: Apache-2.0
// A scenario brought to life: the lab, what the scenario wants changed in it, the tunnel inside, and the command
// lines with their placeholders filled in. Judges nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemons.h"
#include "lab.h"
#include "process.h"
#include "scenario.h"

namespace vpndoctor::lab {

struct SessionOptions {
  Family family = Family::kInet;
  std::uint64_t seed = 1;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> start(const Scenario& scenario, SessionOptions options);

  /// Returns the command that runs `argv` in the client as the scenario says.
  Command command(const std::vector<std::string>& argv) const;
  /// Replaces {target}, {target4}, {target6}, {tunnel4}, {tunnel6} and {hop1}, {hop2} ... by addresses.
  std::string substitute(std::string text) const;
  const Lab& lab() const { return *lab_; }

 private:
  Session(const Scenario& scenario, SessionOptions options) : scenario_(scenario), options_(options) {}
  Result<void> prepare_client();
  Result<void> load_nft(const NetNamespace& inside, const std::string& rules);

  const Scenario& scenario_;
  SessionOptions options_;
  std::unique_ptr<Lab> lab_;
  std::unique_ptr<Tunnel> tunnel_;
};

}  // namespace vpndoctor::lab
