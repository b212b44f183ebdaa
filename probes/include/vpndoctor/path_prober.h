// SPDX-License-Identifier: Apache-2.0
// Measures the path MTU to a target on the real network: opens the best carrier that the privileges allow and lets the
// pure search drive it, with TCP beside it. Obtains facts; diagnose_path_mtu() judges them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/probe.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct PathProbeOptions {
  Target target;
  Egress egress;                      ///< from query_egress()
  std::string bind_interface;         ///< --interface; empty: none
  std::optional<IpAddress> source;    ///< --source
  std::optional<std::uint32_t> mark;  ///< --mark
  std::optional<Method> method;       ///< null: the best that privileges and answers allow
  std::optional<std::uint32_t> min_bytes;
  std::optional<std::uint32_t> max_bytes;
  std::optional<std::uint16_t>
      port;  ///< null: TCP on 443 by itself, as far as it answers, unless `method` says otherwise
  std::uint32_t rate_bytes_per_round_trip = 32 * 1024;
  bool gentle = false;
  Milliseconds deadline{30000};
  /// Becomes readable when the user wants to stop; -1: never. What is known then is returned, marked incomplete.
  int interrupt_descriptor = -1;
  /// Called about twice a second with what is going on; may be empty.
  std::function<void(const std::string&)> progress;
};

/// Probes the path and reads the kernel's cached path MTU again afterwards. kPermission when the method asked for needs
/// a privilege that is missing.
Result<PathMtuMeasurement> measure_path_mtu(const PathProbeOptions& options);

}  // namespace vpndoctor
