// SPDX-License-Identifier: Apache-2.0
// The records of snapshot files that tell of tunnels, IPsec, DHCP leases and signs of other VPNs: the members that each
// kind writes, and what reads them. What may be long is cut into several records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "record_fields.h"
#include "vpndoctor/interface_configuration.h"
#include "vpndoctor/json_writer.h"
#include "vpndoctor/tunnel.h"
#include "vpndoctor/vpn_sign.h"
#include "vpndoctor/xfrm.h"

namespace vpndoctor {

/// Elements of a list in one record; the rest follows in records of its own.
constexpr std::size_t kMostInRecord = 1000;

/// What there is once at most is in a list as well.
struct LeakParts {
  std::vector<Tunnel> tunnels;
  std::vector<TunnelActivity> activity;
  std::vector<Xfrm> xfrm;
  std::vector<InterfaceConfiguration> leases;
  std::vector<VpnSign> vpn_signs;
};

/// Write the members of a record, without its braces; what has its usual value is left out.
void write_members(JsonWriter& json, const Tunnel& tunnel);  ///< but for its peers, and what is beyond kMostInRecord
void write_members(JsonWriter& json, const WireguardPeer& peer);          ///< but for allowed IPs beyond kMostInRecord
void write_members(JsonWriter& json, const TunnelActivity& activity);     ///< but for its interfaces
void write_members(JsonWriter& json, const InterfaceActivity& activity);  ///< but for its peers
void write_members(JsonWriter& json, const Xfrm& xfrm);                   ///< but for its policies and states
void write_members(JsonWriter& json, const XfrmPolicy& policy);
void write_members(JsonWriter& json, const XfrmState& state);
void write_members(JsonWriter& json, const InterfaceConfiguration& lease);  ///< but for ways beyond kMostInRecord
void write_members(JsonWriter& json, const VpnSign& sign);
/// Write one list of a record; nothing when it is empty.
void write_endpoints(JsonWriter& json, std::span<const OuterEndpoint> endpoints);
void write_outer_sockets(JsonWriter& json, std::span<const OuterSocket> sockets);
void write_allowed_ips(JsonWriter& json, std::span<const AllowedIp> allowed_ips);
void write_ways(JsonWriter& json, std::span<const ConfiguredWay> ways);

/// The kinds of records, of which read_leak_record() reads one each. A "more" goes on with a list of the entry before.
enum class LeakRecordKind : std::uint8_t {
  kTunnel,
  kTunnelMore,
  kTunnelPeer,
  kTunnelPeerMore,
  kActivity,
  kInterfaceActivity,
  kActivityPeer,
  kActivityPeerMore,
  kXfrm,
  kXfrmPolicy,
  kXfrmState,
  kLease,
  kLeaseMore,
  kVpnSign,
};
void read_leak_record(LeakRecordKind kind, RecordFields& in, LeakParts& parts);

}  // namespace vpndoctor
