// SPDX-License-Identifier: Apache-2.0
// Raw sockets that send whole IP packets past the kernel's path MTU cache, and receive ICMP without feeding that cache.
#pragma once

#include "channel_socket.h"
#include "handles.h"
#include "vpndoctor/probe_channel.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

struct RawSockets {
  Fd send;     ///< takes packets with their IP header
  Fd receive;  ///< ICMP with its IP header (IPv4), ICMPv6 without (IPv6)
};

/// Opens the pair; kPermission without CAP_NET_RAW.
Result<RawSockets> open_raw_sockets_v4(const ChannelOptions& options);
Result<RawSockets> open_raw_sockets_v6(const ChannelOptions& options);

/// What to do about a missing CAP_NET_RAW.
inline constexpr const char* kRawSocketHint = "run as root, or once: setcap cap_net_raw+ep $(command -v vpndoctor)";

}  // namespace vpndoctor
