// SPDX-License-Identifier: Apache-2.0
// /proc/net/pppoe of any content.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vpndoctor/ppp_use.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& session : vpndoctor::parse_pppoe_sessions(text)) {
    if (session.interface.empty() || session.peer.size() != 17) __builtin_trap();
  }
  return 0;
}
