// SPDX-License-Identifier: Apache-2.0
// The text of `routes show`: what a person on a bad day asks first, then rules, links and the folded routes. What is
// folded is counted, and --all lists it.
#include <fmt/format.h>

#include <algorithm>

#include "routes_show_parts.h"
#include "routes_text.h"
#include "units.h"

namespace vpndoctor {
namespace {

constexpr double kWorthSaying = 0.0005;
constexpr double kAsGoodAsAll = 0.9995;

/// "wg0 (tunnel)", "tun0 (tunnel, no carrier)", "nowhere (no route)", "nowhere (blackhole)".
std::string way_text(const WayOut& way) {
  if (way.fate == FlowFate::kNone) return "nowhere (no route)";
  if (way.fate != FlowFate::kUnicast) return fmt::format("nowhere ({})", flow_fate_name(way.fate));
  std::string traits = way.is_tunnel ? "tunnel" : "";
  if (!way.dead.empty()) traits += (traits.empty() ? "" : ", ") + way.dead;
  return traits.empty() ? way.interface : fmt::format("{} ({})", way.interface, traits);
}

std::string main_way_text(const WayOut& way, const Snapshot& snapshot) {
  std::string text = way_text(way);
  if (way.gateway) text += fmt::format(", gateway {}", *way.gateway);
  if (way.table != kTableUnspecified && way.table != kTableMain) {
    text += ", table " + snapshot.table_name(way.table);
  }
  if (way.depends) text += "; a flow hash or a neighbour's state decides for a part of it";
  return text;
}

/// What goes another way than the addresses that everybody uses.
std::string beyond_text(const FamilyOverview& overview) {
  std::string text;
  for (const WayOut& way : overview.beyond) {
    const WayOut& main = overview.ways.front();
    const bool is_same = way.fate == main.fate && way.interface == main.interface;
    if (is_same || way.share_ratio < kWorthSaying) continue;
    text += fmt::format("{} {}: {}", text.empty() ? fmt::format("; outside {}", overview.base) : ",",
                        percent_text(way.share_ratio), way_text(way));
  }
  return text;
}

std::string family_overview_text(const FamilyOverview& overview, const Snapshot& snapshot) {
  constexpr std::size_t kMostWays = 5;
  if (overview.ways.empty()) return "not known";
  std::string text = main_way_text(overview.ways.front(), snapshot);
  if (overview.ways.front().share_ratio < kAsGoodAsAll) {
    text = fmt::format("{}: {}", share_text(overview.ways.front().share_ratio), text);
  }
  for (std::size_t i = 1; i < std::min(overview.ways.size(), kMostWays); ++i) {
    const WayOut& way = overview.ways[i];
    if (way.share_ratio < kWorthSaying) break;
    text += fmt::format("; {}: {}", percent_text(way.share_ratio), way_text(way));
  }
  text += beyond_text(overview);
  if (!overview.uncertain.empty()) text += "; not certain: " + overview.uncertain;
  return text;
}

std::string tunnel_text(const TunnelOverview& tunnel) {
  std::string text = fmt::format("{}: {}", tunnel.interface, tunnel.state);
  if (tunnel.owner.is_known()) text += fmt::format(", {} ({})", tunnel.owner.name, tunnel.owner.evidence);
  if (!tunnel.not_seen.empty()) text += fmt::format(", not seen: {}", tunnel.not_seen);
  if (tunnel.routes_inet + tunnel.routes_inet6 == 0) return text + ", no routes";
  if (tunnel.routes_inet > 0) text += ", " + counted(tunnel.routes_inet, "IPv4 route");
  if (tunnel.routes_inet6 > 0) text += ", " + counted(tunnel.routes_inet6, "IPv6 route");
  return text;
}

void write_tunnels(const std::vector<TunnelOverview>& tunnels, Page& page) {
  constexpr std::size_t kMostTunnels = 12;
  if (tunnels.empty()) page.field("tunnels", "none");
  const char* label = "tunnels";
  for (std::size_t i = 0; i < std::min(tunnels.size(), kMostTunnels); ++i) {
    page.field(label, tunnel_text(tunnels[i]));
    label = "";
  }
  if (tunnels.size() > kMostTunnels) page.field("", fmt::format("and {} more", tunnels.size() - kMostTunnels));
}

template <class T>
void write_limits(const char* what, const Observed<T>& facet, Page& page) {
  if (!facet) page.field("not known", fmt::format("{}: {}", what, facet.why_missing()));
  for (const std::string& limit : facet.limits()) page.field("partly", fmt::format("{}: {}", what, limit));
}

void write_doubts(const Snapshot& snapshot, Page& page) {
  write_limits("links", snapshot.links, page);
  write_limits("addresses", snapshot.addresses, page);
  write_limits("routes", snapshot.routes, page);
  if (snapshot.platform == Platform::kLinux) write_limits("rules", snapshot.rules, page);
  write_limits("tunnels' owners", snapshot.tunnels, page);
  if (snapshot.stable == false) {
    page.field("changing", "the tables changed while they were read, again and again: some of this may be out of date");
  }
}

std::string counts_text(const Snapshot& snapshot) {
  std::string text;
  if (snapshot.routes) text += counted(snapshot.routes->routes.size(), "route");
  if (snapshot.rules) text += (text.empty() ? "" : ", ") + counted(snapshot.rules->size(), "rule");
  if (snapshot.links) text += (text.empty() ? "" : ", ") + counted(snapshot.links->size(), "link");
  return text;
}

std::string saved_headline(const RoutesShowReport& report) {
  return fmt::format("{} saved to {}.", counts_text(*report.snapshot), report.saved_to);
}

std::string family_headline(const FamilyOverview& overview) {
  const char* family = family_title(overview.family);
  if (overview.ways.empty()) return fmt::format("where {} goes is not known", family);
  const WayOut& way = overview.ways.front();
  if (!overview.uncertain.empty()) return fmt::format("where {} goes is not certain", family);
  if (way.fate == FlowFate::kNone) return fmt::format("{} goes nowhere: there is no default route", family);
  if (way.fate != FlowFate::kUnicast) return fmt::format("{} is refused ({})", family, flow_fate_name(way.fate));
  constexpr double kMost = 0.995;
  return fmt::format("{}{} goes through {}", way.share_ratio < kMost ? "most of " : "", family, way_text(way));
}

}  // namespace

std::string data_headline(const RoutesShowReport& report) {
  if (!report.saved_to.empty()) return saved_headline(report);
  if (!report.overview) return counts_text(*report.snapshot) + ".";
  if (report.overview->is_without_network) return "Nothing leaves this machine: it has no interface but the loopback.";
  std::string text =
      fmt::format("{}; {}.", family_headline(report.overview->inet), family_headline(report.overview->inet6));
  // A sentence begins with a capital letter, except for the names of things.
  if (text.starts_with("most")) text[0] = 'M';
  if (text.starts_with("where")) text[0] = 'W';
  return text;
}

void write_sections(const RoutesShowReport& report, Page& page) {
  const Snapshot& snapshot = *report.snapshot;
  page.blank_line();
  if (report.overview) {
    page.field("IPv4", family_overview_text(report.overview->inet, snapshot));
    page.field("IPv6", family_overview_text(report.overview->inet6, snapshot));
    write_tunnels(report.overview->tunnels, page);
  }
  write_doubts(snapshot, page);
  if (!report.saved_to.empty()) return;
  write_rules(snapshot, page);
  write_links(snapshot, report.unfolded, page);
  write_routes(snapshot, report.unfolded, page);
}

}  // namespace vpndoctor
