// SPDX-License-Identifier: Apache-2.0
// Watches the egress interface for what a socket may never get: too-big messages that a local firewall drops, and the
// fragments of the target's replies. Reads only what its filter lets through, changes nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "channel_receiver.h"
#include "channel_socket.h"
#include "handles.h"
#include "vpndoctor/path_mtu.h"
#include "vpndoctor/probe.h"
#include "vpndoctor/probe_match.h"
#include "vpndoctor/reply_fragment_log.h"

namespace vpndoctor {

/// A packet socket below the firewall with a filter that libpcap compiles. It delivers IP packets without their link
/// header, so every kind of interface is alike. Not opened through libpcap: its ring buffer costs 8 ms to set up and
/// 30 ms to release, longer than many a search takes; this socket is ready within 0.1 ms (measured).
class Capture {
 public:
  /// Opens a capture on `options.capture_interface`; null without the privilege or the interface, which is no error.
  static std::unique_ptr<Capture> open(const ChannelOptions& options, const ProbeFlow& flow);

  int descriptor() const { return fd_.get(); }
  /// Appends each too-big message on the wire with `on_wire_only` set, and notes reply fragments.
  void receive(ProbeMatcher& matcher, std::vector<Reply>& replies);
  std::optional<ReplyFragments> reply_fragments() const { return fragments_.result(); }
  /// Packets that passed the filter and turned out malformed or foreign.
  std::uint64_t ignored() const { return ignored_; }

 private:
  Capture(Fd fd, const ProbeFlow& flow) : fd_(std::move(fd)), fragments_(flow) {}
  bool take(const Arrival& arrival, ProbeMatcher& matcher, std::vector<Reply>& replies);

  Fd fd_;
  ReplyFragmentLog fragments_;
  Receiver receiver_;
  std::uint64_t ignored_ = 0;
};

}  // namespace vpndoctor
