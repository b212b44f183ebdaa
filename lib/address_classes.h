// SPDX-License-Identifier: Apache-2.0
// What each address of a family is for on this machine: the special-purpose registries of IANA, painted over by the
// machine's own links and its tunnels' other ends. Knows no routes but those that say what is on a link.
#pragma once

#include <string_view>
#include <vector>

#include "address_number.h"
#include "vpndoctor/coverage.h"
#include "vpndoctor/prefix_set.h"

namespace vpndoctor {

/// Consecutive addresses of one class.
struct ClassRange {
  AddressNumber first;
  AddressNumber last;
  AddressClass address_class = AddressClass::kPublic;
  /// Globally routable unicast that belongs into a full tunnel: neither a tunnel's endpoint nor a network of this
  /// machine, unless that network is too large to be one (is_oversized()).
  bool is_global = false;
};

/// The classes of a whole family, built once from a snapshot.
class AddressClasses {
 public:
  AddressClasses(const Snapshot& snapshot, Family family);

  /// All addresses of the family, ascending, without a gap.
  const std::vector<ClassRange>& ranges() const { return ranges_; }
  const ClassRange& of(const AddressNumber& address) const;

 private:
  std::vector<ClassRange> ranges_;
};

/// True for an interface that leads to a network of others, or to the provider: no loopback, tunnel, dummy, or bridge
/// of containers.
bool is_physical(const Snapshot& snapshot, std::string_view interface);

/// The networks that are on the links of such interfaces, by their addresses, their routers, and the prefixes that IPv6
/// routers advertise; in no order, and not aggregated.
std::vector<IpPrefix> lan_prefixes(const Snapshot& snapshot, Family family);

/// True for a network that is larger than those on real links with public addresses: shorter than /16, or /64 of
/// IPv6.
bool is_oversized(const IpPrefix& network);

/// True for classes that an address keeps whatever link it is on, and that mean something there alone: loopback,
/// link-local, multicast.
bool is_fixed_class(AddressClass address_class);

/// True for classes whose traffic a full tunnel is there for. Documentation is nobody's, and so whoever routes it means
/// a public one.
bool is_public_class(AddressClass address_class);

/// Which share of the family's public addresses, by the registries alone, the prefixes have: 0 to 1. They are as
/// aggregate() returns them; those of the other family do not count.
double public_share(const std::vector<IpPrefix>& prefixes, Family family);

/// What the registries say, without the machine: its longest entry that contains the address.
AddressClass registered_class(const IpAddress& address);

}  // namespace vpndoctor
