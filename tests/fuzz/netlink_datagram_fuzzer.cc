// SPDX-License-Identifier: Apache-2.0
// Netlink framing: headers, acknowledgements, errors with their texts.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "netlink.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vpndoctor::NetlinkReply reply;
  vpndoctor::take_netlink_datagram(std::as_bytes(std::span(data, size)), 7, reply);
  return 0;
}
