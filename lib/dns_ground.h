// SPDX-License-Identifier: Apache-2.0
// What the DNS models stand on together: the snapshot with an index of its routes, and where a query to a server goes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vpndoctor/dns_server.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// A snapshot and the index of its routes, the caller's or one of its own; the snapshot must outlive it unchanged.
struct DnsGround {
  explicit DnsGround(const Snapshot& its_snapshot)
      : snapshot(its_snapshot), own_fib(std::in_place, its_snapshot), fib(*own_fib) {}
  DnsGround(const Snapshot& its_snapshot, const Fib& its_fib) : snapshot(its_snapshot), fib(its_fib) {}
  DnsGround(const DnsGround&) = delete;
  DnsGround& operator=(const DnsGround&) = delete;
  const Snapshot& snapshot;
  std::optional<Fib> own_fib;
  const Fib& fib;
};

/// Where a query goes that this machine sends to a server, without a mark.
struct DnsEgress {
  enum class Where : std::uint8_t {
    kHere,     ///< to this machine itself
    kTunnel,   ///< into a VPN tunnel
    kOutside,  ///< out of an interface that is no tunnel
    kNowhere,  ///< the kernel refuses to send it
    kUnknown,
  };
  Where where = Where::kUnknown;
  std::string interface;  ///< where it leaves; empty: nowhere, or not known
  std::string why;        ///< of kUnknown and kNowhere, a phrase: "the routes are not known: ..."
};

/// Looks it up, for user 0. `bound_interface`: of the socket; empty: not bound. A server's own zone binds as well.
DnsEgress dns_egress(const DnsGround& ground, const DnsServer& server, std::string_view bound_interface = {});

/// True when the address is one that packets to it stay on this machine for: loopback, or an own address.
bool is_own_address(const Snapshot& snapshot, const IpAddress& address);

}  // namespace vpndoctor
