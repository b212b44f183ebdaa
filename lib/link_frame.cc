// SPDX-License-Identifier: Apache-2.0
// Decodes what is below the IP header; see the header.
#include "vpndoctor/captured_packet.h"

namespace vpndoctor {

std::optional<LinkFrame> decode_link_frame(int /*link_type*/, std::span<const std::byte> /*bytes*/) {
  return std::nullopt;
}

bool is_known_link_type(int /*link_type*/) { return false; }

}  // namespace vpndoctor
