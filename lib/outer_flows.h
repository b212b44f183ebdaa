// SPDX-License-Identifier: Apache-2.0
// Which packets are a tunnel's own outer ones: by the sockets of its holder, WireGuard's port, the ends of IPsec and of
// tunnels without ports. Never by the server's address as such: other packets to the server are none. Of a tunnel whose
// sockets and ends could not be seen, every packet that may carry it may be its own.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
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
  kMaybe,   ///< neither the ends nor the sockets of a tunnel are known, and it may carry it
};

/// What a packet is, and to which tunnel it belongs ("ipsec" for policies and states).
struct OuterMatch {
  OuterKind kind = OuterKind::kNone;
  std::string_view tunnel;
  std::string_view why = {};  ///< of kMaybe: what could not be seen of the tunnel
};

class OuterFlows {
 public:
  explicit OuterFlows(const Snapshot& snapshot);

  /// `is_live`: the sockets are those of the time of the capture. In a file a tunnel's endpoint and port are enough.
  OuterMatch match(const FlowPacket& packet, bool is_live) const;
  /// True for a host that a route of the shape that VPN clients give to their server's leads to, of no known tunnel.
  bool may_be_server(const IpAddress& address) const { return server_hosts_.contains(address); }
  /// The tunnel that this process holds; empty: none.
  std::string_view tunnel_of(std::uint32_t pid) const;
  /// The PPP interface whose packets PPPoE may carry, and of which it is not known whether it is a VPN; empty: none.
  std::string_view ppp_of_unknown_use() const { return ppp_of_unknown_use_; }

 private:
  struct Carrier {
    std::string tunnel;
    std::optional<std::uint32_t> holder_pid;
    std::vector<OuterSocket> sockets;
    std::optional<std::uint16_t> listen_port;
    std::vector<OuterEndpoint> endpoints;
    std::string not_seen = {};         ///< why neither its ends nor its sockets are known; empty: they are
    bool is_kernel_wireguard = false;  ///< its packets are of WireGuard's format
    bool is_udp_alone = false;
  };
  /// Two ends of IPsec; null: any.
  struct Association {
    std::optional<IpAddress> source;
    std::optional<IpAddress> destination;
    std::uint8_t ip_protocol = 0;
  };

  void add_tunnel(const Snapshot& snapshot, const Tunnel& tunnel);
  void add_link(const Snapshot& snapshot, const Link& link);
  void narrow(const Snapshot& snapshot);
  void add_xfrm(const Xfrm& xfrm);
  OuterKind match_carrier(const Carrier& carrier, const FlowKey& flow, bool has_ports, bool is_live) const;
  OuterKind match_ipsec(const FlowKey& flow, bool has_ports) const;
  bool may_carry(const Carrier& carrier, const FlowPacket& packet) const;

  std::vector<Carrier> carriers_;
  std::vector<Association> associations_;
  bool is_ipsec_known_ = false;
  std::set<IpAddress> server_hosts_;
  bool goes_to_server_hosts_alone_ = false;
  std::string ppp_of_unknown_use_;
};

}  // namespace vpndoctor
