// SPDX-License-Identifier: Apache-2.0
// Which of a million ascending ranges holds a number: a bitmap of the slots of the number space in which a range
// starts, with the count of all before every 64 of them. Two visits to memory, of which the first is to a few
// megabytes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vpndoctor {

/// An IPv6 address as a number.
__extension__ using Uint128 = unsigned __int128;

/// `Range` has a `Key start() const`; the first range starts at 0, and each of the others behind the one before.
template <class Key, class Range>
class RangeDirectory {
 public:
  void build(std::span<const Range> ranges) {
    // The first range is found by being before all others, so that the slots cover only what the others span.
    if (ranges.size() < 2) return;
    base_ = ranges[1].start();
    const Key span = ranges.back().start() - base_;
    const unsigned wanted = std::clamp(static_cast<unsigned>(std::bit_width(ranges.size())) + kSlotsPerRange, 6U, 24U);
    shift_ = bits_of(span) > wanted ? bits_of(span) - wanted : 0;
    last_slot_ = span >> shift_;
    blocks_.assign(static_cast<std::size_t>(last_slot_) / kSlots + 2, Block{});
    std::uint32_t next = 1;
    for (std::size_t at = 0; at < blocks_.size(); ++at) {
      blocks_[at].first = next & kMostRanges;
      for (; next < ranges.size() && slot_of(ranges[next].start()) / kSlots == at; ++next) {
        blocks_[at].add(slot_of(ranges[next].start()) % kSlots);
      }
    }
  }

  /// Returns the index of the range that holds `key`; `ranges` are those of build().
  std::size_t position(std::span<const Range> ranges, Key key) const {
    if (key < base_) return 0;
    const std::size_t slot = slot_of(key);
    const Block* block = &blocks_[slot / kSlots];
    if (block->is_crowded != 0) return search(ranges, block[0].first, block[1].first, key);
    const std::size_t last = block->last_up_to(slot % kSlots);
    return last - static_cast<std::size_t>(ranges[last].start() > key);
  }
  /// The same or one close by, without a look at the ranges.
  std::size_t nearly(Key key) const {
    if (key < base_) return 0;
    const std::size_t slot = slot_of(key);
    return blocks_[slot / kSlots].last_up_to(slot % kSlots);
  }

 private:
  static constexpr std::size_t kSlots = 64;  ///< of a block
  static constexpr std::uint32_t kMostRanges = 0x7fffffff;
  static constexpr unsigned kSlotsPerRange = 3;  ///< 8 to 16 of them, as a power of two: few slots have two starts

  struct Block {
    std::array<std::uint32_t, 2> slots{};  ///< a bit for each slot in which a range starts
    std::uint32_t first : 31 = 1;          ///< the first range that starts here or later
    std::uint32_t is_crowded : 1 = 0;      ///< several ranges start in one slot

    std::uint64_t starts() const { return std::bit_cast<std::uint64_t>(slots); }
    void add(std::size_t slot) {
      const std::uint64_t bit = std::uint64_t{1} << slot;
      if ((starts() & bit) != 0) is_crowded = 1;
      slots = std::bit_cast<decltype(slots)>(starts() | bit);
    }
    /// Of the ranges that start up to and in that slot the last, when the block is not crowded.
    std::size_t last_up_to(std::size_t slot) const {
      return first + static_cast<std::size_t>(std::popcount(starts() << (kSlots - 1 - slot))) - 1;
    }
  };

  std::size_t slot_of(Key key) const {
    return static_cast<std::size_t>(std::min<Key>((key - base_) >> shift_, last_slot_));
  }

  static constexpr unsigned bits_of(Key number) {
    if constexpr (sizeof(Key) == sizeof(Uint128)) {
      const auto high = static_cast<std::uint64_t>(number >> 64U);
      if (high != 0) return 64U + static_cast<unsigned>(std::bit_width(high));
    }
    return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(number)));
  }

  // The last range of those of a crowded block, and of the one before them, that starts at the key or before it.
  static std::size_t search(std::span<const Range> ranges, std::size_t begin, std::size_t end, Key key) {
    const Range* first = ranges.data() + begin;
    std::size_t left = end - begin;
    while (left > 0) {  // the first range that starts behind the key
      const std::size_t half = left / 2;
      const bool behind = first[half].start() > key;
      first = behind ? first : first + half + 1;
      left = behind ? half : left - half - 1;
    }
    return static_cast<std::size_t>(first - ranges.data()) - 1;
  }

  std::vector<Block> blocks_{2};
  Key base_ = static_cast<Key>(~Key{0});
  Key last_slot_ = 0;
  unsigned shift_ = 0;
};

}  // namespace vpndoctor
