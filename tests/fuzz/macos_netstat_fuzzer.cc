// SPDX-License-Identifier: Apache-2.0
// Captures of macOS commands of any content.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vpndoctor/macos_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const vpndoctor::MacosRoutes routes = vpndoctor::parse_macos_netstat(text);
  for (const vpndoctor::Route& route : routes.table.routes) {
    if (vpndoctor::IpPrefix::of(route.destination.address, route.destination.length) != route.destination) {
      __builtin_trap();
    }
  }
  for (const vpndoctor::Address& address : vpndoctor::parse_macos_ifconfig(text).addresses) {
    if (address.prefix_length > vpndoctor::address_bits(address.address.family)) __builtin_trap();
  }
  return 0;
}
