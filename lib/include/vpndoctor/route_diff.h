// SPDX-License-Identifier: Apache-2.0
// What differs between two states of a machine, in meaning and not in text: identity is the kernel's own key, noise
// (timers, indexes, nexthop ids, neighbour state, the order of legs) is left out. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_diff.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Indexes into the two snapshots' vectors of one facet.
struct FacetDiff {
  struct Changed {
    std::uint32_t before = 0;
    std::uint32_t after = 0;
  };
  std::vector<std::uint32_t> added;    ///< into the facet of the new snapshot
  std::vector<std::uint32_t> removed;  ///< into the facet of the old snapshot
  std::vector<Changed> changed;        ///< the same key once on each side, with another content
  /// Routes of one key, or rules of one priority, that only changed their place among these: also in `removed` and
  /// `added`.
  std::vector<Changed> reordered;
  std::string not_compared;  ///< why this facet could not be compared; empty: it was

  bool is_empty() const { return added.empty() && removed.empty() && changed.empty(); }
};

/// One sentence of the summary; `count` is how many entries it speaks of.
struct DiffSentence {
  std::string text;  ///< "default moved from eth0 to tun0", "812 prefixes added through tun0"
  std::size_t count = 0;
};

struct SnapshotDiff {
  FacetDiff routes;  ///< without what follows from addresses and links alone (local table, fe80::/64, ff00::/8)
  FacetDiff rules;
  FacetDiff links;
  FacetDiff addresses;
  FacetDiff dns;  ///< its indexes are those of the two lists that follow
  std::vector<DnsDiffEntry> dns_before;
  std::vector<DnsDiffEntry> dns_after;
  /// A source of the resolver configuration is known on one side only, or not whole. When neither side has any, nothing
  /// was asked for and nothing is left open.
  bool dns_is_partial = false;
  std::vector<DiffSentence> summary;  ///< most important first
  std::size_t derived_changes = 0;    ///< routes that came or went with an address or a link, folded into those

  /// True when nothing differs in what was compared.
  bool is_equal() const {
    return routes.is_empty() && rules.is_empty() && links.is_empty() && addresses.is_empty() && dns.is_empty();
  }
  /// True when a facet of either side was not known, so that equality is not proven.
  bool is_partial() const;
};

/// Compares two snapshots. Facets that one of them lacks are said, not guessed.
SnapshotDiff diff_snapshots(const Snapshot& before, const Snapshot& after);

/// One thing that changed about a link, in words that follow its name: "went down", "changed its MTU from 1500 to
/// 1420".
struct EntryChange {
  std::string text;
  bool is_state = false;  ///< up, down, carrier: not a setting
};

/// Says what differs between two states of one link; empty when nothing does that counts.
std::vector<EntryChange> link_changes(const Link& before, const Link& after);
/// Says what differs between two states of one address, the most important only, in words that follow it.
std::string address_change(const Address& before, const Address& after);

/// True when two routes mean the same: same key, type, protocol, scope, source, metrics and legs in any order; state
/// does not matter.
bool same_route(const RouteTable& left_table, const Route& left, const RouteTable& right_table, const Route& right);
/// True when two states of an address mean the same; lifetimes do not matter.
bool same_address(const Address& left, const Address& right);
/// True when two rules mean the same, their protocol included; state does not matter.
bool same_rule(const Rule& left, const Rule& right);

}  // namespace vpndoctor
