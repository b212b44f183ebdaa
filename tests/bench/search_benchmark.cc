// SPDX-License-Identifier: Apache-2.0
// vpndoctor-bench: runs the pure search, and the diagnosis of what it found, against random networks on all cores, and
// counts answers that are right, open or wrong. Prints a Markdown table. No sockets; time is virtual.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "drawn_network.h"
#include "path_mtu_judgement.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor::bench {
namespace {

using testing::SimulatedNetwork;
using testing::Simulation;

enum class Answer { kRight, kOpen, kWrong };

/// What came of one network.
struct Outcome {
  Answer size = Answer::kOpen;
  Answer hop = Answer::kOpen;
  bool has_hop = false;           ///< something on the way there is narrower than the device
  bool verdict_is_wrong = false;  ///< status, direction or range that a user would read is not so
  std::string why;                ///< in words, of anything that is wrong
  double milliseconds = 0;
};

constexpr bool excludes(const SizeBounds& bounds, std::uint32_t truth) {
  return bounds.at_least_bytes.value_or(0) > truth || bounds.at_most_bytes.value_or(truth) < truth;
}

std::string text(const SizeBounds& bounds) {
  return fmt::format("{}..{}", bounds.at_least_bytes.value_or(0), bounds.at_most_bytes.value_or(0));
}

PathMtuSearchOptions options_for(const DrawnNetwork& drawn) {
  PathMtuSearchOptions options;
  options.family = drawn.family;
  options.target = testing::simulated_address(drawn.network.links.size());
  options.max_bytes = kDeviceMtuBytes;
  options.abilities = {.echo = true, .udp = true, .ttl_limited = true, .fragments = false, .harmless = true};
  return options;
}

PathMtuMeasurement measure(const DrawnNetwork& drawn, std::uint64_t number, Outcome& outcome) {
  const PathMtuSearchOptions options = options_for(drawn);
  PathMtuSearch search(options, Simulation::begin());
  Simulation simulation(drawn.network, number * 2 + 1);
  outcome.milliseconds = simulation.run(search).count();
  PathMtuMeasurement measurement;
  measurement.target.address = options.target;
  measurement.egress.link_mtu_bytes = kDeviceMtuBytes;
  search.describe(measurement);
  return measurement;
}

/// The range that the search claims: of the round trip with echo, of the way there with UDP, whose answers are small.
void judge_size(const PathMtuMeasurement& measurement, const SimulatedNetwork& network, Outcome& outcome) {
  const bool echo = measurement.probing.method == Method::kEcho;
  SizeBounds claimed = echo ? measurement.round_trip : measurement.forward;
  // Above these odds the report gives a range.
  if (judge_path_mtu(measurement).may_be_chance) claimed.at_most_bytes.reset();
  const std::uint32_t there = std::min(network.forward_mtu(), kDeviceMtuBytes);
  const std::uint32_t truth = echo ? std::min(there, network.back_mtu()) : there;
  if (excludes(claimed, truth)) {
    outcome.size = Answer::kWrong;
    outcome.why += fmt::format(" size {} is {}", text(claimed), truth);
  } else if (claimed.exact()) {
    outcome.size = Answer::kRight;
  }
}

void judge_hop(const PathMtuMeasurement& measurement, const SimulatedNetwork& network, Outcome& outcome) {
  const std::uint32_t there = network.forward_mtu();
  outcome.has_hop = there < std::min(kDeviceMtuBytes, network.back_mtu());
  if (!measurement.constriction) return;
  const std::size_t narrow = there < kDeviceMtuBytes ? network.end_of(there + 1) : network.links.size();
  const auto& claimed = *measurement.constriction;
  const bool holds = claimed.from_ttl <= narrow && narrow < claimed.to_ttl && narrow < network.links.size();
  outcome.hop = holds ? Answer::kRight : Answer::kWrong;
  if (!holds) outcome.why += fmt::format(" hop {}-{} is {}", claimed.from_ttl, claimed.to_ttl, narrow);
}

/// What the user reads: the range of the way there, and which way is called a hole.
void judge_verdict(const PathMtuMeasurement& measurement, const SimulatedNetwork& network, Outcome& outcome) {
  const PathMtuDiagnosis diagnosis = diagnose_path_mtu(measurement);
  const std::uint32_t there = std::min(network.forward_mtu(), kDeviceMtuBytes);
  const bool narrow_there = there < kDeviceMtuBytes;
  const bool narrow_back = network.back_mtu() < kDeviceMtuBytes;
  const bool signals = std::ranges::any_of(network.links, &testing::SimulatedLink::signals);
  const SizeBounds told{diagnosis.path_mtu_at_least_bytes, diagnosis.path_mtu_at_most_bytes};
  bool wrong = excludes(told, there);
  wrong |= diagnosis.direction == Direction::kForward && !narrow_there;
  wrong |= diagnosis.direction == Direction::kReverse && !narrow_back;
  wrong |= diagnosis.direction == Direction::kBoth && !(narrow_there && narrow_back);
  wrong |= diagnosis.status == PathMtuStatus::kClear && (narrow_there || narrow_back);
  wrong |= diagnosis.status == PathMtuStatus::kSignalled && !(narrow_there && signals);
  wrong |= diagnosis.status == PathMtuStatus::kMisreported && !signals;
  outcome.verdict_is_wrong = wrong;
  if (wrong) {
    outcome.why += fmt::format(" verdict {} {} {} of {} there, {} back", path_mtu_status_name(diagnosis.status),
                               diagnosis.direction ? direction_name(*diagnosis.direction) : "-", text(told), there,
                               network.back_mtu());
  }
}

Outcome try_network(const DrawnNetwork& drawn, std::uint64_t number) {
  Outcome outcome;
  const PathMtuMeasurement measurement = measure(drawn, number, outcome);
  judge_size(measurement, drawn.network, outcome);
  judge_hop(measurement, drawn.network, outcome);
  judge_verdict(measurement, drawn.network, outcome);
  return outcome;
}

/// One row of the table.
struct Row {
  std::uint64_t networks = 0;
  std::array<std::uint64_t, 3> size{};
  std::uint64_t with_hop = 0;
  std::uint64_t right_hops = 0;
  std::uint64_t wrong_hops = 0;
  std::uint64_t wrong_verdicts = 0;
  std::vector<double> milliseconds;

  void add(const Outcome& outcome) {
    ++networks;
    ++size.at(static_cast<std::size_t>(outcome.size));
    with_hop += outcome.has_hop ? 1 : 0;
    right_hops += outcome.has_hop && outcome.hop == Answer::kRight ? 1 : 0;
    wrong_hops += outcome.hop == Answer::kWrong ? 1 : 0;
    wrong_verdicts += outcome.verdict_is_wrong ? 1 : 0;
    milliseconds.push_back(outcome.milliseconds);
  }
};

class Table {
 public:
  void add(const DrawnNetwork& drawn, const Outcome& outcome) {
    const std::lock_guard lock(mutex_);
    const double loss = drawn.round_trip_loss;
    rows_[loss < 0.05 ? kBelow5 : loss < 0.10 ? kBelow10 : loss < 0.20 ? kBelow20 : kBelow30].add(outcome);
    if (loss < 0.20) rows_[kUpTo20].add(outcome);
    rows_[kAll].add(outcome);
    if (drawn.network.burst_packets > 1) rows_[kBursts].add(outcome);
    if (drawn.network.rate_limited) rows_[kRateLimits].add(outcome);
    if (!drawn.network.answers_echo) rows_[kUdpOnly].add(outcome);
  }

  void print() {
    fmt::print(
        "| lost round trips | networks | right | open | wrong | hop right | hop wrong | verdict wrong | median |\n");
    fmt::print("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (std::size_t kind = 0; kind < kKinds; ++kind) print(kNames.at(kind), rows_.at(kind));
  }

  /// The targets: below 0.1 % wrong, and below 2 % open where at most a fifth of the round trips is lost.
  bool holds() const {
    const Row& all = rows_[kAll];
    const Row& fifth = rows_[kUpTo20];
    return all.size[2] * 1000 < std::max<std::uint64_t>(all.networks, 1) &&
           fifth.size[1] * 50 < std::max<std::uint64_t>(fifth.networks, 1);
  }

 private:
  enum Kind : std::size_t {
    kBelow5,
    kBelow10,
    kBelow20,
    kBelow30,
    kUpTo20,
    kAll,
    kBursts,
    kRateLimits,
    kUdpOnly,
    kKinds
  };
  static constexpr std::array<const char*, kKinds> kNames{"below 5 %",
                                                          "5 to 10 %",
                                                          "10 to 20 %",
                                                          "20 to 30 %",
                                                          "all up to 20 %",
                                                          "all",
                                                          "of these, in bursts",
                                                          "of these, ICMP rate limits",
                                                          "of these, only UDP is answered"};

  static std::string share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? "-" : fmt::format("{:.2f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  }

  static void print(const char* name, Row& row) {
    if (row.networks == 0) return;
    const auto middle = row.milliseconds.begin() + static_cast<std::ptrdiff_t>(row.milliseconds.size() / 2);
    std::ranges::nth_element(row.milliseconds, middle);
    fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} | {:.2f} s |\n", name, row.networks,
               share(row.size[0], row.networks), share(row.size[1], row.networks), share(row.size[2], row.networks),
               share(row.right_hops, row.with_hop), share(row.wrong_hops, row.networks),
               share(row.wrong_verdicts, row.networks), *middle / 1000);
  }

  std::mutex mutex_;
  std::array<Row, kKinds> rows_;
};

struct Range {
  std::uint64_t first = 1;
  std::uint64_t networks = 100000;
  bool list_wrong = false;
};

std::string traits(const DrawnNetwork& drawn) {
  const SimulatedNetwork& network = drawn.network;
  return fmt::format("{} {} hops, {:.1f} ms, {:.0f} % lost{}{}{}", family_name(drawn.family), network.links.size(),
                     2 * network.one_way.count(), 100 * drawn.round_trip_loss,
                     network.burst_packets > 1 ? fmt::format(" in bursts of {:.1f}", network.burst_packets) : "",
                     network.rate_limited ? ", ICMP rate limits" : "", network.answers_echo ? "" : ", UDP only");
}

void work(const Range& range, std::atomic<std::uint64_t>& next, Table& table) {
  for (std::uint64_t number = next++; number < range.first + range.networks; number = next++) {
    const DrawnNetwork drawn = draw_network(number);
    const Outcome outcome = try_network(drawn, number);
    table.add(drawn, outcome);
    if (range.list_wrong && !outcome.why.empty())
      fmt::print(stderr, "network {} ({}):{}\n", number, traits(drawn), outcome.why);
  }
}

bool parse(const std::vector<std::string_view>& words, Range& range) {
  std::vector<std::uint64_t> numbers;
  for (const std::string_view word : words) {
    if (word == "--list-wrong") {
      range.list_wrong = true;
      continue;
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return false;
    numbers.push_back(number);
  }
  if (!numbers.empty()) range.networks = numbers[0];
  if (numbers.size() > 1) range.first = numbers[1];
  return numbers.size() <= 2;
}

int run(const Range& range) {
  const auto start = std::chrono::steady_clock::now();
  Table table;
  std::atomic<std::uint64_t> next = range.first;
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i)
      workers.emplace_back([&] { work(range, next, table); });
  }
  table.print();
  fmt::print(stderr, "{} networks in {:.0f} s\n", range.networks,
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return table.holds() ? 0 : 1;
}

}  // namespace
}  // namespace vpndoctor::bench

int main(int argc, char** argv) {
  vpndoctor::bench::Range range;
  if (!vpndoctor::bench::parse({argv + 1, argv + argc}, range)) {
    fmt::print(stderr, "vpndoctor-bench [--list-wrong] [NETWORKS [FIRST]]\n");
    return 2;
  }
  return vpndoctor::bench::run(range);
}
