// SPDX-License-Identifier: Apache-2.0
// What a search found, as facts. Keeps apart what is proven of the way there, of the way back, and of both together.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "path_mtu_search_state.h"
#include "size_loss.h"

namespace vpndoctor {
namespace {

const char* way(Method method) { return method == Method::kUdp ? "UDP to a closed port" : "ICMP echo"; }

}  // namespace

void PathMtuSearch::Impl::describe(PathMtuMeasurement& measurement) const {
  measurement.min_bytes = options.min_bytes;
  measurement.max_bytes = options.max_bytes;
  measurement.answered = sizes.has_value();
  measurement.incomplete = interrupted || out_of_time;
  measurement.rtt = ledger.smoothed_rtt();
  measurement.too_big = too_big.messages();
  measurement.too_big_not_delivered = too_big.not_delivered();
  measurement.fragments = fragments;
  if (!fragments && options.abilities.fragments && sizes) measurement.fragments.emplace();
  describe_sizes(measurement);
  describe_probing(measurement.probing);
  if (!sizes) return;
  measurement.loss_ratio = sizes->loss().control_loss();
  describe_bounds(measurement);
  describe_reverse(measurement);
  describe_hops(measurement);
}

// The size is lost on the way there: a router (or this machine's device) refused it, a router behind which it never
// arrives was found, a UDP probe of that size did not arrive, or its echo was lost although the way back was shown to
// carry large replies.
bool PathMtuSearch::Impl::edge_is_forward(std::uint32_t edge) const {
  if (too_big.sender_about(edge) || refused_too_large > 0) return true;
  if (hops && hops->constriction() && located_edge == edge) return true;
  const auto udp = forward.bounds();
  if (udp.at_most_bytes && *udp.at_most_bytes < edge) return true;
  return replies.asked() && replies.large_answered();
}

void PathMtuSearch::Impl::describe_bounds(PathMtuMeasurement& measurement) const {
  const SizeBounds found = sizes->bounds();
  measurement.lost_bands = sizes->lost_bands();
  measurement.false_claim_probability = sizes->false_claim_probability();
  if (sizes->method() == Method::kUdp) {
    measurement.forward = found;
    return;
  }
  measurement.round_trip = found;
  measurement.forward.at_least_bytes = found.at_least_bytes;
  if (!found.at_most_bytes || !found.at_least_bytes) return;
  if (*found.at_most_bytes >= options.max_bytes) {
    measurement.forward.at_most_bytes = found.at_most_bytes;
    return;
  }
  if (edge_is_forward(*found.at_most_bytes + 1)) {
    measurement.forward.at_most_bytes = found.at_most_bytes;
    return;
  }
  const SizeBounds udp = forward.bounds();
  if (udp.at_least_bytes && *udp.at_least_bytes > *found.at_least_bytes) {
    measurement.forward = udp;
    if (auto odds = forward.false_claim_probability()) measurement.false_claim_probability = odds;
  }
}

// A router on the way back cuts replies of every size above its MTU, in pieces whose payload is a multiple of 8 bytes.
std::optional<SizeBounds> PathMtuSearch::Impl::way_back() const {
  if (!fragments || !fragments->first_fragment_bytes) return std::nullopt;
  constexpr std::uint32_t kFragmentStep = 8;  // RFC 791 section 3.2
  const std::uint32_t first = *fragments->first_fragment_bytes;
  const std::uint32_t cut = fragments->smallest_fragmented_bytes.value_or(UINT32_MAX);
  const std::uint32_t at_most = std::min({first + kFragmentStep - 1, cut - 1, options.max_bytes});
  std::uint32_t whole = replies.largest_answered_up_to(at_most);
  for (const auto& [key, tally] : ledger.tallies()) {
    const bool came_whole = key.method == Method::kEcho && key.ttl == kFullTtl && key.size_bytes <= at_most;
    if (came_whole && tally.answered > 0) whole = std::max(whole, key.size_bytes);
  }
  return SizeBounds{std::min(std::max(first, whole), at_most), at_most};
}

void PathMtuSearch::Impl::describe_reverse(PathMtuMeasurement& measurement) const {
  const SizeBounds& there = measurement.forward;
  const SizeBounds& both = measurement.round_trip;
  const bool forward_carries_more =
      there.at_least_bytes && both.at_most_bytes && *there.at_least_bytes > *both.at_most_bytes;
  if (fragments && fragments->only_tail_arrived && forward_carries_more) {
    measurement.reverse = both;
  } else if (measurement.lost_bands.empty()) {  // a band says nothing of a single limit
    measurement.reverse = way_back();
  }
  const bool nothing_back = !fragments || (!fragments->only_tail_arrived && !fragments->first_fragment_bytes);
  measurement.large_echo_filtered = forward_carries_more && nothing_back && replies.control_answered() &&
                                    !replies.large_answered() &&
                                    replies.silence_odds(sizes->chance()) <= kMaxFalseClaim;
}

std::optional<Constriction> PathMtuSearch::Impl::constriction(const SizeBounds& forward_bounds) const {
  if (!hops || !forward_bounds.at_most_bytes || *forward_bounds.at_most_bytes >= options.max_bytes) return std::nullopt;
  const std::uint32_t edge = *forward_bounds.at_most_bytes + 1;
  if (const auto sender = too_big.sender_of_claim(edge - 1)) {
    if (const auto ttl = hops->ttl_of(*sender)) {
      const auto next = static_cast<std::uint8_t>(*ttl + 1);
      const auto known = hops->hops(0);
      return Constriction{*ttl, sender, next, next <= known.size() ? known[next - 1U].address : std::nullopt};
    }
  }
  if (located_edge != edge) return std::nullopt;
  if (const auto proven = hops->constriction()) return proven;
  const auto from = hops->last_reached();
  const auto target = hops->distance();
  // No router behind the last one reached answers small probes: only the target can be the first not reached.
  if (!from || !target || *from >= *target || hops->has_answering_router_after(*from)) return std::nullopt;
  if (*from == 0 && *target > 1) return std::nullopt;
  const auto known = hops->hops(0);
  return Constriction{*from, *from == 0 ? std::nullopt : known[*from - 1U].address, *target, options.target};
}

void PathMtuSearch::Impl::describe_hops(PathMtuMeasurement& measurement) const {
  if (!hops) return;
  measurement.hops = hops->hops(measurement.forward.at_least_bytes.value_or(0));
  for (Hop& hop : measurement.hops) {
    for (const TooBigMessage& message : measurement.too_big) {
      if (hop.address == message.from && message.probe_bytes) hop.reported_mtu_bytes = message.mtu_bytes;
    }
  }
  measurement.constriction = constriction(measurement.forward);
}

void PathMtuSearch::Impl::describe_sizes(PathMtuMeasurement& measurement) const {
  std::map<std::uint32_t, SizeCount> by_size;
  for (const auto& [key, tally] : ledger.tallies()) {
    if (key.ttl != kFullTtl) continue;
    SizeCount& count = by_size[key.size_bytes];
    count.size_bytes = key.size_bytes;
    count.sent += tally.sent;
    count.answered += tally.answered;
  }
  for (const auto& [size, count] : by_size) measurement.sizes.push_back(count);
  if (!sizes || sizes->method() != Method::kEcho) return;
  measurement.size_dependent_loss = loss_depends_on_size(ledger, Method::kEcho);
}

void PathMtuSearch::Impl::describe_probing(Probing& probing) const {
  probing.method =
      sizes ? sizes->method() : options.method.value_or(options.abilities.echo ? Method::kEcho : Method::kUdp);
  probing.probes_sent = ledger.probes().size();
  probing.replies_received = replies_received;
  probing.bytes_sent = bytes_sent;
  probing.rounds = sizes ? sizes->rounds() : 0;
  const auto tell = [&](std::string text) { probing.could_not_see.push_back(std::move(text)); };
  if (!options.abilities.ttl_limited) tell("hops: this kind of socket does not receive time-exceeded messages");
  if (!options.abilities.fragments) {
    tell("fragments of replies, and too-big messages that a local firewall eats: capturing needs CAP_NET_RAW");
  }
  if (sizes && sizes->method() == Method::kUdp) {
    tell("lost bands and loss by size: the target limits how many UDP probes it answers");
    tell("the way back: answers to UDP probes are small");
  }
  if (refused_blocked > 0) tell(fmt::format("{} probes: a local firewall refused to send them", refused_blocked));
  if (refused_no_route > 0) tell(fmt::format("{} probes: the kernel had no route for them", refused_no_route));
  for (const auto& [from, code] : unreachable) {
    tell(fmt::format("some probes: {} answered \"destination unreachable\", code {}", from, code));
  }
  if (!options.abilities.echo && options.method != Method::kUdp) {
    tell("ICMP echo: it needs CAP_NET_RAW, or a group within net.ipv4.ping_group_range");
  }
  if (sizes) {
    const auto answered = sizes->bounds().at_least_bytes;
    probing.tried.push_back(fmt::format("{}: answered up to {} bytes", way(sizes->method()), answered.value_or(0)));
    if (sizes->method() == Method::kUdp) return;
    if (forward.answers()) probing.tried.push_back(fmt::format("{}: answered", way(Method::kUdp)));
    if (forward.was_asked() && !forward.answers())
      probing.tried.push_back(fmt::format("{}: no answer", way(Method::kUdp)));
    return;
  }
  if (wants_echo()) probing.tried.push_back(fmt::format("{}: no reply", way(Method::kEcho)));
  if (wants_udp()) probing.tried.push_back(fmt::format("{}: no answer", way(Method::kUdp)));
}

}  // namespace vpndoctor
