// SPDX-License-Identifier: Apache-2.0
// Captures and judges; see the header.
#include "vpndoctor/leak_capture_run.h"

namespace vpndoctor {

Result<CaptureResult> run_leak_capture(const LeakCaptureOptions& /*options*/, const LeakFacts& /*facts*/) {
  return failure(ErrorKind::kUnavailable, "capture");
}

}  // namespace vpndoctor
