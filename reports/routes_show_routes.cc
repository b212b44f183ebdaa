// SPDX-License-Identifier: Apache-2.0
// The routes, folded: what a group of them shares is said once, in the words of ip-route(8), and its destinations are
// the fewest prefixes or, where even those are many, their count, share and the largest of them.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "routes_show_parts.h"
#include "units.h"
#include "vpndoctor/route_folding.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kFewRoutes = 3;        // are listed one by one
constexpr std::size_t kMostOfAggregate = 8;  // of an aggregate, before it is cut
constexpr std::size_t kLargestPrefixes = 4;  // that are named of one that is cut
constexpr std::size_t kMostGroups = 24;      // of one purpose in one table

/// Nothing where "proto kernel" or "proto static" says it already.
std::string owner_text(const Owner& owner, const Route& route) {
  if (!owner.is_known() || route.protocol == kProtocolKernel) return "";
  if (route.protocol == kProtocolStatic && !owner.is_vpn) return "";
  return fmt::format("  [{}]", owner.name);
}

/// A route's words without its table, which the heading names.
std::vector<std::string> words_of(const RouteTable& table, Route route) {
  route.table = kTableMain;
  std::vector<std::string> words = route_words(table, route);
  const auto end = std::ranges::find(words, "table");
  if (end != words.end()) words.erase(end, end + 2);
  return words;
}

/// macOS: only sockets that are bound to the interface use it (RTF_IFSCOPE, flag I).
bool is_scoped(const RouteTable& table, const Route& route) {
  return table.attributes(route).macos_flags.contains('I') && !table.hops(route).empty();
}

std::string state_text(const RouteTable& table, const Route& route) {
  std::string text;
  const auto has = [&](NextHopFlag flag) {
    return std::ranges::any_of(table.hops(route), [flag](const NextHop& hop) { return (hop.flags & flag) != 0; });
  };
  if (has(kNextHopDead)) text += " (dead)";
  if (has(kNextHopLinkDown)) text += " (link down)";
  if (is_scoped(table, route)) text += fmt::format(" (scoped to {})", table.hops(route).front().interface);
  if (const auto expires = table.attributes(route).expires_seconds) text += fmt::format(" (expires in {} s)", *expires);
  return text;
}

std::string route_line(const RouteTable& table, const Route& route) {
  return joined(words_of(table, route)) + state_text(table, route);
}

std::string destinations_text(const RouteGroup& group) {
  std::vector<IpPrefix> prefixes = group.aggregate;
  if (prefixes.size() <= kMostOfAggregate) return fmt::format("{}", fmt::join(prefixes, " "));
  std::ranges::stable_sort(prefixes, {}, &IpPrefix::length);
  prefixes.resize(kLargestPrefixes);
  return fmt::format("in the fewest {} prefixes, {} of {}; the largest: {}", grouped(group.aggregate.size()),
                     share_text(share_of_family(group.aggregate)), family_title(group.family),
                     fmt::join(prefixes, " "));
}

/// "812 routes dev wg0 scope link: 10.0.0.0/8 172.16.0.0/12".
std::string folded_line(const RouteTable& table, const RouteGroup& group) {
  const Route& first = table.routes[group.routes.front()];
  std::vector<std::string> words = words_of(table, first);
  // The destination is the first word, or the second after a type.
  words.erase(words.begin() + (first.type == RouteType::kUnicast ? 0 : 1));
  return fmt::format("{} routes {}{}: {}", grouped(group.routes.size()), joined(words), state_text(table, first),
                     destinations_text(group));
}

std::size_t routes_in(std::span<const RouteGroup> groups) {
  std::size_t count = 0;
  for (const RouteGroup& group : groups) count += group.routes.size();
  return count;
}

class Lines {
 public:
  Lines(const Snapshot& snapshot, bool unfolded, Page& page)
      : table_(*snapshot.routes),
        local_(snapshot.platform == Platform::kMacos ? "link-local, multicast, own address or neighbour route"
                                                     : "link-local, multicast or own address route"),
        unfolded_(unfolded),
        page_(page) {}

  /// Writes groups of one table, family and purpose.
  void purpose(std::span<const RouteGroup> groups) {
    if (groups.front().purpose == RoutePurpose::kLocal && !unfolded_) return local(groups);
    label_ = route_purpose_name(groups.front().purpose);
    const std::size_t shown = unfolded_ ? groups.size() : std::min(groups.size(), kMostGroups);
    for (const RouteGroup& group : groups.first(shown)) write(group);
    const auto rest = groups.subspan(shown);
    if (!rest.empty()) {
      line(fmt::format("and {} more routes of {} other ways (--all lists them)", grouped(routes_in(rest)),
                       grouped(rest.size())));
    }
  }

 private:
  void local(std::span<const RouteGroup> groups) {
    label_ = "local";
    const std::size_t count = routes_in(groups);
    line(counted(count, local_) + " (--all lists them)");
  }

  void write(const RouteGroup& group) {
    const std::string owner = owner_text(group.owner, table_.routes[group.routes.front()]);
    if (!unfolded_ && group.routes.size() > kFewRoutes) return line(folded_line(table_, group) + owner);
    for (const std::uint32_t index : group.routes) line(route_line(table_, table_.routes[index]) + owner);
  }

  void line(std::string_view text) {
    page_.field(label_, text);
    label_ = "";
  }

  const RouteTable& table_;
  const char* local_;  ///< what is folded as local
  bool unfolded_;
  Page& page_;
  const char* label_ = "";
};

std::string heading_of(const Snapshot& snapshot, const RouteGroup& group, const Owner& owner) {
  if (snapshot.platform == Platform::kMacos) return fmt::format("{} routes", family_title(group.family));
  std::string text = fmt::format("{} routes, table {}", family_title(group.family), snapshot.table_name(group.table));
  return owner.is_known() ? fmt::format("{} ({})", text, owner.name) : text;
}

bool same_table(const RouteGroup& left, const RouteGroup& right) {
  return left.table == right.table && left.family == right.family;
}

/// The local table in one line: it follows from the addresses.
void write_local_table(std::span<const RouteGroup> groups, Page& page) {
  if (groups.empty()) return;
  page.heading("Table local");
  page.paragraph(fmt::format("{} routes that follow from this machine's addresses (--all lists them)",
                             grouped(routes_in(groups))));
}

/// The groups from the front that belong together with the first.
template <class Same>
std::span<const RouteGroup> run_of(std::span<const RouteGroup> groups, Same same) {
  const auto end = std::ranges::find_if(groups, [&](const RouteGroup& each) { return !same(groups.front(), each); });
  return groups.first(static_cast<std::size_t>(end - groups.begin()));
}

}  // namespace

void write_routes(const Snapshot& snapshot, bool unfolded, Page& page) {
  if (!snapshot.routes) return;
  const std::vector<RouteGroup> groups = fold_routes(snapshot);
  Lines lines(snapshot, unfolded, page);
  const auto is_listed = [unfolded](const RouteGroup& each) { return unfolded || each.table != kTableLocal; };
  const auto listed = static_cast<std::size_t>(std::ranges::count_if(groups, is_listed));  // the local table is last
  for (std::span<const RouteGroup> rest = std::span(groups).first(listed); !rest.empty();) {
    std::span<const RouteGroup> table = run_of(rest, same_table);
    rest = rest.subspan(table.size());
    page.heading(heading_of(snapshot, table.front(), table_owner(snapshot, table.front().table)));
    while (!table.empty()) {
      const auto same_purpose = [](const RouteGroup& l, const RouteGroup& r) { return l.purpose == r.purpose; };
      const std::span<const RouteGroup> purpose = run_of(table, same_purpose);
      lines.purpose(purpose);
      table = table.subspan(purpose.size());
    }
  }
  write_local_table(std::span(groups).subspan(listed), page);
}

}  // namespace vpndoctor
