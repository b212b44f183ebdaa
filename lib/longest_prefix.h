// SPDX-License-Identifier: Apache-2.0
// The longest prefix that contains an address, among a million of them: the prefixes of a table flattened into disjoint
// ranges. Knows numbers only, neither what a route is nor which one of several of the same prefix is taken.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "range_directory.h"

namespace vpndoctor {

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
  static constexpr std::uint32_t kMostKinds = 0x7fffffff;

  /// One prefix with the routes that have it.
  struct Node {
    std::uint32_t covering = kNone;  ///< the next shorter prefix around it, a node
    std::uint32_t first = 0;         ///< of one route: itself; else where they begin
    std::uint32_t count = 0;
    std::uint32_t kind = 0;  ///< of the first route
    std::uint8_t length = 0;
  };

  /// From start() up to the next range, one node is the longest prefix. What most lookups need of it stands here too,
  /// in little room: at a million routes each place in memory that is visited costs more than all the arithmetic.
  struct Range {
    std::array<std::uint32_t, sizeof(Key) / 4> words{};  ///< a Uint128 would bring its alignment with it
    std::uint32_t route = kNone;                         ///< the first of the node; kNone: no prefix
    std::uint32_t kind : 31 = 0;                         ///< of that route
    std::uint32_t is_shared : 1 = 0;                     ///< the node has more routes than that one

    Key start() const { return std::bit_cast<Key>(words); }
  };

  /// Builds the set; `order` sorts the routes that share a prefix.
  LongestPrefix(std::vector<PrefixEntry<Key>> entries, const std::function<void(std::span<std::uint32_t>)>& order) {
    sort(entries);
    make_nodes(entries, order);
    directory_.build(ranges_);
  }

  /// Returns the node of the longest prefix around `key`, or null.
  const Node* find(Key key) const { return node_at(position(key)); }
  /// The node of the range at that position, or null.
  const Node* node_at(std::size_t position) const {
    const std::uint32_t found = range_nodes_[position];
    return found == kNone ? nullptr : &nodes_[found];
  }
  const Node* covering(const Node& node) const { return node.covering == kNone ? nullptr : &nodes_[node.covering]; }
  /// The routes of a node, in the order that the builder was given.
  std::span<const std::uint32_t> routes(const Node& node) const {
    if (node.count == 1) return {&node.first, 1};
    return {shared_.data() + node.first, node.count};
  }
  /// All ranges in ascending order; the first starts at 0.
  std::span<const Range> ranges() const { return ranges_; }
  /// The index in ranges() of the one that holds `key`.
  std::size_t position(Key key) const { return directory_.position(ranges_, key); }
  /// Begins to fetch the range that holds `key`, or its neighbour, and what prefetch_place() asks for is fetched first.
  [[gnu::always_inline]] void prefetch(Key key) const { __builtin_prefetch(&ranges_[directory_.nearly(key)]); }
  /// Begins to fetch what says where that range is.
  [[gnu::always_inline]] void prefetch_place(Key key) const { directory_.prefetch(key); }
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
    range_nodes_.reserve(entries.size() + 1);
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
    range_nodes_.shrink_to_fit();
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
    node.kind = entries[at].kind;
    if (node.count == 1) return end;
    node.first = static_cast<std::uint32_t>(shared_.size());
    for (std::size_t i = at; i < end; ++i) shared_.push_back(entries[i].route);
    order(std::span(shared_).subspan(node.first));
    const auto is_first = [&](const PrefixEntry<Key>& entry) { return entry.route == shared_[node.first]; };
    node.kind = std::find_if(entries.begin() + static_cast<std::ptrdiff_t>(at), entries.end(), is_first)->kind;
    return end;
  }

  void close(std::vector<Open>& open) {
    const Key last = open.back().last;
    open.pop_back();
    if (last != static_cast<Key>(~Key{0})) begin_range(last + 1, open.empty() ? kNone : open.back().node);
  }

  void begin_range(Key start, std::uint32_t node) {
    if (ranges_.empty() || ranges_.back().start() != start) {
      ranges_.push_back({.words = std::bit_cast<decltype(Range::words)>(start)});
      range_nodes_.emplace_back();
    }
    range_nodes_.back() = node;
    Range& range = ranges_.back();
    range = {.words = range.words};
    if (node == kNone) return;
    range.route = routes(nodes_[node])[0];
    range.kind = nodes_[node].kind & kMostKinds;
    range.is_shared = nodes_[node].count > 1 ? 1 : 0;
  }

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> shared_;  ///< the routes of nodes that have several
  std::vector<Range> ranges_;
  std::vector<std::uint32_t> range_nodes_;  ///< for each range its node; kNone: no prefix
  RangeDirectory<Key, Range> directory_;
};

}  // namespace vpndoctor
