// SPDX-License-Identifier: Apache-2.0
// A flow: what the kernel looks at when it picks a route for a packet. Knows the words of `ip route get`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vpndoctor/ip.h"
#include "vpndoctor/result.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct Flow {
  IpAddress destination;
  std::optional<IpAddress> source;
  std::uint32_t mark = 0;
  std::string input_interface;   ///< empty: a packet of this machine; else one that arrived there
  std::string output_interface;  ///< empty: not bound
  std::uint32_t uid = 0;         ///< of the socket's owner; only for packets of this machine
  std::uint8_t tos = 0;
  std::uint8_t ip_protocol = 0;  ///< 0: not given
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

/// Parses "ADDR [from A] [mark M] [iif IF] [oif IF] [uid N] [tos T] [ipproto P] [sport N] [dport N]", the words of
/// `ip route get` (also "to ADDR", "dev IF", hexadecimal marks, protocol names). `defaults` gives what is not said.
/// kUsage names the word that is wrong.
Result<Flow> parse_flow(std::string_view text, const Flow& defaults = {});

/// Returns the flow in the same words.
std::string flow_text(const Flow& flow);

}  // namespace vpndoctor
