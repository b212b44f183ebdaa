// SPDX-License-Identifier: Apache-2.0
// The kinds of new flows that the packet filter is asked about: a verdict holds for traffic when it holds for each.
#pragma once

#include <array>
#include <cstdint>

#include "vpndoctor/flow.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {

struct FlowKind {
  const char* name;
  std::uint8_t protocol;
  std::uint8_t protocol_of_inet6;
  std::uint16_t port;  ///< 0: the protocol has none

  /// Makes the flow, whose destination is set, one of this kind.
  void shape(Flow& flow) const {
    constexpr std::uint16_t kSourcePort = 40000;  // of the range that kernels give to programs
    flow.ip_protocol = flow.destination.family == Family::kInet ? protocol : protocol_of_inet6;
    flow.destination_port = port;
    flow.source_port = port == 0 ? std::uint16_t{0} : kSourcePort;
  }
};

inline constexpr std::array kFlowKinds = {FlowKind{"TCP", kProtocolTcp, kProtocolTcp, 443},
                                          FlowKind{"UDP", kProtocolUdp, kProtocolUdp, 443},
                                          FlowKind{"ICMP", kProtocolIcmp, kProtocolIcmp6, 0}};

}  // namespace vpndoctor
