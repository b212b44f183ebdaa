// SPDX-License-Identifier: Apache-2.0
// The text of `mtu --read`: what the capture is, and a table of its flows.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "leaks_text.h"
#include "units.h"

namespace vpndoctor {
namespace {

/// More is shown on a verbose page only.
constexpr std::size_t kShownRows = 20;

std::string end_text(const IpAddress& address, std::uint16_t port) {
  return fmt::format(fmt::runtime(address.family == Family::kInet ? "{}:{}" : "[{}]:{}"), address.to_string(), port);
}

std::string flow_text(const FlowMtu& flow) {
  return fmt::format("{} > {}", end_text(flow.source, flow.source_port),
                     end_text(flow.destination, flow.destination_port));
}

struct StatusText {
  const char* text;
  Style style;
};

/// Smaller segments were sent again as well.
bool is_of_any_size(const FlowMtu& flow) { return flow.retransmitted > flow.retransmitted_full; }

StatusText status_text(const FlowMtu& flow) {
  switch (flow.status) {
    case FlowMtuStatus::kClear:
      return {"full packets pass", Style::kGood};
    case FlowMtuStatus::kSignalled:
      return {"told, and adapted", Style::kPlain};
    case FlowMtuStatus::kLossy:
      return {is_of_any_size(flow) ? "loss of any size" : "plain loss", Style::kDoubtful};
    case FlowMtuStatus::kUndetermined:
      return {"not known", Style::kQuiet};
    case FlowMtuStatus::kBlackHole:
      break;
  }
  if (flow.is_message_ignored) return {"told, and did not listen", Style::kBad};
  if (flow.confidence == Confidence::kProven) return {"black hole", Style::kBad};
  return flow.confidence == Confidence::kLikely ? StatusText{"black hole, very likely", Style::kBad}
                                                : StatusText{"black hole, perhaps", Style::kDoubtful};
}

std::size_t count_status(const CaptureFlows& flows, FlowMtuStatus status) {
  return static_cast<std::size_t>(std::ranges::count(flows.flows, status, &FlowMtu::status));
}

std::string packets_text(const CaptureFlows& flows) {
  std::string text = counted(flows.packets, "packet");
  if (flows.not_decoded > 0) text += fmt::format(", {} of them not IP or malformed", grouped(flows.not_decoded));
  return text;
}

std::string flows_text(const CaptureFlows& flows) {
  std::string text = counted(flows.flows.size(), "direction") + " of TCP connections with data";
  const auto offloaded = std::ranges::count_if(flows.flows, [](const FlowMtu& flow) { return flow.offloaded > 0; });
  if (offloaded > 0)
    text += fmt::format("; in {} the card merges or splits segments, whose size on the wire follows from the MSS",
                        offloaded);
  return text;
}

void add_row(const FlowMtu& flow, StyledTable& table) {
  const StatusText status = status_text(flow);
  table.table.rows.push_back({flow_text(flow), size_or_dash(flow.largest_acknowledged_bytes),
                              size_or_dash(flow.smallest_lost_bytes), fmt::format("{}", flow.retransmitted),
                              status.text});
  table.styles.push_back(status.style);
}

void write_why(const CaptureFlows& flows, Page& page) {
  if (!page.verbose()) return;
  page.heading("What the verdicts rest on");
  for (const FlowMtu& flow : flows.flows) page.item(fmt::format("{}: {}.", flow_text(flow), flow.why));
}

}  // namespace

std::string data_headline(const CaptureFlows& flows) {
  if (flows.flows.empty() && flows.cut > 0)
    return fmt::format("{} within the TCP header, and no connection can be told: capture again with tcpdump -s 128.",
                       flows.cut == 1 ? "A packet is cut" : grouped(flows.cut) + " packets are cut");
  if (flows.flows.empty()) return "There is no TCP connection with data in the capture.";
  const std::size_t clear = count_status(flows, FlowMtuStatus::kClear);
  const std::size_t signalled = count_status(flows, FlowMtuStatus::kSignalled);
  const std::size_t unknown = count_status(flows, FlowMtuStatus::kUndetermined);
  if (unknown == flows.flows.size()) return "The capture does not tell whether full packets get through.";
  if (signalled > 0)
    return fmt::format("No black hole: in {} the sender was told to send smaller packets, and did.",
                       counted(signalled, "flow"));
  if (clear > 0) return fmt::format("No black hole: full packets got through in {}.", counted(clear, "flow"));
  const bool any_size = std::ranges::any_of(flows.flows, is_of_any_size);
  return fmt::format("No black hole: packets were lost{}.", any_size ? " whatever their size" : ", and full ones pass");
}

void write_sections(const CaptureFlows& flows, Page& page) {
  page.blank_line();
  page.field("capture", flows.file == "-" ? "standard input" : flows.file);
  page.field("packets", packets_text(flows));
  if (!flows.flows.empty()) page.field("flows", flows_text(flows));
  for (const std::string& limit : flows.limits) page.field("limit", limit);
  if (flows.flows.empty()) return;
  StyledTable table;
  table.table.columns = {
      {"flow", false, true}, {"passed", true}, {"lost from", true}, {"sent again", true}, {"verdict"}};
  const std::size_t shown = page.verbose() ? flows.flows.size() : std::min(flows.flows.size(), kShownRows);
  for (std::size_t index = 0; index < shown; ++index) add_row(flows.flows[index], table);
  page.heading("TCP flows, with the largest packet that passed and the smallest that did not");
  page.table(table);
  if (shown < flows.flows.size())
    page.paragraph(fmt::format("and {} more (--verbose shows all)", grouped(flows.flows.size() - shown)), 2,
                   Style::kQuiet);
  write_why(flows, page);
}

}  // namespace vpndoctor
