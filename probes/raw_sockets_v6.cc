// SPDX-License-Identifier: Apache-2.0
// The IPv6 pair. A UDP probe's too-big message changes the cache only through a socket that is bound to the probe's
// port, and there is none; an echo's always does, whoever sent it (net/ipv6/icmp.c: icmpv6_err).
#include <linux/icmpv6.h>
#include <netinet/in.h>

#include <array>

#include "raw_sockets.h"

namespace vpndoctor {
namespace {

Result<Fd> open_sender_v6(const ChannelOptions& options) {
  // IPPROTO_RAW alone makes an IPv6 socket take packets with their header.
  Result<Fd> fd = open_channel_socket({SOCK_RAW, IPPROTO_RAW, kRawSocketHint}, options);
  if (!fd) return fd;
  const std::array wanted{
      // From PROBE upwards the device's MTU counts, not the cached one (net/ipv6: ip6_skb_dst_mtu).
      IntOption{IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_INTERFACE, "IPV6_PMTUDISC_INTERFACE"},
      IntOption{IPPROTO_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR"},
  };
  if (Result<void> set = set_options(*fd, wanted); !set) return std::unexpected(set.error());
  if (Result<void> bound = bind_source(*fd, options); !bound) return std::unexpected(bound.error());
  return fd;
}

bool filter_types(const Fd& fd) {
  icmp6_filter filter{};
  for (std::uint32_t& word : filter.data) word = 0xffffffffU;
  for (const int type : {ICMPV6_DEST_UNREACH, ICMPV6_PKT_TOOBIG, ICMPV6_TIME_EXCEED, ICMPV6_ECHO_REPLY}) {
    filter.data[type / 32] &= ~(1U << static_cast<unsigned>(type % 32));
  }
  return setsockopt(fd.get(), IPPROTO_ICMPV6, ICMPV6_FILTER, &filter, sizeof(filter)) == 0;
}

Result<Fd> open_receiver_v6(const ChannelOptions& options) {
  Result<Fd> fd = open_channel_socket({SOCK_RAW, IPPROTO_ICMPV6, kRawSocketHint}, options);
  if (!fd) return fd;
  const std::array wanted{
      IntOption{IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_INTERFACE, "IPV6_PMTUDISC_INTERFACE"},
      IntOption{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"},
  };
  if (Result<void> set = set_options(*fd, wanted); !set) return std::unexpected(set.error());
  if (!filter_types(*fd)) return failure(ErrorKind::kUnavailable, "cannot set ICMPV6_FILTER on a socket");
  if (Result<void> bound = bind_source(*fd, options); !bound) return std::unexpected(bound.error());
  return fd;
}

}  // namespace

Result<RawSockets> open_raw_sockets_v6(const ChannelOptions& options) {
  Result<Fd> receiver = open_receiver_v6(options);
  if (!receiver) return std::unexpected(receiver.error());
  Result<Fd> sender = open_sender_v6(options);
  if (!sender) return std::unexpected(sender.error());
  return RawSockets{std::move(*sender), std::move(*receiver)};
}

}  // namespace vpndoctor
