// SPDX-License-Identifier: Apache-2.0
// What goes through a tunnel and what the tables let out beside it, by what the addresses are for.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "leaks_text_parts.h"
#include "units.h"
#include "vpndoctor/network.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostPrefixes = 4;
constexpr std::size_t kMostVerbosePrefixes = 24;  // a partition has hundreds; the JSON document has them all
constexpr std::size_t kMostWays = 32;
constexpr std::size_t kMostExceptions = 8;
constexpr std::size_t kMostThrough = 3;

struct ClassWords {
  AddressClass address_class;
  const char* label;   ///< before its prefixes
  const char* phrase;  ///< of a sentence
  bool is_usual;       ///< never goes through a tunnel, and need not
};

/// What is looked for first comes first.
constexpr std::array kClasses = {
    ClassWords{AddressClass::kPublic, "public", "public addresses", false},
    ClassWords{AddressClass::kNat64, "NAT64", "NAT64", false},
    ClassWords{AddressClass::kPrivate, "private", "private addresses", false},
    ClassWords{AddressClass::kCgnat, "carrier's", "a carrier's own addresses (100.64.0.0/10)", false},
    ClassWords{AddressClass::kVpnServer, "VPN server", "the VPN server", false},
    ClassWords{AddressClass::kLan, "LAN", "the LAN", false},
    ClassWords{AddressClass::kDocumentation, "examples", "addresses for examples", true},
    ClassWords{AddressClass::kLinkLocal, "link-local", "link-local addresses", true},
    ClassWords{AddressClass::kMulticast, "multicast", "multicast", true},
    ClassWords{AddressClass::kLoopback, "loopback", "loopback addresses", true},
};

std::size_t place_of(AddressClass address_class) {
  return static_cast<std::size_t>(std::ranges::find(kClasses, address_class, &ClassWords::address_class) -
                                  kClasses.begin());
}

bool has_class(const FamilyCoverage& coverage, AddressClass address_class) {
  const auto is_of_it = [&](const OutsidePrefix& each) { return each.address_class == address_class; };
  return std::ranges::any_of(coverage.outside, is_of_it) ||
         std::ranges::any_of(coverage.outside_ways, is_of_it, &OutsideWay::largest);
}

/// Nothing that would go far leaves by it.
bool has_no_way_out(const FamilyCoverage& coverage) {
  return !coverage.is_cut && !has_class(coverage, AddressClass::kPublic) && !has_class(coverage, AddressClass::kNat64);
}

std::vector<std::string> outside_phrases(const FamilyCoverage& coverage) {
  std::vector<std::string> phrases;
  for (const ClassWords& words : kClasses) {
    if (!words.is_usual && has_class(coverage, words.address_class)) phrases.emplace_back(words.phrase);
  }
  return phrases;
}

/// The interfaces that tunnelled packets take; policies have none.
std::string tunnels_text(const FamilyCoverage& coverage) {
  std::vector<std::string> names = coverage.tunnels;
  for (std::string& name : names) {
    if (name == "ipsec") name = "IPsec policies";
  }
  return names.empty() ? "no interface" : names_text(names, kMostThrough);
}

std::string reason_text(const FamilyCoverage& coverage) {
  return coverage.why_unknown.empty() ? "" : ": " + coverage.why_unknown;
}

std::string clause_of(const FamilyCoverage& coverage, const char* family) {
  switch (coverage.mode) {
    case CoverageMode::kFull:
      return fmt::format("all {} traffic goes through {}", family, tunnels_text(coverage));
    case CoverageMode::kSplit:
      return fmt::format("a part of {} goes through {}", family, tunnels_text(coverage));
    case CoverageMode::kNone:
      return fmt::format("{} {}", family,
                         has_no_way_out(coverage) ? "has no way out" : "leaves outside of every tunnel");
    case CoverageMode::kUnknown:
      break;
  }
  return fmt::format("what becomes of {} is not known{}", family, reason_text(coverage));
}

/// By which interfaces traffic leaves where nothing is tunnelled; empty: by none.
std::string ways_out(const Coverage& coverage) {
  std::vector<std::string> names;
  for (const FamilyCoverage* family : {&coverage.inet, &coverage.inet6}) {
    for (const OutsidePrefix& outside : family->outside) {
      if (outside.address_class != AddressClass::kPublic || outside.interface.empty()) continue;
      if (std::ranges::find(names, outside.interface) == names.end()) names.push_back(outside.interface);
    }
  }
  return names_text(names, kMostThrough);
}

/// What becomes of traffic that nothing tunnels: the tables let it out, or the packet filter stops it behind them.
std::string untunnelled_clause(const LeaksReport& report) {
  std::vector<std::string> stopped;
  Coverage leaving = report.coverage;
  for (const Family family : report.stopped.families) {
    stopped.emplace_back(family_title(family));
    (family == Family::kInet ? leaving.inet : leaving.inet6) = {};
  }
  const std::string ways = ways_out(leaving);
  if (stopped.empty()) return ways.empty() ? "there is no way out" : fmt::format("all traffic leaves by {}", ways);
  if (ways.empty()) return fmt::format("the packet filter stops all traffic, {}", report.stopped.why);
  return fmt::format("the packet filter stops {}, and the other traffic leaves by {}", stopped.front(), ways);
}

/// False where a VPN without an interface would not be noticed.
bool sees_all_vpns(const Snapshot& snapshot) {
  const bool sees_policies = snapshot.xfrm || snapshot.platform == Platform::kMacos;
  return sees_policies && snapshot.vpn_signs && snapshot.vpn_signs.is_complete();
}

/// Nothing goes through a tunnel, in either family.
std::string nothing_clause(const LeaksReport& report) {
  const std::string where = untunnelled_clause(report);
  if (!has_no_vpn_tunnel(report.tunnels)) return fmt::format("no traffic goes through a tunnel: {}", where);
  const bool has_signs = report.snapshot->vpn_signs && !report.snapshot->vpn_signs->empty();
  if (has_signs) return fmt::format("there is no tunnel here, only signs of a VPN: {}", where);
  return fmt::format("{}: {}", sees_all_vpns(*report.snapshot) ? "there is no VPN here" : "no VPN is seen here", where);
}

struct OutsideGroup {
  std::size_t place = 0;  ///< in kClasses
  std::string way;
  std::vector<std::string> prefixes;
  std::size_t unlisted = 0;  ///< how many more prefixes there are
};

std::string way_text(const OutsidePrefix& outside) {
  std::string text = outside.interface.empty() ? "no interface" : outside.interface;
  if (outside.gateway) text += fmt::format(" via {}", outside.gateway->to_string());
  if (outside.protocol) text += fmt::format(" ({})", route_protocol_name(*outside.protocol));
  return text;
}

std::vector<OutsideGroup> groups_of(const FamilyCoverage& coverage, bool all) {
  std::vector<OutsideGroup> groups;
  for (const OutsidePrefix& outside : coverage.outside) {
    const std::size_t place = place_of(outside.address_class);
    if (kClasses[place].is_usual && !all) continue;
    std::string way = way_text(outside);
    auto known = std::ranges::find_if(
        groups, [&](const OutsideGroup& group) { return group.place == place && group.way == way; });
    if (known == groups.end()) known = groups.insert(known, {place, std::move(way), {}, 0});
    known->prefixes.push_back(outside.prefix.to_string());
  }
  std::ranges::stable_sort(groups, {}, &OutsideGroup::place);
  return groups;
}

/// Where the list of prefixes is cut: how many go each way, and the largest of them. What has most comes first.
std::vector<OutsideGroup> groups_of_ways(const FamilyCoverage& coverage, bool all) {
  std::vector<OutsideWay> ways = coverage.outside_ways;
  std::ranges::stable_sort(ways, std::ranges::greater{}, &OutsideWay::share);
  std::vector<OutsideGroup> groups;
  for (const OutsideWay& each : ways) {
    const std::size_t place = place_of(each.largest.address_class);
    if (kClasses[place].is_usual && !all) continue;
    groups.push_back({place, way_text(each.largest), {each.largest.prefix.to_string()}, each.prefixes_count - 1});
  }
  std::ranges::stable_sort(groups, {}, &OutsideGroup::place);
  return groups;
}

/// What is left of everything is in hundreds of pieces: where no tunnel takes any, their number is enough.
std::string prefixes_text(const FamilyCoverage& coverage, const OutsideGroup& group, bool is_verbose) {
  const std::size_t most = is_verbose ? kMostVerbosePrefixes : kMostPrefixes;
  if (group.unlisted > 0) return fmt::format("{} and {} more", group.prefixes.front(), grouped(group.unlisted));
  const bool is_remainder = coverage.mode == CoverageMode::kNone && group.prefixes.size() > kMostVerbosePrefixes;
  if (is_remainder && !is_verbose) return grouped(group.prefixes.size()) + " prefixes";
  return names_text(group.prefixes, most);
}

void write_family(const FamilyCoverage& coverage, const char* family, Page& page) {
  const bool has_all_ways = coverage.is_cut && !coverage.outside_ways.empty();
  const std::vector<OutsideGroup> groups =
      has_all_ways ? groups_of_ways(coverage, page.verbose()) : groups_of(coverage, page.verbose());
  if (groups.empty()) return;
  page.heading(fmt::format("{} outside the tunnel", family));
  const std::size_t shown = page.verbose() ? groups.size() : std::min(groups.size(), kMostWays);
  for (const OutsideGroup& group : std::span(groups).first(shown)) {
    page.field(kClasses[group.place].label,
               fmt::format("{} by {}", prefixes_text(coverage, group, page.verbose()), group.way));
  }
  if (shown < groups.size()) {
    page.paragraph(fmt::format("and {} more ways out; --verbose lists them.", grouped(groups.size() - shown)), 2,
                   Style::kQuiet);
  }
  if (!coverage.is_cut) return;
  page.paragraph(has_all_ways ? "These are too many to list: the largest prefix of each way is shown."
                              : "There is more: the list ends where it became too long.",
                 2, Style::kQuiet);
}

/// What both families share is said once.
std::vector<std::string> exception_texts(const Coverage& coverage) {
  std::vector<std::string> texts;
  for (const std::string& each : coverage.inet.exceptions) {
    const bool is_shared = std::ranges::find(coverage.inet6.exceptions, each) != coverage.inet6.exceptions.end();
    texts.push_back(is_shared ? each : "IPv4: " + each);
  }
  for (const std::string& each : coverage.inet6.exceptions) {
    const bool is_shared = std::ranges::find(coverage.inet.exceptions, each) != coverage.inet.exceptions.end();
    if (!is_shared) texts.push_back("IPv6: " + each);
  }
  return texts;
}

void write_exceptions(const Coverage& coverage, Page& page) {
  const std::vector<std::string> texts = exception_texts(coverage);
  if (texts.empty()) return;
  page.heading("Packets that go another way");
  const std::size_t shown = page.verbose() ? texts.size() : std::min(texts.size(), kMostExceptions);
  for (std::size_t i = 0; i < shown; ++i) page.item(texts[i]);
  if (shown < texts.size()) {
    page.paragraph(fmt::format("and {} more; --verbose lists them", texts.size() - shown), 2, Style::kQuiet);
  }
}

bool is_tunnelled(const FamilyCoverage& coverage) {
  return coverage.mode == CoverageMode::kFull || coverage.mode == CoverageMode::kSplit;
}

}  // namespace

std::string family_text(const FamilyCoverage& coverage) {
  std::string text;
  switch (coverage.mode) {
    case CoverageMode::kFull:
      text = fmt::format("full: all of it goes through {}", tunnels_text(coverage));
      break;
    case CoverageMode::kSplit:
      text = fmt::format("split: {} of the addresses go through {}", share_text(coverage.tunnel_share),
                         tunnels_text(coverage));
      break;
    case CoverageMode::kNone:
      return has_no_way_out(coverage) ? "none: there is no way out" : "none: nothing goes through a tunnel";
    case CoverageMode::kUnknown:
      return "not known" + reason_text(coverage);
  }
  const std::vector<std::string> phrases = outside_phrases(coverage);
  return phrases.empty() ? text
                         : fmt::format("{}; outside {} {}", text,
                                       phrases.size() == 1 && phrases.front().starts_with("the ") ? "is" : "are",
                                       names_text(phrases, phrases.size()));
}

std::string coverage_clause(const LeaksReport& report) {
  const FamilyCoverage& inet = report.coverage.inet;
  const FamilyCoverage& inet6 = report.coverage.inet6;
  const bool is_alike = inet.mode == inet6.mode && inet.tunnels == inet6.tunnels;
  if (!is_alike || inet.why_unknown != inet6.why_unknown) {
    return fmt::format("{}; {}", clause_of(inet, "IPv4"), clause_of(inet6, "IPv6"));
  }
  if (inet.mode == CoverageMode::kNone) return nothing_clause(report);
  return clause_of(inet, "IPv4 and IPv6");
}

void write_outside(const LeaksReport& report, Page& page) {
  const Coverage& coverage = report.coverage;
  if (!page.verbose() && !is_tunnelled(coverage.inet) && !is_tunnelled(coverage.inet6)) return;
  write_family(coverage.inet, "IPv4", page);
  write_family(coverage.inet6, "IPv6", page);
  write_exceptions(coverage, page);
}

}  // namespace vpndoctor
