// SPDX-License-Identifier: Apache-2.0
// Sees the SYN-ACKs of one target's port on one interface, with CAP_NET_RAW: the only place where the MSS is as the
// peer, or whoever changed it on the way, wrote it. Keeps nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "handles.h"
#include "vpndoctor/ip.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

class SynAckCapture {
 public:
  /// Starts to capture. kPermission without CAP_NET_RAW, kUnavailable when the interface is gone.
  static Result<SynAckCapture> open(const std::string& interface, const IpAddress& target, std::uint16_t port);

  int descriptor() const { return fd_.get(); }
  /// Takes in what has arrived.
  void receive();
  /// Returns the MSS of the last SYN-ACK that was sent to `local_port`; null when none was seen or it had no MSS.
  std::optional<std::uint16_t> mss_for(std::uint16_t local_port) const;

 private:
  struct Seen {
    std::uint16_t local_port = 0;
    std::optional<std::uint16_t> mss_bytes;
  };

  SynAckCapture(Fd fd, const IpAddress& target, std::uint16_t port)
      : fd_(std::move(fd)), target_(target), port_(port) {}

  Fd fd_;
  IpAddress target_;
  std::uint16_t port_;
  std::vector<Seen> seen_;
};

}  // namespace vpndoctor
