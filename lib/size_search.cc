// SPDX-License-Identifier: Apache-2.0
// The rules that turn tallies of each size into edges, gaps and the next size to send. Sends nothing itself.
#include "size_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "size_ladder.h"

namespace vpndoctor {
namespace {

constexpr double kRefineOdds = 0.05;    ///< a size of a gap is left alone once chance explains its losses this little
constexpr int kMostCopies = 60;         ///< of one size
constexpr int kMostCopiesInFlight = 6;  ///< spreads the copies of one size over several round trips
constexpr int kMostScarceCopies = 3;    ///< with their controls, what a Linux target answers in one burst
constexpr std::uint32_t kRoundBytes = 65536;
constexpr auto kScarceRecovery = std::chrono::milliseconds(1100);  ///< net.ipv4.icmp_ratelimit: one answer a second
constexpr int kMostAsks = 8;
constexpr std::uint32_t kUnknownsAControl = 2;
constexpr std::uint32_t kNeverSignalledBytes = 1280;  ///< RFC 8200: every IPv6 link carries it

}  // namespace

SizeSearch::SizeSearch(const SizeSearchOptions& options, const ProbeLedger& ledger)
    : options_(options), ledger_(ledger), loss_(ledger, options.method, options.answers_are_scarce) {
  const auto sizes = size_ladder(options.min_bytes, options.max_bytes);
  ladder_.assign(sizes.begin(), sizes.end());
  // The target's few answers then go to the largest sizes that pass, which are the ones that matter.
  if (options.answers_are_scarce) std::sort(ladder_.begin(), ladder_.end(), std::greater<>());
}

std::map<std::uint32_t, SizeSearch::SizeState> SizeSearch::count_by_size() {
  std::map<std::uint32_t, SizeState> by_size;
  std::map<std::uint32_t, std::uint32_t> counted_at;  // a burst that swallows copies sent back to back is one loss
  std::uint32_t controls = 1;
  const auto& probes = ledger_.probes();
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const SentProbe& entry = probes[i];
    if (entry.probe.ttl != kFullTtl || entry.probe.fragmented) continue;
    const bool is_ours = entry.probe.method == options_.method;
    const bool is_question = options_.ask_by_udp_first && !is_ours && entry.outcome == Outcome::kInFlight;
    if (!is_ours && !is_question && entry.outcome != Outcome::kTooBig) continue;
    SizeState& state = by_size[entry.probe.size_bytes];
    state.size_bytes = entry.probe.size_bytes;
    if (is_question) {
      ++state.asked;
      continue;
    }
    state.passes = ledger_.passes(options_.method, entry.probe.size_bytes);
    entry.outcome == Outcome::kInFlight ? ++state.in_flight : ++state.settled;
    if (is_ours && entry.outcome == Outcome::kReached) latest_answered_ = std::max(latest_answered_, entry.probe.id);
    if (loss_.is_control(entry)) ++controls;
    if (state.passes || !loss_.is_evidence(i)) continue;
    if (entry.outcome == Outcome::kLost && std::exchange(counted_at[entry.probe.size_bytes], controls) == controls)
      continue;
    ++state.evidence;
  }
  return by_size;
}

void SizeSearch::refresh() {
  if (seen_version_ == ledger_.version()) return;
  seen_version_ = ledger_.version();
  states_.clear();
  largest_pass_ = 0;
  for (const auto& [size, state] : count_by_size()) {
    states_.push_back(state);
    if (state.passes) largest_pass_ = size;
  }
  chance_ = loss_.chance(largest_pass_);
  for (SizeState& state : states_) {
    if (state.evidence > 0) state.chance_lost = std::pow(chance_, state.evidence);
  }
  // When the router claimed too little, what its claim made us skip is open again.
  if (ceiling_ && largest_pass_ > *ceiling_) {
    ceiling_.reset();
    const auto sizes = size_ladder(options_.min_bytes, options_.max_bytes);
    ladder_.assign(sizes.begin(), sizes.end());
  }
}

SizeSearch::SizeState SizeSearch::state_of(std::uint32_t size_bytes) const {
  const auto found =
      std::lower_bound(states_.begin(), states_.end(), size_bytes,
                       [](const SizeState& state, std::uint32_t size) { return state.size_bytes < size; });
  if (found != states_.end() && found->size_bytes == size_bytes) return *found;
  SizeState untried;
  untried.size_bytes = size_bytes;
  return untried;
}

void SizeSearch::on_claim(std::uint32_t mtu_bytes) {
  if (mtu_bytes < options_.min_bytes || mtu_bytes > options_.max_bytes || mtu_bytes < largest_pass_) return;
  if (ceiling_ && *ceiling_ <= mtu_bytes) return;
  ceiling_ = mtu_bytes;
  ++rounds_;
  ladder_.push_front(mtu_bytes + 1);
  ladder_.push_front(mtu_bytes);
}

void SizeSearch::forget_losses_before(std::size_t index) {
  loss_.forget_before(index);
  seen_version_ = UINT64_MAX;
}

// Lost below a success contradicts a simple path, and within what a router says it carries contradicts the router; both
// are claimed of one of many sizes tried. They need far better odds.
double SizeSearch::odds_for(std::uint32_t size_bytes) const {
  const bool is_surprising = size_bytes < largest_pass_ || (ceiling_ && size_bytes <= *ceiling_);
  return is_surprising ? kBandOdds : needed_odds(chance_);
}

bool SizeSearch::is_claimed(const SizeState& state) const {
  return !state.passes && state.chance_lost <= odds_for(state.size_bytes);
}

int SizeSearch::copies_for(double odds) const {
  if (chance_ >= 0.99) return 1;
  return std::clamp(static_cast<int>(std::ceil(std::log(odds) / std::log(chance_))), 1, kMostCopies);
}

bool SizeSearch::needs_copies(std::uint32_t size_bytes, int copies) const {
  const SizeState state = state_of(size_bytes);
  return !state.passes && state.evidence + state.in_flight + state.asked < copies &&
         state.settled + state.in_flight < kMostCopies;
}

// The smallest size that seems lost, with the largest success below it. A loss below a success is first taken for
// chance and sent again; only when chance no longer explains it, it is an edge.
std::optional<SizeSearch::Gap> SizeSearch::lower_edge() const {
  std::uint32_t low = 0;
  for (const SizeState& state : states_) {
    if (state.passes) {
      low = state.size_bytes;
    } else if (state.settled > 0 && (state.size_bytes > largest_pass_ || is_claimed(state))) {
      if (low == 0) return std::nullopt;
      return Gap{low, state.size_bytes};
    }
  }
  return std::nullopt;
}

// The first place where sizes pass again above lost ones and the sizes between are not all settled.
std::optional<SizeSearch::Gap> SizeSearch::upper_edge() const {
  std::uint32_t last_lost = 0;
  for (const SizeState& state : states_) {
    if (is_claimed(state)) last_lost = state.size_bytes;
    if (state.passes && last_lost != 0) {
      if (state.size_bytes - last_lost > 1) return Gap{last_lost, state.size_bytes};
      last_lost = 0;
    }
  }
  return std::nullopt;
}

bool SizeSearch::is_busy() const {
  return std::any_of(states_.begin(), states_.end(),
                     [](const SizeState& state) { return state.in_flight > 0 || state.asked > 0; });
}

std::optional<Want> SizeSearch::next(TimePoint now) {
  refresh();
  if (now < not_before_) return std::nullopt;
  if (options_.answers_are_scarce) {
    const auto want = plan_scarce(now);
    settled_ = !want && !is_busy() && now >= not_before_;
    return want;
  }
  if (auto control = control_due()) return control;
  auto want = plan();
  settled_ = !want && !is_busy() && ladder_.empty();
  if (want && want->method == options_.method && !ledger_.passes(want->method, want->size_bytes)) {
    ++unknowns_since_control_;
  }
  return want;
}

std::optional<Want> SizeSearch::plan() {
  if (too_many_open()) return std::nullopt;
  if (auto want = from_ladder()) return want;
  if (const auto edge = lower_edge()) {
    if (auto want = close(*edge)) return want;
  }
  if (auto want = resend_holes()) return want;
  if (const auto edge = upper_edge()) return refine(*edge);
  if (return_to_largest() || start_comb()) return from_ladder();
  return std::nullopt;
}

// A target that limits its answers (Linux: six port unreachables, then one a second) is asked in bursts, large sizes
// first, each burst closed by a small control: only when the control or a size after it is answered was the limit not
// the reason for silence.
std::optional<Want> SizeSearch::plan_scarce(TimePoint now) {
  if (burst_.empty()) {
    if (is_busy()) return std::nullopt;
    const SentProbe* control = ledger_.find(burst_control_);
    burst_control_ = 0;
    if (control != nullptr && control->outcome == Outcome::kLost) {
      not_before_ = now + kScarceRecovery;
      return std::nullopt;
    }
    fill_burst();
    if (burst_.empty()) return std::nullopt;
  }
  const std::uint32_t size = burst_.front();
  burst_.pop_front();
  if (burst_.empty()) burst_control_ = ledger_.next_id();
  return Want{options_.method, size};
}

void SizeSearch::fill_burst() {
  if (!ladder_.empty()) {
    burst_.swap(ladder_);
    burst_.push_back(options_.control_bytes);
    return;
  }
  const auto edge = lower_edge();
  if (!edge) return;
  if (edge->high - edge->low > 1) {
    ++rounds_;
    auto sizes = sizes_between(edge->low, edge->high, options_.most_open_sizes);
    if (needs_copies(edge->high, 1)) sizes.push_back(edge->high);
    burst_.assign(sizes.rbegin(), sizes.rend());
    burst_.push_back(options_.control_bytes);
    return;
  }
  const int wanted = copies_for(needed_odds(chance_));  // no more: every copy costs a second
  if (!needs_copies(edge->high, wanted)) return;
  const int missing = wanted - state_of(edge->high).evidence;
  for (int copy = 0; copy < std::min(missing, kMostScarceCopies); ++copy) {
    burst_.push_back(edge->high);
    burst_.push_back(options_.control_bytes);
  }
}

bool SizeSearch::too_many_open() const {
  const auto open = std::count_if(states_.begin(), states_.end(),
                                  [](const SizeState& state) { return !state.passes && state.in_flight > 0; });
  return open >= static_cast<std::ptrdiff_t>(options_.most_open_sizes);
}

std::optional<Want> SizeSearch::from_ladder() {
  for (std::size_t i = 0; i < ladder_.size();) {
    const std::uint32_t size = ladder_[i];
    const SizeState state = state_of(size);
    const bool tried = state.in_flight + state.settled > 0;
    if (tried || size > options_.max_bytes || (ceiling_ && size > *ceiling_ + 1)) {
      ladder_.erase(ladder_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    const auto want = carry(size, size + 1);
    if (want && want->method == options_.method) ladder_.erase(ladder_.begin() + static_cast<std::ptrdiff_t>(i));
    if (want) return want;
    ++i;  // asked, and the answer is still to come
  }
  return std::nullopt;
}

std::optional<Want> SizeSearch::close(Gap edge) {
  if (edge.high - edge.low == 1) return confirm(edge);
  if (needs_copies(edge.high, copies_for(kRefineOdds))) {
    if (auto want = carry(edge.high, edge.high + 1)) return want;
  }
  return refine(edge);
}

std::optional<Want> SizeSearch::refine(Gap gap) {
  const int copies = copies_for(kRefineOdds);
  for (int copy = 1; copy <= copies; ++copy) {
    for (const std::uint32_t size : round_) {
      if (size <= gap.low || size >= gap.high || !needs_copies(size, copy)) continue;
      if (auto want = carry(size, gap.high + 1)) return want;
    }
  }
  const bool open = std::any_of(round_.begin(), round_.end(), [&](std::uint32_t size) {
    return size > gap.low && size < gap.high && (state_of(size).in_flight > 0 || needs_copies(size, copies));
  });
  if (open) return std::nullopt;
  const std::uint32_t most = std::min(options_.most_open_sizes, std::clamp(kRoundBytes / gap.high, 8U, 48U));
  round_ = sizes_between(gap.low, gap.high, most);
  ++rounds_;
  for (const std::uint32_t size : round_) {
    if (!needs_copies(size, copies)) continue;
    if (auto want = carry(size, gap.high + 1)) return want;
  }
  return std::nullopt;
}

std::optional<Want> SizeSearch::confirm(Gap edge) {
  if (!needs_copies(edge.high, copies_for(odds_for(edge.high)))) return std::nullopt;
  const SizeState high = state_of(edge.high);
  if (high.in_flight + high.asked >= kMostCopiesInFlight) return std::nullopt;
  auto want = carry(edge.high, edge.high + 1);
  if (want) paired_control_ = edge.low;
  return want;
}

std::optional<Want> SizeSearch::resend_holes() {
  for (const SizeState& state : states_) {
    if (state.size_bytes >= largest_pass_) break;
    if (state.passes || is_claimed(state) || state.in_flight >= copies_for(kRefineOdds)) continue;
    if (!needs_copies(state.size_bytes, kMostCopies)) continue;
    auto want = carry(state.size_bytes, state.size_bytes + 1);
    if (!want) continue;
    paired_control_ = largest_pass_;
    return want;
  }
  return std::nullopt;
}

// A size that was refused when UDP asked, and answered all the same: it has not travelled as an echo yet.
bool SizeSearch::return_to_largest() {
  const SizeState largest = state_of(options_.max_bytes);
  if (lower_edge() || largest.in_flight + largest.settled > 0 || !ladder_.empty()) return false;
  ladder_.push_back(options_.max_bytes);
  return true;
}

bool SizeSearch::start_comb() {
  if (combed_ || largest_pass_ != options_.max_bytes) return false;
  combed_ = true;
  ++rounds_;
  for (const std::uint32_t size : size_comb(options_.min_bytes, options_.max_bytes)) ladder_.push_back(size);
  return true;
}

std::optional<Want> SizeSearch::control_due() {
  if (paired_control_) {
    const std::uint32_t size = *paired_control_;
    paired_control_.reset();
    unknowns_since_control_ = 0;
    return Want{options_.method, size};
  }
  if (unknowns_since_control_ < kUnknownsAControl) return std::nullopt;
  unknowns_since_control_ = 0;
  large_control_next_ = !large_control_next_;
  const bool large = large_control_next_ && largest_pass_ > options_.control_bytes;
  return Want{options_.method, large ? largest_pass_ : options_.control_bytes};
}

// Decides which packet carries a size. An ICMPv6 echo that provokes a too-big message always changes the kernel's cache
// (net/ipv6/icmp.c, icmpv6_err()), a UDP packet without a socket never does: so UDP asks first, and the echo goes out
// when nothing on the way objected. A question about a size also answers for the sizes just below it.
std::optional<Want> SizeSearch::carry(std::uint32_t size_bytes, std::uint32_t asked_up_to) {
  if (!options_.ask_by_udp_first || size_bytes <= kNeverSignalledBytes) return Want{options_.method, size_bytes};
  const Tally udp = ledger_.tally({Method::kUdp, kFullTtl, size_bytes});
  if (udp.too_big > 0 || (ceiling_ && size_bytes > *ceiling_)) {
    return Want{udp.sent < kMostAsks ? Method::kUdp : options_.method, size_bytes};
  }
  const auto asked = asks_.lower_bound(size_bytes);
  const bool covered = asked != asks_.end() && asked->first <= asked_up_to &&
                       ledger_.tally({Method::kUdp, kFullTtl, asked->first}).too_big == 0;
  if (covered) return is_quiet(asked->second) ? std::optional(Want{options_.method, size_bytes}) : std::nullopt;
  const bool refused_above = asked != asks_.end() && asked->first == size_bytes + 1;
  const std::uint32_t ask = refused_above ? size_bytes : std::min(size_bytes + 1, options_.max_bytes);
  asks_[ask] = ledger_.next_id();
  return Want{Method::kUdp, ask};
}

// A router on the way answers sooner than the target: once the target answered something sent later, the router had its
// turn.
bool SizeSearch::is_quiet(std::uint16_t ask_id) const {
  const SentProbe* ask = ledger_.find(ask_id);
  if (ask == nullptr) return false;
  return ask->outcome == Outcome::kInFlight ? latest_answered_ > ask_id : ask->outcome != Outcome::kTooBig;
}

}  // namespace vpndoctor
