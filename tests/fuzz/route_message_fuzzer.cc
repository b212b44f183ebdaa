// SPDX-License-Identifier: Apache-2.0
// Routes, links and addresses as rtnetlink sends them.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "rtnl_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  vpndoctor::decode_route(bytes);
  vpndoctor::decode_link(bytes);
  vpndoctor::decode_own_address(bytes);
  return 0;
}
