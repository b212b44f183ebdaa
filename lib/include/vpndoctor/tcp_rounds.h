// SPDX-License-Identifier: Apache-2.0
// Closes in on a size limit with several rounds of TCP connections, for hosts that answer nothing but TCP. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "vpndoctor/path_mtu.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Adds the sizes that another round of connections to the same port showed. Its notes are about that round alone and
/// are left out.
void add_tcp_round(TcpEvidence& known, const TcpEvidence& round);

/// Returns at most `most` (2 or more) packet sizes, evenly spaced in the range that is still open in one direction (the
/// way there first), with the largest that passed for contrast; empty when neither direction has an open range.
std::vector<std::uint32_t> open_tcp_sizes(const TcpEvidence& known, std::uint32_t most);

}  // namespace vpndoctor
