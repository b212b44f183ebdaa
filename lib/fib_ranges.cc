// SPDX-License-Identifier: Apache-2.0
// Answers for every destination at once: the destinations cut where any table on the way, a rule or a special range
// begins or ends, and one lookup for each piece.
#include <algorithm>
#include <array>

#include "fib_index.h"
#include "fib_lookup.h"
#include "fib_macos.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

using Visit = std::function<void(const IpAddress&, const IpAddress&, const FlowAnswer&)>;

template <class Key>
struct Bounds {
  Key first = 0;
  Key last = 0;
};

template <class Key>
Bounds<Key> bounds_of(const IpPrefix& prefix) {
  const Key first = key_of<Key>(prefix.address);
  return {.first = first, .last = LongestPrefix<Key>::last_of(first, prefix.length)};
}

/// Collects where pieces begin, within the bounds.
template <class Key>
class Cuts {
 public:
  explicit Cuts(Bounds<Key> within) : within_(within), starts_{within.first} {}

  void add(const IpPrefix& prefix) {
    const Bounds<Key> edges = bounds_of<Key>(prefix);
    add(edges.first);
    if (edges.last != static_cast<Key>(~Key{0})) add(edges.last + 1);
  }
  void add(const LongestPrefix<Key>& prefixes) {
    const auto ranges = prefixes.ranges();
    for (std::size_t at = prefixes.position(within_.first) + 1; at < ranges.size(); ++at) {
      if (ranges[at].start() > within_.last) break;
      starts_.push_back(ranges[at].start());
    }
  }
  std::vector<Key> take() {
    if (!std::is_sorted(starts_.begin(), starts_.end())) std::sort(starts_.begin(), starts_.end());
    starts_.erase(std::unique(starts_.begin(), starts_.end()), starts_.end());
    return std::move(starts_);
  }

 private:
  void add(Key start) {
    if (start > within_.first && start <= within_.last) starts_.push_back(start);
  }

  Bounds<Key> within_;
  std::vector<Key> starts_;
};

template <class Key>
void add_tables(const FibIndex& index, const FamilyIndex<Key>& family, Cuts<Key>& cuts) {
  std::vector<std::uint32_t> tables{kTableLocal};
  for (const FibRule& rule : family.rules) {
    if (rule.rule->action != RuleAction::kToTable) continue;
    tables.push_back(rule.rule->table == kTableUnspecified ? std::uint32_t{kTableMain} : rule.rule->table);
    if (!rule.rule->l3mdev) continue;
    for (const FibLink& link : index.links) {
      if (link.link != nullptr && link.link->is_vrf()) tables.push_back(link.vrf_table);
    }
  }
  std::ranges::sort(tables);
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  for (const std::uint32_t id : tables) {
    if (const auto* table = family.table(id); table != nullptr) cuts.add(table->prefixes);
  }
}

// Where the lookup itself treats a destination apart.
template <class Key>
void add_special(Cuts<Key>& cuts) {
  static const std::vector<IpPrefix> kSpecial = [] {
    std::vector<IpPrefix> prefixes;
    for (const char* text :
         {"0.0.0.0/32", "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/24", "224.0.0.0/4", "255.255.255.255/32", "::/128",
          "::1/128", "::ffff:0:0/96", "fe80::/10", "ff00::/8", "ff01::/16", "ff02::/16"}) {
      if (const auto prefix = IpPrefix::parse(text)) prefixes.push_back(*prefix);
    }
    return prefixes;
  }();
  for (const IpPrefix& prefix : kSpecial) {
    if ((prefix.family() == Family::kInet) == (sizeof(Key) == 4)) cuts.add(prefix);
  }
}

template <class Key>
constexpr Family within_family() {
  return sizeof(Key) == 4 ? Family::kInet : Family::kInet6;
}

template <class Key>
std::vector<Key> starts_within(const FibIndex& index, const FamilyIndex<Key>& family, const Flow& flow,
                               Bounds<Key> within) {
  Cuts<Key> cuts(within);
  add_tables(index, family, cuts);
  add_special(cuts);
  if (index.macos) {
    for (const IpPrefix& prefix : index.macos->edges(within_family<Key>())) cuts.add(prefix);
  }
  for (const FibRule& rule : family.rules) {
    if (rule.rule->destination) cuts.add(*rule.rule->destination);
    // The check of an arriving packet's source looks the way back up, from its destination.
    if (rule.rule->source && !flow.input_interface.empty()) cuts.add(*rule.rule->source);
  }
  return cuts.take();
}

/// What is asked for.
struct RangeQuestion {
  const FibIndex& index;
  const Flow& flow;
  const IpPrefix& within;
  const Visit& visit;
};

/// How many pieces in a row are answered as their first one is. One, unless so many rules meet so many routes that it
/// would take minutes.
std::size_t pieces_at_once(std::size_t pieces, std::size_t rules) {
  constexpr std::size_t kFewRules = 64;  // VPN clients need fewer, and a million routes beside them are looked at
  constexpr std::size_t kMostSteps = 20'000'000;
  if (rules <= kFewRules) return 1;
  const std::size_t most = std::max<std::size_t>(1, kMostSteps / rules);
  return (pieces + most - 1) / most;
}

template <class Key>
void visit_ranges(const RangeQuestion& question, const FamilyIndex<Key>& family) {
  const Bounds<Key> bounds = bounds_of<Key>(question.within);
  const std::vector<Key> starts = starts_within(question.index, family, question.flow, bounds);
  Flow flow = question.flow;
  const std::size_t at_once = pieces_at_once(starts.size(), family.rules.size());
  for (std::size_t at = 0; at < starts.size(); at += at_once) {
    const Key last = at + at_once < starts.size() ? static_cast<Key>(starts[at + at_once] - 1) : bounds.last;
    flow.destination = address_of<Key>(starts[at]);
    FlowAnswer answer = look_up(question.index, flow, nullptr);
    if (at_once > 1) answer.uncertain = "there are too many rules and routes to look at every part of the addresses";
    question.visit(flow.destination, address_of<Key>(last), answer);
  }
}

}  // namespace

void Fib::for_each_range(const Flow& flow, const IpPrefix& within, const Visit& visit) const {
  const RangeQuestion question{.index = *index_, .flow = flow, .within = within, .visit = visit};
  if (within.family() == Family::kInet) {
    visit_ranges(question, index_->inet);
  } else {
    visit_ranges(question, index_->inet6);
  }
}

}  // namespace vpndoctor
