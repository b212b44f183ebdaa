// SPDX-License-Identifier: Apache-2.0
// What happens to a packet at a router and on a link, in the order of a real one: time to live, clamp, size,
// fragmentation or refusal, queue, loss, delay.
#include "router.h"

#include <algorithm>

#include "forge.h"

namespace vpndoctor::lab {
namespace {

using Seconds = std::chrono::duration<double>;

EventLoop::Clock::duration to_clock(Seconds seconds) {
  return std::chrono::duration_cast<EventLoop::Clock::duration>(seconds);
}

bool is_echo_request(const PacketView& view) {
  if (view.payload.empty() || !view.is_first) return false;
  return (view.protocol == kProtocolIcmp && view.payload[0] == 8) ||
         (view.protocol == kProtocolIcmp6 && view.payload[0] == 128);
}

Way opposite(Way way) { return way == Way::kForward ? Way::kBack : Way::kForward; }

}  // namespace

bool TokenBuckets::take(const IpAddress& destination, EventLoop::Clock::time_point now) {
  auto [entry, fresh] = buckets_.try_emplace(destination);
  Bucket& bucket = entry->second;
  if (!fresh) bucket.credit = std::min(Seconds(6), bucket.credit + Seconds(now - bucket.filled));
  bucket.filled = now;
  if (bucket.credit < Seconds(1)) return false;
  bucket.credit -= Seconds(1);
  return true;
}

IpAddress router_address(std::size_t node, Way way, Family family) {
  if (node == 0) return lab_address(family == Family::kInet ? "192.0.2.1" : "2001:db8:1::1");
  const std::size_t host = node + 1 + (way == Way::kBack ? 128 : 0);
  IpAddress address = lab_address(family == Family::kInet ? "198.51.100.0" : "2001:db8:2::");
  address.bytes[family == Family::kInet ? 3 : 15] = static_cast<std::uint8_t>(host);
  return address;
}

PathEmulator::PathEmulator(const PathConfig& config, std::uint64_t seed, EventLoop& loop, Ends ends)
    : config_(config),
      loop_(loop),
      ends_(std::move(ends)),
      random_(seed),
      forward_state_(config.hops.size()),
      back_state_(config.hops.size()),
      buckets_(config.hops.size()) {}

const LinkConfig& PathEmulator::link(std::size_t node, Way way) const {
  return way == Way::kForward ? config_.hops[node].forward : config_.hops[node - 1].back;
}

PathEmulator::LinkState& PathEmulator::link_state(std::size_t node, Way way) {
  return way == Way::kForward ? forward_state_[node] : back_state_[node - 1];
}

bool PathEmulator::chance(double ratio) {
  return ratio > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < ratio;
}

void PathEmulator::from_gateway(Bytes packet) {
  if (poison_mtu_bytes_ != 0 && packet.size() > poison_mtu_bytes_) {
    answer(0, Way::kForward, {IcmpError::Kind::kTooBig, std::exchange(poison_mtu_bytes_, 0), {}}, packet);
    return;
  }
  if (const auto mss = config_.hops[0].clamp_mss_bytes) clamp_mss(packet, *mss);
  transmit(0, Way::kForward, std::move(packet));
}

void PathEmulator::transmit(std::size_t node, Way way, Bytes packet) {
  if (way == Way::kForward) forge(node, packet);
  const LinkConfig& out = link(node, way);
  if (packet.size() <= out.mtu_bytes) {
    carry(node, way, std::move(packet));
    return;
  }
  const auto view = parse_packet(packet);
  if (!view || out.l2) return;
  if (!view->may_be_fragmented) {
    refuse_too_big(node, way, packet);
    return;
  }
  for (Bytes& piece : fragment(packet, out.mtu_bytes)) carry(node, way, std::move(piece));
}

void PathEmulator::refuse_too_big(std::size_t node, Way way, const Bytes& packet) {
  const LinkConfig& out = link(node, way);
  IcmpError error{IcmpError::Kind::kTooBig, out.mtu_bytes, {}};
  if (out.too_big == TooBigPolicy::kSilent || node == target_node()) return;
  if (out.too_big == TooBigPolicy::kZero) error.mtu_bytes = 0;
  if (out.too_big == TooBigPolicy::kClaim) error.mtu_bytes = out.claim_mtu_bytes;
  answer(node, way, error, packet);
}

void PathEmulator::answer(std::size_t node, Way way, const IcmpError& error, BytesView offending) {
  const auto view = parse_packet(offending);
  if (!view) return;
  const bool limited = node < config_.hops.size() && config_.hops[node].rate_limit;
  if (limited && !buckets_[node].take(view->source, EventLoop::Clock::now())) return;
  IcmpError from_here = error;
  from_here.from = router_address(node, way, view->family());
  auto message = icmp_error(from_here, offending);
  if (!message) return;
  if (node == 0) {
    ends_.to_client(*message);
  } else {
    transmit(node, opposite(way), std::move(*message));
  }
}

bool PathEmulator::lost(const LinkConfig& link, LinkState& state, std::size_t packet_bytes) {
  if (chance(link.loss_ratio)) return true;
  if (const auto& sizes = link.size_loss) {
    const bool concerned = packet_bytes >= sizes->from_bytes && packet_bytes <= sizes->to_bytes;
    if (concerned && chance(sizes->loss_ratio)) return true;
  }
  if (!link.burst) return false;
  state.burst = state.burst ? !chance(link.burst->leave_ratio) : chance(link.burst->enter_ratio);
  return state.burst && chance(link.burst->loss_ratio);
}

void PathEmulator::carry(std::size_t node, Way way, Bytes packet) {
  const LinkConfig& out = link(node, way);
  LinkState& state = link_state(node, way);
  if (lost(out, state, packet.size())) return;
  const auto now = EventLoop::Clock::now();
  auto leaves = now;
  if (out.rate_kbit_per_second != 0) {
    const double bytes_per_second = out.rate_kbit_per_second * 125.0;
    const auto start = std::max(now, state.free_at);
    const double waiting_bytes = Seconds(start - now).count() * bytes_per_second;
    if (waiting_bytes + static_cast<double>(packet.size()) > out.queue_bytes) return;
    leaves = start + to_clock(Seconds(static_cast<double>(packet.size()) / bytes_per_second));
    state.free_at = leaves;
  }
  const std::size_t next = way == Way::kForward ? node + 1 : node - 1;
  const auto arrival = leaves + to_clock(Seconds(out.delay_ms / 1000));
  if (arrival <= now) {
    arrive(next, way, std::move(packet));
    return;
  }
  loop_.at(arrival, [this, next, way, moved = std::move(packet)]() mutable { arrive(next, way, std::move(moved)); });
}

void PathEmulator::arrive(std::size_t node, Way way, Bytes packet) {
  if (node == 0) {
    ends_.to_client(packet);
  } else if (node == target_node()) {
    if (passes_target_filter(packet)) ends_.to_target(packet);
  } else {
    route(node, way, std::move(packet));
  }
}

void PathEmulator::route(std::size_t node, Way way, Bytes packet) {
  const HopConfig& hop = config_.hops[node];
  if (!decrement_ttl(packet)) {
    if (!hop.silent) answer(node, way, {IcmpError::Kind::kTimeExceeded, 0, {}}, packet);
    return;
  }
  if (hop.clamp_mss_bytes) clamp_mss(packet, *hop.clamp_mss_bytes);
  transmit(node, way, std::move(packet));
}

void PathEmulator::forge(std::size_t node, BytesView passing) {
  const auto view = parse_packet(passing);
  if (!view) return;
  for (ForgeConfig& lie : config_.hops[node].forge) {
    if (lie.times <= 0 || passing.size() < lie.min_probe_bytes) continue;
    Bytes message = forged_message(lie, router_address(node, Way::kForward, view->family()), passing);
    if (message.empty()) continue;
    --lie.times;
    if (node == 0) {
      ends_.to_client(message);
    } else {
      transmit(node, Way::kBack, std::move(message));
    }
  }
}

bool PathEmulator::passes_target_filter(BytesView packet) const {
  const auto view = parse_packet(packet);
  if (!view) return false;
  const TargetConfig& target = config_.target;
  if (target.drop_udp && view->protocol == kProtocolUdp) return false;
  if (target.drop_tcp && view->protocol == kProtocolTcp) return false;
  if (target.drop_echo && is_echo_request(*view)) return false;
  const bool is_icmp = view->protocol == kProtocolIcmp || view->protocol == kProtocolIcmp6;
  if (!target.max_echo_bytes || !is_icmp) return true;
  // A filter sees of a fragment only that the whole is larger than what such filters let through.
  return !view->is_fragment && !(is_echo_request(*view) && packet.size() > *target.max_echo_bytes);
}

}  // namespace vpndoctor::lab
