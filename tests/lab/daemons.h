// SPDX-License-Identifier: Apache-2.0
// A real OpenVPN or wireguard-go tunnel between client and target, over the emulated path. Knows how to start them,
// with keys made for the occasion, and when they carry packets; nothing of what is measured through them.
#pragma once

#include <memory>
#include <vector>

#include "lab.h"
#include "process.h"
#include "scenario.h"

namespace vpndoctor::lab {

/// The addresses of the tunnel's far end.
constexpr const char* kTunnelTarget4 = "10.8.0.1";
constexpr const char* kTunnelTarget6 = "fd00:8::1";
/// The tunnel's interface in the client.
constexpr const char* kTunnelLink = "vpn0";

class Tunnel {
 public:
  /// Starts both ends and returns when a packet has gone through and back. Fails with kUnavailable when a program
  /// that it needs is not installed.
  static Result<std::unique_ptr<Tunnel>> start(const TunnelConfig& config, const Lab& lab);

 private:
  explicit Tunnel(const Lab& lab) : lab_(lab) {}
  Result<void> start_openvpn(const TunnelConfig& config);
  Result<void> start_wireguard(const TunnelConfig& config);
  Result<void> run_in_background(const Command& command);
  Result<void> wait_until_answered();

  const Lab& lab_;
  std::vector<Process> processes_;
};

}  // namespace vpndoctor::lab
