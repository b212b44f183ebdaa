// SPDX-License-Identifier: Apache-2.0
// Finds and reads the state to go back to; see the header.
#include "restore_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "vpndoctor/configured_state.h"
#include "vpndoctor/read_configured_state.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

struct BaselineFile {
  std::string path;
  std::string name;
};

Result<BaselineFile> default_baseline() {
  const auto place = baseline_place();
  if (!place) return std::unexpected(place.error());
  if (::access(place->path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return failure(ErrorKind::kUnavailable, fmt::format("{} has no baseline at {}", place->user_name, place->path),
                   "vpndoctor routes restore --infer works without one; vpndoctor routes save makes one");
  }
  return BaselineFile{place->path, fmt::format("{}'s baseline", place->user_name)};
}

const char* platform_name(Platform platform) { return platform == Platform::kMacos ? "macOS" : "Linux"; }

}  // namespace

Result<RestoreSource> RestoreSource::open(const RoutesRestoreCommand& command) {
  RestoreSource source;
  if (command.infer) {
    source.name_ = "what the interfaces' configuration says";
    return source;
  }
  source.path_ = source.name_ = command.baseline;
  if (command.baseline.empty()) {
    auto baseline = default_baseline();
    if (!baseline) return std::unexpected(baseline.error());
    source.path_ = std::move(baseline->path);
    source.name_ = std::move(baseline->name);
  }
  auto target = load_snapshot(source.path_);
  if (!target) return std::unexpected(target.error());
  source.target_ = std::make_shared<const Snapshot>(std::move(*target));
  return source;
}

Result<RestorePlan> RestoreSource::plan(const Snapshot& now) const {
  if (!target_) return infer_restore(now, read_configured_state(now));
  if (target_->platform == now.platform) return plan_restore(now, *target_);
  return failure(ErrorKind::kUsage,
                 fmt::format("{} is of {}, and the state to restore is of {}", name_, platform_name(target_->platform),
                             platform_name(now.platform)),
                 "--from SOURCE names the state to start from");
}

std::optional<Error> RestoreSource::check_trusted() const {
  return target_ ? vpndoctor::check_trusted(path_) : std::nullopt;
}

}  // namespace vpndoctor
