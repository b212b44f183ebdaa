// SPDX-License-Identifier: Apache-2.0
// Runs the simulated connection event by event; see the header.
#include "simulated_tcp.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace vpndoctor::test {
namespace {

constexpr double kOneWay = 0.02;
constexpr std::uint32_t kRequestBytes = 120;
constexpr std::uint32_t kWindowSegments = 10;

class Simulation {
 public:
  Simulation(const TcpScene& scene, std::mt19937_64& random)
      : scene_(scene), random_(random), mss_(scene.mss - (scene.timestamps ? 12U : 0U)) {}

  std::vector<StoredPacket> run() {
    plan_outages();
    send_syn();
    while (!events_.empty() && events_.begin()->first <= scene_.seconds) {
      const auto event = events_.begin();
      now_ = event->first;
      const auto action = event->second;
      events_.erase(event);
      action();
    }
    flush_merged();
    std::ranges::stable_sort(captured_, {}, &StoredPacket::at);
    return std::move(captured_);
  }

 private:
  void after(double seconds, std::function<void()> action) { events_.emplace(now_ + seconds, std::move(action)); }

  void plan_outages() {
    if (scene_.outages_per_second <= 0) return;
    std::exponential_distribution<double> gap(scene_.outages_per_second);
    std::uniform_real_distribution<double> length(0.1, 3);
    for (double at = gap(random_); at < scene_.seconds; at += gap(random_)) {
      const double end = at + length(random_);
      outages_.emplace_back(at, end);
      at = end;
    }
  }

  bool is_lost(const SegmentByHand& segment) {
    const bool out =
        std::ranges::any_of(outages_, [this](const auto& each) { return now_ >= each.first && now_ < each.second; });
    if (out || std::bernoulli_distribution(scene_.loss)(random_)) return true;
    return segment.from_server && scene_.hole_bytes != 0 && size_of(segment) > scene_.hole_bytes;
  }

  std::uint32_t size_of(const SegmentByHand& segment) const {
    const std::uint32_t ip = scene_.family == Family::kInet ? 20 : 40;
    return ip + 20 + (scene_.timestamps ? 12 : 0) + segment.payload_bytes;
  }

  /// Puts a packet on the path; `arrive` is what happens at its other end.
  void transmit(SegmentByHand segment, const std::function<void()>& arrive) {
    segment.at_seconds = now_;
    const bool seen_leaving = segment.from_server != scene_.near_receiver;
    if (seen_leaving) capture(segment);
    if (is_lost(segment)) {
      signal(segment);
      return;
    }
    after(kOneWay, [this, segment, arrive, seen_leaving]() mutable {
      segment.at_seconds = now_;
      if (!seen_leaving) capture(segment);
      arrive();
    });
  }

  void signal(const SegmentByHand& segment) {
    if (!scene_.is_signalled || !segment.from_server || size_of(segment) <= scene_.hole_bytes) return;
    after(kOneWay / 2, [this, quoted = segment]() mutable {
      quoted.at_seconds = now_;
      if (!scene_.near_receiver) {
        flush_merged();
        captured_.push_back(too_big_packet(scene_, quoted, scene_.hole_bytes));
      }
      mss_ = std::min(mss_, scene_.hole_bytes - (size_of(quoted) - quoted.payload_bytes));
      send_again(una_);
    });
  }

  /// With offload, new segments that follow each other at once are one to the capture.
  void capture(const SegmentByHand& segment) {
    const bool joins = scene_.offload && segment.from_server && merged_.payload_bytes > 0 &&
                       merged_.sequence + merged_.payload_bytes == segment.sequence &&
                       merged_.payload_bytes % mss_ == 0 && merged_.payload_bytes + segment.payload_bytes < 60000 &&
                       segment.at_seconds == merged_.at_seconds;
    if (joins) {
      merged_.payload_bytes += segment.payload_bytes;
      return;
    }
    flush_merged();
    if (scene_.offload && segment.from_server && segment.payload_bytes == mss_) {
      merged_ = segment;
    } else {
      captured_.push_back(segment_packet(scene_, segment));
    }
  }

  void flush_merged() {
    if (merged_.payload_bytes > 0) captured_.push_back(segment_packet(scene_, merged_));
    merged_ = {};
  }

  void send_syn() {
    if (is_connected_) return;
    transmit({.from_server = false, .sequence = client_isn(), .flags = "S"}, [this] {
      transmit({.sequence = scene_.first_sequence, .acknowledgment = client_isn() + 1, .flags = "SA"},
               [this] { connect(); });
    });
    after(1, [this] { send_syn(); });
  }

  std::uint32_t client_isn() const { return 77; }

  void connect() {
    if (is_connected_) return;
    is_connected_ = true;
    acknowledge();
    send_request();
  }

  void send_request() {
    if (is_asked_) return;
    transmit({.from_server = false,
              .sequence = client_isn() + 1,
              .acknowledgment = wire(received_),
              .payload_bytes = kRequestBytes},
             [this] { serve(); });
    after(1, [this] { send_request(); });
  }

  void serve() {
    transmit({.sequence = wire(next_), .acknowledgment = client_isn() + 1 + kRequestBytes}, [] {});
    if (is_asked_) return;
    is_asked_ = true;
    write(0);
  }

  void write(std::size_t index) {
    if (index >= scene_.writes.size()) return;
    end_ += scene_.writes[index];
    borders_.insert(end_);
    send_new();
    after(scene_.pause_seconds, [this, index] { write(index + 1); });
  }

  std::uint32_t wire(std::uint64_t offset) const {
    return scene_.first_sequence + 1 + static_cast<std::uint32_t>(offset);
  }

  /// A write is not joined with the next one (TCP_NODELAY).
  std::uint32_t segment_at(std::uint64_t from) const {
    const std::uint64_t border = *borders_.upper_bound(from);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(mss_, border - from));
  }

  void send_at(std::uint64_t from, std::uint32_t bytes) {
    transmit({.sequence = wire(from), .acknowledgment = client_isn() + 1 + kRequestBytes, .payload_bytes = bytes},
             [this, from, bytes] { receive(from, from + bytes); });
  }

  void send_new() {
    while (next_ < end_ && next_ - una_ < std::uint64_t{kWindowSegments} * mss_) {
      const std::uint32_t bytes = segment_at(next_);
      send_at(next_, bytes);
      next_ += bytes;
    }
    start_timer();
  }

  void send_again(std::uint64_t from) {
    if (from < next_)
      send_at(from, static_cast<std::uint32_t>(std::min<std::uint64_t>(segment_at(from), next_ - from)));
  }

  void start_timer() {
    if (una_ == next_) return;
    const std::uint64_t round = ++timer_;
    after(0.2 * static_cast<double>(1U << std::min(timeouts_, 9U)), [this, round] {
      if (round != timer_ || una_ == next_) return;
      ++timeouts_;
      if (scene_.splits && timeouts_ >= 4) mss_ = std::min(mss_, 1012U);
      send_again(una_);
      start_timer();
    });
  }

  void receive(std::uint64_t from, std::uint64_t to) {
    arrived_.emplace_back(from, to);
    std::ranges::sort(arrived_);
    for (const auto& [begin, end] : arrived_)
      if (begin <= received_) received_ = std::max(received_, end);
    std::erase_if(arrived_, [this](const auto& each) { return each.second <= received_; });
    acknowledge();
  }

  void acknowledge() {
    SegmentByHand ack{.from_server = false,
                      .sequence = client_isn() + 1 + (is_asked_ ? kRequestBytes : 0),
                      .acknowledgment = wire(received_)};
    if (scene_.sack)
      for (const auto& [from, to] : merged_blocks()) ack.sacked.emplace_back(wire(from), wire(to));
    const std::uint64_t received = received_;
    const auto blocks = scene_.sack ? merged_blocks() : Blocks{};
    transmit(ack, [this, received, blocks] { hear(received, blocks); });
  }

  using Blocks = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  Blocks merged_blocks() const {
    Blocks blocks;
    for (const auto& [from, to] : arrived_) {
      if (!blocks.empty() && blocks.back().second >= from) {
        blocks.back().second = std::max(blocks.back().second, to);
      } else {
        blocks.emplace_back(from, to);
      }
    }
    return blocks;
  }

  void hear(std::uint64_t received, const Blocks& blocks) {
    if (received > una_) {
      una_ = received;
      timeouts_ = 0;
      duplicates_ = 0;
      send_new();
      if (una_ < next_ && una_ < recover_) send_again(una_);
    } else if (received == una_ && una_ < next_ && ++duplicates_ == 3) {
      recover_ = next_;
      send_again(una_);
    }
    (void)blocks;
  }

  const TcpScene& scene_;
  std::mt19937_64& random_;
  std::uint32_t mss_;
  double now_ = 0;
  std::multimap<double, std::function<void()>> events_;
  std::vector<std::pair<double, double>> outages_;
  std::vector<StoredPacket> captured_;
  SegmentByHand merged_;
  std::set<std::uint64_t> borders_;
  Blocks arrived_;
  std::uint64_t una_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t recover_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t timer_ = 0;
  unsigned timeouts_ = 0;
  unsigned duplicates_ = 0;
  bool is_connected_ = false;
  bool is_asked_ = false;
};

}  // namespace

std::vector<StoredPacket> simulate_tcp(const TcpScene& scene, std::mt19937_64& random) {
  return Simulation(scene, random).run();
}

}  // namespace vpndoctor::test
