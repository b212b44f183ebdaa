// SPDX-License-Identifier: Apache-2.0
// The lines and the summary of routes watch.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "data_json.h"
#include "page.h"
#include "routes_text.h"
#include "units.h"
#include "vpndoctor/route_event.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/watch_render.h"

namespace vpndoctor {
namespace {

std::string how_it_went(const WatchEnd& end) {
  std::string text = counted(end.events, "change") + " seen";
  if (end.resynchronisations > 0) {
    text += fmt::format("; the state was read again {}, where events do not tell everything",
                        counted(end.resynchronisations, "time"));
  }
  return text + ".";
}

std::string headline_of(const RoutesDiffReport& report, const WatchEnd& end) {
  if (!report.diff.is_equal()) return "DIFFERENT: " + data_headline(report);
  if (!is_undetermined(report, end)) return "SAME: the end is as the start was.";
  if (report.diff.is_partial()) return "UNDETERMINED: " + data_headline(report);
  return "UNDETERMINED: something was still changing at the end; no difference is known.";
}

}  // namespace

bool is_undetermined(const RoutesDiffReport& report, const WatchEnd& end) {
  return report.diff.is_partial() || (report.diff.is_equal() && !end.stable);
}

std::string render_event_text(const EventLine& line, std::string_view clock_time, const TextOptions& options) {
  const std::string text = options.utf8 ? escape_controls(line.text) : escape_non_ascii(line.text);
  if (!options.color) return fmt::format("{}  {}\n", clock_time, text);
  return fmt::format("\x1b[2m{}\x1b[0m  {}\n", clock_time, text);
}

std::string render_watch_text(const RoutesDiffReport& report, const WatchEnd& end, const TextOptions& options) {
  const bool is_same = report.diff.is_equal() && !is_undetermined(report, end);
  const std::string headline = headline_of(report, end);
  if (options.quiet) return (options.utf8 ? escape_controls(headline) : escape_non_ascii(headline)) + "\n";
  Page page(options);
  page.blank_line();
  page.paragraph(headline, 0, is_same ? Style::kGood : Style::kDoubtful);
  write_sections(report, page);
  page.blank_line();
  page.paragraph(how_it_went(end), 0, Style::kQuiet);
  return page.text();
}

std::string render_watch_json(const RoutesDiffReport& report, const WatchEnd& end) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().field("kind", "summary").field("at", timestamp(end.at)).field("events", end.events);
  json.field("resynchronisations", end.resynchronisations).field("interrupted", end.interrupted);
  json.field("stable", end.stable).key("data");
  write_data(json, report);
  json.end_object();
  // A report's own line breaks are between values only: texts have theirs escaped.
  std::erase(line, '\n');
  return line + "\n";
}

std::string render_watch_began_json(std::chrono::system_clock::time_point at) {
  std::string line;
  JsonWriter(line).begin_object().field("kind", "began").field("at", timestamp(at)).end_object();
  return line + "\n";
}

}  // namespace vpndoctor
