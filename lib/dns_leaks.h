// SPDX-License-Identifier: Apache-2.0
// Whether names that belong into a tunnel are asked outside of it: by the scopes' configuration, live or not, and by
// where the routes lead.
#pragma once

#include <string>
#include <vector>

#include "dns_ground.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

/// Why a name is to be asked inside a tunnel.
struct TunnelClaimOnName {
  bool is_claimed = false;
  std::string why;  ///< "tun0 is configured for corp.example", "all traffic is to go through tun0"
};

/// Finds it for a canonical name and a server of a family. A tunnel's scope claims the names of its domains, live or
/// not, unless another scope has a longer domain for them. A full tunnel claims all: IPv4's for every server, IPv6's
/// for those of IPv6 alone where IPv4 goes another way (a tunnel broker's).
TunnelClaimOnName tunnel_claim_on_name(const DnsGround& ground, const std::string& name, Family family);

/// Fills `leaks_to` of a path: the servers that are asked outside every tunnel for names that a tunnel claims. Leaves a
/// path alone that says already why it is not known.
void find_dns_leaks(const DnsGround& ground, DnsPath& path);

}  // namespace vpndoctor
