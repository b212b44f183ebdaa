// SPDX-License-Identifier: Apache-2.0
// Orders the parts of a search: first contact, sizes, hops, the way there and the way back. Each part derives what it
// wants from the ledger; this file decides whose turn it is and keeps the pace.
#include "vpndoctor/path_mtu_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "path_mtu_search_state.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kControlBytes = 60;
constexpr Milliseconds kAssumedRtt{20};  ///< for the pace of the first few packets
constexpr Milliseconds kRetrySend{1};
/// When first contact is tried again, after the start.
constexpr Milliseconds kContactTimes[] = {Milliseconds(0),    Milliseconds(250),  Milliseconds(600),
                                          Milliseconds(1100), Milliseconds(1700), Milliseconds(2400)};
constexpr std::uint32_t kGentleSizes = 11;
constexpr int kFirstControls = 3;
constexpr double kLocateOdds = 0.3;  ///< a suspected size is located while it is still being confirmed
constexpr std::uint16_t kMostProbes = 20000;

TimePoint after(TimePoint start, Milliseconds wait) { return start + std::chrono::ceil<TimePoint::duration>(wait); }

/// When UDP may replace silent echoes.
Milliseconds udp_turn(Milliseconds rtt) { return kContactTimes[2] + rtt * 2; }

std::uint8_t estimate_hops(std::uint8_t received_ttl) {
  for (const int initial : {64, 128, 255}) {
    if (received_ttl <= initial) return static_cast<std::uint8_t>(std::min(initial - received_ttl + 1, 30));
  }
  return 30;
}

}  // namespace

PathMtuSearch::Impl::Impl(const PathMtuSearchOptions& o, TimePoint now)
    : options(o),
      start(now),
      pacer(o.rate_bytes_per_round_trip),
      too_big(o.family),
      forward(ledger, kControlBytes, o.max_bytes),
      replies(ledger) {
  if (options.min_bytes == 0) options.min_bytes = kControlBytes;
  options.max_bytes = std::min<std::uint32_t>(options.max_bytes, 65535);
}

bool PathMtuSearch::Impl::wants_echo() const {
  return options.abilities.echo && options.method.value_or(Method::kEcho) == Method::kEcho;
}

bool PathMtuSearch::Impl::wants_udp() const {
  return options.abilities.udp && options.method.value_or(Method::kUdp) == Method::kUdp;
}

// IPv6 echoes are the only harmful probes of a harmless carrier.
bool PathMtuSearch::Impl::asks_by_udp() const {
  return options.family == Family::kInet6 && options.abilities.harmless && options.abilities.udp;
}

std::optional<Probe> PathMtuSearch::Impl::contact(TimePoint now) {
  if (!first_contact.empty()) {
    const Want want = first_contact.front();
    first_contact.pop_front();
    return Probe{0, want.method, want.size_bytes};
  }
  if (contacts == std::size(kContactTimes) || now < after(start, kContactTimes[contacts])) return std::nullopt;
  if (contacts++ == 0 && wants_echo()) {
    for (int i = 0; i < kFirstControls; ++i) first_contact.push_back({Method::kEcho, kControlBytes});
    const std::uint32_t base = options.family == Family::kInet ? 576 : 1280;
    if (base < options.max_bytes) first_contact.push_back({Method::kEcho, base});
    first_contact.push_back({asks_by_udp() ? Method::kUdp : Method::kEcho, options.max_bytes});
  } else {
    if (wants_echo()) first_contact.push_back({Method::kEcho, kControlBytes});
    if (wants_udp()) first_contact.push_back({Method::kUdp, kControlBytes});
  }
  return contact(now);
}

// Echo is preferred: its answers are not rate-limited. UDP gets its turn when the third round of echoes had its time.
void PathMtuSearch::Impl::choose_method(TimePoint now) {
  if (sizes) return;
  const auto rtt = ledger.smoothed_rtt();
  if (wants_echo() && ledger.any_reached(Method::kEcho)) {
    begin(Method::kEcho);
  } else if (wants_udp() && ledger.any_reached(Method::kUdp) && rtt &&
             (!wants_echo() || now >= after(start, udp_turn(*rtt)))) {
    begin(Method::kUdp);
  }
}

void PathMtuSearch::Impl::begin(Method method) {
  SizeSearchOptions size_options;
  size_options.family = options.family;
  size_options.method = method;
  size_options.min_bytes = options.min_bytes;
  size_options.max_bytes = options.max_bytes;
  size_options.control_bytes = kControlBytes;
  size_options.answers_are_scarce = method == Method::kUdp;
  size_options.ask_by_udp_first = method == Method::kEcho && asks_by_udp();
  if (options.gentle) size_options.most_open_sizes = kGentleSizes;
  sizes.emplace(size_options, ledger);
  for (const std::uint32_t claim : early_claims) sizes->on_claim(claim);
  first_contact.clear();
  if (!options.abilities.ttl_limited) return;
  hops.emplace(HopSweepOptions{method, asks_by_udp() ? Method::kUdp : method, kControlBytes, options.max_bytes},
               ledger);
  hops->start(estimated_hops);
}

// A claim that is exactly what was measured has named the router already; sending more would only empty its limit.
bool PathMtuSearch::Impl::edge_is_signalled(std::uint32_t edge) const {
  const auto sender = too_big.sender_of_claim(edge - 1);
  return sender && (!hops || hops->ttl_of(*sender).has_value());
}

void PathMtuSearch::Impl::follow_edge() {
  sizes->refresh();
  const auto edge = sizes->edge();
  if (!edge || sizes->chance_lost(*edge) > kLocateOdds || followed_version == ledger.version()) return;
  followed_version = ledger.version();
  followed_edge = edge;
  if (edge_is_signalled(*edge)) return;
  const double chance = sizes->chance();
  // The way there may carry more than the round trip: then its own edge is the one to locate.
  const SizeBounds there = forward.bounds();
  const bool has_own_edge = there.exact() && *there.at_most_bytes >= *edge && *there.at_most_bytes < options.max_bytes;
  located_edge = has_own_edge ? *there.at_most_bytes + 1 : *edge;
  if (hops) hops->locate(*located_edge, chance, !too_big.sender_about(options.max_bytes));
  if (sizes->method() != Method::kEcho) return;
  if (options.abilities.udp) forward.start(*edge - 1, *edge, chance);
  if (options.abilities.fragments) replies.start(*edge - 1);
}

bool PathMtuSearch::Impl::direction_is_known() const { return followed_edge && edge_is_forward(*followed_edge); }

// One large echo tells, with two exceptions. That large echoes are filtered can only be shown by lasting silence, where
// large packets get there and nothing of a large reply was seen. And an IPv6 target that a router tells about a narrow
// way back cuts only its next reply to fit.
std::ptrdiff_t PathMtuSearch::Impl::large_echoes() const {
  constexpr std::ptrdiff_t kLastingSilence = 8;
  if (fragments) return options.family == Family::kInet6 && fragments->only_tail_arrived ? 2 : 1;
  const bool may_be_filtered = followed_edge && forward.bounds().at_least_bytes.value_or(0) >= *followed_edge;
  return may_be_filtered ? kLastingSilence : 1;
}

std::optional<Probe> PathMtuSearch::Impl::choose(TimePoint now) {
  if (!sizes) return contact(now);
  follow_edge();
  if (!direction_is_known()) {
    if (auto size = forward.next(now)) return Probe{0, Method::kUdp, *size};
  }
  if (hops) {
    if (auto want = hops->next(now)) return Probe{0, want->method, want->size_bytes, want->ttl};
  }
  if (auto want = sizes->next(now)) return Probe{0, want->method, want->size_bytes};
  if (const auto back = way_back()) replies.refine(*back, sizes->bounds().at_least_bytes.value_or(0));
  return replies.next(large_echoes());
}

/// Loss of the last `samples` large packets of sizes that pass, sent since the pace was changed; nullopt while there
/// are fewer.
std::optional<double> PathMtuSearch::Impl::large_control_loss(std::size_t samples) const {
  std::size_t settled = 0;
  double lost = 0;
  const auto& probes = ledger.probes();
  for (std::size_t i = probes.size(); i-- > slow_since && settled < samples;) {
    const SentProbe& entry = probes[i];
    const bool is_large = entry.probe.size_bytes * 2 >= sizes->largest_pass();
    if (!is_large || !sizes->loss().is_control(entry) || entry.outcome == Outcome::kInFlight) continue;
    ++settled;
    if (entry.outcome == Outcome::kLost) lost += 1;
  }
  if (settled < samples) return std::nullopt;
  return lost / static_cast<double>(samples);
}

// Large packets of a size that passes, yet lost in numbers, may be lost to the probing itself: a policer or a short
// queue. A tenth of the pace tells: when that helps, what was lost before is no evidence; when not, it was chance.
void PathMtuSearch::Impl::watch_congestion() {
  constexpr double kHeavyLoss = 0.4;
  constexpr double kSlowPace = 0.1;
  constexpr std::size_t kSamples = 16;
  if (!sizes || pace_is_settled) return;
  const auto loss = large_control_loss(loss_at_full_pace ? kSamples / 2 : kSamples);
  if (!loss) return;
  if (!loss_at_full_pace) {
    if (*loss < kHeavyLoss) return;
    loss_at_full_pace = loss;
    slow_since = ledger.probes().size();
    pacer.scale(kSlowPace);
    return;
  }
  pace_is_settled = true;
  if (*loss > *loss_at_full_pace / 2) {
    pacer.scale(1 / kSlowPace);
    return;
  }
  sizes->forget_losses_before(slow_since);
  forward.forget_losses_before(slow_since);
  if (hops) hops->forget_losses_before(slow_since);
}

std::optional<Probe> PathMtuSearch::Impl::next(TimePoint now) {
  if (finished) return std::nullopt;
  if (now >= after(start, options.deadline)) {
    out_of_time = true;
    finished = true;
    return std::nullopt;
  }
  ledger.expire(now);
  choose_method(now);
  if (now < retry_at || now < pacer.next()) return std::nullopt;
  std::optional<Probe> probe = std::exchange(unsent, std::nullopt);
  if (!probe) {
    watch_congestion();
    if (ledger.next_id() < kMostProbes) probe = choose(now);
    if (!probe) {
      finished = is_over(now);
      return std::nullopt;
    }
    probe->id = ledger.next_id();
    ledger.record(*probe, now);
  }
  bytes_sent += probe->size_bytes;
  pacer.book(probe->size_bytes, now, ledger.smoothed_rtt().value_or(kAssumedRtt));
  return probe;
}

bool PathMtuSearch::Impl::is_over(TimePoint now) {
  if (!sizes) return now >= after(start, options.give_up_after);
  if (ledger.next_id() >= kMostProbes) return !ledger.next_expiry();
  const bool settled = sizes->settled() && (forward.settled() || direction_is_known()) && (!hops || hops->settled()) &&
                       replies.settled();
  if (!settled) return false;
  grace_until = verdict_grace();
  return now >= grace_until;
}

// A verdict that rests on silence waits longer than the search does to go on.
TimePoint PathMtuSearch::Impl::verdict_grace() const {
  const SizeBounds bounds = sizes->bounds();
  if (!bounds.at_most_bytes || *bounds.at_most_bytes >= options.max_bytes) return {};
  TimePoint last{};
  for (const SentProbe& entry : ledger.probes()) {
    const bool counts = entry.probe.size_bytes == *bounds.at_most_bytes + 1 && entry.outcome == Outcome::kLost;
    if (counts) last = std::max(last, entry.sent);
  }
  return after(last, ledger.grace());
}

TimePoint PathMtuSearch::Impl::wake_at(TimePoint now) const {
  TimePoint wake = after(start, options.deadline);
  const auto consider = [&](TimePoint time) {
    if (time > now) wake = std::min(wake, time);
  };
  consider(pacer.next());
  consider(retry_at);
  if (const auto expiry = ledger.next_expiry()) wake = std::min(wake, std::max(*expiry, now));
  if (!sizes) {
    if (contacts < std::size(kContactTimes)) consider(after(start, kContactTimes[contacts]));
    consider(after(start, options.give_up_after));
    consider(after(start, udp_turn(ledger.smoothed_rtt().value_or(Milliseconds(0)))));
    return wake;
  }
  consider(sizes->not_before());
  consider(forward.not_before());
  if (hops) consider(hops->not_before());
  consider(grace_until);
  return wake;
}

void PathMtuSearch::Impl::on_reply(const Reply& reply, TimePoint now) {
  const SentProbe* probe = reply.probe_id ? ledger.find(*reply.probe_id) : nullptr;
  if (reply.on_wire_only) {
    too_big.enter_captured(reply, probe);
    return;
  }
  ++replies_received;
  if (reply.kind == Reply::Kind::kTooBig) {
    const bool believed = too_big.enter(reply, probe);
    if (!believed) return;
    ledger.settle(reply, now);
    if (reply.mtu_bytes == 0) return;
    sizes ? sizes->on_claim(reply.mtu_bytes) : early_claims.push_back(reply.mtu_bytes);
    return;
  }
  if (probe == nullptr) return;
  if (reply.kind == Reply::Kind::kUnreachable) unreachable.emplace(reply.from, reply.icmp_code);
  ledger.settle(reply, now);
  if (hops) hops->on_reply(*probe, reply);
  const bool from_target = reply.kind == Reply::Kind::kReached && probe->probe.ttl == kFullTtl;
  if (from_target && reply.received_ttl && !sizes) estimated_hops = estimate_hops(*reply.received_ttl);
}

void PathMtuSearch::Impl::on_send_failure(const Probe& probe, SendFailure failure, TimePoint now) {
  bytes_sent -= probe.size_bytes;
  switch (failure) {
    case SendFailure::kWouldBlock:
      unsent = probe;
      retry_at = after(now, kRetrySend);
      return;
    case SendFailure::kTooLarge:
      ++refused_too_large;
      settle_unsent(probe, Reply::Kind::kTooBig, now);
      return;
    case SendFailure::kBlocked:
      ++refused_blocked;
      break;
    case SendFailure::kNoRoute:
      ++refused_no_route;
      break;
  }
  settle_unsent(probe, Reply::Kind::kUnreachable, now);
}

void PathMtuSearch::Impl::settle_unsent(const Probe& probe, Reply::Kind kind, TimePoint now) {
  Reply reply;
  reply.kind = kind;
  reply.probe_id = probe.id;
  ledger.settle(reply, now);
}

PathMtuSearch::PathMtuSearch(const PathMtuSearchOptions& options, TimePoint now)
    : impl_(std::make_unique<Impl>(options, now)) {}
PathMtuSearch::~PathMtuSearch() = default;
PathMtuSearch::PathMtuSearch(PathMtuSearch&&) noexcept = default;

std::optional<Probe> PathMtuSearch::next(TimePoint now) { return impl_->next(now); }
void PathMtuSearch::on_reply(const Reply& reply, TimePoint now) { impl_->on_reply(reply, now); }
void PathMtuSearch::on_send_failure(const Probe& probe, SendFailure failure, TimePoint now) {
  impl_->on_send_failure(probe, failure, now);
}
void PathMtuSearch::on_reply_fragments(const ReplyFragments& fragments) { impl_->fragments = fragments; }
TimePoint PathMtuSearch::wake_at(TimePoint now) const { return impl_->wake_at(now); }
bool PathMtuSearch::done() const { return impl_->finished; }
void PathMtuSearch::stop(bool incomplete) {
  impl_->finished = true;
  impl_->interrupted = incomplete;
}
bool PathMtuSearch::heard_anything() const { return impl_->replies_received > 0; }
std::optional<Milliseconds> PathMtuSearch::round_trip() const { return impl_->ledger.smoothed_rtt(); }
std::optional<std::uint32_t> PathMtuSearch::largest_answered_bytes() const {
  return impl_->sizes ? impl_->sizes->bounds().at_least_bytes : std::nullopt;
}
std::optional<std::uint32_t> PathMtuSearch::suspected_lost_bytes() const {
  return impl_->sizes ? impl_->sizes->edge() : std::nullopt;
}
bool PathMtuSearch::lost_on_the_way_there() const { return impl_->direction_is_known(); }
bool PathMtuSearch::saw_loss() const { return impl_->sizes && impl_->sizes->loss().control_loss().value_or(0) > 0; }
void PathMtuSearch::describe(PathMtuMeasurement& measurement) const { impl_->describe(measurement); }

}  // namespace vpndoctor
