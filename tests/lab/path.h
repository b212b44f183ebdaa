// SPDX-License-Identifier: Apache-2.0
// The description of an emulated path as plain values: links, routers, the target. All sizes are IP packet
// sizes in bytes, header included. Filled from a scenario file, read by the emulator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "packet.h"

namespace vpndoctor::lab {

constexpr std::uint32_t kLargestPacketBytes = 65535;

/// What a router says when a packet is too large for its next link.
enum class TooBigPolicy {
  kSend,    ///< the truth (RFC 1191, RFC 4443)
  kSilent,  ///< nothing: a black hole
  kZero,    ///< a next-hop MTU of 0, as routers older than RFC 1191 do
  kClaim,   ///< LinkConfig::claim_mtu_bytes, whatever it is
};

/// Gilbert-Elliott loss: in the bad state packets are lost with `loss_ratio`; rates are per packet.
struct BurstLoss {
  double enter_ratio = 0;
  double leave_ratio = 1;
  double loss_ratio = 1;
};

/// Sizes that fare worse than others although they fit the link.
struct SizeLoss {
  std::uint32_t from_bytes = 0;
  std::uint32_t to_bytes = kLargestPacketBytes;
  double loss_ratio = 1;
};

/// One direction of a link.
struct LinkConfig {
  double delay_ms = 0;
  double loss_ratio = 0;
  std::optional<BurstLoss> burst;
  std::optional<SizeLoss> size_loss;
  std::uint32_t mtu_bytes = kLargestPacketBytes;
  TooBigPolicy too_big = TooBigPolicy::kSend;
  std::uint32_t claim_mtu_bytes = 0;
  bool l2 = false;  ///< a layer below IP drops what is too large: nothing is fragmented, nothing is said
  std::uint32_t rate_kbit_per_second = 0;  ///< 0: without limit
  std::uint32_t queue_bytes = 64000;       ///< what may wait for a link with a rate
};

/// A message that no honest router would send, provoked by each of the first `times` packets of the client.
struct ForgeConfig {
  enum class Kind {
    kForeign,       ///< too big, quotes a packet that the client never sent
    kOurs,          ///< too big, quotes the passing packet, which nevertheless goes on
    kShort,         ///< too big, quotes the IP header only
    kAboveProbe,    ///< too big, says more than the packet's own size
    kBelowMinimum,  ///< too big, says less than any link may have
    kBadChecksum,   ///< too big with a wrong ICMP checksum
    kTinyIcmp,      ///< an echo reply that ends within its header
    kOptions,       ///< an echo reply behind as many IP options as fit (IPv4) or as an unknown type (IPv6)
  };
  Kind kind = Kind::kForeign;
  std::uint32_t mtu_bytes = 600;
  std::uint32_t min_probe_bytes = 0;  ///< smaller packets provoke nothing
  int times = 50;
};

/// A router and its link to the next one; the last link ends at the target. `back` is the same link the other way.
struct HopConfig {
  LinkConfig forward;
  LinkConfig back;
  bool silent = false;      ///< never sends a time-exceeded message
  bool rate_limit = false;  ///< one ICMP error per second and destination, six at once, all kinds together (Linux)
  std::optional<std::uint16_t> clamp_mss_bytes;
  std::vector<ForgeConfig> forge;
};

/// What stands in front of the target and what its servers do.
struct TargetConfig {
  std::uint32_t mtu_bytes = 1500;
  bool drop_echo = false;
  bool drop_udp = false;
  bool drop_tcp = false;
  std::optional<std::uint32_t> max_echo_bytes;  ///< larger echo requests are dropped
  bool rate_limits = false;                     ///< the kernel's own ICMP limits, in the gateway too
  bool tls_server = true;                       ///< something like a TLS server on port 443
  bool ssh_server = false;                      ///< something like an SSH server on port 22
  std::uint32_t tcp_reply_bytes = 4500;
};

/// Everything between the client's interface and the target's. The first hop is a kernel router (the gateway).
struct PathConfig {
  std::uint32_t client_mtu_bytes = 1500;
  std::optional<std::uint32_t> route_mtu_bytes;  ///< an `mtu` metric on the client's default routes
  std::vector<HopConfig> hops;
  TargetConfig target;
};

}  // namespace vpndoctor::lab
