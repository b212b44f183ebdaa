// SPDX-License-Identifier: Apache-2.0
// A captured frame of any link type: the first byte chooses it, the rest is the frame.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpndoctor;
  constexpr std::array kTypes{0, 1, 9, 12, 14, 50, 51, 101, 108, 113, 228, 229, 276, 127};
  if (size == 0) return 0;
  const int type = kTypes[data[0] % kTypes.size()];
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const auto frame = decode_link_frame(type, bytes);
  if (!frame) return 0;
  if (!is_known_link_type(type)) __builtin_trap();
  const std::byte* end = bytes.data() + bytes.size();
  if (!frame->payload.empty() && (frame->payload.data() < bytes.data() || &frame->payload.back() >= end)) {
    __builtin_trap();
  }
  decode_ip_packet(frame->payload);
  return 0;
}
