// SPDX-License-Identifier: Apache-2.0
// Sentences on defaults, interfaces, prefixes, rules and addresses. Names are put in as they are: escaping is the
// report's.
#include "route_diff_summary.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "default_way.h"
#include "vpndoctor/number_text.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr const char* plural(std::size_t count) { return count == 1 ? "" : "s"; }

std::string prefixes(std::size_t count) { return fmt::format("{} prefix{}", grouped(count), count == 1 ? "" : "es"); }

std::string destination_text(const IpPrefix& prefix) {
  if (!prefix.is_default()) return prefix.to_string();
  return prefix.family() == Family::kInet ? "default" : "IPv6 default";
}

/// What a route goes through, for a sentence: "tun0", "eth0 and eth1", "nothing (blackhole)".
std::string through(const RouteTable& table, const Route& route) {
  const std::string interfaces = interfaces_text(table, route);
  const bool is_refusal = route.type >= RouteType::kBlackhole && route.type <= RouteType::kThrow;
  return interfaces.empty() || is_refusal ? fmt::format("nothing ({})", route_type_name(route.type)) : interfaces;
}

class Summary {
 public:
  Summary(const Snapshot& before, const Snapshot& after, const SnapshotDiff& diff,
          const std::vector<FacetDiff::Changed>& new_metric)
      : before_(before), after_(after), diff_(diff), new_metric_(new_metric) {}

  std::vector<DiffSentence> take() {
    if (!diff_.routes.is_empty() || !diff_.rules.is_empty()) {
      say_default(Family::kInet);
      say_default(Family::kInet6);
    }
    find_paired();
    say_interfaces(true);
    say_link_changes(true);
    say_resolvers();
    say_prefixes();
    say_new_metrics();
    say_reordered(diff_.routes, "route");
    say_rules(diff_.rules.added, paired_rules_.added, after_, "added");
    say_rules(diff_.rules.removed, paired_rules_.removed, before_, "removed");
    say_reordered(diff_.rules, "rule");
    say_interfaces(false);
    say_addresses(diff_.addresses.added, after_, "added to");
    say_addresses(diff_.addresses.removed, before_, "removed from");
    say_changed_addresses();
    say_link_changes(false);
    return std::move(sentences_);
  }

 private:
  void say(std::size_t count, std::string text) { sentences_.push_back({std::move(text), count}); }

  /// How many differing routes take part in the family's default.
  std::size_t default_parts(Family family) const {
    const auto counts = [family](const RouteTable& table, std::uint32_t index) {
      const IpPrefix& prefix = table.routes[index].destination;
      return prefix.family() == family && is_default_part(prefix);
    };
    std::size_t count = 0;
    for (const std::uint32_t index : diff_.routes.added) count += counts(*after_.routes, index) ? 1 : 0;
    for (const std::uint32_t index : diff_.routes.removed) count += counts(*before_.routes, index) ? 1 : 0;
    for (const auto& changed : diff_.routes.changed) count += counts(*after_.routes, changed.after) ? 1 : 0;
    return count;
  }

  static std::string from_to(const DefaultWay& from, const DefaultWay& to) {
    if (from.type != to.type || from.interfaces != to.interfaces) {
      return fmt::format("moved from {} to {}", from.text(), to.text());
    }
    const auto gateways = [](const DefaultWay& way) {
      return way.gateways.empty() ? std::string("none") : fmt::format("{}", fmt::join(way.gateways, " and "));
    };
    return fmt::format("through {} moved from gateway {} to {}", to.text(), gateways(from), gateways(to));
  }

  void say_default(Family family) {
    // Without its rules a state's default is not known.
    if (before_.rules.is_known() != after_.rules.is_known()) return;
    const auto from = default_way(before_, family);
    const auto to = default_way(after_, family);
    if (from == to) return;
    const std::string name = family == Family::kInet ? "default" : "IPv6 default";
    const std::size_t count = std::max<std::size_t>(default_parts(family), 1);
    told_default_[family == Family::kInet6] = true;
    if (from && to) return say(count, name + " " + from_to(*from, *to));
    if (to) return say(count, fmt::format("{} appeared: {}", name, to->text()));
    say(count, fmt::format("{} vanished: it was {}", name, from->text()));
  }

  void say_interfaces(bool tunnels) {
    const auto say_each = [&](const std::vector<std::uint32_t>& indexes, const Snapshot& side, const char* what) {
      for (const std::uint32_t index : indexes) {
        const std::string& name = (*side.links)[index].name;
        if (is_tunnel(side, name) != tunnels) continue;
        say(1, fmt::format("{}interface {} {}", tunnels ? "tunnel " : "", name, what));
      }
    };
    say_each(diff_.links.removed, before_, "vanished");
    say_each(diff_.links.added, after_, "appeared");
  }

  void say_link_changes(bool state) {
    for (const FacetDiff::Changed& changed : diff_.links.changed) {
      const Link& to = (*after_.links)[changed.after];
      for (const EntryChange& change : link_changes((*before_.links)[changed.before], to)) {
        if (change.is_state == state) say(1, fmt::format("{} {}", to.name, change.text));
      }
    }
  }

  bool is_told(const Route& route) const {
    return told_default_[route.destination.family() == Family::kInet6] && is_default_part(route.destination);
  }

  /// Entries that came or went only because their place or metric changed: told apart.
  struct Paired {
    std::set<std::uint32_t> added;
    std::set<std::uint32_t> removed;
    void add(const std::vector<FacetDiff::Changed>& pairs) {
      for (const FacetDiff::Changed& pair : pairs) {
        removed.insert(pair.before);
        added.insert(pair.after);
      }
    }
  };

  void find_paired() {
    paired_routes_.add(diff_.routes.reordered);
    paired_routes_.add(new_metric_);
    paired_rules_.add(diff_.rules.reordered);
  }

  /// Counts by what the routes go through. A million of them share few sets of next hops, which are worded once.
  std::map<std::string, std::size_t> count_through(const RouteTable& table, const std::vector<std::uint32_t>& indexes,
                                                   const std::set<std::uint32_t>& paired) const {
    std::map<std::pair<std::uint32_t, RouteType>, std::pair<std::size_t, const Route*>> counts;
    for (const std::uint32_t index : indexes) {
      const Route& route = table.routes[index];
      if (is_told(route) || paired.contains(index)) continue;
      auto& [count, example] = counts[{route.next_hops, route.type}];
      count += example != nullptr && example->destination == route.destination ? 0 : 1;
      example = &route;
    }
    std::map<std::string, std::size_t> by_name;
    for (const auto& each : counts) by_name[through(table, *each.second.second)] += each.second.first;
    return by_name;
  }

  void say_prefixes() {
    if (diff_.routes.is_empty()) return;
    for (const auto& [name, count] : count_through(*after_.routes, diff_.routes.added, paired_routes_.added)) {
      say(count, fmt::format("{} added through {}", prefixes(count), name));
    }
    for (const auto& [name, count] : count_through(*before_.routes, diff_.routes.removed, paired_routes_.removed)) {
      say(count, fmt::format("{} removed that went through {}", prefixes(count), name));
    }
    say_changed_prefixes();
  }

  void say_changed_prefixes() {
    using Sets = std::tuple<std::uint32_t, RouteType, std::uint32_t, RouteType>;
    std::map<Sets, std::pair<std::size_t, FacetDiff::Changed>> counts;
    for (const FacetDiff::Changed& changed : diff_.routes.changed) {
      const Route& from = before_.routes->routes[changed.before];
      const Route& to = after_.routes->routes[changed.after];
      if (is_told(to)) continue;
      auto& [count, example] = counts[{from.next_hops, from.type, to.next_hops, to.type}];
      ++count;
      example = changed;
    }
    std::map<std::pair<std::string, std::string>, std::size_t> by_names;
    for (const auto& each : counts) {
      const auto& [count, example] = each.second;
      by_names[{through(*before_.routes, before_.routes->routes[example.before]),
                through(*after_.routes, after_.routes->routes[example.after])}] += count;
    }
    for (const auto& [names, count] : by_names) {
      say(count, names.first != names.second
                     ? fmt::format("{} moved from {} to {}", prefixes(count), names.first, names.second)
                     : fmt::format("{} through {} changed", prefixes(count), names.second));
    }
  }

  /// Routes by what they go through and how their metric changed.
  void say_new_metrics() {
    using Group = std::tuple<std::string, std::uint32_t, std::uint32_t>;
    std::map<Group, std::pair<std::size_t, const Route*>> groups;
    for (const FacetDiff::Changed& pair : new_metric_) {
      const Route& from = before_.routes->routes[pair.before];
      const Route& to = after_.routes->routes[pair.after];
      auto& [count, example] = groups[{through(*after_.routes, to), from.metric, to.metric}];
      ++count;
      example = &to;
    }
    for (const auto& [group, members] : groups) {
      const auto& [name, from, to] = group;
      const auto& [count, example] = members;
      say(count, count == 1 ? fmt::format("{} through {} changed its metric from {} to {}",
                                          destination_text(example->destination), name, from, to)
                            : fmt::format("{} routes through {} changed their metric from {} to {}", grouped(count),
                                          name, from, to));
    }
  }

  void say_reordered(const FacetDiff& facet, const char* what) {
    const std::size_t count = facet.reordered.size();
    if (count == 0) return;
    say(count, count == 1 ? fmt::format("1 {} changed its order", what)
                          : fmt::format("{} {}s changed their order", grouped(count), what));
  }

  void say_rules(const std::vector<std::uint32_t>& indexes, const std::set<std::uint32_t>& paired, const Snapshot& side,
                 const char* what) {
    std::map<std::string, std::size_t> by_owner;
    for (const std::uint32_t index : indexes) {
      if (!paired.contains(index)) ++by_owner[rule_owner(side, (*side.rules)[index]).name];
    }
    for (const auto& [owner, count] : by_owner) {
      const std::string of = owner.empty() ? "" : fmt::format(" ({})", owner);
      say(count, fmt::format("{} rule{} {}{}", grouped(count), plural(count), what, of));
    }
  }

  void say_addresses(const std::vector<std::uint32_t>& indexes, const Snapshot& side, const char* what) {
    std::map<std::string, std::vector<const Address*>> by_interface;
    for (const std::uint32_t index : indexes) {
      const Address& address = (*side.addresses)[index];
      by_interface[address.interface].push_back(&address);
    }
    for (const auto& [name, addresses] : by_interface) {
      const Address& first = *addresses.front();
      say(addresses.size(), addresses.size() == 1
                                ? fmt::format("address {}/{} {} {}", first.address, first.prefix_length, what, name)
                                : fmt::format("{} addresses {} {}", grouped(addresses.size()), what, name));
    }
  }

  void say_changed_addresses() {
    for (const FacetDiff::Changed& changed : diff_.addresses.changed) {
      const Address& to = (*after_.addresses)[changed.after];
      const std::string what = address_change((*before_.addresses)[changed.before], to);
      say(1, fmt::format("address {}/{} on {} {}", to.address, to.prefix_length, to.interface, what));
    }
  }

  void say_resolvers() {
    const auto say_each = [this](const std::vector<std::uint32_t>& indexes, const std::vector<DnsDiffEntry>& entries,
                                 const char* what) {
      for (const std::uint32_t index : indexes) {
        say(1, fmt::format("{} {}: {}", dns_diff_title(entries[index]), what, dns_diff_content(entries[index])));
      }
    };
    say_each(diff_.dns.removed, diff_.dns_before, "vanished");
    say_each(diff_.dns.added, diff_.dns_after, "appeared");
    for (const FacetDiff::Changed& changed : diff_.dns.changed) {
      const DnsDiffEntry& to = diff_.dns_after[changed.after];
      for (const std::string& what : dns_diff_changes(diff_.dns_before[changed.before], to)) {
        say(1, fmt::format("{}: {}", dns_diff_title(to), what));
      }
    }
  }

  const Snapshot& before_;
  const Snapshot& after_;
  const SnapshotDiff& diff_;
  const std::vector<FacetDiff::Changed>& new_metric_;
  Paired paired_routes_;
  Paired paired_rules_;
  bool told_default_[2] = {false, false};
  std::vector<DiffSentence> sentences_;
};

}  // namespace

std::vector<DiffSentence> summarize(const Snapshot& before, const Snapshot& after, const SnapshotDiff& diff,
                                    const std::vector<FacetDiff::Changed>& new_metric) {
  return Summary(before, after, diff, new_metric).take();
}

}  // namespace vpndoctor
