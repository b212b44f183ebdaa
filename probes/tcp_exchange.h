// SPDX-License-Identifier: Apache-2.0
// One connection's examination: a small request, the wait for its reply, and full-size segments the other way. Keeps a
// record; what the record means beside those of other connections is not known here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tcp_connection.h"
#include "vpndoctor/client_hello.h"
#include "vpndoctor/probe.h"
#include "vpndoctor/tcp_evidence.h"

namespace vpndoctor {

/// What an exchange has to know of the others and of the path.
struct TcpExchangeContext {
  TimePoint now;
  Milliseconds round_trip{};
  Milliseconds wait{};              ///< after which something missing counts as lost
  std::uint64_t longest_reply = 0;  ///< of all connections so far
  bool forward = true;
};

class TcpExchange {
 public:
  /// Begins to connect at `now`; see TcpConnection.
  TcpExchange(const TcpProbeOptions& options, std::optional<std::uint32_t> packet_bytes, TimePoint now);

  TcpConnection& connection() { return connection_; }
  const TcpConnection& connection() const { return connection_; }
  TimePoint opened_at() const { return opened_at_; }

  /// Moves the connection on and notes what has changed.
  void advance(TimePoint now);
  bool asked() const { return asked_at_.has_value(); }
  /// Sends the opening message of `dialogue`.
  void ask(Dialogue dialogue, std::span<const std::byte> opening, TimePoint now);
  /// Sends full-size segments when it is time, and decides what is over.
  void drive(const TcpExchangeContext& context);
  /// Gives up: whatever is missing stays unknown.
  void abandon() { abandoned_ = true; }
  /// Both directions have their answer, or never will.
  bool done() const { return abandoned_ || (reverse_done_ && forward_done_); }

  /// Time from the request to the proof that full-size packets arrive; null without it.
  std::optional<Milliseconds> reply_time() const { return reply_time_; }
  /// Something was lost on this connection although its size gets through, or before size could matter.
  bool saw_loss() const;
  /// Why no full-size segment was sent; empty when one was, or nothing was in the way yet.
  const std::string& forward_obstacle() const { return forward_obstacle_; }
  TcpConnectionRecord record() const;

 private:
  bool request_acknowledged() const;
  bool reply_came_through() const;
  bool replied() const { return connection_.received_bytes() > greeting_bytes_; }
  std::uint32_t announced_packet_bytes() const;
  std::uint32_t largest_packet_bytes() const;
  std::uint32_t sending_packet_bytes() const;
  void drive_reverse(const TcpExchangeContext& context);
  void drive_forward(const TcpExchangeContext& context);
  void send_filler(TimePoint now);
  void judge_filler(const TcpExchangeContext& context);
  void end_forward(TcpForward outcome, std::string obstacle = {});

  Family family_;
  TcpConnection connection_;
  TimePoint opened_at_;
  Dialogue dialogue_ = Dialogue::kTls;
  std::optional<TimePoint> asked_at_;
  TimePoint last_data_at_;
  std::uint64_t seen_bytes_ = 0;
  std::uint64_t greeting_bytes_ = 0;
  std::optional<Milliseconds> reply_time_;
  bool waited_in_full_ = false;
  bool reverse_done_ = false;

  std::optional<TimePoint> filler_at_;
  std::uint64_t bytes_before_filler_ = 0;
  std::uint32_t retransmissions_before_filler_ = 0;
  std::uint32_t filler_mss_bytes_ = 0;
  TcpForward forward_ = TcpForward::kNotTested;
  std::uint32_t forward_packet_bytes_ = 0;
  std::string forward_obstacle_;
  bool forward_done_ = false;
  bool abandoned_ = false;
};

}  // namespace vpndoctor
