// SPDX-License-Identifier: Apache-2.0
// What a user may type as a host.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "host_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto split = vpndoctor::split_host(text); split && !split->literal) {
    if (!vpndoctor::check_ascii_name(split->name, text) && vpndoctor::shown_host(text).size() > 256) __builtin_trap();
  }
  return 0;
}
