// SPDX-License-Identifier: Apache-2.0
// The text of the leaks command: its headline, what it rests on, and the order of its sections.
#include "leaks_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "leaks_text_parts.h"
#include "units.h"

namespace vpndoctor {
namespace {

std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text + ".";
}

std::string expectation_text(const VpnExpectation& expectation) {
  const std::string tunnel = expectation.interface.empty() ? "a tunnel" : expectation.interface;
  if (!expectation.mode) return expectation.interface.empty() ? "" : fmt::format("{} is there", tunnel);
  return fmt::format("{} traffic goes through {}", *expectation.mode == CoverageMode::kFull ? "all" : "a part of the",
                     tunnel);
}

std::string state_text(const LeaksReport& report) {
  const bool is_judged_here = report.capture && !report.capture->file.empty();
  if (report.state_name.empty()) return is_judged_here ? "this machine's, now: the capture is judged by it" : "";
  std::string text = report.state_name;
  if (report.snapshot->taken_at.time_since_epoch().count() != 0) {
    constexpr std::size_t kDate = 10;
    constexpr std::size_t kTime = 8;
    const std::string taken = timestamp(report.snapshot->taken_at);
    text += fmt::format(", taken on {} at {} UTC", taken.substr(0, kDate), taken.substr(kDate + 1, kTime));
  }
  return text;
}

bool shows_nothing(const FamilyCoverage& coverage) { return coverage.mode == CoverageMode::kUnknown; }

void write_overview(const LeaksReport& report, Page& page) {
  page.blank_line();
  const Coverage& coverage = report.coverage;
  if (shows_nothing(coverage.inet) && shows_nothing(coverage.inet6) &&
      coverage.inet.why_unknown == coverage.inet6.why_unknown) {
    page.field("coverage", family_text(coverage.inet));
  } else {
    page.field("IPv4", family_text(coverage.inet));
    page.field("IPv6", family_text(coverage.inet6));
  }
  page.field("expected", expectation_text(report.expectation));
  page.field("state", state_text(report));
  page.field("compared", report.before_name.empty() ? "" : "with " + report.before_name);
}

/// Facets that could not be read, or not wholly; those that nobody collected share a line.
class UnreadFacets {
 public:
  template <class T>
  void add(const char* name, const Observed<T>& facet) {
    if (!facet && facet.why_missing() == Observed<T>().why_missing()) {
      not_collected_.emplace_back(name);
    } else if (!facet) {
      unread_.push_back(fmt::format("{}: {}", name, facet.why_missing()));
    }
    if (!facet.limits().empty()) unread_.push_back(fmt::format("{}: {}", name, fmt::join(facet.limits(), "; ")));
  }
  void add(std::string text) { unread_.push_back(std::move(text)); }

  std::vector<std::string> lines() && {
    if (!not_collected_.empty()) add(fmt::format("not in this state: {}", fmt::join(not_collected_, ", ")));
    return std::move(unread_);
  }

 private:
  std::vector<std::string> not_collected_;
  std::vector<std::string> unread_;
};

}  // namespace

std::vector<std::string> unread_lines(const LeaksReport& report) {
  const Snapshot& snapshot = *report.snapshot;
  UnreadFacets facets;
  facets.add("links", snapshot.links);
  facets.add("addresses", snapshot.addresses);
  facets.add("routes", snapshot.routes);
  facets.add("rules", snapshot.rules);
  facets.add("tunnels", snapshot.tunnels);
  facets.add("the second look at the counters", snapshot.activity);
  facets.add("IPsec policies", snapshot.xfrm);
  facets.add("packet filter", snapshot.firewall);
  facets.add("DHCP leases", snapshot.leases);
  facets.add("signs of other VPNs", snapshot.vpn_signs);
  if (!report.why_no_before.empty()) facets.add(fmt::format("the baseline: {}", report.why_no_before));
  return std::move(facets).lines();
}

std::string data_headline(const LeaksReport& report) {
  const bool leaked = report.capture && !report.capture->leaks.empty();
  if (leaked) return sentence(capture_clause(*report.capture));
  const std::string broken = broken_tunnels_clause(report.tunnels);
  std::string text = coverage_clause(report);
  if (report.capture) text += "; " + capture_clause(*report.capture);
  const std::string open = report.bypass ? bypass_clause(*report.bypass) : "";
  if (!open.empty()) text += "; " + open;
  // A name is not written in another way because it comes first.
  return broken.empty() ? sentence(std::move(text)) : fmt::format("{}; {}.", broken, text);
}

void write_sections(const LeaksReport& report, Page& page) {
  write_overview(report, page);
  write_tunnels(report, page);
  write_peers(report, page);
  write_outside(report, page);
  if (report.capture) write_capture(*report.capture, page);
  if (report.bypass) write_bypass(*report.bypass, page);
  write_vpn_signs(*report.snapshot, page);
}

}  // namespace vpndoctor
