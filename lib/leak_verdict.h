// SPDX-License-Identifier: Apache-2.0
// Where a packet that left by a physical interface belongs: by what it is, by the routing tables, by what the user
// expects. Looks at one flow at a time and remembers nothing.
#pragma once

#include <cstdint>
#include <string>

#include "captured_flow.h"
#include "vpndoctor/leak_capture.h"

namespace vpndoctor {

enum class LeakVerdict : std::uint8_t {
  kTunnel,
  kControl,
  kLocal,
  kByConfiguration,
  kReply,
  kUntold,
  kLeak,
};

struct LeakJudgement {
  LeakVerdict verdict = LeakVerdict::kUntold;
  std::string why;  ///< of kLeak and kUntold, a phrase
};

/// True for what makes a link work: neighbour discovery, group membership, DHCP, a sender without an address yet.
bool is_link_control(const FlowPacket& packet);
/// True for a packet that by its nature answers one from outside: a SYN-ACK, a reset, an echo reply, an ICMP error.
bool is_answer(const FlowPacket& packet);

/// Judges by the tables and the expectation, for packets of the user `uid`.
LeakJudgement judge_destination(const LeakFacts& facts, const FlowKey& flow, std::uint32_t uid);

}  // namespace vpndoctor
