// SPDX-License-Identifier: Apache-2.0
// Builds the index: resolves names to numbers, sorts routes into tables and prefixes, compiles rules. Tolerates a
// snapshot that contradicts itself: what names nothing that exists is kNoLink or kMissingLink, never out of range.
#include "fib_index.h"

#include <algorithm>
#include <charconv>

#include "fib_macos.h"

namespace vpndoctor {
namespace {

const InterfaceSettings* settings_of(const std::map<std::string, InterfaceSettings>& all, const std::string& name) {
  const auto found = all.find(name);
  return found == all.end() ? nullptr : &found->second;
}

void add_settings(FibIndex& index, FibLink& link) {
  const RoutingSettings* settings = index.snapshot->settings.get();
  if (settings == nullptr) return;
  link.inet = settings_of(settings->inet, link.link->name);
  link.inet6 = settings_of(settings->inet6, link.link->name);
  const auto ignores = [](const InterfaceSettings* of) {
    return of != nullptr && of->ignore_routes_with_linkdown.value_or(0) != 0;
  };
  // IPv4 joins the setting with that of "all"; IPv6 copies that of "all" to each interface when it is set.
  link.ignores_linkdown = ignores(link.inet) || ignores(settings_of(settings->inet, "all"));
  link.ignores_linkdown6 = ignores(link.inet6);
}

void add_links(FibIndex& index) {
  index.links.emplace_back();
  const std::vector<Link>* links = index.snapshot->links.get();
  if (links == nullptr) return;
  index.links.reserve(links->size() + 1);
  for (const Link& link : *links) {
    const auto id = static_cast<LinkId>(index.links.size());
    FibLink& added = index.links.emplace_back(FibLink{.link = &link, .name = link.name});
    added.up = link.is_up();
    added.loopback = link.is_loopback();
    added.group = link.group;
    added.vrf_table = link.vrf_table.value_or(kTableUnspecified);
    add_settings(index, added);
    index.link_ids.emplace(link.name, id);
    if (index.loopback == kNoLink && added.loopback) index.loopback = id;
  }
  for (LinkId id = 1; id < index.links.size(); ++id) {
    for (const std::string& name : index.links[id].link->alternative_names) index.link_ids.emplace(name, id);
  }
}

// net/l3mdev/l3mdev.c l3mdev_master_ifindex_rcu(): a VRF is its own, its ports have it, a port of a port has none.
void add_vrf_membership(FibIndex& index) {
  for (LinkId id = 1; id < index.links.size(); ++id) {
    FibLink& link = index.links[id];
    if (link.link->is_vrf()) {
      link.l3mdev = id;
    } else if (!link.link->master.empty()) {
      const LinkId master = index.find(link.link->master);
      if (index.links[master].link != nullptr && index.links[master].link->is_vrf()) link.l3mdev = master;
    }
  }
}

void add_addresses(FibIndex& index) {
  const std::vector<Address>* addresses = index.snapshot->addresses.get();
  if (addresses == nullptr) return;
  std::vector<std::pair<std::uint64_t, const Address*>> sorted;  // by link and family
  for (const Address& address : *addresses) {
    const LinkId link = index.find(address.interface);
    sorted.emplace_back(std::uint64_t{link} * 2 + (address.address.family == Family::kInet6 ? 1 : 0), &address);
    if (address.address.family == Family::kInet) {
      const auto [known, added] = index.inet_local.emplace(key_of<std::uint32_t>(address.address), link);
      if (!added && known->second != link) index.inet_local_twice.insert(known->first);
    }
  }
  std::ranges::sort(sorted);  // the addresses stand in one array: their places keep their order
  for (const auto& [place, address] : sorted) index.address_lists.push_back(address);
  for (std::size_t at = 0; at < sorted.size();) {
    std::size_t end = at;
    while (end < sorted.size() && sorted[end].first == sorted[at].first) ++end;
    const auto list = std::span<const Address* const>(index.address_lists).subspan(at, end - at);
    FibLink& link = index.links[sorted[at].first / 2];
    (sorted[at].first % 2 == 0 ? link.inet_addresses : link.inet6_addresses) = list;
    at = end;
  }
}

void add_neighbours(FibIndex& index) {
  const std::vector<Neighbour>* neighbours = index.snapshot->neighbours.get();
  if (neighbours == nullptr) return;
  for (const Neighbour& each : *neighbours) {
    index.neighbours.emplace(std::pair(index.find(each.interface), each.address), each.state);
  }
}

// Most rules of most machines select nothing, and most lookups meet two of them.
bool has_selectors(const Rule& rule) {
  Rule plain;
  plain.family = rule.family;
  plain.priority = rule.priority;
  plain.action = rule.action;
  plain.table = rule.table;
  plain.goto_priority = rule.goto_priority;
  plain.goto_unresolved = rule.goto_unresolved;
  plain.suppress_prefix_length = rule.suppress_prefix_length;
  plain.suppress_interface_group = rule.suppress_interface_group;
  plain.realms = rule.realms;
  plain.protocol = rule.protocol;
  return rule != plain;
}

LinkId rule_link(const FibIndex& index, const std::string& name, bool detached) {
  if (name.empty()) return kNoLink;
  const LinkId link = detached ? kNoLink : index.find(name);
  return link == kNoLink ? kMissingLink : link;
}

void add_rules(const FibIndex& index, const std::vector<Rule>& rules, Family family, std::vector<FibRule>& compiled) {
  for (const Rule& rule : rules) {
    if (rule.family != family) continue;
    FibRule& added = compiled.emplace_back(FibRule{.rule = &rule});
    added.has_selectors = has_selectors(rule);
    added.input = rule_link(index, rule.input_interface, rule.input_interface_detached);
    added.output = rule_link(index, rule.output_interface, rule.output_interface_detached);
    if (!rule.not_understood.empty()) added.uncertain = "a rule on the way has an attribute that is not understood";
  }
  std::ranges::sort(compiled, {}, [](const FibRule& entry) { return std::pair(entry.rule->priority, entry.rule); });
  for (FibRule& rule : compiled) {
    if (rule.rule->action != RuleAction::kGoto || !rule.rule->goto_priority ||
        *rule.rule->goto_priority <= rule.rule->priority)
      continue;
    const auto target = std::ranges::lower_bound(compiled, *rule.rule->goto_priority, {},
                                                 [](const FibRule& entry) { return entry.rule->priority; });
    if (target == compiled.end() || target->rule->priority != *rule.rule->goto_priority) continue;
    rule.goto_target = static_cast<std::int32_t>(target - compiled.begin());
  }
}

Rule kernel_rule(Family family, std::uint32_t priority, std::uint32_t table) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.table = table;
  rule.protocol = kProtocolKernel;
  return rule;
}

std::vector<Rule> kernel_rules() {
  return {kernel_rule(Family::kInet, 0, kTableLocal), kernel_rule(Family::kInet, 32766, kTableMain),
          kernel_rule(Family::kInet, 32767, kTableDefault), kernel_rule(Family::kInet6, 0, kTableLocal),
          kernel_rule(Family::kInet6, 32766, kTableMain)};
}

bool has_only_kernel_rules(const std::vector<FibRule>& rules) {
  const std::vector<Rule> expected = kernel_rules();
  if (rules.size() != 3) return false;
  for (std::size_t at = 0; at < rules.size(); ++at) {
    Rule plain = *rules[at].rule;
    plain.protocol = kProtocolKernel;
    if (plain != expected[at]) return false;
  }
  return true;
}

// As long as no rule was ever added, local and main are one trie (net/ipv4/fib_frontend.c fib_new_table()). It makes a
// difference only where main has a route inside a prefix of local that is no host's, where a throw route or a nexthop
// object of local ends the search, or where main has a local route: then its addresses are this machine's.
bool merging_matters(const FibIndex& index) {
  const auto* local = index.inet.table(kTableLocal);
  const auto* main = index.inet.table(kTableMain);
  if (local == nullptr || main == nullptr || !index.only_kernel_rules) return false;
  for (const Route& route : index.routes->routes) {
    if (route.destination.family() != Family::kInet) continue;
    if (route.table == kTableMain && route.type == RouteType::kLocal) return true;
    if (route.table != kTableLocal) continue;
    if (route.type == RouteType::kThrow || index.legs_of(route).object) return true;
    if (route.destination.is_host()) continue;
    const auto first = key_of<std::uint32_t>(route.destination.address);
    const auto last = LongestPrefix<std::uint32_t>::last_of(first, route.destination.length);
    for (std::size_t at = main->prefixes.position(first); at < main->prefixes.ranges().size(); ++at) {
      if (main->prefixes.ranges()[at].start() > last) break;
      const auto* node = main->prefixes.node_at(at);
      if (node != nullptr && node->length > route.destination.length) return true;
    }
  }
  return false;
}

std::uint32_t version_of(const std::string& release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, major);
  if (error != std::errc{} || dot == end || *dot != '.') return 0;
  if (std::from_chars(dot + 1, end, minor).ec != std::errc{} || major > 255 || minor > 255) return 0;
  return major << 8U | minor;
}

template <class T>
std::string what_is_unknown(const Observed<T>& facet, const char* name) {
  if (!facet.is_known()) return std::string(name) + " are not known: " + facet.why_missing();
  return facet.is_complete() ? "" : std::string(name) + " are known in part only: " + facet.limits().front();
}

void note_limits(FibIndex& index) {
  const Snapshot& snapshot = *index.snapshot;
  // macOS has no rules.
  const bool has_rules = snapshot.platform == Platform::kLinux;
  for (const std::string& limit : {what_is_unknown(snapshot.routes, "the routes"),
                                   has_rules ? what_is_unknown(snapshot.rules, "the rules") : std::string(),
                                   what_is_unknown(snapshot.links, "the interfaces")}) {
    if (index.uncertain.empty()) index.uncertain = limit;
  }
  if (index.uncertain.empty() && snapshot.stable == false) index.uncertain = "the tables changed while they were read";
  index.settings_unknown = what_is_unknown(snapshot.settings, "the settings of the interfaces");
  index.addresses_unknown = what_is_unknown(snapshot.addresses, "the addresses");
  index.neighbours_unknown = what_is_unknown(snapshot.neighbours, "the neighbours");
}

void note_traits(FibIndex& index) {
  if (const RoutingSettings* settings = index.snapshot->settings.get(); settings != nullptr) {
    index.inet_all = settings_of(settings->inet, "all");
    index.inet6_all = settings_of(settings->inet6, "all");
  }
  index.kernel_version = version_of(index.snapshot->kernel_release);
  index.realms = std::ranges::any_of(index.routes->attribute_sets, [](const auto& set) { return set.realms != 0; }) ||
                 std::ranges::any_of(index.inet.rules, [](const FibRule& rule) { return rule.rule->realms != 0; });
  // fib_rule_requires_fldissect(): only then does the kernel look for the protocol and the ports of what arrives.
  index.rules_ask_for_ports = std::ranges::any_of(index.inet.rules, [&index](const FibRule& each) {
    const Rule& rule = *each.rule;
    return each.input != index.loopback && (rule.ip_protocol != 0 || rule.source_ports || rule.destination_ports);
  });
  index.custom_local_routes = std::ranges::any_of(index.routes->routes, [](const Route& route) {
    return route.type == RouteType::kLocal && route.protocol != kProtocolKernel &&
           route.destination.family() == Family::kInet;
  });
  index.only_kernel_rules = has_only_kernel_rules(index.inet.rules);
  index.may_be_merged = merging_matters(index);
}

}  // namespace

FibIndex::FibIndex(const Snapshot& of) : snapshot(&of), routes(of.routes.get()) {
  if (routes == nullptr) routes = &no_routes;
  const std::vector<Rule>* rules = of.rules.get();
  if (rules == nullptr) {
    assumed_rules = kernel_rules();
    rules = &assumed_rules;
  }
  add_links(*this);
  add_vrf_membership(*this);
  add_addresses(*this);
  add_neighbours(*this);
  sources6 = list_sources6(*this);
  add_tables(*this);
  add_rules(*this, *rules, Family::kInet, inet.rules);
  add_rules(*this, *rules, Family::kInet6, inet6.rules);
  add_legs(*this);
  if (of.platform == Platform::kMacos) macos = std::make_shared<const MacosIndex>(*this);
  note_limits(*this);
  note_traits(*this);
}

std::optional<std::uint16_t> FibIndex::neighbour_state(LinkId link, const IpAddress& address) const {
  const auto found = neighbours.find({link, address});
  return found == neighbours.end() ? std::nullopt : std::optional(found->second);
}

LinkId FibIndex::find(std::string_view name) const {
  const auto found = name.empty() ? link_ids.end() : link_ids.find(name);
  return found == link_ids.end() ? kNoLink : found->second;
}

}  // namespace vpndoctor
