// SPDX-License-Identifier: Apache-2.0
// The text of routes diff: the summary in words, then the entries; many prefixes through one interface are folded into
// the ranges that they make up.
#include <fmt/format.h>

#include <map>
#include <set>
#include <vector>

#include "routes_text.h"
#include "units.h"
#include "vpndoctor/prefix_set.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostListed = 12;  ///< more routes than these through one interface are folded
constexpr std::size_t kMostRanges = 6;   ///< how many ranges of folded routes are named

enum class Sign { kAdded, kRemoved };

void write_entry(Page& page, Sign sign, const std::string& text) {
  const bool is_added = sign == Sign::kAdded;
  page.entry(is_added ? '+' : '-', text, is_added ? Style::kGood : Style::kDoubtful);
}

/// Every other destination shows its family by itself.
std::string words_of(const Snapshot& snapshot, std::uint32_t index) {
  const Route& route = snapshot.routes->routes[index];
  const bool is_inet6_default = route.destination == IpPrefix::everything(Family::kInet6);
  return (is_inet6_default ? "IPv6 " : "") + joined(route_words(*snapshot.routes, route));
}

/// The entries of one side that did not merely change their place.
std::vector<std::uint32_t> without(const std::vector<std::uint32_t>& indexes,
                                   const std::vector<FacetDiff::Changed>& reordered,
                                   std::uint32_t FacetDiff::Changed::* side) {
  std::set<std::uint32_t> moved;
  for (const FacetDiff::Changed& pair : reordered) moved.insert(pair.*side);
  std::vector<std::uint32_t> rest;
  for (const std::uint32_t index : indexes) {
    if (!moved.contains(index)) rest.push_back(index);
  }
  return rest;
}

/// They would read as if nothing differed, since their words are the same.
template <class Word>
void write_reordered(const FacetDiff& facet, Page& page, Word word) {
  const std::size_t shown = page.verbose() ? facet.reordered.size() : std::min(facet.reordered.size(), kMostListed);
  for (std::size_t i = 0; i < shown; ++i) page.paragraph(word(facet.reordered[i].after) + ": changed its order");
  if (shown == facet.reordered.size()) return;
  page.paragraph(fmt::format("and {} more that changed their order", grouped(facet.reordered.size() - shown)));
}

/// What routes go through, to fold by.
std::string group_of(const RouteTable& table, const Route& route) {
  const std::string interfaces = interfaces_text(table, route);
  return route.type == RouteType::kUnicast ? interfaces : route_type_name(route.type) + " " + interfaces;
}

/// The indexes by what their routes go through.
std::map<std::string, std::vector<std::uint32_t>> by_interfaces(const RouteTable& table,
                                                                const std::vector<std::uint32_t>& indexes) {
  std::map<std::pair<std::uint32_t, RouteType>, std::vector<std::uint32_t>> by_set;
  for (const std::uint32_t index : indexes) {
    const Route& route = table.routes[index];
    by_set[{route.next_hops, route.type}].push_back(index);
  }
  std::map<std::string, std::vector<std::uint32_t>> by_name;
  for (auto& [set, members] : by_set) {
    auto& group = by_name[group_of(table, table.routes[members.front()])];
    group.insert(group.end(), members.begin(), members.end());
  }
  return by_name;
}

std::string folded_text(const RouteTable& table, const std::string& group, const std::vector<std::uint32_t>& members) {
  std::vector<IpPrefix> prefixes;
  prefixes.reserve(members.size());
  for (const std::uint32_t index : members) prefixes.push_back(table.routes[index].destination);
  const std::vector<IpPrefix> ranges = aggregate(std::move(prefixes));
  const std::size_t named = std::min(ranges.size(), kMostRanges);
  std::string text = fmt::format("{} routes ({}): {}", grouped(members.size()), group,
                                 fmt::join(ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(named), ", "));
  if (ranges.size() > named) text += fmt::format(" and {} more ranges", grouped(ranges.size() - named));
  return text;
}

/// A default and its halves stand by themselves: folded, they would hide everything else.
std::vector<std::uint32_t> write_defaults(const Snapshot& snapshot, const std::vector<std::uint32_t>& indexes,
                                          Sign sign, Page& page) {
  std::vector<std::uint32_t> others;
  for (const std::uint32_t index : indexes) {
    if (snapshot.routes->routes[index].destination.length <= 1) {
      write_entry(page, sign, words_of(snapshot, index));
    } else {
      others.push_back(index);
    }
  }
  return others;
}

/// Returns true when something was folded.
bool write_routes(const Snapshot& snapshot, const std::vector<std::uint32_t>& indexes, Sign sign, Page& page) {
  if (indexes.empty()) return false;
  bool is_folded = false;
  for (const auto& [group, members] : by_interfaces(*snapshot.routes, write_defaults(snapshot, indexes, sign, page))) {
    if (members.size() > kMostListed && !page.verbose()) {
      write_entry(page, sign, folded_text(*snapshot.routes, group, members));
      is_folded = true;
      continue;
    }
    for (const std::uint32_t index : members) write_entry(page, sign, words_of(snapshot, index));
  }
  return is_folded;
}

bool write_changed_routes(const RoutesDiffReport& report, Page& page) {
  const std::vector<FacetDiff::Changed>& changed = report.diff.routes.changed;
  const bool is_folded = changed.size() > kMostListed && !page.verbose();
  const std::size_t shown = is_folded ? kMostListed : changed.size();
  for (std::size_t i = 0; i < shown; ++i) {
    write_entry(page, Sign::kRemoved, words_of(*report.before, changed[i].before));
    write_entry(page, Sign::kAdded, words_of(*report.after, changed[i].after));
  }
  if (is_folded) page.paragraph(fmt::format("and {} more routes that changed", grouped(changed.size() - shown)));
  return is_folded;
}

void write_route_section(const RoutesDiffReport& report, Page& page) {
  if (report.diff.routes.is_empty()) return;
  page.heading("Routes");
  const FacetDiff& routes = report.diff.routes;
  const auto removed = without(routes.removed, routes.reordered, &FacetDiff::Changed::before);
  const auto added = without(routes.added, routes.reordered, &FacetDiff::Changed::after);
  bool is_folded = write_routes(*report.before, removed, Sign::kRemoved, page);
  is_folded = write_routes(*report.after, added, Sign::kAdded, page) || is_folded;
  is_folded = write_changed_routes(report, page) || is_folded;
  write_reordered(routes, page, [&](std::uint32_t index) { return words_of(*report.after, index); });
  if (is_folded) page.paragraph("--verbose lists each of them.", 2, Style::kQuiet);
}

/// How an entry of each side is worded, by its index.
template <class Before, class After>
struct Words {
  Before before;
  After after;
};

template <class Before, class After>
void write_facet(const char* title, const FacetDiff& facet, Page& page, const Words<Before, After>& words) {
  if (facet.is_empty()) return;
  page.heading(title);
  for (const std::uint32_t index : without(facet.removed, facet.reordered, &FacetDiff::Changed::before)) {
    write_entry(page, Sign::kRemoved, words.before(index));
  }
  for (const std::uint32_t index : without(facet.added, facet.reordered, &FacetDiff::Changed::after)) {
    write_entry(page, Sign::kAdded, words.after(index));
  }
  write_reordered(facet, page, words.after);
}

std::string link_text(const Link& link) {
  return link.kind.empty() ? link.name : fmt::format("{} ({})", link.name, link.kind);
}

void write_links(const RoutesDiffReport& report, Page& page) {
  write_facet("Interfaces", report.diff.links, page,
              Words{[&](std::uint32_t i) { return link_text((*report.before->links)[i]); },
                    [&](std::uint32_t i) { return link_text((*report.after->links)[i]); }});
  for (const FacetDiff::Changed& changed : report.diff.links.changed) {
    const Link& to = (*report.after->links)[changed.after];
    for (const EntryChange& change : link_changes((*report.before->links)[changed.before], to)) {
      page.paragraph(fmt::format("{} {}", to.name, change.text));
    }
  }
}

void write_addresses(const RoutesDiffReport& report, Page& page) {
  write_facet("Addresses", report.diff.addresses, page,
              Words{[&](std::uint32_t i) { return joined(address_words((*report.before->addresses)[i])); },
                    [&](std::uint32_t i) { return joined(address_words((*report.after->addresses)[i])); }});
  for (const FacetDiff::Changed& changed : report.diff.addresses.changed) {
    const Address& to = (*report.after->addresses)[changed.after];
    const std::string what = address_change((*report.before->addresses)[changed.before], to);
    page.paragraph(fmt::format("{}/{} on {} {}", to.address, to.prefix_length, to.interface, what));
  }
}

std::string resolver_text(const DnsDiffEntry& entry) {
  return fmt::format("{}: {}", dns_diff_title(entry), dns_diff_content(entry));
}

void write_resolvers(const RoutesDiffReport& report, Page& page) {
  const SnapshotDiff& diff = report.diff;
  write_facet("Resolvers", diff.dns, page,
              Words{[&](std::uint32_t i) { return resolver_text(diff.dns_before[i]); },
                    [&](std::uint32_t i) { return resolver_text(diff.dns_after[i]); }});
  for (const FacetDiff::Changed& changed : diff.dns.changed) {
    const DnsDiffEntry& to = diff.dns_after[changed.after];
    for (const std::string& change : dns_diff_changes(diff.dns_before[changed.before], to)) {
      page.paragraph(fmt::format("{}: {}", dns_diff_title(to), change));
    }
  }
}

std::string rule_text(const Rule& rule) {
  return (rule.family == Family::kInet6 ? "IPv6 " : "") + joined(rule_words(rule));
}

void write_not_compared(const SnapshotDiff& diff, Page& page) {
  const std::pair<const char*, const FacetDiff*> facets[] = {{"routes", &diff.routes},
                                                             {"rules", &diff.rules},
                                                             {"interfaces", &diff.links},
                                                             {"addresses", &diff.addresses},
                                                             {"resolvers", &diff.dns}};
  if (!diff.is_partial()) return;
  page.heading("Not compared");
  for (const auto& [name, facet] : facets) {
    if (!facet->not_compared.empty()) page.item(fmt::format("{}: {}", name, facet->not_compared));
  }
}

void write_notes(const RoutesDiffReport& report, Page& page) {
  std::vector<std::string> notes;
  if (report.diff.derived_changes > 0) {
    notes.push_back(fmt::format("{} of the kernel's own routes that follow from an interface or address are left out.",
                                grouped(report.diff.derived_changes)));
  }
  const std::string& before_host = report.before->host_name;
  const std::string& after_host = report.after->host_name;
  if (!before_host.empty() && !after_host.empty() && before_host != after_host) {
    notes.push_back(fmt::format("The states are of two machines: {} and {}.", before_host, after_host));
  }
  if (!report.after->stable.value_or(true) || !report.before->stable.value_or(true)) {
    notes.emplace_back("Something changed while a state was read: what differs may have been on its way.");
  }
  if (notes.empty()) return;
  page.blank_line();
  for (const std::string& note : notes) page.paragraph(note, 0, Style::kQuiet);
}

}  // namespace

std::string data_headline(const RoutesDiffReport& report) {
  const std::string between = fmt::format("between {} and {}", report.before_name, report.after_name);
  if (report.diff.is_equal()) {
    if (report.diff.is_partial()) return fmt::format("Nothing differs {} in what could be compared.", between);
    const bool has_dns = report.diff.dns.not_compared.empty();
    return fmt::format("Routes, rules, interfaces{} are the same in {} and {}.",
                       has_dns ? ", addresses and resolvers" : " and addresses", report.before_name, report.after_name);
  }
  const std::vector<DiffSentence>& summary = report.diff.summary;
  if (summary.empty()) return fmt::format("There are differences {}.", between);
  const std::size_t more = summary.size() - 1;
  if (more == 0) return fmt::format("{}; that is all {}.", summary.front().text, between);
  return fmt::format("{}, and {} more {} {}.", summary.front().text, grouped(more), more == 1 ? "thing" : "things",
                     between);
}

void write_sections(const RoutesDiffReport& report, Page& page) {
  if (!report.diff.summary.empty()) page.blank_line();
  for (const DiffSentence& sentence : report.diff.summary) page.item(sentence.text);
  write_route_section(report, page);
  write_facet("Rules", report.diff.rules, page,
              Words{[&](std::uint32_t i) { return rule_text((*report.before->rules)[i]); },
                    [&](std::uint32_t i) { return rule_text((*report.after->rules)[i]); }});
  write_links(report, page);
  write_addresses(report, page);
  write_resolvers(report, page);
  write_not_compared(report.diff, page);
  write_notes(report, page);
}

}  // namespace vpndoctor
