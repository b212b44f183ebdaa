// SPDX-License-Identifier: Apache-2.0
// Looks at the way back alone: a large echo that travels there in small fragments comes back in fragments as large as
// the target's link allows, and its last fragment is small. Tail without head: large packets die on the way back. No
// reply at all although a small fragmented echo is answered: large echoes are filtered.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "probe_ledger.h"

namespace vpndoctor {

class ReplyCheck {
 public:
  /// `passes_bytes` gets through both ways: no fragment there is larger, and the small echo's reply neither.
  void start(std::uint32_t passes_bytes) {
    if (fragment_bytes_ == 0) fragment_bytes_ = std::min(passes_bytes * 2 / 3, kLargestFragment);
  }
  /// Returns the next probe; its id is for the caller to set.
  std::optional<Probe> next(std::uint16_t id) {
    if (fragment_bytes_ < kSmallestFragment || sent_ == 2 * kCopies) return std::nullopt;
    const bool large = sent_ % 2 == 1;
    Probe probe;
    probe.id = id;
    probe.size_bytes = large ? kLargeBytes : fragment_bytes_ + fragment_bytes_ / 2;
    probe.fragmented = true;
    probe.fragment_bytes = fragment_bytes_;
    ids_[sent_++] = id;
    return probe;
  }
  bool settled(const ProbeLedger& ledger) const {
    return fragment_bytes_ < kSmallestFragment ||
           (sent_ == 2 * kCopies && !any(ledger, 0, Outcome::kInFlight) && !any(ledger, 1, Outcome::kInFlight));
  }
  /// A small fragmented echo was answered: fragments get to the target and are put together there.
  bool control_answered(const ProbeLedger& ledger) const { return any(ledger, 0, Outcome::kReached); }
  /// The whole large reply came back, its full-size fragments included.
  bool large_answered(const ProbeLedger& ledger) const { return any(ledger, 1, Outcome::kReached); }
  bool asked() const { return sent_ > 0; }

 private:
  static constexpr int kCopies = 2;
  static constexpr std::uint32_t kLargestFragment = 1280;
  static constexpr std::uint32_t kSmallestFragment = 296;
  /// Leaves a small last fragment behind links of 1500 bytes as well as of 9000.
  static constexpr std::uint32_t kLargeBytes = 9600;

  bool any(const ProbeLedger& ledger, int parity, Outcome outcome) const {
    for (int i = parity; i < sent_; i += 2) {
      const SentProbe* probe = ledger.find(ids_[i]);
      if (probe != nullptr && probe->outcome == outcome) return true;
    }
    return false;
  }

  std::uint32_t fragment_bytes_ = 0;
  int sent_ = 0;
  std::uint16_t ids_[2 * kCopies] = {};
};

}  // namespace vpndoctor
