// SPDX-License-Identifier: Apache-2.0
// One probe past the tunnel: a socket of its own, bound to an interface, one small packet with a small TTL, and
// whatever comes back. Unprivileged where the kernel allows it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "handles.h"
#include "vpndoctor/bypass_test.h"

namespace vpndoctor {

struct BypassShot {
  std::string interface;
  int interface_index = 0;
  IpAddress target;
  std::uint8_t ttl = 1;
  bool is_icmp = false;
  std::uint16_t number = 0;  ///< tells this probe from the others: a port or a sequence number
};

class BypassSocket {
 public:
  explicit BypassSocket(BypassShot shot) : shot_(std::move(shot)) {}

  /// False when this user may open no such socket: then nothing was sent and nothing is known.
  bool send();
  /// Reads what has come. `is_own` tells this machine's addresses.
  void receive(const std::function<bool(const IpAddress&)>& is_own);

  bool is_waiting() const { return fd_ && record_.outcome == BypassOutcome::kSilence; }
  int descriptor() const { return fd_.get(); }
  const BypassProbe& record() const { return record_; }

 private:
  bool open();
  void fail(int error_number);
  void take_error(const std::function<bool(const IpAddress&)>& is_own, const void* error, const IpAddress* offender);
  bool read_error(const std::function<bool(const IpAddress&)>& is_own);
  bool read_answer();

  BypassShot shot_;
  BypassProbe record_;
  Fd fd_;
  bool is_raw_ = false;
};

}  // namespace vpndoctor
