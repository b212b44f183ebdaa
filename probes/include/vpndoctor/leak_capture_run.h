// SPDX-License-Identifier: Apache-2.0
// Captures on physical interfaces, or reads a capture, and has every packet judged. Sends nothing but, where no other
// control is seen, a neighbour discovery to the link's own gateway.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "vpndoctor/leak_capture.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct LeakCaptureOptions {
  std::chrono::milliseconds duration{};
  std::vector<std::string> interfaces = {};  ///< empty: every physical interface that packets can leave by
  std::string read_file = {};                ///< empty: live
  std::string write_file = {};  ///< leaking packets go there: pcapng, or pcap when it ends in ".pcap"; empty: no
  int interrupt_descriptor = -1;
  std::function<void(const std::string&)> progress = {};  ///< may be empty
};

/// Runs to the end of the duration or of the file. kUsage for an interface that is not there or a file that is no
/// capture, kPermission without CAP_NET_RAW.
Result<CaptureResult> run_leak_capture(const LeakCaptureOptions& options, const LeakFacts& facts);

}  // namespace vpndoctor
