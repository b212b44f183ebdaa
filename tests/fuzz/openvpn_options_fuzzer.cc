// SPDX-License-Identifier: Apache-2.0
// OpenVPN configuration files of any content.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "vpndoctor/openvpn_options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& remote : vpndoctor::parse_openvpn_config(text).remotes) {
    if (remote.port == 0) __builtin_trap();
  }
  return 0;
}
