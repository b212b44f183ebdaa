// SPDX-License-Identifier: Apache-2.0
// The table of the routing checks, and what they share. What a check looks for is in its own file.
#include "routing_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "check_needs.h"
#include "default_way.h"
#include "owner_signs.h"
#include "vpndoctor/prefix_set.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// A facet that a check cannot do without.
enum RoutingFacet : unsigned { kLinks = 1, kAddresses = 2, kRoutes = 4, kRules = 8, kTunnels = 16, kSettings = 32 };

struct Check {
  const char* code;
  unsigned needs;
  unsigned whole;  ///< what it concludes from something not being there
  void (*run)(const RoutingFacts&, Findings&);
  /// Why these facts do not decide it; empty when they do. Null: they always do.
  std::string (*undecided)(const RoutingFacts&) = nullptr;
};

constexpr double kHalfOfAll = 0.5;
constexpr unsigned kTables = kLinks | kAddresses | kRoutes | kRules;

constexpr auto kChecks = std::to_array<Check>({
    {"RTE001", kTables, kRoutes | kRules, check_default_missing},
    {"RTE002", kTables, kLinks | kRoutes | kRules, check_default_dead},
    {"RTE003", kLinks | kRoutes, kLinks, check_stale_routes},
    {"RTE004", kTables | kTunnels, kTunnels, check_server_route_left, server_routes_undecided},
    {"RTE005", kTables | kTunnels, 0, check_endpoint_loop},
    {"RTE006", kRoutes | kRules, kRoutes, check_rule_to_empty_table},
    {"RTE007", kLinks | kRoutes, 0, check_equal_defaults},
    {"RTE008", kTables, kRoutes | kRules, check_loopback_captured},
    {"RTE009", kTables, kRoutes | kRules, check_lan_captured},
    {"RTE010", kLinks | kRoutes, 0, check_tunnels_overlap},
    {"RTE011", kTables, 0, check_container_network},
    {"RTE012", kTables, 0, check_cgnat_conflict},
    {"RTE013", kTables | kTunnels | kSettings, 0, check_reverse_path_filter},
});

/// Why a check cannot be made; empty when it can.
std::string missing_facet(const Snapshot& snapshot, const Check& check) {
  FacetNeeds needs(check.needs, check.whole);
  needs.facet(kLinks, "links", snapshot.links)
      .facet(kAddresses, "addresses", snapshot.addresses)
      .facet(kRoutes, "routes", snapshot.routes);
  // macOS has no policy rules.
  if (snapshot.platform == Platform::kLinux) needs.facet(kRules, "rules", snapshot.rules);
  return needs.facet(kTunnels, "tunnels' owners", snapshot.tunnels)
      .facet(kSettings, "kernel's settings", snapshot.settings)
      .reason();
}

FamilyShares shares_of(const RoutingFacts& facts, Family family) {
  FamilyShares shares;
  const IpPrefix whole = whole_of(family);
  const auto visit = [&](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
    // A blackhole or a refusal is a decision, not the lack of a route.
    if (answer.fate != FlowFate::kUnicast && answer.fate != FlowFate::kNone) return;
    const auto key = answer.fate == FlowFate::kNone ? std::string_view{} : only_interface(answer);
    if (!key) return;
    auto found = shares.through.find(*key);
    if (found == shares.through.end()) found = shares.through.try_emplace(std::string(*key)).first;
    const double share = share_of({first, last}, whole);
    found->second.all += share;
    if (answer.uncertain.empty()) found->second.certain += share;
  };
  facts.fib.for_each_range(flow_to(facts, whole.address), whole, visit);
  return shares;
}

/// Why a check cannot be made, or not be decided; empty when it is.
std::string why_skipped(const RoutingFacts& facts, const Check& check) {
  std::string why = missing_facet(facts.snapshot, check);
  return why.empty() && check.undecided != nullptr ? check.undecided(facts) : why;
}

/// What several checks look at, as far as the facets allow it.
void sum_up(RoutingFacts& facts) {
  if (facts.snapshot.routes && facts.snapshot.links) facts.claims = tunnel_claims(facts.snapshot);
  const auto asks_for_shares = [&facts](const Check& check) {
    const bool asks = check.run == check_default_missing || check.run == check_default_dead;
    return asks && missing_facet(facts.snapshot, check).empty();
  };
  if (std::ranges::none_of(kChecks, asks_for_shares)) return;
  facts.shares = {shares_of(facts, Family::kInet), shares_of(facts, Family::kInet6)};
}

}  // namespace

double FamilyShares::unrouted() const {
  const auto found = through.find("");
  return found == through.end() ? 0 : found->second.all;
}

std::string FamilyShares::main_interface() const {
  const auto found = std::ranges::find_if(through, [this](const auto& each) { return is_main(each.first); });
  return found == through.end() ? std::string() : found->first;
}

bool FamilyShares::is_main(std::string_view interface) const {
  const auto found = through.find(interface);
  return !interface.empty() && found != through.end() && found->second.all > kHalfOfAll;
}

bool FamilyShares::is_certain(std::string_view interface) const {
  const auto found = through.find(interface);
  return found != through.end() && found->second.certain > kHalfOfAll;
}

std::optional<std::string_view> only_interface(const FlowAnswer& answer) {
  const auto leads_there = [&](const FlowWay& way) { return way.interface == answer.interface; };
  return std::ranges::all_of(answer.candidates, leads_there) ? std::optional(answer.interface) : std::nullopt;
}

void doubt(const Snapshot& snapshot, Finding& finding, std::string_view why) {
  if (why.empty()) return;
  finding.confidence = std::min(finding.confidence, Confidence::kLikely);
  finding.evidence.push_back(proof(snapshot.routes, "lookup", fmt::format("not certain: {}", why)));
}

Flow flow_to(const RoutingFacts& facts, const IpAddress& destination) {
  Flow flow;
  flow.destination = destination;
  flow.uid = facts.uid;
  return flow;
}

std::string why_dead(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  if (link == nullptr) return "is not there";
  if (!link->is_up()) return "is down";
  if (!link->is_running() || !link->has_carrier()) return "has no carrier";
  return {};
}

bool is_container_bridge(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  if (link == nullptr || link->kind != "bridge") return false;
  return std::ranges::any_of(
      link_signs(), [&](const LinkSign& sign) { return !sign.is_vpn && is_sign_of(sign, interface, link->kind); });
}

bool is_lan_interface(const Snapshot& snapshot, std::string_view interface) {
  const Link* link = snapshot.find_link(interface);
  return link != nullptr && link->is_up() && !link->is_loopback() && (link->flags & kLinkPointToPoint) == 0 &&
         !is_tunnel(snapshot, interface) && !is_container_bridge(snapshot, interface);
}

std::string route_text(const RoutingFacts& facts, const Route& route) {
  return joined(route_words(facts.routes(), route));
}

Evidence route_evidence(const RoutingFacts& facts, const Route& route) {
  return proof(facts.snapshot.routes, "table " + facts.snapshot.table_name(route.table), route_text(facts, route));
}

// Several routes to one destination differ by their interface there (route(8), -ifscope).
Command delete_macos_route(const RoutingFacts& facts, const Route& route) {
  std::vector<std::string> argv{"route", "-n", "delete",
                                route.destination.family() == Family::kInet ? "-inet" : "-inet6"};
  argv.push_back(route.destination.is_default() ? "default" : route.destination.to_string());
  const auto& hops = facts.routes().hops(route);
  const bool scoped = facts.routes().attributes(route).macos_flags.find('I') != std::string::npos;
  if (scoped && !hops.empty()) argv.insert(argv.end(), {"-ifscope", hops.front().interface});
  return {"macos", std::move(argv), true};
}

std::vector<Command> quote_and_delete(const RoutingFacts& facts, const QuotedRoutes& routes, Finding& finding) {
  std::vector<Command> commands;
  for (std::size_t i = 0; i < std::min(routes.first.size(), kMostQuoted); ++i) {
    finding.evidence.push_back(route_evidence(facts, *routes.first[i]));
    if (routes.first[i]->protocol != kProtocolKernel) commands.push_back(delete_route(facts, *routes.first[i]));
  }
  if (routes.count <= kMostQuoted || facts.snapshot.platform == Platform::kMacos) return commands;
  finding.evidence.push_back(
      proof(facts.snapshot.routes, "tables", fmt::format("and {} more routes", routes.count - kMostQuoted)));
  return {user_command({"vpndoctor", "routes", "restore", "--infer"}),
          root_command({"vpndoctor", "routes", "restore", "--infer", "--apply"})};
}

Command delete_route(const RoutingFacts& facts, const Route& route) {
  if (facts.snapshot.platform == Platform::kMacos) return delete_macos_route(facts, route);
  std::vector<std::string> argv{"ip", route.destination.family() == Family::kInet ? "-4" : "-6", "route", "del"};
  for (std::string& word : route_words(facts.routes(), route)) argv.push_back(std::move(word));
  return root_command(std::move(argv));
}

CheckResults check_routing(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid) {
  CheckResults results;
  RoutingFacts facts{.snapshot = snapshot, .fib = fib, .uid = uid, .shares = {}, .claims = {}};
  sum_up(facts);
  for (const Check& check : kChecks) {
    run_check(check, facts, why_skipped(facts, check), results);
  }
  if (snapshot.stable == false) {
    for (Finding& finding : results.findings) doubt(facts.snapshot, finding, "the state changed while it was read");
  }
  put_worst_first(results);
  return results;
}

}  // namespace vpndoctor
