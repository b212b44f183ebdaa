// SPDX-License-Identifier: Apache-2.0
// Command lines and tables of /proc, whatever is in them. What is told of a program is never text of its own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "control_sockets.h"
#include "vpndoctor/vpn_sign.h"
#include "xfrm_counters.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> arguments;
  for (std::string_view rest = text; !rest.empty();) {
    arguments.push_back(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(arguments.back().size() + 1, rest.size()));
  }
  const std::string_view name = arguments.empty() ? std::string_view() : arguments.front();
  if (const auto sign = vpndoctor::recognize_vpn_client(name, arguments)) {
    if (sign->name.empty() || sign->text.empty() || !vpndoctor::may_be_vpn_client(name)) __builtin_trap();
  }
  for (const auto& [counter, count] : vpndoctor::non_zero_xfrm_counters(text)) {
    if (counter.empty() || count == 0) __builtin_trap();
  }
  vpndoctor::listening_unix_paths(text);
  return 0;
}
