// SPDX-License-Identifier: Apache-2.0
// Lists of prefixes from anywhere: an error that names a line, or prefixes without host bits whose fewest cover the
// same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "vpndoctor/cidr_audit.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto list = vpndoctor::parse_prefix_list({reinterpret_cast<const char*>(data), size});
  if (!list) {
    if (list.error().message.empty()) std::abort();
    return 0;
  }
  if (list->empty()) std::abort();
  const auto fewest = vpndoctor::aggregate(*list);
  if (fewest.size() > list->size()) std::abort();
  for (const vpndoctor::IpPrefix& prefix : *list) {
    if (vpndoctor::IpPrefix::of(prefix.address, prefix.length) != prefix) std::abort();
  }
  return 0;
}
