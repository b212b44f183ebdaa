// SPDX-License-Identifier: Apache-2.0
// The text of `routes audit`: how many prefixes do what the list says, then each that does not, with what takes it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <vector>

#include "routes_text.h"
#include "units.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostPrefixes = 40;
constexpr std::size_t kMostExceptions = 5;
constexpr std::size_t kMostAggregated = 60;

std::string through_text(const AuditedPrefix& audited) {
  std::string text;
  for (const ShareThrough& each : audited.through) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", share_text(each.share_ratio),
                        each.interface.empty() ? "nowhere" : each.interface);
  }
  if (audited.undecided_ratio <= 0) return text;
  return text + fmt::format("{}{} as neighbours answer", text.empty() ? "" : ", ", share_text(audited.undecided_ratio));
}

/// Neighbouring exceptions that one route takes: "172.24.0.0/13, 172.20.0.0/14: eth0, by ...".
std::string exceptions_text(std::span<const AuditException> same, const Snapshot& snapshot) {
  std::string text;
  for (const AuditException& each : same) text += fmt::format("{}{}", text.empty() ? "" : ", ", each.prefix);
  const AuditException& first = same.front();
  text += first.decided_by == DependsOn::kNothing ? ": " : ": some flows ";
  text += first.interface.empty() ? "nowhere" : first.interface;
  if (first.route.empty()) return text + ", no route";
  text += fmt::format(", by \"{}\"", first.route);
  if (first.table != kTableMain) text += ", table " + snapshot.table_name(first.table);
  return text;
}

void write_exceptions(const AuditedPrefix& audited, const Snapshot& snapshot, Page& page) {
  const auto goes_as = [](const AuditException& left, const AuditException& right) {
    return left.interface == right.interface && left.route == right.route && left.table == right.table &&
           left.decided_by == right.decided_by;
  };
  const std::size_t most = page.verbose() ? audited.exceptions.size() : kMostExceptions;
  const std::size_t shown = std::min(audited.exceptions.size(), most);
  for (auto rest = std::span(audited.exceptions).first(shown); !rest.empty();) {
    const auto end =
        std::ranges::find_if(rest, [&](const AuditException& each) { return !goes_as(rest.front(), each); });
    const auto length = static_cast<std::size_t>(end - rest.begin());
    page.item(exceptions_text(rest.first(length), snapshot), 4);
    rest = rest.subspan(length);
  }
  if (audited.exceptions_count > shown) {
    page.item(fmt::format("and {} smaller parts", grouped(audited.exceptions_count - shown)), 4);
  }
}

/// Nothing of it is where it should not be: what belongs outside, and this machine's own addresses, are no faults.
bool is_as_meant(const AuditedPrefix& audited) {
  return audited.status == PrefixStatus::kInside || audited.is_only_own ||
         (audited.status == PrefixStatus::kPartial && !audited.has_unexpected);
}

void write_prefix(const AuditedPrefix& audited, const Snapshot& snapshot, Page& page) {
  const std::string status = audited.is_only_own ? "this machine's own" : prefix_status_name(audited.status);
  page.paragraph(fmt::format("{}  {}: {}", audited.prefix, status, through_text(audited)), 2,
                 is_as_meant(audited) ? Style::kPlain : Style::kDoubtful);
  if (!audited.uncertain.empty()) page.paragraph("not certain: " + audited.uncertain, 4);
  write_exceptions(audited, snapshot, page);
}

/// The place of a prefix in the text, the worst first.
std::size_t rank_of(const AuditedPrefix& audited) {
  constexpr std::array kWorstFirst = {PrefixStatus::kOutside, PrefixStatus::kUnrouted, PrefixStatus::kPartial};
  if (is_as_meant(audited)) return kWorstFirst.size();
  return static_cast<std::size_t>(std::ranges::find(kWorstFirst, audited.status) - kWorstFirst.begin());
}

/// What is not as the list says, the worst first; on a verbose page everything.
void write_prefixes(const RoutesAuditReport& report, Page& page) {
  std::vector<const AuditedPrefix*> shown;
  for (const AuditedPrefix& each : report.audit.prefixes) {
    if (page.verbose() || !is_as_meant(each)) shown.push_back(&each);
  }
  if (shown.empty()) return;
  std::ranges::stable_sort(shown, {}, [](const AuditedPrefix* each) { return rank_of(*each); });
  page.heading(page.verbose() ? "Prefixes" : "What does not go through the tunnel");
  const std::size_t most = page.verbose() ? shown.size() : std::min(shown.size(), kMostPrefixes);
  for (const AuditedPrefix* each : std::span(shown).first(most)) write_prefix(*each, *report.snapshot, page);
  if (shown.size() > most) {
    page.paragraph(fmt::format("and {} more (--verbose lists them)", grouped(shown.size() - most)), 2, Style::kQuiet);
  }
}

/// What belongs outside, each route once, however many prefixes of the list it lies in.
void write_expected(const RoutesAuditReport& report, Page& page) {
  if (page.verbose()) return;
  std::set<std::string> told;
  for (const AuditedPrefix& each : report.audit.prefixes) {
    if (!is_as_meant(each)) continue;
    for (const AuditException& exception : each.exceptions) {
      AuditException whole = exception;
      if (exception.destination) whole.prefix = *exception.destination;
      if (!told.insert(whole.route + " " + std::to_string(whole.table)).second) continue;
      if (told.size() == 1) page.heading("What belongs outside the tunnel");
      if (told.size() <= kMostPrefixes) page.item(exceptions_text(std::span(&whole, 1), *report.snapshot));
    }
  }
  if (told.size() > kMostPrefixes) {
    page.paragraph(fmt::format("and {} more (--verbose lists them)", grouped(told.size() - kMostPrefixes)), 2,
                   Style::kQuiet);
  }
}

void write_aggregated(const CidrAudit& audit, Page& page) {
  page.heading(fmt::format("The list in the fewest prefixes ({} of {})", grouped(audit.aggregated.size()),
                           grouped(audit.prefixes.size())));
  const std::size_t shown =
      page.verbose() ? audit.aggregated.size() : std::min(audit.aggregated.size(), kMostAggregated);
  page.paragraph(fmt::format(
      "{}", fmt::join(audit.aggregated.begin(), audit.aggregated.begin() + static_cast<std::ptrdiff_t>(shown), ", ")));
  if (shown < audit.aggregated.size()) {
    page.paragraph(
        fmt::format("and {} more (--verbose or --json lists them)", grouped(audit.aggregated.size() - shown)), 2,
        Style::kQuiet);
  }
}

void add(std::string& text, std::size_t count, const char* what) {
  if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), what);
}

/// What of the prefixes that are as the list says stays outside: ", except this machine's own networks"; empty:
/// nothing.
std::string exceptions_of(const CidrAudit& audit) {
  bool networks = false;
  bool addresses = false;
  bool tunnel_end = false;
  for (const AuditedPrefix& each : audit.prefixes) {
    if (!is_as_meant(each)) continue;
    addresses = addresses || each.is_only_own;
    for (const AuditException& exception : each.exceptions) {
      (exception.leads_to_tunnel_end ? tunnel_end : networks) = true;
    }
  }
  std::vector<const char*> parts;
  if (networks) parts.push_back("this machine's own networks");
  if (addresses && !networks) parts.push_back("this machine's own addresses");
  if (tunnel_end) parts.push_back("the way to the tunnel's server");
  return parts.empty() ? "" : fmt::format(", except {}", fmt::join(parts, " and "));
}

}  // namespace

std::string data_headline(const RoutesAuditReport& report) {
  const CidrAudit& audit = report.audit;
  const std::size_t all = audit.prefixes.size();
  if (!report.snapshot->routes) {
    const std::string list =
        all == 1 ? "the one prefix of the list goes" : fmt::format("the {} prefixes of the list go", grouped(all));
    return fmt::format("Where {} is not known, because the routes are not: {}.", list,
                       report.snapshot->routes.why_missing());
  }
  std::size_t good = 0;
  std::array<std::size_t, 4> bad{};
  for (const AuditedPrefix& each : audit.prefixes)
    ++(is_as_meant(each) ? good : bad[static_cast<std::size_t>(each.status)]);
  const std::string except = exceptions_of(audit);
  if (good == all) {
    return all == 1
               ? fmt::format("The one prefix of the list goes through {}{}.", audit.interface, except)
               : fmt::format("All {} prefixes of the list go through {}{}.", grouped(all), audit.interface, except);
  }
  std::string rest;
  add(rest, bad[static_cast<std::size_t>(PrefixStatus::kPartial)], "only partly");
  add(rest, bad[static_cast<std::size_t>(PrefixStatus::kOutside)], "not at all");
  add(rest, bad[static_cast<std::size_t>(PrefixStatus::kUnrouted)], "nowhere");
  return fmt::format("{} of {} prefixes of the list {} through {}{}; {}.", grouped(good), grouped(all),
                     good == 1 ? "goes" : "go", audit.interface, except, rest);
}

void write_sections(const RoutesAuditReport& report, Page& page) {
  if (report.snapshot->routes) {
    write_prefixes(report, page);
    write_expected(report, page);
  }
  write_aggregated(report.audit, page);
}

}  // namespace vpndoctor
