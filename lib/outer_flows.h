// SPDX-License-Identifier: Apache-2.0
// Which packets are a tunnel's own outer ones: by the sockets of its holder, WireGuard's port, the ends of IPsec and of
// tunnels without ports. Never by the server's address as such: other packets to the server are none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "captured_flow.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

enum class OuterKind : std::uint8_t {
  kNone,
  kOuter,
  kUntold,  ///< it goes to a tunnel's endpoint, and which sockets the tunnel has is not known
};

/// What a packet is, and to which tunnel it belongs ("ipsec" for policies and states).
struct OuterMatch {
  OuterKind kind = OuterKind::kNone;
  std::string_view tunnel;
};

class OuterFlows {
 public:
  explicit OuterFlows(const Snapshot& snapshot);

  /// `is_live`: the sockets are those of the time of the capture. In a file a tunnel's endpoint and port are enough.
  OuterMatch match(const FlowKey& flow, bool has_ports, bool is_live) const;
  /// The tunnel that this process holds; empty: none.
  std::string_view tunnel_of(std::uint32_t pid) const;
  /// The tunnel whose packets PPPoE may carry; empty: none.
  std::string_view ppp() const { return ppp_; }

 private:
  struct Carrier {
    std::string tunnel;
    std::optional<std::uint32_t> holder_pid;
    std::vector<OuterSocket> sockets;
    std::optional<std::uint16_t> listen_port;
    std::vector<OuterEndpoint> endpoints;
  };
  /// Two ends of IPsec; null: any.
  struct Association {
    std::optional<IpAddress> source;
    std::optional<IpAddress> destination;
    std::uint8_t ip_protocol = 0;
  };

  void add_tunnel(const Tunnel& tunnel);
  void add_link(const Snapshot& snapshot, const Link& link);
  void add_xfrm(const Xfrm& xfrm);
  OuterKind match_carrier(const Carrier& carrier, const FlowKey& flow, bool has_ports, bool is_live) const;
  OuterKind match_ipsec(const FlowKey& flow, bool has_ports) const;

  std::vector<Carrier> carriers_;
  std::vector<Association> associations_;
  bool is_ipsec_known_ = false;
  std::string ppp_;
};

}  // namespace vpndoctor
