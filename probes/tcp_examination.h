// SPDX-License-Identifier: Apache-2.0
// TCP's part of a measurement: one look at the port, then as many rounds of connections as the question needs.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "vpndoctor/tcp_prober.h"

namespace vpndoctor {

/// What to find out once the port is open.
struct TcpQuestion {
  std::vector<std::uint32_t> sizes;  ///< packet sizes of interest
  std::optional<Milliseconds> rtt;   ///< when other probes have measured it
  bool forward = true;               ///< the way there too
  bool is_lossless = false;          ///< other probes saw no loss: a first retransmission is worth waiting for, no more
  bool to_the_byte = false;          ///< nothing else can tell the sizes: close in on them
};

class TcpExamination {
 public:
  /// `requested`: the user named the port.
  TcpExamination(TcpProbeOptions options, bool requested);

  std::vector<pollfd> descriptors() const { return prober_->descriptors(); }
  TimePoint wake_at() const { return prober_->wake_at(); }
  void step(TimePoint now);
  bool was_requested() const { return requested_; }
  bool is_open() const;
  bool has_begun() const { return question_.has_value(); }
  void begin(TcpQuestion question, TimePoint now);
  bool done() const { return prober_->done(); }
  /// Everything learned so far, over all rounds.
  TcpEvidence evidence() const;

 private:
  void start_round(std::vector<std::uint32_t> sizes, TimePoint now);

  TcpProbeOptions options_;
  bool requested_;
  std::optional<TcpQuestion> question_;
  std::unique_ptr<TcpProber> prober_;
  std::optional<TcpEvidence> earlier_rounds_;
  int rounds_ = 1;
};

}  // namespace vpndoctor
