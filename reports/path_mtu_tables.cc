// SPDX-License-Identifier: Apache-2.0
// The tables of the path MTU report: hops, sizes, and the MTU of tunnels over the path.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "path_mtu_text.h"
#include "size_groups.h"
#include "units.h"

namespace vpndoctor {
namespace {

std::string constriction_text(const PathMtuReport& report) {
  const PathMtuDiagnosis& diagnosis = report.diagnosis;
  if (!report.measurement.lost_bands.empty()) {
    const LostBand& band = report.measurement.lost_bands.front();
    return fmt::format("-- packets of {} to {} bytes get no further --", band.from_bytes, band.to_bytes);
  }
  if (diagnosis.path_mtu_bytes)
    return fmt::format("-- packets above {} bytes get no further --", *diagnosis.path_mtu_bytes);
  return "-- packets that are too large get no further --";
}

std::vector<std::string> hop_cells(const Hop& hop) {
  return {fmt::format("{}", hop.ttl), hop.address ? hop.address->to_string() : "silent",
          hop.rtt ? milliseconds_text(*hop.rtt) : "-", size_or_dash(hop.largest_bytes),
          size_or_dash(hop.reported_mtu_bytes)};
}

struct FateText {
  const char* text;
  Style style;
};

FateText fate_text(SizeFate fate) {
  switch (fate) {
    case SizeFate::kPasses:
      return {"gets through", Style::kPlain};
    case SizeFate::kPartly:
      return {"gets through only sometimes", Style::kDoubtful};
    case SizeFate::kRefused:
      return {"refused: a router says too big", Style::kDoubtful};
    case SizeFate::kVanishes:
      return {"vanishes in silence", Style::kBad};
    case SizeFate::kOneWay:
      return {"arrives; no large reply returns", Style::kDoubtful};
    case SizeFate::kUnanswered:
      break;
  }
  return {"no answer", Style::kDoubtful};
}

std::string range_text(const SizeGroup& group) {
  return group.from_bytes == group.to_bytes ? fmt::format("{}", group.from_bytes)
                                            : fmt::format("{} to {}", group.from_bytes, group.to_bytes);
}

/// "WireGuard over IPv4" is short enough as WireGuard where every line is over the same family.
std::string short_name(const std::string& name) {
  constexpr std::string_view kIpsec = "IPsec ESP tunnel";
  const std::string kind = name.substr(0, std::min(name.find(" over "), name.find(',')));
  return kind.starts_with(kIpsec) ? "IPsec" + kind.substr(kIpsec.size()) : kind;
}

void write_tunnels(const std::vector<TunnelMtuAdvice>& tunnels, Page& page) {
  if (tunnels.empty()) return;
  if (!page.verbose()) {
    std::string line;
    for (const TunnelMtuAdvice& each : tunnels)
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", short_name(each.name), each.interface_mtu_bytes);
    return page.field("tunnel MTUs", line);
  }
  page.blank_line();
  StyledTable table;
  table.table.columns = {{"a tunnel over this path", false, true}, {"overhead", true}, {"its MTU", true}};
  for (const TunnelMtuAdvice& each : tunnels) {
    table.table.rows.push_back(
        {each.name, fmt::format("{}", each.overhead_bytes), fmt::format("{}", each.interface_mtu_bytes)});
  }
  page.table(table);
}

std::string fit_text(const Advice& advice) {
  if (!advice.fit) return "";
  const std::int64_t by = std::abs(std::int64_t{advice.fit_bytes.value_or(0)});
  switch (*advice.fit) {
    case TunnelMtuFit::kTooLarge:
      return fmt::format("too large by {} bytes for the path that the tunnel's packets take", by);
    case TunnelMtuFit::kCouldBeRaised:
      return fmt::format("could be raised by {} bytes", by);
    case TunnelMtuFit::kExact:
      break;
  }
  return "fits the path that the tunnel's packets take";
}

std::string mss_text(const Advice& advice) {
  std::string text;
  if (advice.tcp_mss_inet_bytes) text = fmt::format("{} for IPv4", *advice.tcp_mss_inet_bytes);
  if (advice.tcp_mss_inet6_bytes)
    text += fmt::format("{}{} for IPv6", text.empty() ? "" : ", ", *advice.tcp_mss_inet6_bytes);
  if (text.empty() && advice.tcp_mss_bytes) text = fmt::format("{}", *advice.tcp_mss_bytes);
  return text;
}

void write_explanations(const Advice& advice, Page& page) {
  if (!page.verbose()) return;
  for (const EncapsulationMatch& each : advice.explanations) {
    page.item(fmt::format("{} = {} - {}: {}{}", each.underlay_bytes - each.overhead_bytes, each.underlay_bytes,
                          each.overhead_bytes, each.name, each.likely ? " (fits the interface)" : ""));
  }
}

}  // namespace

void write_hops(const PathMtuReport& report, Page& page) {
  const PathMtuMeasurement& measurement = report.measurement;
  if (measurement.hops.empty()) return;
  StyledTable table;
  table.table.columns = {{"hop", true, false},
                         {"address", false, true},
                         {"round trip", true},
                         {"largest seen", true},
                         {"its claim", true}};
  const auto add = [&table](std::vector<std::string> cells, Style style) {
    table.table.rows.push_back(std::move(cells));
    table.styles.push_back(style);
  };
  bool constriction_shown = !measurement.constriction;
  for (const Hop& hop : measurement.hops) {
    if (!constriction_shown && hop.ttl > measurement.constriction->from_ttl) {
      add({constriction_text(report)}, Style::kBad);
      constriction_shown = true;
    }
    add(hop_cells(hop), hop.address ? Style::kPlain : Style::kQuiet);
  }
  page.heading("Hops, with the largest packet in bytes that each was seen to receive");
  page.table(table);
}

void write_sizes(const PathMtuReport& report, Page& page) {
  const auto groups = group_sizes(report.measurement, report.diagnosis, !page.verbose());
  if (groups.empty()) return;
  StyledTable table;
  table.table.columns = {
      {"bytes", true}, {"sizes", true}, {"sent", true}, {"answered", true}, {"what becomes of them", false, true}};
  for (const SizeGroup& group : groups) {
    const bool shown_otherwise = group.fate == SizeFate::kPasses && group.answered == 0;
    const FateText fate =
        shown_otherwise ? FateText{"gets through, by other proof", Style::kPlain} : fate_text(group.fate);
    table.table.rows.push_back({range_text(group), fmt::format("{}", group.sizes), fmt::format("{}", group.sent),
                                fmt::format("{}", group.answered), fate.text});
    table.styles.push_back(fate.style);
  }
  page.heading("Packet sizes that were sent");
  page.table(table);
}

void write_arithmetic(const PathMtuDiagnosis& diagnosis, Page& page) {
  const Advice& advice = diagnosis.advice;
  const std::string mss = mss_text(advice);
  const std::string fit = fit_text(advice);
  if (advice.encapsulation.empty() && mss.empty() && fit.empty() && advice.tunnels.empty() &&
      !advice.interface_mtu_bytes)
    return;
  page.heading("The arithmetic");
  page.field("explained", advice.encapsulation);
  write_explanations(advice, page);
  page.field("TCP MSS", mss);
  page.field("tunnel MTU", fit);
  if (advice.interface_mtu_bytes && page.verbose())
    page.field("MTU to set", fmt::format("{} bytes", *advice.interface_mtu_bytes));
  write_tunnels(advice.tunnels, page);
}

}  // namespace vpndoctor
