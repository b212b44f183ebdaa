// SPDX-License-Identifier: Apache-2.0
// Reads the machine's state, live or saved.
#include "state_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "vpndoctor/collect.h"

namespace vpndoctor {
namespace {

Result<std::shared_ptr<const Snapshot>> shared(Result<Snapshot> snapshot) {
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));
  return std::make_shared<const Snapshot>(std::move(*snapshot));
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> read_state(const std::string& from) {
  return shared(from.empty() ? collect_snapshot() : load_snapshot(from));
}

Result<std::shared_ptr<const Snapshot>> read_dns_state(const std::string& from) {
  return shared(from.empty() ? collect_snapshot({.dns = true}) : load_snapshot(from));
}

Result<std::shared_ptr<Snapshot>> read_leak_state(const std::string& from) {
  auto snapshot = from.empty() ? collect_snapshot({.dns = true, .leaks = true}) : load_snapshot(from);
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));
  return std::make_shared<Snapshot>(std::move(*snapshot));
}

Result<BaselinePlace> saved_baseline() {
  auto place = baseline_place();
  if (!place || ::access(place->path.c_str(), F_OK) == 0 || errno != ENOENT) return place;
  return failure(ErrorKind::kUnavailable, fmt::format("{} has no baseline at {}", place->user_name, place->path),
                 "vpndoctor routes save makes one");
}

}  // namespace vpndoctor
