// SPDX-License-Identifier: Apache-2.0
// Which of a million ascending ranges holds a number: a bitmap of the slots of the number space in which a range
// starts, with the count of all before every 64 of them. It takes three megabytes, so that mostly the range itself is
// the only visit to memory that no cache holds.
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
    blocks_.assign(static_cast<std::size_t>(last_slot_) / kSlots + 1, Block{});
    std::uint32_t next = 1;
    for (std::size_t at = 0; at < blocks_.size(); ++at) {
      const std::uint32_t first = next;
      for (; next < ranges.size() && slot_of(ranges[next].start()) / kSlots == at; ++next) {
        blocks_[at].add(slot_of(ranges[next].start()) % kSlots);
      }
      blocks_[at].first = first & kMostRanges;
      if (blocks_[at].is_crowded != 0) list_groups(ranges, first, next, blocks_[at]);
    }
  }

  /// Returns the index of the range that holds `key`; `ranges` are those of build().
  std::size_t position(std::span<const Range> ranges, Key key) const {
    if (key < base_) return 0;
    const std::size_t slot = slot_of(key);
    const Block& block = blocks_[slot / kSlots];
    const std::size_t filled = block.filled_up_to(slot % kSlots);
    const std::size_t last = last_of(block, filled);
    if (ranges[last].start() <= key) return last;
    return block.is_crowded == 0 ? last - 1 : search(ranges, groups_[block.first + filled - 1], last, key);
  }

  /// Begins to fetch what nearly() asks for. (Always inline: GCC 12 takes a function that does only this for one that
  /// does nothing, and drops its calls.)
  [[gnu::always_inline]] void prefetch(Key key) const {
    __builtin_prefetch(&blocks_[key < base_ ? 0 : slot_of(key) / kSlots]);
  }
  /// The position, or one soon after it, without a look at the ranges.
  std::size_t nearly(Key key) const {
    if (key < base_) return 0;
    const std::size_t slot = slot_of(key);
    const Block& block = blocks_[slot / kSlots];
    return last_of(block, block.filled_up_to(slot % kSlots));
  }

 private:
  static constexpr std::size_t kSlots = 64;  ///< of a block
  static constexpr std::uint32_t kMostRanges = 0x7fffffff;
  static constexpr unsigned kSlotsPerRange = 3;  ///< 8 to 16 of them, as a power of two: few slots have two starts

  struct Block {
    std::array<std::uint32_t, 2> slots{};  ///< a bit for each slot in which a range starts
    std::uint32_t first : 31 = 1;          ///< the first range that starts here or later; of a crowded one, in groups_
    std::uint32_t is_crowded : 1 = 0;      ///< several ranges start in one slot

    std::uint64_t starts() const { return std::bit_cast<std::uint64_t>(slots); }
    void add(std::size_t slot) {
      const std::uint64_t bit = std::uint64_t{1} << slot;
      if ((starts() & bit) != 0) is_crowded = 1;
      slots = std::bit_cast<decltype(slots)>(starts() | bit);
    }
    /// How many slots up to and with that one have starts.
    std::size_t filled_up_to(std::size_t slot) const {
      return static_cast<std::size_t>(std::popcount(starts() << (kSlots - 1 - slot)));
    }
  };

  static constexpr unsigned bits_of(Key number) {
    if constexpr (sizeof(Key) == sizeof(Uint128)) {
      const auto high = static_cast<std::uint64_t>(number >> 64U);
      if (high != 0) return 64U + static_cast<unsigned>(std::bit_width(high));
    }
    return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(number)));
  }

  std::size_t slot_of(Key key) const {
    return static_cast<std::size_t>(std::min<Key>((key - base_) >> shift_, last_slot_));
  }

  // The last range that starts in so many filled slots of the block; without any, the last before it.
  std::size_t last_of(const Block& block, std::size_t filled) const {
    return (block.is_crowded != 0 ? groups_[block.first + filled] : block.first + filled) - 1;
  }

  // The last range from `begin` up to `end` that starts at the key or before it; the one before them when none does.
  static std::size_t search(std::span<const Range> ranges, std::size_t begin, std::size_t end, Key key) {
    const Range* first = ranges.data() + begin;
    std::size_t left = end - begin;
    while (left > 0) {
      const std::size_t half = left / 2;
      const bool behind = first[half].start() > key;
      first = behind ? first : first + half + 1;
      left = behind ? half : left - half - 1;
    }
    return static_cast<std::size_t>(first - ranges.data()) - 1;
  }

  // For each slot in which ranges start, the first of them; then the end of the last.
  void list_groups(std::span<const Range> ranges, std::uint32_t first, std::uint32_t end, Block& block) {
    block.first = static_cast<std::uint32_t>(groups_.size()) & kMostRanges;
    for (std::uint32_t at = first; at < end; ++at) {
      if (at == first || slot_of(ranges[at].start()) != slot_of(ranges[at - 1].start())) groups_.push_back(at);
    }
    groups_.push_back(end);
  }

  std::vector<Block> blocks_{1};
  std::vector<std::uint32_t> groups_;
  Key base_ = static_cast<Key>(~Key{0});
  Key last_slot_ = 0;
  unsigned shift_ = 0;
};

}  // namespace vpndoctor
