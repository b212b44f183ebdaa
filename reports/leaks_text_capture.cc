// SPDX-License-Identifier: Apache-2.0
// What a capture saw, and what probes past the tunnel proved.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "leaks_text_parts.h"
#include "units.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostLeaks = 15;
constexpr std::size_t kMostProbes = 12;
constexpr std::size_t kMostInterfaces = 6;
constexpr std::size_t kProtocolColumns = 12;

std::string where_text(const CaptureResult& capture) {
  const std::string interfaces = names_text(capture.interfaces, kMostInterfaces);
  const std::string time = seconds_text(capture.seconds);
  if (capture.file.empty()) return fmt::format("{} for {}", interfaces.empty() ? "no interface" : interfaces, time);
  const std::string file = capture.file == "-" ? "standard input" : capture.file;
  return fmt::format("{}{}, packets of {}", file, interfaces.empty() ? "" : " of " + interfaces, time);
}

std::string packets_text(const CaptureResult& capture) {
  std::string text = fmt::format("{} seen", counted(capture.packets, "packet"));
  if (capture.dropped != 0)
    text += fmt::format("; {} more were not seen: the kernel dropped them", grouped(capture.dropped));
  if (capture.dropped == 0 && capture.file.empty()) text += ", none dropped";
  return text;
}

/// Returns nothing where a leak was seen and no control: then the leak itself shows that the capture sees.
std::string control_text(const CaptureResult& capture) {
  if (capture.control_seen) return "seen: " + capture.control;
  return capture.leaks.empty() ? "NOT seen: " + capture.control : "";
}

/// "812 of the tunnels, 12 ARP, DHCP and the like".
std::string harmless_text(const CaptureCounts& counts) {
  const std::array kinds = {
      std::pair(counts.tunnel, "of the tunnels themselves"),
      std::pair(counts.control, "of ARP, neighbour discovery and DHCP"),
      std::pair(counts.local, "to the LAN"),
      std::pair(counts.by_configuration, "outside by configuration"),
      std::pair(counts.replies, "that answer what came from outside"),
      std::pair(counts.incoming, "that came in"),
      std::pair(counts.foreign, "of other machines"),
  };
  std::string text;
  for (const auto& [count, what] : kinds) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), what);
  }
  return text;
}

/// Empty: all were.
std::string unjudged_text(const CaptureResult& capture) {
  std::string text;
  if (capture.counts.undecided != 0) {
    text = fmt::format("{}: cut, malformed, not IP, or the tables do not tell",
                       counted(capture.counts.undecided, "packet"));
  }
  if (capture.untold == 0) return text;
  return fmt::format("{}{} of this machine: {}", text.empty() ? "" : text + "; ", counted(capture.untold, "packet"),
                     capture.why_untold);
}

/// What it is, who sent it, and what else there is to know of it.
std::string sender_text(const CaptureLeak& leak, bool with_interface) {
  std::string text = leak.kind.empty() ? "packets" : leak.kind;
  if (leak.is_forwarded) {
    text += " of another machine or a container";
  } else if (leak.owner) {
    text += " by " + process_text(leak.owner->pid, leak.owner->name);
  } else {
    text += ", sender not known";
  }
  if (leak.flows > 1) text += fmt::format(", {}", counted(leak.flows, "flow"));
  if (!leak.bound_interface.empty()) text += fmt::format(", bound to {}", leak.bound_interface);
  if (leak.is_midstream) text += ", may have begun before the capture";
  if (with_interface) text += fmt::format(", out of {}", leak.interface);
  return text;
}

void write_leaks(const CaptureResult& capture, Page& page) {
  const std::size_t shown = page.verbose() ? capture.leaks.size() : std::min(capture.leaks.size(), kMostLeaks);
  const bool has_several = capture.interfaces.size() > 1;
  StyledTable table;
  table.table.columns = {{"leaked to"}, {"packets", true}, {"bytes", true}, {"what, and by whom", false, true}};
  for (std::size_t i = 0; i < shown; ++i) {
    const CaptureLeak& leak = capture.leaks[i];
    table.table.rows.push_back({endpoint_text(leak.destination, leak.port), grouped(leak.packets),
                                bytes_sent_text(leak.bytes), sender_text(leak, has_several)});
    table.styles.push_back(Style::kDoubtful);
  }
  page.table(table);
  if (shown < capture.leaks.size()) {
    page.paragraph(fmt::format("and {} more; --verbose lists them", capture.leaks.size() - shown), 2, Style::kQuiet);
  }
  if (capture.is_cut) page.paragraph("There were more flows than are kept.", 2, Style::kQuiet);
}

/// Why each is a leak; many have the same reason.
void write_reasons(const CaptureResult& capture, Page& page) {
  std::vector<std::string> reasons;
  for (const CaptureLeak& leak : capture.leaks) {
    const bool is_said = std::ranges::find(reasons, leak.reason) != reasons.end();
    if (!is_said && !leak.reason.empty()) reasons.push_back(leak.reason);
  }
  const std::size_t shown = page.verbose() ? reasons.size() : std::min<std::size_t>(reasons.size(), 3);
  for (std::size_t i = 0; i < shown; ++i) page.item(reasons[i]);
}

std::string answer_text(const BypassTest& test) {
  if (!test.why_not.empty()) return fmt::format("nothing was tried: {}", test.why_not);
  const std::optional<bool> answer = can_bypass(test);
  if (!answer) return "not known: nobody answered, which proves nothing";
  return *answer ? "yes: a probe past it was answered" : "no: this machine refused every probe";
}

std::string probe_text(const BypassProbe& probe) {
  if (!probe.error.empty()) return probe.error;
  return probe.answered_by ? fmt::format("answered by {}", probe.answered_by->to_string()) : "no answer";
}

}  // namespace

std::string capture_clause(const CaptureResult& capture) {
  if (capture.leaks.empty()) {
    const std::string why = why_unanswered(capture);
    if (!why.empty()) return fmt::format("the capture proves nothing: {}", why);
    return capture.file.empty() ? fmt::format("a capture of {} saw no leak", seconds_text(capture.seconds))
                                : "the capture has no leak";
  }
  const CaptureLeak& first = capture.leaks.front();
  const std::string most = fmt::format("{} to {}", first.kind, endpoint_text(first.destination, first.port));
  if (capture.leaks.size() == 1) return fmt::format("one flow left outside the tunnel: {}", most);
  return fmt::format("{} flows left outside the tunnel, most packets of {}", grouped(capture.leaks.size()), most);
}

std::string bypass_clause(const BypassTest& test) {
  if (can_bypass(test)) return {};
  const std::string why = test.why_not.empty() ? "no probe was answered" : "nothing was tried, " + test.why_not;
  return "whether a program can pass the tunnel by is not known: " + why;
}

void write_capture(const CaptureResult& capture, Page& page) {
  page.heading("Packet capture");
  page.field("where", where_text(capture));
  page.field("packets", packets_text(capture));
  page.field("control", control_text(capture));
  page.field("no leak", harmless_text(capture.counts));
  page.field("not judged", unjudged_text(capture));
  page.field("kept in", capture.written_to);
  if (!capture.leaks.empty()) {
    page.blank_line();
    write_leaks(capture, page);
    write_reasons(capture, page);
  }
  for (const std::string& limit : capture.limits) page.item(limit);
}

void write_bypass(const BypassTest& test, Page& page) {
  page.heading("Can a program pass the tunnel by?");
  page.field("answer", answer_text(test));
  page.field("towards", test.why_not.empty() ? fmt::format("{} ({})", test.host, test.target.to_string()) : test.host);
  if (test.probes.empty()) return;
  StyledTable table;
  table.table.columns = {{"bound to"}, {"TTL", true}, {"probe"}, {"what came", false, true}};
  const std::size_t shown = page.verbose() ? test.probes.size() : std::min(test.probes.size(), kMostProbes);
  for (std::size_t i = 0; i < shown; ++i) {
    const BypassProbe& probe = test.probes[i];
    table.table.rows.push_back({cell_text(probe.interface, kInterfaceColumns), fmt::format("{}", probe.ttl),
                                cell_text(probe.protocol, kProtocolColumns), probe_text(probe)});
  }
  page.table(table);
  if (shown < test.probes.size()) {
    page.paragraph(fmt::format("and {} more; --verbose lists them", test.probes.size() - shown), 2, Style::kQuiet);
  }
}

}  // namespace vpndoctor
