// SPDX-License-Identifier: Apache-2.0
// Reads the records of the packet filter. A field that is absent has its usual value, that of the model.
#include <utility>

#include "hex.h"
#include "snapshot_firewall_records.h"
#include "snapshot_firewall_words.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kLargestValue = 64;  // of all registers together

void read_bytes(RecordFields& in, std::string_view name, std::string& out) {
  auto bytes = from_hex(in.word(name));
  if (!bytes || bytes->size() > kLargestValue) return in.fail(name, "is no value of a register");
  out = std::move(*bytes);
}

void read_decision(RecordFields& in, FirewallDecision& decision) {
  in.word("action", decision.action, parse_firewall_action).text("chain", decision.chain);
}

void read_expression(RecordFields& in, FirewallExpression& step) {
  in.required("name")
      .text("name", step.name)
      .text("subject", step.subject)
      .number("source", step.source)
      .number("second_source", step.second_source)
      .number("destination", step.destination)
      .number("key", step.key)
      .number("operation", step.operation)
      .number("offset", step.offset)
      .number("length_bytes", step.length)
      .number("flags", step.flags);
  // The ranges of "among" are as many as a rule of xtables has ports.
  for (const auto& [name, out] : {std::pair{"data", &step.data}, std::pair{"second_data", &step.second_data}}) {
    auto bytes = from_hex(in.word(name));
    if (!bytes) return in.fail(name, "is no hexadecimal number");
    *out = std::move(*bytes);
  }
  read_decision(in, step.decision);
}

void read_element(RecordFields& in, FirewallElement& element) {
  read_bytes(in, "key", element.key);
  read_bytes(in, "key_end", element.key_end);
  read_bytes(in, "data", element.data);
  in.truth("is_interval_end", element.is_interval_end).truth("is_catch_all", element.is_catch_all);
  read_decision(in, element.decision);
}

void read(RecordFields& in, Firewall& firewall) {
  in.texts("others", firewall.others)
      .truth("others_may_mark", firewall.others_may_mark)
      .truth("is_big_endian", firewall.is_big_endian)
      .objects("device_filters", [&](RecordFields& filter) {
        FirewallDeviceFilter& each = firewall.device_filters.emplace_back();
        filter.required("interface").interface("interface", each.interface).required("what").text("what", each.what);
      });
}

void read(RecordFields& in, FirewallTable& table) {
  in.required("family").text("family", table.family).required("name").text("name", table.name);
  in.truth("is_dormant", table.is_dormant);
}

void read(RecordFields& in, FirewallChain& chain) {
  in.required("name")
      .text("name", chain.name)
      .text("type", chain.type)
      .word("hook", chain.hook, parse_firewall_hook)
      .number("priority", chain.priority)
      .truth("drops_by_default", chain.drops_by_default)
      .texts("devices", chain.devices);
}

void read(RecordFields& in, FirewallRule& rule) {
  in.number("handle", rule.handle).text("comment", rule.comment);
  in.objects("steps", [&](RecordFields& step) { read_expression(step, rule.expressions.emplace_back()); });
}

void read(RecordFields& in, FirewallSet& set) {
  in.required("name")
      .text("name", set.name)
      .number("flags", set.flags)
      .number("key_bytes", set.key_bytes)
      .numbers("field_bytes", set.field_bytes)
      .truth("is_cut", set.is_cut);
}

/// The last entry of what a record belongs to; null, with the fault told, when there is none.
template <class T>
T* last(RecordFields& in, std::vector<T>* list, const char* what) {
  if (list != nullptr && !list->empty()) return &list->back();
  in.fail("record", std::string("comes before any ") + what);
  return nullptr;
}

}  // namespace

void read_firewall_record(FirewallRecordKind kind, RecordFields& in, std::vector<Firewall>& firewalls) {
  const bool is_whole = kind == FirewallRecordKind::kFirewall;
  if (is_whole && !firewalls.empty()) return in.fail("record", "is there twice");
  if (is_whole) return read(in, firewalls.emplace_back());
  Firewall* firewall = last(in, &firewalls, "packet filter");
  if (firewall == nullptr) return;
  if (kind == FirewallRecordKind::kTable) return read(in, firewall->tables.emplace_back());
  FirewallTable* table = last(in, &firewall->tables, "table");
  if (table == nullptr) return;
  if (kind == FirewallRecordKind::kChain) return read(in, table->chains.emplace_back());
  if (kind == FirewallRecordKind::kSet) return read(in, table->sets.emplace_back());
  if (kind == FirewallRecordKind::kRule) {
    FirewallChain* chain = last(in, &table->chains, "chain");
    if (chain != nullptr) read(in, chain->rules.emplace_back());
    return;
  }
  FirewallSet* set = last(in, &table->sets, "set");
  if (set == nullptr) return;
  in.objects("elements", [&](RecordFields& element) { read_element(element, set->elements.emplace_back()); });
}

}  // namespace vpndoctor
