// SPDX-License-Identifier: Apache-2.0
// TCP headers and their options.
#include <cstdlib>

#include "vpndoctor/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto segment = vpndoctor::decode_tcp(std::as_bytes(std::span(data, size)));
  if (segment && segment->payload.size() > size) std::abort();
  return 0;
}
