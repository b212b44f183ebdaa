// SPDX-License-Identifier: Apache-2.0
// Messages of IPsec policies, states and defaults, whatever their lengths say.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "xfrm_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  vpndoctor::Xfrm xfrm;
  const auto name_of = [](int index) { return "#" + std::to_string(index); };
  vpndoctor::take_xfrm_policy(bytes, name_of, xfrm.policies);
  vpndoctor::take_xfrm_state(bytes, xfrm.states);
  vpndoctor::decode_xfrm_default(bytes);
  vpndoctor::lists_netlink_protocol({reinterpret_cast<const char*>(data), size}, 6);
  for (const vpndoctor::XfrmPolicy& each : xfrm.policies) {
    if (each.source.family() != each.family || each.destination.family() != each.family) __builtin_trap();
  }
  return 0;
}
