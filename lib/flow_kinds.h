// SPDX-License-Identifier: Apache-2.0
// The kinds of new flows that the packet filter is asked about: a verdict holds for traffic when it holds for each.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

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

inline constexpr std::array kFlowKinds = {
    FlowKind{"TCP", kProtocolTcp, kProtocolTcp, 443}, FlowKind{"UDP", kProtocolUdp, kProtocolUdp, 443},
    FlowKind{"DNS", kProtocolUdp, kProtocolUdp, 53}, FlowKind{"ICMP", kProtocolIcmp, kProtocolIcmp6, 0}};

/// Public addresses that no packet filter is likely to name.
inline std::span<const std::string_view> unnamed_addresses(Family family) {
  static constexpr std::array<std::string_view, 2> kInet = {"93.184.215.14", "151.101.3.5"};
  static constexpr std::array<std::string_view, 2> kInet6 = {"2606:2800:21f:cb07:6820:80da:af6b:8b2c",
                                                             "2a04:4e42:600::773"};
  return family == Family::kInet ? std::span(kInet) : std::span(kInet6);
}

/// A flow of the kind to one of them.
inline Flow public_flow(std::string_view destination, const FlowKind& kind, std::uint32_t uid) {
  Flow flow;
  flow.destination = *IpAddress::parse(destination);
  kind.shape(flow);
  flow.uid = uid;
  return flow;
}

}  // namespace vpndoctor
