// SPDX-License-Identifier: Apache-2.0
// What the state of one tunnel is concluded from, and the conclusion. One function for each sort of tunnel; which
// interfaces are judged, and what uses them, is elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/tunnel_state.h"

namespace vpndoctor {

/// Counters of an interface that rose between two looks; a counter that fell was set back, and then nothing is known.
struct TunnelMovement {
  std::uint64_t received = 0;  ///< packets
  std::uint64_t sent = 0;      ///< packets; of a tun device, those that its holder has read
  std::uint64_t dropped = 0;   ///< packets that were to be sent
  /// Packets that the queueing discipline gave to the device; null: not known.
  std::optional<std::uint64_t> queued = {};
};

/// One tunnel interface with all that is known of it; what it points to belongs to the snapshot.
struct TunnelCase {
  const Snapshot& snapshot;
  const Link& link;
  const Tunnel* tunnel = nullptr;               ///< null: the tunnels facet has nothing of it
  const InterfaceActivity* activity = nullptr;  ///< null: its counters were not looked at twice

  /// What moved; null when its counters were not looked at twice, or were set back in between.
  std::optional<TunnelMovement> movement() const;
  /// Why movement() is null, a phrase; empty when it is not.
  std::string why_no_movement() const;
  /// True for a tun or tap device of drivers/net/tun.c, whose sent packets are those that a program has read.
  bool is_tun_device() const { return link.kind == "tun"; }
  /// At the last look.
  bool has_carrier() const;
  /// Its carrier came or went between the looks, and with it a holder: who holds it is told of the first look alone.
  bool has_changed_carrier() const { return has_carrier() != link.has_carrier(); }
  /// "openvpn (PID 12)"; empty: no holder, or none is known.
  std::string holder_words() const;
  /// Why it is not known who holds it, a phrase; empty: the holder is named, or it is certain that there is none.
  std::string why_holder_unknown() const;
  /// True when a program holds it that is stopped (state T or t of /proc/PID/stat).
  bool is_holder_stopped() const;
};

/// A state with its reason.
struct TunnelJudgement {
  TunnelState state = TunnelState::kUnknown;
  std::string why;  ///< one sentence
};

/// A tun device: by its carrier, its holder, and what the holder reads.
TunnelJudgement judge_tun_device(const TunnelCase& facts);
/// WireGuard of the kernel or of a program: by its handshakes and what moves.
TunnelJudgement judge_wireguard(const TunnelCase& facts);
/// Tunnels of the kernel that have neither holder nor handshake: ppp, GRE, IP-in-IP, xfrm, OpenVPN's DCO ...
TunnelJudgement judge_kernel_tunnel(const TunnelCase& facts);
/// macOS's utun: its own by their signature, others only where a capture tells enough.
TunnelJudgement judge_macos_tunnel(const TunnelCase& facts);

/// True for the names that macOS gives to tunnel interfaces, its own included.
bool has_macos_tunnel_name(const std::string& interface);

}  // namespace vpndoctor
