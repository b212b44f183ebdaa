// SPDX-License-Identifier: Apache-2.0
// Generic netlink answers of WireGuard, whatever their lengths say.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wireguard_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  vpndoctor::WireguardDevice device;
  vpndoctor::take_wireguard_message(bytes, device);
  vpndoctor::take_wireguard_message(bytes, device);
  vpndoctor::decode_generic_family(bytes);
  return 0;
}
