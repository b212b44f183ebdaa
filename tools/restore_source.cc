// SPDX-License-Identifier: Apache-2.0
// Finds and reads the state to go back to; see the header.
#include "restore_source.h"

#include <fmt/format.h>

#include "state_source.h"
#include "vpndoctor/configured_state.h"
#include "vpndoctor/read_configured_state.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

Result<BaselinePlace> default_baseline() {
  auto place = saved_baseline();
  if (!place && place.error().kind == ErrorKind::kUnavailable) {
    place.error().hint = "vpndoctor routes restore --infer works without one; vpndoctor routes save makes one";
  }
  return place;
}

/// The files of this machine say nothing about another one.
ConfiguredState configuration_elsewhere(const Snapshot& state) {
  ConfiguredState configured = weigh_configuration(state, {});
  configured.not_read.emplace_back("leases and settings are not part of a saved state, so their routes are not known");
  return configured;
}

const char* platform_name(Platform platform) { return platform == Platform::kMacos ? "macOS" : "Linux"; }

}  // namespace

Result<RestoreSource> RestoreSource::open(const RoutesRestoreCommand& command) {
  RestoreSource source;
  source.is_elsewhere_ = !command.from.empty();
  if (command.infer) {
    source.name_ = "what the interfaces' configuration says";
    return source;
  }
  source.path_ = command.baseline;
  source.name_ = command.baseline == "-" ? "standard input" : command.baseline;
  if (command.baseline.empty()) {
    auto baseline = default_baseline();
    if (!baseline) return std::unexpected(baseline.error());
    source.path_ = std::move(baseline->path);
    source.name_ = fmt::format("{}'s baseline", baseline->user_name);
  }
  auto loaded = load_snapshot_file(source.path_);
  if (!loaded) {
    loaded.error().hint += "; vpndoctor routes restore --infer works without one";
    return std::unexpected(loaded.error());
  }
  source.target_ = std::make_shared<const Snapshot>(std::move(loaded->snapshot));
  source.distrust_ = std::move(loaded->distrust);
  return source;
}

Result<RestorePlan> RestoreSource::plan(const Snapshot& now, bool force) const {
  if (!target_) return infer_restore(now, is_elsewhere_ ? configuration_elsewhere(now) : read_configured_state(now));
  if (target_->platform == now.platform) return plan_restore(now, *target_, {.force = force});
  return failure(ErrorKind::kUsage,
                 fmt::format("{} is of {}, and the state to start from is of {}", name_,
                             platform_name(target_->platform), platform_name(now.platform)),
                 "--from SOURCE names the state to start from");
}

}  // namespace vpndoctor
