// SPDX-License-Identifier: Apache-2.0
// What a random network is made of, and the statements about it that can be checked. The mix is meant to be nastier
// than the Internet, not like it.
#include "random_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace vpndoctor::testing {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15U + 1) {}
  double between(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  double log_between(double low, double high) { return std::exp(between(std::log(low), std::log(high))); }
  bool one_in(int n) { return roll(0, static_cast<std::uint32_t>(n) - 1) == 0; }
  std::uint32_t roll(std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(random_);
  }
  SimulatedLink& pick(std::vector<SimulatedLink>& links) {
    return links[roll(0, static_cast<std::uint32_t>(links.size()) - 1)];
  }

 private:
  std::mt19937_64 random_;
};

std::uint32_t narrow_size(Dice& dice, const PathMtuSearchOptions& search) {
  constexpr std::uint32_t kUsual[] = {1492, 1480, 1472, 1454, 1440, 1428, 1420, 1412, 1400, 1380, 1300, 1280};
  const std::uint32_t least = search.family == Family::kInet6 ? 1280 : dice.one_in(10) ? 68 : 576;
  const std::uint32_t size =
      dice.one_in(2) ? kUsual[dice.roll(0, std::size(kUsual) - 1)] : dice.roll(least, search.max_bytes);
  return std::min(size, search.max_bytes);
}

void narrow_there(Dice& dice, RandomNetwork& random, bool hostile_claims) {
  SimulatedLink& link = dice.pick(random.network.links);
  link.mtu_bytes = narrow_size(dice, random.search);
  // A link that this machine is attached to is refused by its own device or by nobody.
  link.signals = &link != &random.network.links.front() && dice.one_in(3);
  if (link.signals && hostile_claims && dice.one_in(4)) {
    constexpr std::uint32_t kSpread = 60;
    link.claim_bytes =
        dice.one_in(4) ? 0 : link.mtu_bytes - std::min(link.mtu_bytes, kSpread) + dice.roll(0, 2 * kSpread);
  }
}

// What a tunnel does whose outer packets are fragmented from some size on. Narrower bands, and those elsewhere, are
// beyond what the search looks for.
void band_there(Dice& dice, RandomNetwork& random) {
  constexpr std::uint32_t kLeast = 1200;
  constexpr std::uint32_t kNarrowest = 8;
  random.search.max_bytes = 1500;
  SimulatedLink& link = dice.pick(random.network.links);
  link.mtu_bytes = dice.roll(random.search.family == Family::kInet6 ? 1280 : kLeast, 1500 - 2 * kNarrowest);
  link.passes_above = true;
  link.passes_above_bytes = dice.roll(link.mtu_bytes + kNarrowest + 1, 1500);
}

void draw_path(Dice& dice, SimulatedNetwork& network) {
  network.links.resize(dice.roll(1, 8));
  network.silent.resize(network.links.size());
  for (std::size_t i = 0; i < network.silent.size(); ++i) network.silent[i] = dice.one_in(6);
  network.one_way = Milliseconds(dice.log_between(0.1, 150));
  network.jitter = network.one_way * dice.between(0, 0.3);
  network.rate_limited = dice.one_in(2);
  network.answers_udp = !dice.one_in(4);
  if (dice.one_in(10)) network.duplicate_ratio = 0.2;
}

void draw_loss(Dice& dice, SimulatedNetwork& network, const RandomNetworkOptions& options) {
  const double round_trip = dice.between(options.least_round_trip_loss, options.most_round_trip_loss);
  network.loss = 1 - std::sqrt(1 - round_trip);
  if (options.any_bursts && dice.one_in(3)) network.burst_packets = dice.between(1, 8);
}

void draw_sizes(Dice& dice, RandomNetwork& random, bool hostile_claims) {
  const std::uint32_t kind = dice.roll(0, 9);
  if (kind == 0) return;
  if (kind == 1) return band_there(dice, random);
  if (kind == 2 || kind == 9) {
    SimulatedLink& link = dice.pick(random.network.links);
    link.back_mtu_bytes = narrow_size(dice, random.search);
    link.back_fragments = random.search.family == Family::kInet && dice.one_in(4);
  }
  if (kind >= 3) narrow_there(dice, random, hostile_claims);
  if (kind >= 8) narrow_there(dice, random, hostile_claims);
}

bool contains(const SizeBounds& bounds, std::uint32_t truth) {
  return bounds.at_least_bytes.value_or(0) <= truth && bounds.at_most_bytes.value_or(UINT32_MAX) >= truth;
}

void check_bounds(const RandomNetwork& random, const PathMtuMeasurement& found, Judgement& judgement) {
  const std::uint32_t most = random.search.max_bytes;
  const std::uint32_t there = std::min(random.network.forward_mtu(), most);
  const std::uint32_t both = std::min(there, random.network.back_mtu());
  const auto check = [&](const char* what, const SizeBounds& bounds, std::uint32_t truth) {
    if (contains(bounds, truth)) return;
    judgement.lies.push_back({Lie::About::kSize, fmt::format("{} {}..{} is {}", what, bounds.at_least_bytes.value_or(0),
                                                             bounds.at_most_bytes.value_or(0), truth)});
  };
  check("round trip", found.round_trip, both);
  check("way there", found.forward, there);
  const std::uint32_t back = std::ranges::min(random.network.links, {}, &SimulatedLink::back_mtu_bytes).back_mtu_bytes;
  if (found.reverse) check("way back", *found.reverse, std::min(back, most));
  const bool by_udp = found.probing.method == Method::kUdp;
  judgement.exact = by_udp ? found.forward.exact() : found.round_trip.exact();
}

void check_bands(const RandomNetwork& random, const PathMtuMeasurement& found, Judgement& judgement) {
  for (const LostBand& band : found.lost_bands) {
    for (std::uint32_t size = band.from_bytes; size <= band.to_bytes; ++size) {
      if (!random.network.carries(size) || size > random.network.back_mtu()) continue;
      judgement.lies.push_back(
          {Lie::About::kSize, fmt::format("band {}..{} is not lost at {}", band.from_bytes, band.to_bytes, size)});
      break;
    }
  }
}

void check_hops(const RandomNetwork& random, const PathMtuMeasurement& found, Judgement& judgement) {
  judgement.hop_named = found.constriction.has_value();
  if (found.constriction) {
    const std::size_t end = random.network.end_of(found.forward.at_most_bytes.value_or(0) + 1);
    if (found.constriction->from_ttl > end || found.constriction->to_ttl < end + 1) {
      judgement.lies.push_back(
          {Lie::About::kHop, fmt::format("constriction {}-{} is {}-{}", found.constriction->from_ttl,
                                         found.constriction->to_ttl, end, end + 1)});
    }
  }
  // Nobody can tell a silent router from a target whose nearer answers got lost.
  const std::size_t target = random.network.links.size();
  for (const Hop& hop : found.hops) {
    if (hop.largest_bytes && random.network.end_of(*hop.largest_bytes) < std::min<std::size_t>(hop.ttl, target)) {
      judgement.lies.push_back(
          {Lie::About::kHop, fmt::format("{} bytes did not reach hop {}", *hop.largest_bytes, hop.ttl)});
    }
    if (hop.address && *hop.address != simulated_address(std::min<std::size_t>(hop.ttl, target))) {
      judgement.lies.push_back({Lie::About::kHop, fmt::format("hop {} is not {}", hop.ttl, *hop.address)});
    }
  }
}

}  // namespace

RandomNetwork random_network(std::uint64_t seed, const RandomNetworkOptions& options) {
  Dice dice(seed);
  RandomNetwork random;
  random.search.abilities = {
      .echo = true, .udp = true, .ttl_limited = true, .fragments = dice.one_in(2), .harmless = true};
  random.search.family = dice.one_in(3) ? Family::kInet6 : Family::kInet;
  random.search.max_bytes = dice.one_in(12) ? 9000 : dice.one_in(6) ? dice.roll(1300, 1500) : 1500;
  random.network.target_link_bytes = std::max(random.search.max_bytes, 1500U);
  draw_path(dice, random.network);
  draw_loss(dice, random.network, options);
  draw_sizes(dice, random, options.hostile_claims);
  return random;
}

Judgement judge(const RandomNetwork& random, const PathMtuMeasurement& measurement) {
  Judgement judgement;
  check_bounds(random, measurement, judgement);
  check_bands(random, measurement, judgement);
  check_hops(random, measurement, judgement);
  if (measurement.size_dependent_loss) judgement.lies.push_back({Lie::About::kCause, "loss depends on size"});
  if (measurement.large_echo_filtered) judgement.lies.push_back({Lie::About::kCause, "large echoes are filtered"});
  return judgement;
}

std::string describe(const RandomNetwork& random) {
  const SimulatedNetwork& network = random.network;
  std::string text = fmt::format("{} max {} one way {:.1f} ms loss {:.2f} bursts {:.1f} {} udp {} fragments {}:",
                                 family_name(random.search.family), random.search.max_bytes, network.one_way.count(),
                                 network.loss, network.burst_packets, network.rate_limited ? "limited" : "unlimited",
                                 network.answers_udp, random.search.abilities.fragments);
  for (std::size_t i = 0; i < network.links.size(); ++i) {
    const SimulatedLink& link = network.links[i];
    text +=
        fmt::format(" {}{}/{}", network.silent[i] ? "s" : "", std::min(link.mtu_bytes, 99999U), link.back_mtu_bytes);
    if (link.signals) text += fmt::format("!{}", link.claim_bytes.value_or(link.mtu_bytes));
    if (link.passes_above) text += fmt::format("^{}", link.passes_above_bytes);
    if (link.back_fragments) text += "f";
  }
  return text;
}

}  // namespace vpndoctor::testing
