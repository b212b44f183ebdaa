// SPDX-License-Identifier: Apache-2.0
// Reads a capture that another program wrote: pcap of any byte order and resolution, pcapng. By libpcap.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct CaptureFileFacts {
  std::uint64_t packets = 0;
  int link_type = 0;
  std::uint32_t snap_bytes = 0;
  std::string cut_off;  ///< why reading ended before the end of the file, a phrase; empty: it did not
  bool interrupted = false;
};

/// Hands every packet of the file ("-": standard input) to `take`, whose packet is gone after the call. A file that is
/// no capture, or has a link type that is not known, is kUsage; a file that is cut gives what it has.
Result<CaptureFileFacts> read_capture_file(const std::string& path, int interrupt_descriptor,
                                           const std::function<void(const CapturedPacket&)>& take);

}  // namespace vpndoctor
