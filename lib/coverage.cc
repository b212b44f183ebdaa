// SPDX-License-Identifier: Apache-2.0
// Coverage of the address space; see the header.
#include "vpndoctor/coverage.h"

namespace vpndoctor {

const char* address_class_name(AddressClass address_class) {
  constexpr std::array kNames = {"lan",    "link_local", "multicast", "vpn_server",    "private",
                                 "public", "cgnat",      "loopback",  "documentation", "nat64"};
  return kNames[static_cast<std::size_t>(address_class)];
}

const char* coverage_mode_name(CoverageMode mode) {
  constexpr std::array kNames = {"full", "split", "none", "unknown"};
  return kNames[static_cast<std::size_t>(mode)];
}

PacketPath packet_path(const Snapshot& /*snapshot*/, const Fib& /*fib*/, const Flow& /*flow*/) { return {}; }

Coverage find_coverage(const Snapshot& /*snapshot*/, const Fib& /*fib*/, std::uint32_t /*uid*/) { return {}; }

AddressClass classify(const Snapshot& /*snapshot*/, const IpAddress& /*address*/) { return AddressClass::kPublic; }

}  // namespace vpndoctor
