// SPDX-License-Identifier: Apache-2.0
// Numbers of rtnetlink: those of address families, and of attributes that are newer than the headers this is built with
// (include/uapi/linux/fib_rules.h of Linux 6.13 and later).
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "vpndoctor/ip.h"

namespace vpndoctor {

/// Returns AF_INET or AF_INET6, in the type that the messages' headers have.
constexpr std::uint8_t kernel_family(Family family) { return family == Family::kInet ? AF_INET : AF_INET6; }

inline constexpr std::uint16_t kFraDscp = 25;
inline constexpr std::uint16_t kFraFlowLabel = 26;
inline constexpr std::uint16_t kFraFlowLabelMask = 27;
inline constexpr std::uint16_t kFraSourcePortMask = 28;
inline constexpr std::uint16_t kFraDestinationPortMask = 29;
inline constexpr std::uint16_t kFraDscpMask = 30;

}  // namespace vpndoctor
