// SPDX-License-Identifier: Apache-2.0
// What a process that claims to be WireGuard may answer on its control socket.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "vpndoctor/wireguard.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpndoctor;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto device = parse_wireguard_uapi(text)) {
    for (const WireguardPeer& peer : device->peers) {
      for (const AllowedIp& allowed : peer.allowed_ips) {
        if (wireguard_peer_for(*device, allowed.address) == nullptr) __builtin_trap();
      }
    }
  }
  return 0;
}
