// SPDX-License-Identifier: Apache-2.0
// systemd-resolved's replies over varlink, and what sd-bus writes when it is asked for objects.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vpndoctor/resolved_reply.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)vpndoctor::parse_resolved_dump(text);
  (void)vpndoctor::parse_varlink_version(text);
  (void)vpndoctor::parse_systemd_version(text);
  (void)vpndoctor::indexes_in_introspection(text);
  return 0;
}
