// SPDX-License-Identifier: Apache-2.0
// Tells the way there from the way back: UDP probes to a closed port, whose answers are small whatever the probe's
// size. Sparing: a Linux target answers six in a burst, then one a second.
#pragma once

#include <cstdint>
#include <optional>

#include "probe_ledger.h"
#include "vpndoctor/path_mtu.h"

namespace vpndoctor {

class ForwardCheck {
 public:
  ForwardCheck(const ProbeLedger& ledger, std::uint32_t control_bytes, std::uint32_t max_bytes);

  /// Asks whether `lost_bytes`, lost on the round trip above `passes_bytes`, gets there. `chance` as in LossModel.
  void start(std::uint32_t passes_bytes, std::uint32_t lost_bytes, double chance);
  /// Losses of probes before this index of the ledger prove nothing.
  void forget_losses_before(std::size_t index) { first_ = index; }
  std::optional<std::uint32_t> next(TimePoint now);
  bool settled() const { return settled_; }
  TimePoint not_before() const { return not_before_; }

  bool was_asked() const { return started_; }
  /// The target answered UDP at all.
  bool answers() const { return ledger_.any_reached(Method::kUdp); }
  /// What UDP proved of the way there; empty bounds when it proved nothing.
  SizeBounds bounds() const;
  std::optional<double> false_claim_probability() const;

 private:
  int evidence(std::uint32_t size_bytes) const;
  bool reached(std::uint32_t size_bytes) const { return ledger_.passes(Method::kUdp, size_bytes); }
  bool is_lost(std::uint32_t size_bytes) const;
  bool is_busy() const;
  std::optional<std::uint32_t> next_question() const;
  std::uint32_t ask();
  std::uint16_t silenced_since() const;

  const ProbeLedger& ledger_;
  std::uint32_t control_bytes_;
  std::uint32_t max_bytes_;
  std::uint32_t low_ = 0;   ///< gets there
  std::uint32_t high_ = 0;  ///< the size asked about first
  double chance_ = 1;
  std::size_t first_ = 0;
  bool started_ = false;
  bool control_due_ = false;
  std::uint32_t question_ = 0;  ///< of the burst being sent
  int pairs_left_ = 0;
  bool settled_ = true;
  int asked_ = 0;
  int waits_ = 0;
  std::uint16_t waited_for_ = 0;
  TimePoint not_before_{};
};

}  // namespace vpndoctor
