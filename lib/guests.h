// SPDX-License-Identifier: Apache-2.0
// For whom this machine forwards: containers and virtual machines behind it, and other computers that may use it as
// their router. By its links, routes and settings; where their packets go is for others to say.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Who is behind an interface, of one family.
struct Guests {
  const Link* link = nullptr;  ///< where their packets come in; of the snapshot
  IpAddress address;           ///< one that is reached there without a router, and is none of this machine
  bool is_virtual = false;     ///< containers or virtual machines: nothing but virtual cables leads there
  Family family() const { return address.family; }
};

/// Finds them, in the order of the links, IPv4 first: behind each interface that is up, whose packets are forwarded,
/// and that is neither a tunnel nor a way of this machine to the world. Takes a snapshot that knows links, addresses
/// and routes; nothing is forwarded where the settings are not known.
std::vector<Guests> find_guests(const Snapshot& snapshot);

}  // namespace vpndoctor
