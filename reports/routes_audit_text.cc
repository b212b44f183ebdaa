// SPDX-License-Identifier: Apache-2.0
// The text of `routes audit`: how many prefixes do what the list says, then each that does not, with what takes it.
#include <fmt/format.h>

#include <algorithm>
#include <span>

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
  return text;
}

/// Neighbouring exceptions that one route takes: "172.24.0.0/13, 172.20.0.0/14: eth0, by ...".
std::string exceptions_text(std::span<const AuditException> same, const Snapshot& snapshot) {
  std::string text;
  for (const AuditException& each : same) text += fmt::format("{}{}", text.empty() ? "" : ", ", each.prefix);
  const AuditException& first = same.front();
  text += ": " + (first.interface.empty() ? std::string("nowhere") : first.interface);
  if (first.route.empty()) return text + ", no route";
  text += fmt::format(", by \"{}\"", first.route);
  if (first.table != kTableMain) text += ", table " + snapshot.table_name(first.table);
  return text;
}

void write_exceptions(const AuditedPrefix& audited, const Snapshot& snapshot, Page& page) {
  const auto goes_as = [](const AuditException& left, const AuditException& right) {
    return left.interface == right.interface && left.route == right.route && left.table == right.table;
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

Style style_of(const AuditedPrefix& audited) {
  if (audited.status == PrefixStatus::kInside) return Style::kPlain;
  return audited.status == PrefixStatus::kPartial && !audited.has_unexpected ? Style::kPlain : Style::kDoubtful;
}

void write_prefix(const AuditedPrefix& audited, const Snapshot& snapshot, Page& page) {
  page.paragraph(fmt::format("{}  {}: {}", audited.prefix, prefix_status_name(audited.status), through_text(audited)),
                 2, style_of(audited));
  if (!audited.uncertain.empty()) page.paragraph("not certain: " + audited.uncertain, 4);
  write_exceptions(audited, snapshot, page);
}

/// What is not as the list says, the worst first; on a verbose page everything.
void write_prefixes(const RoutesAuditReport& report, Page& page) {
  constexpr std::array kWorstFirst = {PrefixStatus::kOutside, PrefixStatus::kUnrouted, PrefixStatus::kPartial,
                                      PrefixStatus::kInside};
  std::size_t left = page.verbose() ? report.audit.prefixes.size() : kMostPrefixes;
  std::size_t hidden = 0;
  bool is_first = true;
  for (const PrefixStatus status : kWorstFirst) {
    if (status == PrefixStatus::kInside && !page.verbose()) break;
    for (const AuditedPrefix& each : report.audit.prefixes) {
      if (each.status != status) continue;
      if (is_first) page.heading(page.verbose() ? "Prefixes" : "What does not go through the tunnel");
      is_first = false;
      if (left == 0) {
        ++hidden;
        continue;
      }
      --left;
      write_prefix(each, *report.snapshot, page);
    }
  }
  if (hidden > 0) page.paragraph(fmt::format("and {} more (--verbose lists them)", grouped(hidden)), 2, Style::kQuiet);
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

}  // namespace

std::string routes_headline(const RoutesAuditReport& report) {
  const CidrAudit& audit = report.audit;
  const std::size_t all = audit.prefixes.size();
  if (audit.inside == all) {
    return all == 1 ? fmt::format("The one prefix of the list goes through {}.", audit.interface)
                    : fmt::format("All {} prefixes of the list go through {}.", grouped(all), audit.interface);
  }
  std::string rest;
  add(rest, audit.partial, "only partly");
  add(rest, audit.outside, "not at all");
  add(rest, audit.unrouted, "nowhere");
  return fmt::format("{} of {} prefixes of the list go wholly through {}; {}.", grouped(audit.inside), grouped(all),
                     audit.interface, rest);
}

void write_sections(const RoutesAuditReport& report, Page& page) {
  write_prefixes(report, page);
  write_aggregated(report.audit, page);
}

}  // namespace vpndoctor
