// SPDX-License-Identifier: Apache-2.0
// Looks at the way back alone: echoes that travel there in small fragments and come back as large as asked. The tail of
// a large reply without its head: large packets die on the way back. No reply at all although a small fragmented echo
// is answered: large echoes are filtered. Replies that arrive cut: the size at which that begins is the way back's MTU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "probe_ledger.h"
#include "vpndoctor/path_mtu.h"

namespace vpndoctor {

class ReplyCheck {
 public:
  explicit ReplyCheck(const ProbeLedger& ledger) : ledger_(ledger) {}

  /// Asks what becomes of large replies. `passes_bytes` gets through both ways: no fragment there is larger, and the
  /// small echo's reply neither. Only the first call counts.
  void start(std::uint32_t passes_bytes);
  /// Asks for the exact size up to which replies come whole; `passes_bytes` as above. Sizes asked before are left out.
  void refine(const SizeBounds& bounds, std::uint32_t passes_bytes);
  /// Returns the next probe, with the id that the ledger expects. An unanswered large echo is sent again, one at a
  /// time, up to `most_copies`.
  std::optional<Probe> next(std::ptrdiff_t most_copies);

  bool settled() const;
  bool asked() const { return control_bytes_ != 0; }
  /// A small fragmented echo was answered: fragments get to the target and are put together there.
  bool control_answered() const { return reached(control_bytes_); }
  /// The whole large reply came back, its full-size fragments included.
  bool large_answered() const;
  /// That nothing came of all large echoes by chance alone, when one packet and its answer get lost with `chance`: each
  /// went there in many fragments, of which one is missed as much as all.
  double silence_odds(double chance) const;
  /// The largest reply up to `limit_bytes` that a fragmented echo got; 0 when there was none.
  std::uint32_t largest_answered_up_to(std::uint32_t limit_bytes) const;

 private:
  struct Asked {
    std::uint32_t size_bytes;
    std::uint16_t id;
  };
  bool reached(std::uint32_t size_bytes) const;
  std::ptrdiff_t large_asked() const;
  bool wants_more() const;
  void plan(std::uint32_t size_bytes, std::uint32_t fragment_bytes, int copies);

  const ProbeLedger& ledger_;
  std::uint32_t control_bytes_ = 0;
  std::deque<Probe> planned_;
  std::vector<Asked> asked_;
};

}  // namespace vpndoctor
