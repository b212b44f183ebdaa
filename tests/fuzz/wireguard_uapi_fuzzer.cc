// SPDX-License-Identifier: Apache-2.0
// What a process that claims to be WireGuard may answer on its control socket.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "vpndoctor/wireguard.h"
#include "wireguard_answer.h"

namespace {

/// Dropping the lines of keys while the text comes in changes nothing of what it says, and leaves none.
void check_keyless(std::string_view text) {
  vpndoctor::KeylessAnswer answer;
  const std::size_t cut = text.size() / 3;
  if (!answer.take(text.substr(0, cut)) || !answer.take(text.substr(cut)) || !answer.is_whole()) return;
  if (vpndoctor::parse_wireguard_uapi(answer.text()) != vpndoctor::parse_wireguard_uapi(text)) __builtin_trap();
  if (answer.text().starts_with("private_key=")) __builtin_trap();
  for (const char* key : {"\nprivate_key=", "\npreshared_key="}) {
    if (answer.text().find(key) != std::string::npos) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpndoctor;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_keyless(text);
  if (const auto device = parse_wireguard_uapi(text)) {
    for (const WireguardPeer& peer : device->peers) {
      if (peer.public_key.size() != 44) __builtin_trap();
      for (const AllowedIp& allowed : peer.allowed_ips) {
        if (wireguard_peer_for(*device, allowed.address) == nullptr) __builtin_trap();
      }
    }
  }
  return 0;
}
