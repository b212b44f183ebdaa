// SPDX-License-Identifier: Apache-2.0
// Where to capture for leaks, with which filter, and what to send so that something is seen. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// One interface to capture on.
struct CapturePlace {
  std::string interface;
  int index = 0;
  std::string filter;  ///< in libpcap's words; empty: all packets that leave
  /// Packets of both directions pass the filter: the incoming ones show which flows began outside.
  bool is_both_ways = false;
  /// A frame that asks for the link's own gateway (ARP, or neighbour discovery); null: there is none, or no address to
  /// ask from, or the link has no link addresses.
  std::optional<std::vector<std::byte>> control;
};

/// Why what leaves by this interface does not leave the machine outside a tunnel: it is none, is loopback or a tunnel,
/// or is down (kUsage); nullopt when it may, or the links are not known.
std::optional<Error> refuse_interface(const Snapshot& snapshot, const std::string& name);

/// Chooses the interfaces: those named, else every one that is up, is no tunnel, loopback or port of a bridge or bond,
/// and has a route to elsewhere, or is hardware with an address. kUsage for one that is not there or is a tunnel,
/// kUnavailable when there is none.
Result<std::vector<CapturePlace>> plan_capture(const Snapshot& snapshot, const std::vector<std::string>& names);

}  // namespace vpndoctor
