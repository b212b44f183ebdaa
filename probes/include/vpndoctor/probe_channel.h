// SPDX-License-Identifier: Apache-2.0
// Carries probes: turns a Probe into a packet and received packets into Replies. Judges nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/probe.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// A way to send probes to one target. One thread, non-blocking.
class ProbeChannel {
 public:
  virtual ~ProbeChannel() = default;

  virtual CarrierAbilities abilities() const = 0;
  /// "raw", "ping-socket" or "unprivileged" (UDP with the error queue).
  virtual std::string privilege() const = 0;
  /// Sends one probe now. The id, ports, ICMP checksum and flow label are such that equal-cost paths treat all
  /// sizes alike.
  virtual std::expected<void, SendFailure> send(const Probe& probe) = 0;
  /// Descriptors that become readable (or POLLERR) when there is something to receive; constant.
  virtual std::vector<int> descriptors() const = 0;
  /// Appends everything that has arrived to `replies`. Malformed and foreign packets are counted, not reported,
  /// except too-big messages, which are reported without a probe id.
  virtual void receive(std::vector<Reply>& replies) = 0;
  /// Packets received that were malformed, forged or meant for somebody else.
  virtual std::uint64_t ignored() const = 0;
  /// What a capture saw of the target's fragmented replies; nullopt when nothing was or cannot be seen.
  virtual std::optional<ReplyFragments> reply_fragments() const { return std::nullopt; }
};

struct ChannelOptions {
  IpAddress target;
  int scope_interface_index = 0;      ///< of a link-local target, else 0
  IpAddress source;                   ///< as Egress says, or the user's --source
  std::string bind_interface;         ///< --interface: SO_BINDTODEVICE; empty: none
  std::string capture_interface;      ///< the egress interface; empty: no capture
  std::optional<std::uint32_t> mark;  ///< --mark: SO_MARK
};

/// Opens raw sockets (CAP_NET_RAW): echo and UDP, harmless to the kernel's path MTU cache, with a capture of
/// too-big messages and reply fragments on the egress interface where libpcap can. kPermission without the privilege.
Result<std::unique_ptr<ProbeChannel>> open_raw_channel(const ChannelOptions& options);
/// Opens the unprivileged ping socket (net.ipv4.ping_group_range). kPermission when the range excludes us.
Result<std::unique_ptr<ProbeChannel>> open_ping_channel(const ChannelOptions& options);
/// Opens a UDP socket with the error queue (IP_RECVERR), as tracepath does. Needs no privilege.
Result<std::unique_ptr<ProbeChannel>> open_udp_channel(const ChannelOptions& options);

}  // namespace vpndoctor
