// SPDX-License-Identifier: Apache-2.0
// The text of `dns explain`: who is asked in a sentence, then the same for each kind of program, then the scopes that
// were weighed with the rule that chose or rejected each, then to whom the name leaks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dns_text.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostQueries = 6;  ///< of one way that a line names
constexpr std::size_t kWidestScope = 24;

/// A name in a place that does not wrap.
std::string short_name(const std::string& name, std::size_t columns) {
  return shorten(escape_non_ascii(name), columns);
}

std::string caller_text(const DnsPath& path) {
  constexpr std::size_t kWidestInterface = 16;
  std::string text = dns_caller_name(path.caller);
  if (!path.interface.empty()) text += " " + short_name(path.interface, kWidestInterface);
  return text;
}

/// "10.66.0.1 through tun0", "all on lan0 by LLMNR".
std::string whom_text(const DnsQuery& query) {
  std::string text;
  if (query.server) {
    text = query.server->to_string();
    if (!query.interface.empty()) text += " through " + query.interface;
  } else {
    text = fmt::format("all on {} by {}", query.interface.empty() ? "its link" : query.interface,
                       query.protocol == "mdns" ? "mDNS" : "LLMNR");
  }
  if (query.protocol == "tls") text += " over TLS";
  return text;
}

/// The name as it is sent, where that is another one than was asked for.
std::string sent_text(const DnsQuery& query, const std::string& asked_name) {
  return query.name == canonical_dns_name(asked_name) ? "" : " as " + query.name;
}

/// "10.66.0.1 through tun0 and 192.0.2.1 through lan0, at once": what is asked in any case.
std::string first_asked_text(const DnsPath& path, const std::string& name) {
  std::string text;
  std::size_t count = 0;
  for (const DnsQuery& query : path.asked) {
    if (!query.only_if.empty() || ++count > kMostQueries) continue;
    text += (count == 1 ? "" : " and ") + whom_text(query) + sent_text(query, name);
  }
  if (count > kMostQueries) text += fmt::format(" and {} more", count - kMostQueries);
  return count > 1 && path.parallel ? text + ", at once" : text;
}

std::size_t count_conditional(const DnsPath& path) {
  return static_cast<std::size_t>(
      std::ranges::count_if(path.asked, [](const DnsQuery& query) { return !query.only_if.empty(); }));
}

/// Somebody is asked in any case.
bool asks_at_once(const DnsPath& path) { return count_conditional(path) < path.asked.size(); }

/// Whether the scope is left out of what a sentence names: others are asked first.
bool comes_later(const DnsPath& path, const std::string& scope) {
  const auto is_named = [&scope](const DnsQuery& query) { return query.only_if.empty() && query.scope == scope; };
  return asks_at_once(path) && std::ranges::none_of(path.asked, is_named);
}

/// The domains by which the scopes were chosen that are asked first; empty when no domain decided.
std::string domains_text(const DnsPath& path) {
  std::vector<std::string> domains;
  for (const DnsCandidate& each : path.candidates) {
    if (comes_later(path, each.scope)) continue;
    const bool is_news =
        each.chosen && !each.matched_domain.empty() && std::ranges::count(domains, each.matched_domain) == 0;
    if (is_news) domains.push_back(each.matched_domain == "." ? "~." : each.matched_domain);
  }
  return fmt::format("{}", fmt::join(domains, ", "));
}

/// " (systemd-resolved, for corp.example)": who decided, and by which domain.
std::string reason_text(const DnsPath& path, const std::string& resolver) {
  std::string text = path.candidates.empty() ? "" : resolver;
  const std::string domains = domains_text(path);
  if (!domains.empty()) text += (text.empty() ? "for " : ", for ") + domains;
  return text.empty() ? "" : fmt::format(" ({})", text);
}

/// Who weighs the candidates; empty where they are servers of a file.
std::string resolver_of(const Snapshot& snapshot) {
  switch (overview_of_dns(snapshot).model) {
    case DnsModel::kResolved:
      return "systemd-resolved";
    case DnsModel::kNetworkManagerDnsmasq:
      return "NetworkManager's dnsmasq";
    case DnsModel::kDnsmasq:
      return "dnsmasq";
    case DnsModel::kMacos:
      return "macOS";
    case DnsModel::kResolvConf:
    case DnsModel::kUnknown:
      break;
  }
  return {};
}

bool is_known(const DnsPath& path) {
  return path.is_answered_here || !path.asked.empty() || (path.why_none.empty() && path.uncertain.empty());
}

/// Why it is not known what becomes of a name.
std::string unknown_text(const DnsPath& path) { return path.why_none.empty() ? path.uncertain : path.why_none; }

/// Which of the servers that are asked in any case are outside the tunnel: ", outside the tunnel: a leak".
std::string leak_text(const DnsPath& path) {
  if (!path.leaks_to) return {};
  std::vector<std::string> outside;
  bool all = true;
  for (const DnsQuery& query : path.asked) {
    if (!query.only_if.empty()) continue;
    const std::string server = query.server ? query.server->to_string() : "";
    const bool leaks = std::ranges::find(*path.leaks_to, server) != path.leaks_to->end();
    all = all && leaks;
    if (leaks) outside.push_back(server);
  }
  if (outside.empty()) return {};
  return all ? ", outside the tunnel: a leak"
             : fmt::format(", of which {} is outside the tunnel: a leak", fmt::join(outside, ", "));
}

/// What follows the name in a sentence.
std::string fate_text(const DnsPath& path, const std::string& name, const std::string& resolver) {
  if (path.is_answered_here) {
    return fmt::format("is answered on this machine{}", path.answered_by.empty() ? "" : ", by " + path.answered_by);
  }
  if (path.asked.empty()) return "is sent to nobody" + reason_text(path, resolver);
  if (!asks_at_once(path)) {
    const DnsQuery& first = path.asked.front();
    return fmt::format("may go to {}{}{}, if {}", whom_text(first), sent_text(first, name), reason_text(path, resolver),
                       first.only_if);
  }
  return fmt::format("goes to {}{}{}", first_asked_text(path, name), reason_text(path, resolver), leak_text(path));
}

std::string path_text(const DnsPath& path, const std::string& name, const std::string& resolver) {
  if (!path.why_none.empty()) return "there is no such way here: " + path.why_none;
  if (!is_known(path)) return "not known: " + path.uncertain;
  std::string text = fate_text(path, name, resolver);
  // Where all are asked on a condition, the first is named already.
  const std::size_t named = asks_at_once(path) || path.asked.empty() ? 0 : 1;
  if (const std::size_t more = count_conditional(path) - named; more > 0) {
    text += fmt::format("; if that fails, {} more, see below", more);
  }
  if (!path.uncertain.empty()) text += "; not certain: " + path.uncertain;
  return text;
}

/// Callers joined whose `part` of the way is the same, in the order of the first.
template <class Part>
std::vector<std::pair<std::string, const DnsPath*>> same_ways(const std::vector<DnsPath>& paths, Part part) {
  std::vector<std::pair<std::string, const DnsPath*>> groups;
  for (const DnsPath& path : paths) {
    const auto same =
        std::ranges::find_if(groups, [&](const auto& group) { return part(*group.second) == part(path); });
    if (same == groups.end()) {
      groups.emplace_back(caller_text(path), &path);
    } else {
      same->first += ", " + caller_text(path);
    }
  }
  return groups;
}

void write_ways(const DnsExplainReport& report, Page& page) {
  const std::string resolver = resolver_of(*report.snapshot);
  std::vector<std::pair<std::string, std::string>> said;  // the text and the caller that has it
  for (const DnsPath& path : report.explanation.paths) {
    const std::string text = path_text(path, report.explanation.name, resolver);
    const auto same = std::ranges::find(said, text, &std::pair<std::string, std::string>::first);
    page.field(caller_text(path), same == said.end() ? text : "the same as " + same->second);
    if (same == said.end()) said.emplace_back(text, caller_text(path));
  }
}

/// "192.0.2.1 through eth0 for git.corp.example, if git.home.lan is not found".
std::string query_text(const DnsQuery& query) {
  std::string text = fmt::format("{} for {}", whom_text(query), query.name);
  if (!query.only_if.empty()) text += ", if " + query.only_if;
  return text;
}

std::vector<std::string> query_texts(const DnsPath& path) {
  std::vector<std::string> texts;
  texts.reserve(path.asked.size());
  for (const DnsQuery& query : path.asked) texts.push_back(query_text(query));
  return texts;
}

/// Where more than the first questions may follow.
void write_order(const DnsExplanation& explanation, Page& page) {
  constexpr std::size_t kMostSteps = 8;
  for (const auto& [callers, path] : same_ways(explanation.paths, query_texts)) {
    if (count_conditional(*path) == 0) continue;
    page.heading(fmt::format("Who is asked, in this order ({})", callers));
    const std::vector<std::string> texts = query_texts(*path);
    const std::size_t shown = page.verbose() ? texts.size() : std::min(texts.size(), kMostSteps);
    for (std::size_t i = 0; i < shown; ++i) page.step(i + 1, texts[i]);
    if (texts.size() > shown) page.paragraph(fmt::format("and {} more; --verbose lists them", texts.size() - shown));
  }
}

void write_steps_passed(const DnsExplanation& explanation, Page& page) {
  for (const auto& [callers, path] : same_ways(explanation.paths, [](const DnsPath& each) { return each.steps; })) {
    if (path->steps.empty()) continue;
    page.heading("The way of " + callers);
    for (std::size_t i = 0; i < path->steps.size(); ++i) page.step(i + 1, path->steps[i]);
  }
}

/// Everything that a reader sees of the candidates.
std::vector<std::vector<std::string>> candidate_rows(const DnsPath& path) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(path.candidates.size());
  for (const DnsCandidate& each : path.candidates) {
    rows.push_back({each.chosen ? "*" : "", short_name(each.scope, kWidestScope), each.score.to_string(), each.rule});
  }
  return rows;
}

void write_candidates(const DnsExplanation& explanation, Page& page) {
  for (const auto& [callers, path] : same_ways(explanation.paths, candidate_rows)) {
    if (path->candidates.empty()) continue;
    page.heading(fmt::format("Who might be asked ({})", callers));
    StyledTable table;
    table.table.columns = {{""}, {"scope"}, {"score"}, {"rule", false, true}};
    table.table.rows = candidate_rows(*path);
    for (const DnsCandidate& each : path->candidates) {
      table.styles.push_back(each.chosen ? Style::kStrong : Style::kPlain);
    }
    page.table(table);
  }
}

void write_leaks(const DnsExplanation& explanation, Page& page) {
  bool has_heading = false;
  const auto say = [&](const std::string& text) {
    if (!has_heading) page.heading("Leaks");
    has_heading = true;
    page.item(text);
  };
  const auto whom = [](const DnsPath& path) { return std::pair(path.leaks_to, path.why_leaks_unknown); };
  for (const auto& [callers, path] : same_ways(explanation.paths, whom)) {
    if (!path->why_none.empty()) continue;
    if (!path->leaks_to) {
      say(fmt::format("{}: not known: {}", callers, path->why_leaks_unknown));
    } else if (!path->leaks_to->empty()) {
      say(fmt::format("{}: {} may get the name, outside every tunnel", callers, fmt::join(*path->leaks_to, ", ")));
    }
  }
}

/// The callers that have the note; empty when it holds for every way that there is.
std::string callers_of_note(const std::vector<DnsPath>& paths, const std::string& note) {
  std::vector<std::string> callers;
  bool all = true;
  for (const DnsPath& path : paths) {
    if (std::ranges::find(path.notes, note) != path.notes.end()) {
      callers.push_back(caller_text(path));
    } else {
      all = all && !path.why_none.empty();
    }
  }
  return all ? "" : fmt::format("{}", fmt::join(callers, ", "));
}

void write_notes(const DnsExplanation& explanation, Page& page) {
  std::vector<std::string> said;
  for (const DnsPath& path : explanation.paths) {
    for (const std::string& note : path.notes) {
      if (std::ranges::find(said, note) != said.end()) continue;
      if (said.empty()) page.heading("Notes");
      const std::string callers = callers_of_note(explanation.paths, note);
      page.item(callers.empty() ? note : fmt::format("{}: {}", callers, note));
      said.push_back(note);
    }
  }
}

/// The way that most programs go: the first that there is.
const DnsPath* main_path(const DnsExplanation& explanation) {
  const auto path = std::ranges::find_if(explanation.paths, is_known);
  return path == explanation.paths.end() ? nullptr : &*path;
}

}  // namespace

std::string data_headline(const DnsExplainReport& report) {
  const DnsExplanation& explanation = report.explanation;
  const DnsPath* path = main_path(explanation);
  const std::string resolver = resolver_of(*report.snapshot);
  if (path == nullptr) {
    const bool has_no_way =
        std::ranges::all_of(explanation.paths, [](const DnsPath& each) { return !each.why_none.empty(); });
    if (has_no_way && !explanation.paths.empty()) {
      const DnsPath& none = explanation.paths.front();
      return fmt::format("{} is not asked by way of {}: {}.", explanation.name, caller_text(none), none.why_none);
    }
    const std::string why = explanation.paths.empty() ? "" : unknown_text(explanation.paths.front());
    return fmt::format("Who would be asked for {} is not known{}{}.", explanation.name, why.empty() ? "" : ": ", why);
  }
  std::string text = fmt::format("{} {}", explanation.name, fate_text(*path, explanation.name, resolver));
  if (!path->uncertain.empty()) text += "; that is not certain";
  return text + ".";
}

void write_sections(const DnsExplainReport& report, Page& page) {
  const DnsExplanation& explanation = report.explanation;
  page.blank_line();
  if (explanation.type != kDnsTypeA) page.field("type", dns_type_name(explanation.type));
  write_ways(report, page);
  write_candidates(explanation, page);
  write_leaks(explanation, page);
  write_order(explanation, page);
  write_steps_passed(explanation, page);
  write_notes(explanation, page);
}

}  // namespace vpndoctor
