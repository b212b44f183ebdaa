// SPDX-License-Identifier: Apache-2.0
// Generic netlink answers of WireGuard, and socket diagnostics of its control sockets, whatever their lengths say.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "unix_listener.h"
#include "wireguard_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  vpndoctor::WireguardDevice device;
  vpndoctor::take_wireguard_message(bytes, device);
  vpndoctor::take_wireguard_message(bytes, device);
  for (const vpndoctor::WireguardPeer& peer : device.peers) {
    if (!peer.public_key.empty() && peer.public_key.size() != 44) __builtin_trap();
  }
  vpndoctor::decode_generic_family(bytes);
  vpndoctor::decode_bound_file(bytes);
  return 0;
}
