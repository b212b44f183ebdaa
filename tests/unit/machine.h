// SPDX-License-Identifier: Apache-2.0
// A machine's state built by hand, for tests of what is concluded from it: links, addresses, routes, rules, tunnels.
// The local table and the rules that every machine has are there from the start.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/route_table_builder.h"
#include "vpndoctor/snapshot.h"

namespace vpndoctor::testing_support {

/// What a test says of a route; everything else is as `ip route add` leaves it.
struct RouteSpec {
  std::string destination = {};  ///< "default" is 0.0.0.0/0
  std::string interface = {};
  std::string gateway = {};
  std::uint32_t metric = 0;
  std::uint32_t table = kTableMain;
  std::uint8_t protocol = kProtocolBoot;
  RouteType type = RouteType::kUnicast;
};

class Machine {
 public:
  /// Has lo with its addresses, and the three rules of each family.
  Machine();

  /// Adds an interface that is up and running unless `flags` says otherwise.
  Machine& link(const std::string& name, const std::string& kind = "",
                std::uint32_t flags = kLinkUp | kLinkRunning | kLinkLowerUp | kLinkBroadcast | kLinkMulticast);
  /// Adds a point-to-point tun device.
  Machine& tun(const std::string& name, bool running = true);
  /// Adds "10.0.0.2/24" with its local and connected routes, as the kernel does.
  Machine& address(const std::string& interface, const std::string& address_and_length);
  Machine& route(const RouteSpec& spec);
  Machine& rule(const Rule& rule);
  Machine& tunnel(const std::string& interface, const std::string& endpoint, std::optional<std::uint32_t> mark = 0);
  /// Sets net.ipv4.conf.INTERFACE.rp_filter and src_valid_mark.
  Machine& filter(const std::string& interface, int reverse_path_filter, int source_valid_mark = 0);

  /// A machine with eth0 192.0.2.2/24, 2001:db8:1::2/64 and both defaults.
  static Machine ordinary();

  Snapshot snapshot();

 private:
  Snapshot state_;
  RouteTableBuilder routes_;
};

}  // namespace vpndoctor::testing_support
