// SPDX-License-Identifier: Apache-2.0
// What a random network looks like. Knows nothing of the search.
#include "drawn_network.h"

#include <array>
#include <cmath>
#include <random>

namespace vpndoctor::bench {
namespace {

constexpr double kMaxRoundTripLoss = 0.30;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  /// From 0 to n - 1.
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  double between(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }

 private:
  std::mt19937_64 random_;
};

std::uint32_t draw_mtu(Dice& dice, Family family) {
  constexpr std::array<std::uint32_t, 8> kCustomary{1280, 1400, 1420, 1440, 1454, 1480, 1492, 1500};
  if (dice.one_in(2)) return kCustomary.at(dice.below(kCustomary.size()));
  const std::uint32_t smallest = family == Family::kInet ? 576 : 1280;
  return smallest + dice.below(kDeviceMtuBytes - smallest);
}

/// One link is narrow in seven networks of ten; a third of those say so, and a quarter of what is said is not true.
void draw_narrow_link(Dice& dice, Family family, testing::SimulatedNetwork& network) {
  auto& link = network.links.at(dice.below(static_cast<std::uint32_t>(network.links.size())));
  link.mtu_bytes = draw_mtu(dice, family);
  link.signals = dice.one_in(3);
  constexpr std::uint32_t kLargestLie = 100;
  if (dice.one_in(4)) link.claim_bytes = link.mtu_bytes - kLargestLie / 2 + dice.below(kLargestLie);
}

void draw_links(Dice& dice, Family family, testing::SimulatedNetwork& network) {
  network.links.resize(1 + dice.below(6));
  for (auto& link : network.links) link.mtu_bytes = link.back_mtu_bytes = kDeviceMtuBytes;
  const std::uint32_t kind = dice.below(10);
  if (kind < 7) draw_narrow_link(dice, family, network);
  if (kind == 6 || kind == 7) {
    auto& link = network.links.at(dice.below(static_cast<std::uint32_t>(network.links.size())));
    link.back_mtu_bytes = draw_mtu(dice, family);
  }
}

}  // namespace

DrawnNetwork draw_network(std::uint64_t number) {
  // Neighbouring seeds start alike; a large odd factor sets them apart.
  Dice dice(number * 0x9E3779B97F4A7C15U + 1);
  DrawnNetwork drawn;
  drawn.family = dice.one_in(3) ? Family::kInet6 : Family::kInet;
  drawn.round_trip_loss = dice.between(0, kMaxRoundTripLoss);
  testing::SimulatedNetwork& network = drawn.network;
  draw_links(dice, drawn.family, network);
  network.one_way = Milliseconds(std::exp(dice.between(std::log(0.2), std::log(150.0))));
  network.jitter = network.one_way * dice.between(0, 0.3);
  network.loss = 1 - std::sqrt(1 - drawn.round_trip_loss);
  network.burst_packets = dice.one_in(3) ? dice.between(1, 8) : 1;
  network.rate_limited = dice.one_in(2);
  network.answers_echo = !dice.one_in(20);
  for (std::size_t i = 0; i < network.links.size(); ++i) network.silent.push_back(dice.one_in(6));
  return drawn;
}

}  // namespace vpndoctor::bench
