// SPDX-License-Identifier: Apache-2.0
// Socket tables as /proc/net shows them.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "process_sockets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  vpndoctor::parse_socket_table(text, true);
  return 0;
}
