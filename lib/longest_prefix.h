// SPDX-License-Identifier: Apache-2.0
// The longest prefix that contains an address, among a million of them: the prefixes of a table flattened into disjoint
// ranges, found through a directory of the leading bits. Knows numbers only, neither what a route is nor which one of
// several of the same prefix is taken.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace vpndoctor {

/// An IPv6 address as a number.
__extension__ using Uint128 = unsigned __int128;

/// A prefix that is to be found, and the route that has it.
template <class Key>
struct PrefixEntry {
  Key address = 0;  ///< host bits are zero
  std::uint8_t length = 0;
  std::uint32_t route = 0;
  std::uint32_t kind = 0;  ///< a number that the caller gives to the route, kept beside it
};

/// An immutable set of prefixes. `Key` is std::uint32_t or Uint128, the address in the machine's byte order.
template <class Key>
class LongestPrefix {
 public:
  static constexpr unsigned kBits = sizeof(Key) * 8;
  static constexpr std::uint32_t kNone = 0xffffffff;

  /// One prefix with the routes that have it.
  struct Node {
    std::uint32_t covering = kNone;  ///< the next shorter prefix around it, a node
    std::uint32_t first = 0;         ///< of one route: itself; else where they begin
    std::uint32_t count = 0;
    std::uint32_t kind = kNone;  ///< of one route
    std::uint8_t length = 0;
  };

  /// From `start` up to the next range, `node` is the longest prefix; kNone: no prefix. Its only route stands here too,
  /// since at a million routes each place in memory that a lookup visits costs more than all its arithmetic.
  struct Range {
    Key start = 0;
    std::uint32_t node = kNone;
    std::uint32_t route = kNone;  ///< kNone: there are several, or none
    std::uint32_t kind = kNone;
  };

  /// Builds the set; `order` sorts the routes that share a prefix.
  LongestPrefix(std::vector<PrefixEntry<Key>> entries, const std::function<void(std::span<std::uint32_t>)>& order) {
    sort(entries);
    make_nodes(entries, order);
    make_directory();
  }

  /// Returns the node of the longest prefix around `key`, or null.
  const Node* find(Key key) const {
    const std::uint32_t found = ranges_[position(key)].node;
    return found == kNone ? nullptr : &nodes_[found];
  }
  /// Returns the range that holds `key`.
  const Range& range(Key key) const { return ranges_[position(key)]; }
  const Node& node(const Range& range) const { return nodes_[range.node]; }
  const Node* covering(const Node& node) const { return node.covering == kNone ? nullptr : &nodes_[node.covering]; }
  /// The routes of a node, in the order that the builder was given.
  std::span<const std::uint32_t> routes(const Node& node) const {
    if (node.count == 1) return {&node.first, 1};
    return {shared_.data() + node.first, node.count};
  }
  /// All ranges in ascending order; the first starts at 0.
  std::span<const Range> ranges() const { return ranges_; }
  /// The index in ranges() of the one that holds `key`.
  std::size_t position(Key key) const {
    const auto bucket = static_cast<std::size_t>(key >> shift_);
    const Range* first = ranges_.data() + directory_[bucket] + 1;
    std::size_t left = directory_[bucket + 1] - directory_[bucket];
    while (left > 0) {  // the first range that starts behind the key
      const std::size_t half = left / 2;
      const bool behind = first[half].start > key;
      first = behind ? first : first + half + 1;
      left = behind ? half : left - half - 1;
    }
    return static_cast<std::size_t>(first - ranges_.data()) - 1;
  }
  bool empty() const { return nodes_.empty(); }

  static constexpr Key last_of(Key address, unsigned length) {
    return length == 0 ? static_cast<Key>(~Key{0})
                       : static_cast<Key>(address | (static_cast<Key>(~Key{0}) >> (length - 1) >> 1));
  }

 private:
  struct Open {  // a prefix that the sweep is inside of
    Key last = 0;
    std::uint32_t node = kNone;
  };

  // A kernel's dump is nearly sorted already: by address, the longer of two prefixes of one address first.
  static void sort(std::vector<PrefixEntry<Key>>& entries) {
    const auto by_address = [](const auto& a, const auto& b) { return a.address < b.address; };
    const auto whole = [](const auto& a, const auto& b) {
      if (a.address != b.address) return a.address < b.address;
      return a.length != b.length ? a.length < b.length : a.route < b.route;
    };
    if (!std::is_sorted(entries.begin(), entries.end(), by_address)) {
      std::sort(entries.begin(), entries.end(), whole);
      return;
    }
    for (auto run = entries.begin(); run != entries.end();) {
      auto end = run + 1;
      while (end != entries.end() && end->address == run->address) ++end;
      if (end - run > 1) std::sort(run, end, whole);
      run = end;
    }
  }

  void make_nodes(const std::vector<PrefixEntry<Key>>& entries,
                  const std::function<void(std::span<std::uint32_t>)>& order) {
    std::vector<Open> open;
    nodes_.reserve(entries.size());
    ranges_.reserve(entries.size() + 1);
    begin_range(0, kNone);
    for (std::size_t at = 0; at < entries.size();) {
      const auto& entry = entries[at];
      while (!open.empty() && open.back().last < entry.address) close(open);
      const auto node = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({.covering = open.empty() ? kNone : open.back().node, .length = entry.length});
      at = take_routes(entries, at, order);
      begin_range(entry.address, node);
      open.push_back({.last = last_of(entry.address, entry.length), .node = node});
    }
    while (!open.empty()) close(open);
    ranges_.shrink_to_fit();
  }

  // Gives the last node the routes of the entries from `at` on that share its prefix; returns where they end.
  std::size_t take_routes(const std::vector<PrefixEntry<Key>>& entries, std::size_t at,
                          const std::function<void(std::span<std::uint32_t>)>& order) {
    std::size_t end = at + 1;
    while (end < entries.size() && entries[end].address == entries[at].address &&
           entries[end].length == entries[at].length) {
      ++end;
    }
    Node& node = nodes_.back();
    node.count = static_cast<std::uint32_t>(end - at);
    node.first = entries[at].route;
    if (node.count == 1) {
      node.kind = entries[at].kind;
      return end;
    }
    node.first = static_cast<std::uint32_t>(shared_.size());
    for (; at < end; ++at) shared_.push_back(entries[at].route);
    order(std::span(shared_).subspan(node.first));
    return end;
  }

  void close(std::vector<Open>& open) {
    const Key last = open.back().last;
    open.pop_back();
    if (last != static_cast<Key>(~Key{0})) begin_range(last + 1, open.empty() ? kNone : open.back().node);
  }

  void begin_range(Key start, std::uint32_t node) {
    Range range{.start = start, .node = node};
    if (node != kNone && nodes_[node].count == 1) {
      range.route = nodes_[node].first;
      range.kind = nodes_[node].kind;
    }
    if (!ranges_.empty() && ranges_.back().start == start) {
      ranges_.back() = range;
    } else {
      ranges_.push_back(range);
    }
  }

  // Some buckets a range, so that mostly one or two ranges are looked at, side by side in memory.
  void make_directory() {
    const unsigned bits = std::clamp(static_cast<unsigned>(std::bit_width(ranges_.size())) + 2U, 4U, 22U);
    shift_ = kBits - bits;
    directory_.resize((std::size_t{1} << bits) + 1);
    std::size_t range = 0;
    for (std::size_t bucket = 0; bucket + 1 < directory_.size(); ++bucket) {
      const Key start = static_cast<Key>(bucket) << shift_;
      while (range + 1 < ranges_.size() && ranges_[range + 1].start <= start) ++range;
      directory_[bucket] = static_cast<std::uint32_t>(range);
    }
    directory_.back() = static_cast<std::uint32_t>(ranges_.size() - 1);
  }

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> shared_;  ///< the routes of nodes that have several
  std::vector<Range> ranges_;
  std::vector<std::uint32_t> directory_;  ///< for the leading bits, the range that holds their first address
  unsigned shift_ = 0;
};

}  // namespace vpndoctor
