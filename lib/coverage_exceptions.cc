// SPDX-License-Identifier: Apache-2.0
// Tries rules out; see the header.
#include "coverage_exceptions.h"

#include <fmt/format.h>

#include <algorithm>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostRules = 512;
constexpr std::size_t kMostExceptions = 32;

/// A packet that has what a rule asks for, and what to call such packets.
struct Trait {
  Flow flow;
  std::string words;
};

std::string range_words(const char* one, const char* many, const NumberRange& range) {
  if (range.first == range.last) return fmt::format("{} {}", one, range.first);
  return fmt::format("{} {} to {}", many, range.first, range.last);
}

/// Gathers the traits of one rule.
class TraitFinder {
 public:
  TraitFinder(const Snapshot& snapshot, const Rule& rule, const Flow& plain)
      : snapshot_(snapshot), rule_(rule), trait_{plain, {}} {}

  /// Null when the rule asks for nothing, or for what no packet of this machine has.
  std::optional<Trait> find() {
    // A packet of this machine has the loopback interface as its input (net/ipv4/route.c).
    if (!rule_.input_interface.empty() && rule_.input_interface != "lo") return std::nullopt;
    add_mark();
    add_user();
    add_transport();
    add_interface();
    add_tos();
    if (!add_source() || trait_.words.empty()) return std::nullopt;
    trait_.words.insert(0, "packets");
    return trait_;
  }

 private:
  void add(const std::string& words) { trait_.words += " " + words; }

  void add_mark() {
    if (rule_.mark_mask == 0) return;
    trait_.flow.mark = rule_.mark;
    if (rule_.mark != 0) add(fmt::format("with the mark {:#x}", rule_.mark));
    if (rule_.mark != 0 && rule_.mark_mask != UINT32_MAX) trait_.words += fmt::format("/{:#x}", rule_.mark_mask);
  }

  /// Where the rule is for the asking user as well, the others are the exception.
  void add_user() {
    if (!rule_.uids) return;
    const NumberRange& range = *rule_.uids;
    const bool is_own = range.first <= trait_.flow.uid && trait_.flow.uid <= range.last;
    if (!is_own) {
      trait_.flow.uid = range.first;
      add(range_words("of user", "of users", range));
    } else if (range.first > 0 || range.last < UINT32_MAX - 1) {
      trait_.flow.uid = range.first > 0 ? range.first - 1 : range.last + 1;
      add(fmt::format("of others than {}", range_words("user", "users", range)));
    }
  }

  void add_transport() {
    if (rule_.ip_protocol != 0) {
      trait_.flow.ip_protocol = rule_.ip_protocol;
      add(fmt::format("of protocol {}", rule_.ip_protocol));
    }
    if (rule_.source_ports) {
      trait_.flow.source_port = static_cast<std::uint16_t>(rule_.source_ports->first);
      add(range_words("from port", "from ports", *rule_.source_ports));
    }
    if (rule_.destination_ports) {
      trait_.flow.destination_port = static_cast<std::uint16_t>(rule_.destination_ports->first);
      add(range_words("to port", "to ports", *rule_.destination_ports));
    }
    // Rules that ask for a port match only where a protocol has any.
    const bool asks_for_ports = rule_.source_ports || rule_.destination_ports;
    constexpr std::uint8_t kTcp = 6;
    if (asks_for_ports && rule_.ip_protocol == 0) trait_.flow.ip_protocol = kTcp;
  }

  void add_interface() {
    if (rule_.output_interface.empty()) return;
    trait_.flow.output_interface = rule_.output_interface;
    add(fmt::format("of programs that are bound to {}", escape_controls(rule_.output_interface)));
  }

  void add_tos() {
    constexpr unsigned kDscpShift = 2;
    const std::uint8_t tos = rule_.dscp ? static_cast<std::uint8_t>(*rule_.dscp << kDscpShift) : rule_.tos;
    if (tos == 0) return;
    trait_.flow.tos = tos;
    add(fmt::format("with the type of service {:#x}", tos));
  }

  /// False when this machine has no such address.
  bool add_source() {
    if (!rule_.source || rule_.source->is_default()) return true;
    if (!snapshot_.addresses) return false;
    const auto own = std::ranges::find_if(*snapshot_.addresses, [this](const Address& each) {
      return rule_.source->contains(each.address) && !each.address.is_loopback();
    });
    if (own == snapshot_.addresses->end()) return false;
    trait_.flow.source = own->address;
    add(fmt::format("from {}", *rule_.source));
    return true;
  }

  const Snapshot& snapshot_;
  const Rule& rule_;
  Trait trait_;
};

std::vector<IpAddress> destinations_of(const Rule& rule, const Samples& samples) {
  std::vector<IpAddress> destinations;
  const bool has_prefix = rule.destination && !rule.destination->is_default();
  for (const auto& sample : {samples.in_tunnel, samples.outside}) {
    if (sample && (!has_prefix || rule.destination->contains(*sample))) destinations.push_back(*sample);
  }
  if (destinations.empty() && has_prefix) destinations.push_back(rule.destination->last_address());
  return destinations;
}

bool leads_away(PacketWay way) { return way == PacketWay::kOutside || way == PacketWay::kTunnel; }

}  // namespace

std::string RuleException::text() const {
  const std::string where = escape_controls(interface.empty() ? "IPsec" : interface);
  const std::string goes = way == PacketWay::kOutside  ? "leave by " + where
                           : way == PacketWay::kTunnel ? "go through " + where
                                                       : "are refused";
  return fmt::format("{} {} (rule {})", packets, goes, rule->priority);
}

std::vector<RuleException> find_rule_exceptions(const Snapshot& snapshot, const Fib& fib, Family family,
                                                std::uint32_t uid, const Samples& samples) {
  std::vector<RuleException> found;
  if (!snapshot.rules || snapshot.platform == Platform::kMacos) return found;
  std::size_t tried = 0;
  for (const Rule& rule : *snapshot.rules) {
    if (rule.family != family) continue;
    if (++tried > kMostRules || found.size() == kMostExceptions) break;
    for (const IpAddress& destination : destinations_of(rule, samples)) {
      Flow plain;
      plain.destination = destination;
      plain.uid = uid;
      const auto trait = TraitFinder(snapshot, rule, plain).find();
      if (!trait) break;
      const PacketPath without = packet_path(snapshot, fib, plain);
      const PacketPath with = packet_path(snapshot, fib, trait->flow);
      const bool differs = with.way != without.way && (leads_away(with.way) || leads_away(without.way));
      if (!differs || with.way == PacketWay::kUnknown || without.way == PacketWay::kUnknown) continue;
      const auto is_same = [&](const RuleException& each) { return each.packets == trait->words; };
      if (std::ranges::any_of(found, is_same)) break;
      found.push_back({&rule, trait->flow, with.way, without.way, std::string(with.interface), trait->words});
      break;
    }
  }
  return found;
}

std::vector<std::string> find_ipsec_exceptions(const Snapshot& snapshot, Family family) {
  std::vector<std::string> found;
  if (!snapshot.xfrm) return found;
  for (const XfrmPolicy& policy : snapshot.xfrm->policies) {
    const bool is_narrow =
        policy.ip_protocol != 0 || policy.source_ports || policy.destination_ports || policy.mark != 0;
    if (policy.direction != XfrmDirection::kOut || policy.family != family || !is_narrow) continue;
    std::string words = fmt::format("an IPsec policy decides about packets to {}", policy.destination);
    if (policy.ip_protocol != 0) words += fmt::format(" of protocol {}", policy.ip_protocol);
    if (policy.source_ports) words += range_words(" from port", " from ports", *policy.source_ports);
    if (policy.destination_ports) words += range_words(" to port", " to ports", *policy.destination_ports);
    if (policy.mark != 0) words += fmt::format(" with the mark {:#x}", policy.mark);
    if (std::ranges::find(found, words) == found.end()) found.push_back(std::move(words));
    if (found.size() == kMostExceptions) break;
  }
  return found;
}

}  // namespace vpndoctor
