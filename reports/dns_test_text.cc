// SPDX-License-Identifier: Apache-2.0
// The text of `dns test`: whether the servers answer, then each name on every way, side by side.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dns_text.h"
#include "vpndoctor/dns_message.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostAnswers = 3;
constexpr std::size_t kServerColumns = 39;
constexpr std::size_t kScopeColumns = 22;

/// Text from outside, cut so that a table stays one.
std::string cell(const std::string& text, std::size_t columns) { return shorten(escape_non_ascii(text), columns); }

std::string time_text(const std::optional<Milliseconds>& time) {
  if (!time) return {};
  return time->count() < 1000 ? fmt::format("{:.1f} ms", time->count()) : fmt::format("{:.1f} s", time->count() / 1000);
}

/// It ended before it was known whether there is an answer.
bool is_interrupted(const DnsExchange& exchange) {
  return exchange.outcome == DnsOutcome::kNotAsked && exchange.reason == "interrupted";
}

/// "3.1 ms", "3.1 ms REFUSED", "silent", "unreachable".
std::string exchange_text(const DnsExchange& exchange) {
  switch (exchange.outcome) {
    case DnsOutcome::kNotAsked:
      return is_interrupted(exchange) ? "interrupted" : "not asked";
    case DnsOutcome::kSilent:
      return "silent";
    case DnsOutcome::kUnreachable:
      return "unreachable";
    case DnsOutcome::kNotBound:
      return "not bound";
    case DnsOutcome::kMalformed:
      return "no DNS answer";
    case DnsOutcome::kAnswered:
      break;
  }
  const bool is_error = exchange.rcode.value_or(0) != kDnsNoError;
  return time_text(exchange.rtt) + (is_error ? " " + dns_rcode_name(*exchange.rcode) : "");
}

bool answers_only_plain(const DnsServerTest& server) {
  return server.udp.outcome != DnsOutcome::kAnswered && server.udp_plain.outcome == DnsOutcome::kAnswered;
}

/// UDP with EDNS; where that gets no answer, without.
const DnsExchange& udp_of(const DnsServerTest& server) {
  return answers_only_plain(server) ? server.udp_plain : server.udp;
}

std::string edns_text(const DnsServerTest& server) {
  if (answers_only_plain(server)) return "none";
  const auto lost = std::ranges::find(server.ladder, DnsOutcome::kSilent, &DnsExchange::outcome);
  if (lost != server.ladder.end()) return fmt::format("{} lost", lost->edns_bytes.value_or(0));
  if (server.largest_edns_bytes) return fmt::format("{}", *server.largest_edns_bytes);
  return server.udp.server_bytes ? fmt::format("{}", *server.udp.server_bytes) : "";
}

Style style_of(const DnsServerTest& server) {
  const bool asked = server.udp.outcome != DnsOutcome::kNotAsked;
  const bool answers = server.udp.outcome == DnsOutcome::kAnswered || server.udp_plain.outcome == DnsOutcome::kAnswered;
  if (!asked) return Style::kQuiet;
  return answers ? Style::kPlain : Style::kBad;
}

std::string scope_text(const DnsServerTest& server) {
  constexpr std::string_view kMark = " tunnel";
  if (server.is_named) return "(named)";
  const std::string name = cell(server.scope, kScopeColumns);
  const bool has_room = name.size() + kMark.size() <= kScopeColumns;
  return server.is_tunnel && has_room ? name + std::string(kMark) : name;
}

bool is_asked(const DnsServerTest& server) {
  return server.udp.outcome != DnsOutcome::kNotAsked || is_interrupted(server.udp);
}

/// What the table has no room for.
void write_details(const DnsServerTest& server, Page& page) {
  const std::string name = server.server.to_string();
  if (!is_asked(server)) {
    return page.item(fmt::format("{} of {} was not asked: {}", name, server.scope, server.udp.reason));
  }
  if (page.verbose() && !server.why_unbound.empty()) {
    page.item(fmt::format("{} was asked as the routes say: {}", name, server.why_unbound));
  }
  for (const DnsExchange* exchange : {&udp_of(server), &server.tcp}) {
    const char* transport = exchange->transport == DnsTransport::kTcp ? "TCP" : "UDP";
    const bool has_reason = exchange->outcome == DnsOutcome::kUnreachable ||
                            exchange->outcome == DnsOutcome::kNotBound || exchange->outcome == DnsOutcome::kMalformed;
    if (has_reason) page.item(fmt::format("{} over {}: {}", name, transport, exchange->reason));
    const bool answered = exchange->outcome == DnsOutcome::kAnswered;
    if (answered && exchange->sent > 1) page.item(fmt::format("{}: the first question was not answered", name));
    if (answered && exchange->truncated) page.item(fmt::format("{} over {}: its answer is truncated", name, transport));
  }
  const bool waits = server.control && server.control->outcome == DnsOutcome::kAnswered;
  if (waits) page.item(fmt::format("{} runs, but waits for others: it answers for localhost alone", name));
}

void write_servers(const DnsTestResults& results, Page& page) {
  if (results.servers.empty()) return;
  page.heading("Servers");
  StyledTable styled;
  styled.table.columns = {{"server"}, {"scope"}, {"UDP"}, {"TCP"}, {"EDNS"}};
  styled.table.columns[0].flexible = true;
  for (const DnsServerTest& server : results.servers) {
    if (!is_asked(server)) continue;
    styled.table.rows.push_back({cell(server.server.to_string(), kServerColumns), scope_text(server),
                                 exchange_text(udp_of(server)), exchange_text(server.tcp), edns_text(server)});
    styled.styles.push_back(style_of(server));
  }
  if (!styled.table.rows.empty()) page.table(styled);
  for (const DnsServerTest& server : results.servers) write_details(server, page);
  if (results.servers_left_out > 0) page.item(fmt::format("{} more servers were not asked.", results.servers_left_out));
}

std::string answer_text(const DnsWayAnswer& way, bool all) {
  if (way.outcome != DnsOutcome::kAnswered) return way.reason.empty() ? dns_outcome_name(way.outcome) : way.reason;
  if (way.addresses.empty()) {
    if (way.status == "NOERROR") return "no records";
    return way.reason.empty() ? way.status : fmt::format("{}: {}", way.status, way.reason);
  }
  const std::size_t shown = all ? way.addresses.size() : std::min(way.addresses.size(), kMostAnswers);
  std::string text = fmt::format(
      "{}", fmt::join(way.addresses.begin(), way.addresses.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < way.addresses.size()) text += fmt::format(", and {} more", way.addresses.size() - shown);
  return text;
}

bool has_found(const DnsWayAnswer& way) { return way.outcome == DnsOutcome::kAnswered && !way.addresses.empty(); }

/// ", but git.corp.example is found on no way": of the names that were asked for.
std::string not_found_text(const DnsTestResults& results) {
  constexpr std::size_t kWidestName = 50;
  std::vector<std::string> names;
  for (const DnsNameTest& name : results.names) {
    const bool is_asked =
        std::ranges::any_of(name.ways, [](const DnsWayAnswer& way) { return way.outcome != DnsOutcome::kNotAsked; });
    if (is_asked && std::ranges::none_of(name.ways, has_found)) {
      names.push_back(shorten(escape_non_ascii(name.name), kWidestName));
    }
  }
  if (names.empty()) return {};
  if (names.size() == 1) return fmt::format(", but {} is found on no way", names.front());
  return fmt::format(", but {} names are found on no way", names.size());
}

void write_name(const DnsNameTest& name, Page& page) {
  constexpr std::size_t kWidestName = 50;
  page.heading(
      fmt::format("{} {} on every way", shorten(escape_non_ascii(name.name), kWidestName), dns_type_name(name.type)));
  StyledTable styled;
  styled.table.columns = {{"way"}, {"scope"}, {"answer"}, {"time", true}};
  styled.table.columns[2].flexible = true;
  for (const DnsWayAnswer& way : name.ways) {
    styled.table.rows.push_back({cell(way.way, kServerColumns), cell(way.scope, kScopeColumns),
                                 answer_text(way, page.verbose()), time_text(way.took)});
    styled.styles.push_back(has_found(way) ? Style::kPlain : Style::kQuiet);
  }
  page.table(styled);
}

void write_hijack(const DnsTestResults& results, Page& page) {
  if (!results.has_hijack_test) return;
  page.heading("Does anybody answer for others?");
  if (results.hijack.empty()) page.item("No default route leads to an address where nobody is: nothing was sent.");
  for (const DnsHijackProbe& probe : results.hijack) {
    const bool answered = probe.exchange.outcome == DnsOutcome::kAnswered;
    const std::string what =
        answered ? "answered: intercepted" : exchange_text(probe.exchange) + ", which proves nothing";
    page.item(fmt::format("{} over {}{}: {}", probe.exchange.server.to_string(), probe.egress,
                          probe.through_tunnel ? " (tunnel)" : "", what));
  }
}

}  // namespace

std::string data_headline(const DnsTestReport& report) {
  const auto& servers = report.results.servers;
  const auto asked = static_cast<std::size_t>(std::ranges::count_if(servers, is_asked));
  if (asked == 0) return "No DNS server is configured that could be asked.";
  const auto answering = static_cast<std::size_t>(std::ranges::count_if(servers, [](const DnsServerTest& server) {
    return server.udp.outcome == DnsOutcome::kAnswered || server.udp_plain.outcome == DnsOutcome::kAnswered;
  }));
  if (std::ranges::any_of(servers, [](const DnsServerTest& server) { return is_interrupted(server.udp); })) {
    return fmt::format("{} of {} DNS servers had answered by then.", answering, asked);
  }
  const std::string but = not_found_text(report.results);
  if (answering == asked) {
    return asked == 1 ? fmt::format("The DNS server answers{}.", but)
                      : fmt::format("All {} DNS servers answer{}.", asked, but);
  }
  return fmt::format("{} of {} DNS servers answer{}{}.", answering, asked, answering == 1 ? "s" : "", but);
}

void write_sections(const DnsTestReport& report, Page& page) {
  write_servers(report.results, page);
  for (const DnsNameTest& name : report.results.names) {
    if (!name.ways.empty()) write_name(name, page);
  }
  write_hijack(report.results, page);
}

}  // namespace vpndoctor
