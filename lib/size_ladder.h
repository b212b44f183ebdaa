// SPDX-License-Identifier: Apache-2.0
// The packet sizes that paths usually carry, the likely ones first. Only numbers: why each is likely is in
// encapsulation.h.
#pragma once

#include <cstdint>
#include <vector>

namespace vpndoctor {

/// Returns the sizes to try first within [min_bytes, max_bytes]: each likely path MTU with the size above it, both
/// ends, most likely first, no size twice.
std::vector<std::uint32_t> size_ladder(std::uint32_t min_bytes, std::uint32_t max_bytes);

/// Returns sizes every 8 bytes below an Ethernet-sized `max_bytes`, to find bands of lost sizes that the ladder steps
/// over (a tunnel over a silent 1492-byte link loses a band 8 bytes wide); empty above 2000 bytes.
std::vector<std::uint32_t> size_comb(std::uint32_t min_bytes, std::uint32_t max_bytes);

/// Returns at most `most` sizes strictly between `passes` and `lost`: all of them, or evenly spaced ones.
std::vector<std::uint32_t> sizes_between(std::uint32_t passes, std::uint32_t lost, std::uint32_t most);

}  // namespace vpndoctor
