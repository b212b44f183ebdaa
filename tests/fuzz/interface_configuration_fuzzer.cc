// SPDX-License-Identifier: Apache-2.0
// Leases and settings of any content, in all the forms that are text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vpndoctor/interface_configuration.h"

namespace {

void check(const vpndoctor::InterfaceConfiguration& configuration) {
  for (const vpndoctor::ConfiguredWay& way : configuration.ways) {
    if (vpndoctor::IpPrefix::of(way.destination.address, way.destination.length) != way.destination) __builtin_trap();
    if (way.place.empty()) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& lease : vpndoctor::parse_dhclient_leases(text)) check(lease);
  if (const auto lease = vpndoctor::parse_networkd_lease(text)) check(*lease);
  check(vpndoctor::parse_network_file(text));
  check(vpndoctor::parse_networkmanager_connection(text).configuration);
  for (const auto& interface : vpndoctor::parse_interfaces_file(text).interfaces) check(interface);
  vpndoctor::parse_networkd_link_state(text);
  vpndoctor::parse_networkmanager_device(text);
  return 0;
}
