// SPDX-License-Identifier: Apache-2.0
// DHCP messages of any content.
#include <cstddef>
#include <cstdint>
#include <span>

#include "vpndoctor/interface_configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lease = vpndoctor::parse_dhcp_message(std::as_bytes(std::span(data, size)));
  if (!lease) return 0;
  if (lease->addresses.size() != 1) __builtin_trap();
  for (const vpndoctor::ConfiguredWay& way : lease->ways) {
    if (vpndoctor::IpPrefix::of(way.destination.address, way.destination.length) != way.destination) __builtin_trap();
  }
  return 0;
}
