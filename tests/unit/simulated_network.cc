// SPDX-License-Identifier: Apache-2.0
// The rules of the simulated network, one packet at a time. Knows nothing of what the search makes of them.
#include "simulated_network.h"

#include <algorithm>
#include <ranges>

namespace vpndoctor::testing {
namespace {

TimePoint::duration ticks(Milliseconds time) { return std::chrono::round<TimePoint::duration>(time); }

constexpr std::uint32_t kErrorBytes = 56;

}  // namespace

std::uint32_t SimulatedNetwork::forward_mtu() const {
  return std::ranges::min(links, {}, &SimulatedLink::mtu_bytes).mtu_bytes;
}

std::uint32_t SimulatedNetwork::back_mtu() const {
  std::uint32_t mtu = 65535;
  for (const SimulatedLink& link : links) {
    if (!link.back_fragments) mtu = std::min(mtu, link.back_mtu_bytes);
  }
  return mtu;
}

std::size_t SimulatedNetwork::end_of(std::uint32_t bytes) const {
  const auto stops = [&](const SimulatedLink& link) {
    return bytes > link.mtu_bytes && !(link.passes_above && bytes >= link.passes_above_bytes);
  };
  return static_cast<std::size_t>(std::ranges::find_if(links, stops) - links.begin());
}

IpAddress simulated_address(std::size_t hop) {
  IpAddress address;
  address.bytes = {192, 0, 2, static_cast<std::uint8_t>(hop + 1)};
  return address;
}

bool Simulation::chance(double probability) {
  return probability > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < probability;
}

// Gilbert's model: within a burst everything is lost; mean burst length and overall loss are as asked.
bool Simulation::lost_now() {
  if (network_.burst_packets <= 1 || network_.loss <= 0) return chance(network_.loss);
  const double leave = 1 / network_.burst_packets;
  const double enter = leave * network_.loss / (1 - network_.loss);
  in_burst_ = in_burst_ ? !chance(leave) : chance(enter);
  return in_burst_;
}

bool Simulation::may_answer(std::size_t hop, TimePoint now) {
  if (!network_.rate_limited) return true;
  Bucket& bucket = buckets_[hop];
  if (bucket.at == TimePoint{}) bucket.at = now;
  bucket.tokens = std::min(6.0, bucket.tokens + std::chrono::duration<double>(now - bucket.at).count());
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

// A queue drops what does not fit and delays the rest; a policer (no queue) drops above its burst and delays nothing.
bool Simulation::queue_full(std::uint32_t bytes, TimePoint now) {
  if (network_.bytes_per_second == 0) return false;
  const double rate = static_cast<double>(network_.bytes_per_second);
  queue_free_ = std::max(queue_free_, now);
  const double waiting = std::chrono::duration<double>(queue_free_ - now).count() * rate;
  if (waiting + bytes > static_cast<double>(std::max(network_.queue_bytes, network_.burst_bytes))) return true;
  queue_free_ += std::chrono::round<TimePoint::duration>(std::chrono::duration<double>(bytes / rate));
  return false;
}

void Simulation::deliver(const Reply& reply, const Return& way, TimePoint now) {
  const double share = static_cast<double>(way.hop) / static_cast<double>(network_.links.size());
  std::uniform_real_distribution<double> jitter(0, network_.jitter.count());
  Milliseconds delay = network_.one_way * 2 * share + Milliseconds(jitter(random_));
  if (chance(network_.late_ratio)) delay += network_.late_by;
  Arrival arrival;
  arrival.at = (network_.queue_bytes > 0 ? std::max(now, queue_free_) : now) + ticks(delay);
  arrival.reply = reply;
  const auto is_narrow = [&](const SimulatedLink& link) { return way.bytes > link.back_mtu_bytes; };
  const bool too_large = way.may_fragment && way.bytes > network_.target_link_bytes;
  if (too_large || std::ranges::any_of(network_.links | std::views::take(way.hop), is_narrow)) {
    if (way.may_fragment) deliver_fragments(arrival, way);
    return;
  }
  if (lost_now()) return;
  arrival.order = order_++;
  arrivals_.push(arrival);
  if (!chance(network_.duplicate_ratio)) return;
  arrival.order = order_++;
  arrival.at += ticks(network_.one_way / 3);
  arrivals_.push(arrival);
}

// Without DF the target sends fragments as large as its link. A router cuts them further; a link below IP drops the
// full-size ones, so that only the tail arrives.
void Simulation::deliver_fragments(Arrival arrival, const Return& way) {
  std::uint32_t first = std::min(way.bytes, network_.target_link_bytes);
  bool full_size_passes = true;
  for (std::size_t i = way.hop; i-- > 0;) {
    const SimulatedLink& link = network_.links[i];
    if (first <= link.back_mtu_bytes) continue;
    if (!link.back_fragments) full_size_passes = false;
    first = std::min(first, (link.back_mtu_bytes - 20) / 8 * 8 + 20);
  }
  if (!full_size_passes && way.bytes <= network_.target_link_bytes) return;
  const bool first_arrives = full_size_passes && !lost_now();
  arrival.whole = first_arrives;
  for (std::uint32_t rest = way.bytes; rest > 2 * first; rest -= first) {
    if (!full_size_passes || lost_now()) arrival.whole = false;
  }
  const bool tail_arrives = !lost_now();
  arrival.whole = arrival.whole && tail_arrives;
  arrival.first_fragment_bytes = first_arrives ? first : 0;
  arrival.tail_of_bytes = tail_arrives ? way.bytes : 0;
  arrival.order = order_++;
  arrivals_.push(arrival);
}

void Simulation::transmit(const Probe& probe, TimePoint now) {
  if (network_.forge) {
    for (const Reply& reply : network_.forge(probe)) arrivals_.push({now, order_++, reply});
  }
  if (queue_full(probe.size_bytes, now) || lost_now()) return;
  for (std::uint32_t rest = probe.size_bytes; probe.fragmented && rest > probe.fragment_bytes;) {
    if (lost_now()) return;
    rest -= probe.fragment_bytes;
  }
  if (probe.size_bytes >= network_.large_bytes && chance(network_.large_loss)) return;
  Reply reply;
  reply.probe_id = probe.id;
  const std::uint32_t widest = probe.fragmented ? probe.fragment_bytes : probe.size_bytes;
  const std::size_t end = network_.end_of(widest);
  if (probe.ttl != kFullTtl && probe.ttl < network_.links.size() && probe.ttl <= end) {
    const bool silent = probe.ttl - 1U < network_.silent.size() && network_.silent[probe.ttl - 1U];
    reply.kind = Reply::Kind::kTimeExceeded;
    reply.from = simulated_address(probe.ttl);
    if (!silent && may_answer(probe.ttl, now)) deliver(reply, {probe.ttl, kErrorBytes, false}, now);
    return;
  }
  if (end == network_.links.size()) return arrive_at_target(probe, now);
  const SimulatedLink& link = network_.links[end];
  if (!link.signals || !may_answer(end, now)) return;
  if (probe.method == Method::kEcho) ++too_big_after_echo;
  reply.kind = Reply::Kind::kTooBig;
  reply.from = simulated_address(end);
  reply.mtu_bytes = link.claim_bytes.value_or(link.mtu_bytes);
  deliver(reply, {end, kErrorBytes, false}, now);
}

void Simulation::arrive_at_target(const Probe& probe, TimePoint now) {
  const std::size_t end = network_.links.size();
  Reply reply;
  reply.probe_id = probe.id;
  reply.kind = Reply::Kind::kReached;
  reply.from = simulated_address(end);
  reply.received_ttl = static_cast<std::uint8_t>(64 - (end - 1));
  if (probe.method == Method::kEcho) {
    if (!network_.answers_echo || probe.size_bytes > network_.echo_filter_bytes) return;
    deliver(reply, {end, probe.size_bytes, true}, now);
  } else if (network_.answers_udp && may_answer(end, now)) {
    deliver(reply, {end, kErrorBytes, false}, now);
  }
}

void Simulation::offer(PathMtuSearch& search, const Probe& probe, TimePoint now) {
  if (network_.refuse) {
    if (const auto failure = network_.refuse(probe)) return search.on_send_failure(probe, *failure, now);
  }
  sent.push_back({probe, now});
  transmit(probe, now);
}

// What a capture concludes from all fragments so far.
void Simulation::note_fragments(PathMtuSearch& search, const Arrival& arrival) {
  if (arrival.first_fragment_bytes == 0 && arrival.tail_of_bytes == 0) return;
  largest_first_ = std::max(largest_first_, arrival.first_fragment_bytes);
  if (arrival.tail_of_bytes != 0) smallest_whole_ = std::min(smallest_whole_, arrival.tail_of_bytes);
  ReplyFragments fragments;
  if (largest_first_ != 0) fragments.first_fragment_bytes = largest_first_;
  const bool saw_tail = smallest_whole_ != UINT32_MAX;
  if (largest_first_ != 0 && saw_tail) fragments.smallest_fragmented_bytes = smallest_whole_;
  fragments.only_tail_arrived = saw_tail && largest_first_ == 0;
  search.on_reply_fragments(fragments);
}

void Simulation::hand_over(PathMtuSearch& search, TimePoint now) {
  while (!arrivals_.empty() && arrivals_.top().at <= now) {
    const Arrival arrival = arrivals_.top();
    arrivals_.pop();
    note_fragments(search, arrival);
    if (!arrival.whole) continue;
    search.on_reply(arrival.reply, now);
    if (arrival.reply.kind != Reply::Kind::kReached || !arrival.reply.probe_id) continue;
    if (!first_answer) first_answer = now;
    const auto entry =
        std::ranges::lower_bound(sent, *arrival.reply.probe_id, {}, [](const Sent& s) { return s.probe.id; });
    if (entry != sent.end() && !entry->probe.fragmented) answered.emplace(entry->probe.size_bytes, now);
  }
}

Milliseconds Simulation::run(PathMtuSearch& search, Milliseconds most) {
  TimePoint now = begin();
  while (!search.done() && now - begin() < most) {
    hand_over(search, now);
    if (const auto probe = search.next(now)) {
      offer(search, *probe, now);
      continue;
    }
    if (search.done()) break;
    TimePoint wake = search.wake_at(now);
    if (!arrivals_.empty()) wake = std::min(wake, arrivals_.top().at);
    now = std::max(wake, now + std::chrono::microseconds(10));
  }
  return now - begin();
}

}  // namespace vpndoctor::testing
