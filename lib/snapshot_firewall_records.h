// SPDX-License-Identifier: Apache-2.0
// The records of snapshot files that hold the packet filter: the members that each kind writes, and what reads them. A
// chain and a set belong to the table before, a rule to the chain before, elements to the set before.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "record_fields.h"
#include "vpndoctor/firewall.h"
#include "vpndoctor/json_writer.h"

namespace vpndoctor {

/// Elements of a set in one record; the rest follows in records of its own.
constexpr std::size_t kMostElementsInRecord = 500;

/// Write the members of a record, without its braces; what has its usual value is left out.
void write_members(JsonWriter& json, const Firewall& firewall);    ///< but for its tables
void write_members(JsonWriter& json, const FirewallTable& table);  ///< but for its chains and sets
void write_members(JsonWriter& json, const FirewallChain& chain);  ///< but for its rules
void write_members(JsonWriter& json, const FirewallRule& rule);
void write_members(JsonWriter& json, const FirewallSet& set);  ///< but for its elements
void write_members(JsonWriter& json, std::span<const FirewallElement> elements);

/// The kinds of records, of which read_firewall_record() reads one each.
enum class FirewallRecordKind : std::uint8_t { kFirewall, kTable, kChain, kRule, kSet, kElements };
/// `firewalls` gets the one that there may be.
void read_firewall_record(FirewallRecordKind kind, RecordFields& in, std::vector<Firewall>& firewalls);

}  // namespace vpndoctor
