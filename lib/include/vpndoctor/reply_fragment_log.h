// SPDX-License-Identifier: Apache-2.0
// Collects what the fragments of the target's echo replies say about the way back.
#pragma once

#include <cstdint>
#include <optional>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/probe_packet.h"
#include "vpndoctor/wire.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Remembers the fragments of replies to one search's echoes; bounded, whatever arrives.
class ReplyFragmentLog {
 public:
  explicit ReplyFragmentLog(const ProbeFlow& flow) : flow_(flow) {}

  /// Notes a packet; false when it is no fragment of a reply to us. Later fragments carry nothing that proves whose
  /// they are, only the addresses and the protocol.
  bool note(const IpPacket& packet);
  /// Returns what was seen, nullopt when no fragment was. A tail counts as alone only when no other fragment ever came:
  /// a large reply has several, and one that is missing may just be lost.
  std::optional<ReplyFragments> result() const;

 private:
  bool is_ours(const IpPacket& packet) const;

  ProbeFlow flow_;
  std::uint32_t largest_first_bytes_ = 0;
  std::uint32_t smallest_whole_bytes_ = 0;  ///< of a reply put together from its fragments
  bool saw_body_ = false;                   ///< a fragment that is not the last
  bool saw_tail_ = false;
};

}  // namespace vpndoctor
