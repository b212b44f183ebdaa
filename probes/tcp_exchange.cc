// SPDX-License-Identifier: Apache-2.0
// The course of one connection's examination. Takes all time from its caller.
#include "tcp_exchange.h"

#include <algorithm>

namespace vpndoctor {
namespace {

// The kernel's first guess of the segment size (TCP_MSS_DEFAULT); only more than that was measured.
constexpr std::uint32_t kGuessedMss = 536;
// Longer than the 0.2 s after which Linux, the BSDs and Windows send again at the earliest.
constexpr Milliseconds kQuiet{300};
// A full-size segment must have been lost this often beyond its first time to count as lost.
constexpr std::uint32_t kRetransmissions = 3;
// RFC 2018: three blocks beside timestamps. A segment that first went out with them goes out smaller without them.
constexpr std::uint32_t kLargestSackOptionBytes = 28;

}  // namespace

TcpExchange::TcpExchange(const TcpProbeOptions& options, std::optional<std::uint32_t> packet_bytes, TimePoint now)
    : family_(options.target.family), connection_(options, packet_bytes), opened_at_(now), last_data_at_(now) {}

void TcpExchange::advance(TimePoint now) {
  connection_.advance();
  if (connection_.received_bytes() == seen_bytes_) return;
  seen_bytes_ = connection_.received_bytes();
  last_data_at_ = now;
  if (asked_at_ && !reply_time_ && reply_came_through()) reply_time_ = now - *asked_at_;
}

/// In order, and long enough that full-size packets, of whatever size the peer chose, must have been among it.
bool TcpExchange::reply_came_through() const {
  const std::uint64_t reply_bytes = connection_.received_bytes() - greeting_bytes_;
  return largest_packet_bytes() >= announced_packet_bytes() ||
         reply_bytes >= std::uint64_t{2} * connection_.status().announced_mss_bytes;
}

void TcpExchange::ask(Dialogue dialogue, std::span<const std::byte> opening, TimePoint now) {
  dialogue_ = dialogue;
  greeting_bytes_ = connection_.received_bytes();
  connection_.send(opening);
  asked_at_ = now;
}

bool TcpExchange::request_acknowledged() const {
  if (!asked_at_) return false;
  const std::uint64_t request_bytes = filler_at_ ? bytes_before_filler_ : connection_.sent_bytes();
  return replied() || connection_.status().acknowledged_bytes >= request_bytes;
}

std::uint32_t TcpExchange::announced_packet_bytes() const {
  return packet_bytes_of_mss(family_, connection_.status().announced_mss_bytes);
}

std::uint32_t TcpExchange::largest_packet_bytes() const {
  const TcpStatus& status = connection_.status();
  const std::uint32_t measured = status.receive_mss_bytes > kGuessedMss ? status.receive_mss_bytes : 0;
  const std::uint32_t payload = std::max(measured, status.average_received_bytes);
  if (payload == 0) return 0;
  return std::min(packet_bytes_of_mss(family_, payload + status.option_bytes), announced_packet_bytes());
}

std::uint32_t TcpExchange::sending_packet_bytes() const {
  const TcpStatus& status = connection_.status();
  return packet_bytes_of_mss(family_, status.send_mss_bytes + status.option_bytes);
}

void TcpExchange::drive(const TcpExchangeContext& context) {
  if (connection_.state() == TcpConnection::State::kFailed) abandoned_ = true;
  if (abandoned_ || !asked_at_) return;
  drive_reverse(context);
  drive_forward(context);
}

void TcpExchange::drive_reverse(const TcpExchangeContext& context) {
  if (reverse_done_) return;
  const bool same_as_others = replied() && connection_.received_bytes() + kReplySlackBytes >= context.longest_reply;
  const Milliseconds quiet_for = context.now - last_data_at_;
  const bool ended = same_as_others && quiet_for >= std::max(kQuiet, context.round_trip * 3);
  const Milliseconds waited = context.now - *asked_at_;
  waited_in_full_ = request_acknowledged() && waited >= context.wait;
  reverse_done_ = reply_time_ || ended || waited_in_full_ || waited >= context.wait * 2 ||
                  connection_.state() == TcpConnection::State::kClosedByPeer;
}

void TcpExchange::end_forward(TcpForward outcome, std::string obstacle) {
  forward_ = outcome;
  forward_obstacle_ = std::move(obstacle);
  forward_done_ = true;
}

void TcpExchange::drive_forward(const TcpExchangeContext& context) {
  if (forward_done_) return;
  if (!context.forward) return end_forward(TcpForward::kNotTested);
  if (filler_at_) return judge_filler(context);
  if (connection_.state() == TcpConnection::State::kClosedByPeer) {
    return end_forward(TcpForward::kNotTested, "the peer hung up before a full-size segment could be sent");
  }
  const Milliseconds waited = context.now - *asked_at_;
  if (replied() || (request_acknowledged() && waited >= context.round_trip * 3)) return send_filler(context.now);
  if (waited >= context.wait * 2) end_forward(TcpForward::kNotTested, "the small request was not acknowledged");
}

/// While we report missing data of the peer, SACK blocks take room from our segments: the filler then ends in a small
/// one. So only an acknowledgement of a whole segment in sequence counts, never a selective one.
void TcpExchange::send_filler(TimePoint now) {
  const TcpStatus& status = connection_.status();
  const std::uint32_t mss = status.send_mss_bytes;
  const std::size_t segments = mss == 0 ? 0 : std::min<std::size_t>(2, longest_unfinished_message(dialogue_) / mss);
  if (segments == 0) return end_forward(TcpForward::kNotTested, "the protocol has no message that fills a packet");
  if (status.peer_window_bytes < mss) {
    return end_forward(TcpForward::kNotTested, "the peer's window is smaller than a full-size segment");
  }
  filler_at_ = now;
  filler_mss_bytes_ = mss;
  bytes_before_filler_ = connection_.sent_bytes();
  retransmissions_before_filler_ = status.retransmissions;
  forward_packet_bytes_ = sending_packet_bytes();
  connection_.send(unfinished_message(dialogue_, connection_.head(), segments * mss));
}

void TcpExchange::judge_filler(const TcpExchangeContext& context) {
  const TcpStatus& status = connection_.status();
  const std::uint32_t again = status.retransmissions - retransmissions_before_filler_;
  // A too-big message or the kernel's own search may have made the segments smaller meanwhile.
  const std::uint32_t mss = std::min(filler_mss_bytes_, status.send_mss_bytes);
  forward_packet_bytes_ = std::min(forward_packet_bytes_, sending_packet_bytes());
  if (status.acknowledged_bytes >= bytes_before_filler_ + mss) {
    const bool resent_smaller = status.out_of_order_segments > 0 && again > 0;
    forward_packet_bytes_ -= resent_smaller ? kLargestSackOptionBytes : 0;
    return end_forward(TcpForward::kAcknowledged);
  }
  if (connection_.state() == TcpConnection::State::kClosedByPeer) {
    return end_forward(TcpForward::kNotTested, "the peer hung up before it acknowledged a full-size segment");
  }
  const Milliseconds waited = context.now - *filler_at_;
  if (waited >= context.wait && again >= kRetransmissions) return end_forward(TcpForward::kUnacknowledged);
  if (waited >= context.wait * 2) end_forward(TcpForward::kNotTested, "full-size segments were not sent often enough");
}

/// Where the reply is missing, retransmissions of ours prove nothing: the acknowledgement travelled with the lost
/// reply.
bool TcpExchange::saw_loss() const {
  const TcpStatus& status = connection_.status();
  const bool whole_reply = reply_time_ || (reverse_done_ && replied() && !waited_in_full_);
  if (!whole_reply) return false;
  const std::uint32_t before = filler_at_ ? retransmissions_before_filler_ : status.retransmissions;
  const bool filler_again = forward_ == TcpForward::kAcknowledged && status.retransmissions > before;
  return before > 0 || filler_again || status.out_of_order_segments > 0;
}

TcpConnectionRecord TcpExchange::record() const {
  TcpConnectionRecord record;
  record.announced_packet_bytes = announced_packet_bytes();
  record.established = connection_.status().handshake_done;
  record.request_acknowledged = request_acknowledged();
  record.closed_by_peer = connection_.state() == TcpConnection::State::kClosedByPeer;
  record.waited_in_full = waited_in_full_;
  record.received_bytes = connection_.received_bytes();
  record.largest_packet_bytes = largest_packet_bytes();
  record.forward = forward_;
  record.forward_packet_bytes = forward_ == TcpForward::kNotTested ? 0 : forward_packet_bytes_;
  return record;
}

}  // namespace vpndoctor
