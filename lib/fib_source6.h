// SPDX-License-Identifier: Apache-2.0
// Which of the machine's IPv6 addresses a packet gets as its source: net/ipv6/addrconf.c ipv6_dev_get_saddr(), RFC 6724
// section 5, with the label table as it is unless an administrator changes it (ip-addrlabel is in no snapshot).
#pragma once

#include <cstdint>
#include <vector>

#include "longest_prefix.h"
#include "vpndoctor/ip.h"

namespace vpndoctor {

struct FibIndex;

/// An address that may become a source, with what the comparison asks of it.
struct Source6 {
  const IpAddress* address = nullptr;
  Uint128 key = 0;
  std::uint32_t link = 0;    ///< LinkId
  std::uint32_t l3mdev = 0;  ///< LinkId of the VRF that `link` belongs to
  std::int8_t scope = 0;     ///< RFC 4291: 2 link-local, 5 site-local, 14 global
  std::uint8_t label = 0;
  std::uint8_t prefix_length = 0;
  bool preferred = false;  ///< neither deprecated nor optimistic
  bool home = false;
  bool private_enough = false;  ///< temporary or not, as use_tempaddr of its interface wants
  bool orchid = false;
  bool optimistic = false;
};

/// Lists them in the order in which the kernel looks at them.
std::vector<Source6> list_sources6(const FibIndex& index);

/// Returns the source for a packet that leaves through `out` (kNoLink: not known yet); null when there is none.
const IpAddress* choose_source6(const FibIndex& index, std::uint32_t out, const IpAddress& destination);

}  // namespace vpndoctor
