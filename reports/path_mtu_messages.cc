// SPDX-License-Identifier: Apache-2.0
// What routers said about sizes (too-big messages) and what TCP showed.
#include <fmt/format.h>

#include <algorithm>

#include "path_mtu_text.h"
#include "units.h"

namespace vpndoctor {
namespace {

std::string message_text(const TooBigMessage& message) {
  std::string text = message.mtu_bytes == 0 ? fmt::format("{} names no size", message.from)
                                            : fmt::format("{} claims {} bytes", message.from, message.mtu_bytes);
  if (message.probe_bytes) text += fmt::format(", about a packet of {}", *message.probe_bytes);
  if (message.count > 1) text += fmt::format(" ({} times)", message.count);
  return text;
}

std::string judged_text(const TooBigMessage& message) {
  const std::string text = message_text(message);
  if (message.accepted) return text + ": believed, then verified";
  return text + ": not believed" + (message.reason.empty() ? "" : ", " + message.reason);
}

std::string direction_text(std::optional<std::uint32_t> full, std::optional<std::uint32_t> lost) {
  if (full && lost) return fmt::format("packets of {} bytes get through, of {} do not", *full, *lost);
  if (full) return fmt::format("packets of {} bytes get through", *full);
  return lost ? fmt::format("packets of {} bytes do not get through", *lost) : "";
}

std::string mss_text(const TcpEvidence& tcp) {
  std::string text;
  if (tcp.sent_mss_bytes) text = fmt::format("{} bytes announced here", *tcp.sent_mss_bytes);
  if (tcp.peer_mss_bytes) text += fmt::format("{}{} by the peer", text.empty() ? "" : ", ", *tcp.peer_mss_bytes);
  return text;
}

std::string state_text(const TcpEvidence& tcp) {
  switch (tcp.state) {
    case TcpEvidence::State::kOpen:
      return fmt::format("{}, open", tcp.port);
    case TcpEvidence::State::kRefused:
      return fmt::format("{}, closed: the target refuses connections", tcp.port);
    case TcpEvidence::State::kSilent:
      break;
  }
  return fmt::format("{}, no answer", tcp.port);
}

}  // namespace

void write_too_big_messages(const PathMtuMeasurement& measurement, Page& page) {
  if (measurement.too_big.empty() && measurement.too_big_not_delivered.empty()) return;
  constexpr std::size_t kShown = 5;
  page.heading("Too-big messages");
  const std::size_t shown = page.verbose() ? measurement.too_big.size() : std::min(kShown, measurement.too_big.size());
  for (std::size_t i = 0; i < shown; ++i) page.item(judged_text(measurement.too_big[i]));
  if (shown < measurement.too_big.size()) {
    page.item(fmt::format("{} more are listed with --verbose", measurement.too_big.size() - shown));
  }
  for (const TooBigMessage& message : measurement.too_big_not_delivered) {
    page.item(message_text(message) + ": arrived on the wire, but this machine let no program have it");
  }
}

void write_tcp(const PathMtuMeasurement& measurement, Page& page) {
  if (!measurement.tcp) return;
  const TcpEvidence& tcp = *measurement.tcp;
  page.heading("TCP");
  page.field("port", state_text(tcp));
  page.field("MSS", mss_text(tcp));
  page.field("way there", direction_text(tcp.forward_full_bytes, tcp.forward_lost_bytes));
  page.field("way back", direction_text(tcp.reverse_full_bytes, tcp.reverse_lost_bytes));
  for (const std::string& note : tcp.notes) page.item(note);
}

}  // namespace vpndoctor
