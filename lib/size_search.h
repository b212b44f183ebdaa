// SPDX-License-Identifier: Apache-2.0
// Finds the largest packet size that gets to the target and back: which size to send next, given everything sent so
// far. Not monotone: sizes below a success are tried too, and lost bands are found. Knows nothing of hops.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "probe_ledger.h"
#include "vpndoctor/path_mtu.h"

namespace vpndoctor {

/// Above this probability that a size was lost by chance each time, the answer is a range (RFC 8899 section 5.1.2
/// asks for more than one probe; the figure is the project's own promise).
inline constexpr double kMaxFalseClaim = 1e-3;
/// Probes are repeated until chance is this unlikely: a search asks many such questions, and each answer must hold.
inline constexpr double kSureOdds = kMaxFalseClaim / 20;
/// A size lost although a larger one passes, or although a router says that it carries it, is one of many tried: it
/// must be far less likely to be chance.
inline constexpr double kBandOdds = 1e-6;
/// On a path without loss the estimate of chance is itself cautious: the promised odds are enough.
constexpr double needed_odds(double chance) { return chance < 0.05 ? kMaxFalseClaim : kSureOdds; }

struct SizeSearchOptions {
  Family family = Family::kInet;
  Method method = Method::kEcho;
  std::uint32_t min_bytes = 60;
  std::uint32_t max_bytes = 1500;
  std::uint32_t control_bytes = 60;    ///< the small control
  bool answers_are_scarce = false;     ///< the target limits its answers (UDP)
  bool ask_by_udp_first = false;       ///< IPv6 from raw sockets: only then may a size go out as an echo
  std::uint32_t most_open_sizes = 64;  ///< distinct sizes in flight at a time (--gentle: 11)
};

/// One probe that the search would like to send now.
struct Want {
  Method method = Method::kEcho;
  std::uint32_t size_bytes = 0;
};

class SizeSearch {
 public:
  SizeSearch(const SizeSearchOptions& options, const ProbeLedger& ledger);

  /// Takes the claim of a believable too-big message: a hint that is verified, never a result.
  void on_claim(std::uint32_t mtu_bytes);
  /// Takes in what the ledger learned since; next() does so too.
  void refresh();
  /// Returns what to send now, or nullopt when there is nothing to send before something is answered or times out.
  std::optional<Want> next(TimePoint now);
  /// True when nothing more would be learned by sending; late answers may still change the result.
  bool settled() const { return settled_; }
  /// With scarce answers: not before this time (their limit must recover); the epoch when there is no wait.
  TimePoint not_before() const { return not_before_; }

  /// The bounds of the round trip (of the way there, with UDP).
  SizeBounds bounds() const;
  /// That bounds().at_most + 1 was lost by chance each time; nullopt when no size was shown to be lost.
  std::optional<double> false_claim_probability() const;
  std::vector<LostBand> lost_bands() const;
  /// The smallest size that seems to be lost with the size below it passing: worth locating. nullopt as yet.
  std::optional<std::uint32_t> edge() const;
  std::uint32_t rounds() const { return rounds_; }
  const LossModel& loss() const { return loss_; }
  Method method() const { return options_.method; }
  std::uint32_t largest_pass() const { return largest_pass_; }
  /// Probability that one probe of a size that passes is lost.
  double chance() const { return chance_; }
  /// Probability that all losses of this size were chance; 1 without evidence.
  double chance_lost(std::uint32_t size_bytes) const { return state_of(size_bytes).chance_lost; }
  /// Losses of probes before this index of the ledger prove nothing: the probing itself had caused them.
  void forget_losses_before(std::size_t index);

 private:
  struct SizeState {
    std::uint32_t size_bytes = 0;
    bool passes = false;
    std::uint16_t in_flight = 0;
    std::uint16_t settled = 0;  ///< sent and no longer in flight
    std::uint16_t asked = 0;    ///< in flight by UDP, to see whether a router refuses the size
    int evidence = 0;           ///< losses that count
    double chance_lost = 1;     ///< that all of these were chance
  };
  /// Sizes strictly between two whose fates differ.
  struct Gap {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    bool operator==(const Gap&) const = default;
  };

  std::map<std::uint32_t, SizeState> count_by_size();
  SizeState state_of(std::uint32_t size_bytes) const;
  double odds_for(std::uint32_t size_bytes) const;
  bool is_claimed(const SizeState& state) const;
  std::optional<Gap> lower_edge() const;
  std::optional<Gap> upper_edge() const;
  int copies_for(double odds) const;
  bool needs_copies(std::uint32_t size_bytes, int copies) const;

  std::optional<Want> plan();
  std::optional<Want> plan_scarce(TimePoint now);
  void fill_burst();
  std::optional<Want> from_ladder();
  std::optional<Want> resend_holes();
  std::optional<Want> close(Gap edge);
  std::optional<Want> refine(Gap gap);
  std::optional<Want> confirm(Gap edge);
  bool return_to_largest();
  bool start_comb();
  std::optional<Want> control_due();
  std::optional<Want> carry(std::uint32_t size_bytes, std::uint32_t asked_up_to);
  bool is_quiet(std::uint16_t ask_id) const;
  bool too_many_open() const;
  bool is_busy() const;

  SizeSearchOptions options_;
  const ProbeLedger& ledger_;
  LossModel loss_;
  std::deque<std::uint32_t> ladder_;
  std::vector<std::uint32_t> round_;
  std::map<std::uint32_t, std::uint16_t> asks_;  ///< size asked by UDP -> probe id
  std::optional<std::uint32_t> ceiling_;         ///< the smallest claim believed and not refuted
  std::optional<std::uint32_t> paired_control_;
  bool combed_ = false;
  bool large_control_next_ = false;
  bool settled_ = false;
  std::uint32_t rounds_ = 1;
  std::uint32_t unknowns_since_control_ = 0;
  TimePoint not_before_{};
  std::deque<std::uint32_t> burst_;  ///< scarce answers: what is still to be sent of this burst
  std::uint16_t burst_control_ = 0;  ///< id of its last probe, whose loss means: the target's limit is used up

  // Derived from the ledger by refresh().
  std::uint64_t seen_version_ = UINT64_MAX;
  std::vector<SizeState> states_;  ///< ascending
  std::uint32_t largest_pass_ = 0;
  std::uint16_t latest_answered_ = 0;
  double chance_ = 1;
};

}  // namespace vpndoctor
