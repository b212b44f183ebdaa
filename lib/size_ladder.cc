// SPDX-License-Identifier: Apache-2.0
// The likely sizes themselves, in the order in which they are worth a probe.
#include "size_ladder.h"

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr std::uint32_t kLikely[] = {
    1500, 1400, 1420, 1280, 1492, 1440, 1480, 1460, 1450, 1380, 1360, 1340, 1320, 1412, 1432, 1454, 1472,  1406,
    1428, 1438, 1448, 1476, 1300, 1200, 1006, 576,  8942, 9000, 8192, 8914, 4352, 2002, 1600, 9180, 17914, 32000,
};

constexpr std::uint32_t kCombStep = 8;
constexpr std::uint32_t kCombFloor = 1200;
constexpr std::uint32_t kCombCeiling = 2000;

}  // namespace

std::vector<std::uint32_t> size_ladder(std::uint32_t min_bytes, std::uint32_t max_bytes) {
  std::vector<std::uint32_t> sizes;
  const auto add = [&](std::uint32_t size) {
    if (size >= min_bytes && size <= max_bytes && std::find(sizes.begin(), sizes.end(), size) == sizes.end()) {
      sizes.push_back(size);
    }
  };
  add(max_bytes);
  for (const std::uint32_t likely : kLikely) {
    add(likely);
    add(likely + 1);
  }
  add(max_bytes - 1);
  add(min_bytes);
  return sizes;
}

std::vector<std::uint32_t> size_comb(std::uint32_t min_bytes, std::uint32_t max_bytes) {
  std::vector<std::uint32_t> sizes;
  if (max_bytes > kCombCeiling) return sizes;
  for (std::uint32_t size = max_bytes & ~(kCombStep - 1); size >= std::max(min_bytes, kCombFloor); size -= kCombStep) {
    sizes.push_back(size);
  }
  return sizes;
}

std::vector<std::uint32_t> sizes_between(std::uint32_t passes, std::uint32_t lost, std::uint32_t most) {
  std::vector<std::uint32_t> sizes;
  const std::uint32_t inside = lost - passes - 1;
  if (inside <= most) {
    for (std::uint32_t size = passes + 1; size < lost; ++size) sizes.push_back(size);
    return sizes;
  }
  for (std::uint32_t i = 1; i <= most; ++i) {
    sizes.push_back(passes + static_cast<std::uint32_t>(std::uint64_t{inside + 1} * i / (most + 1)));
  }
  return sizes;
}

}  // namespace vpndoctor
