// SPDX-License-Identifier: Apache-2.0
// The IPv4 pair. IP_PMTUDISC_INTERFACE means two things here: packets up to the device's MTU leave whatever the cache
// says, and a too-big message that reaches the socket does not change the cache (net/ipv4: ip_sk_accept_pmtu).
#include <linux/icmp.h>
#include <netinet/in.h>

#include <array>

#include "raw_sockets.h"

namespace vpndoctor {
namespace {

Result<Fd> open_sender_v4(const ChannelOptions& options) {
  Result<Fd> fd = open_channel_socket({SOCK_RAW, IPPROTO_RAW, kRawSocketHint}, options);
  if (!fd) return fd;
  const std::array wanted{
      IntOption{IPPROTO_IP, IP_HDRINCL, 1, "IP_HDRINCL"},
      IntOption{IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_INTERFACE, "IP_PMTUDISC_INTERFACE"},
      // Connection tracking would otherwise put our own fragments together again before they leave.
      IntOption{IPPROTO_IP, IP_NODEFRAG, 1, "IP_NODEFRAG"},
      // Without it a full device queue drops packets and the kernel says that they were sent.
      IntOption{IPPROTO_IP, IP_RECVERR, 1, "IP_RECVERR"},
  };
  if (Result<void> set = set_options(*fd, wanted); !set) return std::unexpected(set.error());
  if (Result<void> bound = bind_source(*fd, options); !bound) return std::unexpected(bound.error());
  return fd;
}

/// Set bits are the types that do not come through (raw(7)).
constexpr int blocked_types() {
  constexpr unsigned kPassed = 1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH | 1U << ICMP_TIME_EXCEEDED;
  return static_cast<int>(~kPassed);
}

Result<Fd> open_receiver_v4(const ChannelOptions& options) {
  Result<Fd> fd = open_channel_socket({SOCK_RAW, IPPROTO_ICMP, kRawSocketHint}, options);
  if (!fd) return fd;
  const std::array wanted{
      IntOption{IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_INTERFACE, "IP_PMTUDISC_INTERFACE"},
      IntOption{SOL_RAW, ICMP_FILTER, blocked_types(), "ICMP_FILTER"},
  };
  if (Result<void> set = set_options(*fd, wanted); !set) return std::unexpected(set.error());
  if (Result<void> bound = bind_source(*fd, options); !bound) return std::unexpected(bound.error());
  return fd;
}

}  // namespace

Result<RawSockets> open_raw_sockets_v4(const ChannelOptions& options) {
  Result<Fd> receiver = open_receiver_v4(options);
  if (!receiver) return std::unexpected(receiver.error());
  Result<Fd> sender = open_sender_v4(options);
  if (!sender) return std::unexpected(sender.error());
  return RawSockets{std::move(*sender), std::move(*receiver)};
}

}  // namespace vpndoctor
