// SPDX-License-Identifier: Apache-2.0
// The first packet of a flow as a rule sees it: its headers, its marks and its connection, with what is not known of
// them. Knows the layout of headers, nothing of rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "firewall_bits.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/flow.h"

namespace vpndoctor {

inline constexpr std::size_t kLargestNetworkHeader = 40;
inline constexpr std::size_t kLargestTransportHeader = 20;

/// What rules may change of a packet on its way.
struct FirewallPacket {
  Bits<4> mark;       ///< in the byte order of the ruleset
  Bits<4> ct_mark;    ///< the same
  Bits<4> ct_status;  ///< IPS_*
  Bits<kLargestNetworkHeader> network;
  Bits<kLargestTransportHeader> transport;
  Truth is_untracked = Truth::kNo;
  Truth is_redirected = Truth::kNo;  ///< a rule sends it to another address

  void join(const FirewallPacket& other);
};

/// Where the packet is now, and what never changes of it.
struct FirewallPlace {
  const Snapshot& snapshot;
  const Fib& fib;
  const Firewall& firewall;
  const Flow& flow;
  FirewallHook hook = FirewallHook::kNone;
  bool is_forwarded = false;
  bool is_netdev = false;       ///< in a table of the family netdev
  bool has_connection = true;   ///< after connection tracking
  std::string input = {};       ///< empty: none at this hook
  std::string output = {};      ///< the same
  bool is_output_known = true;  ///< false: a rule may have sent it another way

  Family family() const { return flow.destination.family; }
};

/// Bytes of a number of the ruleset's byte order, as registers have it.
std::array<std::uint8_t, 4> native_bytes(const Firewall& firewall, std::uint32_t number);
/// The number of such bytes; those that are not known are 0.
std::uint32_t native_number(const Firewall& firewall, const Bits<4>& bits);

/// Builds the first packet of the flow: a SYN of TCP, an echo request of ICMP.
FirewallPacket first_packet(const Firewall& firewall, const Flow& flow);

/// Length of the headers of this flow in bytes; 0 where it is not known.
std::size_t network_header_bytes(const Flow& flow);
std::size_t transport_header_bytes(const Flow& flow);

}  // namespace vpndoctor
