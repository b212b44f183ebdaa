// SPDX-License-Identifier: Apache-2.0
// The loop between the pure search, the sockets and TCP: one thread, one poll.
#include "vpndoctor/path_prober.h"

#include <fmt/format.h>
#include <poll.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "carrier.h"
#include "tcp_examination.h"
#include "vpndoctor/egress.h"
#include "vpndoctor/path_mtu_search.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kUsualTcpPort = 443;
constexpr std::uint32_t kLargestIpv4Packet = 65535;
constexpr std::uint32_t kAssumedMtuBytes = 1500;  ///< of a device that does not tell
constexpr Milliseconds kProgressEvery{500};
constexpr int kMostReceiveRounds = 64;

std::uint32_t upper_bound_bytes(const PathProbeOptions& options) {
  const std::uint32_t device = options.egress.link_mtu_bytes.value_or(kAssumedMtuBytes);
  return std::min({device, kLargestIpv4Packet, options.max_bytes.value_or(kLargestIpv4Packet)});
}

bool is_numeric(const Target& target) { return IpAddress::parse(target.host).has_value(); }

class Measurement {
 public:
  Measurement(const PathProbeOptions& options, std::unique_ptr<ProbeChannel> channel)
      : options_(options), channel_(std::move(channel)), started_(Clock::now()) {
    if (channel_) search_.emplace(search_options(), started_);
    start_tcp();
  }

  PathMtuMeasurement run();

 private:
  PathMtuSearchOptions search_options() const;
  void start_tcp();
  bool is_over() const;
  void step_tcp(TimePoint now);
  bool tcp_sizes_are_known() const;
  TcpQuestion tcp_question() const;
  void send_due();
  void receive();
  void wait();
  void report_progress(TimePoint now);
  PathMtuMeasurement result() const;

  const PathProbeOptions& options_;
  std::unique_ptr<ProbeChannel> channel_;
  std::optional<PathMtuSearch> search_;
  std::optional<TcpExamination> tcp_;
  bool interrupted_ = false;
  bool out_of_time_ = false;
  TimePoint started_;
  TimePoint last_progress_ = started_;
  std::vector<Reply> replies_;
};

PathMtuSearchOptions Measurement::search_options() const {
  PathMtuSearchOptions search;
  search.family = options_.target.address.family;
  search.target = options_.target.address;
  search.method = options_.method;
  search.min_bytes = options_.min_bytes.value_or(0);
  search.max_bytes = upper_bound_bytes(options_);
  search.abilities = channel_->abilities();
  search.rate_bytes_per_round_trip = options_.rate_bytes_per_round_trip;
  search.gentle = options_.gentle;
  search.deadline = options_.deadline;
  return search;
}

void Measurement::start_tcp() {
  if (options_.method && options_.method != Method::kTcp && !options_.port) return;
  TcpProbeOptions tcp;
  tcp.target = options_.target.address;
  tcp.scope_interface_index = options_.target.zone.empty() ? 0 : options_.egress.interface_index;
  tcp.source = options_.source.value_or(options_.egress.source);
  tcp.bind_interface = options_.bind_interface;
  tcp.capture_interface = options_.egress.interface;
  tcp.mark = options_.mark;
  tcp.port = options_.port.value_or(kUsualTcpPort);
  if (!is_numeric(options_.target)) tcp.server_name = options_.target.host;
  tcp_.emplace(std::move(tcp), options_.port.has_value() || options_.method == Method::kTcp);
}

// The sizes of interest are known as soon as the probes suspect one to be lost, or the largest got through.
bool Measurement::tcp_sizes_are_known() const {
  if (!search_ || search_->done() || search_->suspected_lost_bytes()) return true;
  return search_->largest_answered_bytes() == upper_bound_bytes(options_);
}

// A way there that the probes have shown to be narrow is not tested again: it would cost the time of several
// retransmissions, and a too-big message for a kernel's segment stays in the kernel's cache.
TcpQuestion Measurement::tcp_question() const {
  TcpQuestion question;
  question.sizes = {upper_bound_bytes(options_)};
  question.to_the_byte = !search_ || !search_->largest_answered_bytes();
  if (!search_) return question;
  question.rtt = search_->round_trip();
  question.is_lossless = question.rtt.has_value() && !search_->saw_loss();
  if (const auto lost = search_->suspected_lost_bytes()) {
    question.sizes.insert(question.sizes.end(), {*lost, *lost - 1});
    question.forward = !search_->lost_on_the_way_there();
  }
  return question;
}

void Measurement::step_tcp(TimePoint now) {
  if (!tcp_) return;
  tcp_->step(now);
  if (tcp_->is_open() && !tcp_->has_begun() && tcp_sizes_are_known()) tcp_->begin(tcp_question(), now);
}

bool Measurement::is_over() const {
  if (interrupted_ || out_of_time_) return true;
  if (search_ && !search_->done()) return false;
  if (!tcp_ || tcp_->done()) return true;
  // A port that nobody asked about does not hold up the answer.
  const bool heard = search_ && search_->largest_answered_bytes().has_value();
  return !tcp_->was_requested() && heard && !tcp_->has_begun();
}

void Measurement::send_due() {
  if (!search_) return;
  for (TimePoint now = Clock::now(); !search_->done(); now = Clock::now()) {
    const auto probe = search_->next(now);
    if (!probe) return;
    if (const auto sent = channel_->send(*probe); !sent) search_->on_send_failure(*probe, sent.error(), now);
  }
}

void Measurement::receive() {
  if (!search_) return;
  for (int round = 0; round < kMostReceiveRounds; ++round) {
    replies_.clear();
    channel_->receive(replies_);
    const TimePoint now = Clock::now();
    for (const Reply& reply : replies_) search_->on_reply(reply, now);
    if (replies_.empty()) break;
  }
  if (const auto fragments = channel_->reply_fragments()) search_->on_reply_fragments(*fragments);
}

void Measurement::wait() {
  const TimePoint now = Clock::now();
  TimePoint wake = started_ + std::chrono::ceil<TimePoint::duration>(options_.deadline);
  std::vector<pollfd> polled;
  if (search_ && !search_->done()) {
    wake = std::min(wake, search_->wake_at(now));
    for (const int fd : channel_->descriptors()) polled.push_back({fd, POLLIN, 0});
  }
  if (tcp_ && !tcp_->done()) {
    wake = std::min(wake, tcp_->wake_at());
    const auto more = tcp_->descriptors();
    polled.insert(polled.end(), more.begin(), more.end());
  }
  const std::size_t interrupt = polled.size();
  if (options_.interrupt_descriptor >= 0) polled.push_back({options_.interrupt_descriptor, POLLIN, 0});
  if (options_.progress) wake = std::min(wake, last_progress_ + std::chrono::ceil<TimePoint::duration>(kProgressEvery));
  const auto pause = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(wake - now));
  const timespec timeout{static_cast<time_t>(pause.count() / 1'000'000'000),
                         static_cast<long>(pause.count() % 1'000'000'000)};
  ppoll(polled.data(), polled.size(), &timeout, nullptr);
  if (options_.interrupt_descriptor >= 0 && (polled[interrupt].revents & POLLIN) != 0) interrupted_ = true;
}

void Measurement::report_progress(TimePoint now) {
  if (!options_.progress || now - last_progress_ < kProgressEvery) return;
  last_progress_ = now;
  const auto largest = search_ ? search_->largest_answered_bytes() : std::nullopt;
  options_.progress(largest ? fmt::format("{} bytes pass so far", *largest) : "waiting for a first answer");
}

PathMtuMeasurement Measurement::run() {
  for (;;) {
    receive();
    send_due();
    const TimePoint now = Clock::now();
    step_tcp(now);
    out_of_time_ = now >= started_ + std::chrono::ceil<TimePoint::duration>(options_.deadline);
    if (is_over()) break;
    report_progress(now);
    wait();
  }
  if (search_ && !search_->done()) search_->stop(interrupted_);
  return result();
}

PathMtuMeasurement Measurement::result() const {
  PathMtuMeasurement measurement;
  measurement.target = options_.target;
  measurement.egress = options_.egress;
  measurement.max_bytes = upper_bound_bytes(options_);
  if (search_) {
    search_->describe(measurement);
    measurement.probing.privilege = channel_->privilege();
    measurement.probing.replies_ignored = channel_->ignored();
  } else {
    measurement.probing.method = Method::kTcp;
    measurement.probing.privilege = "unprivileged";
  }
  measurement.incomplete = measurement.incomplete || interrupted_ || out_of_time_;
  if (tcp_) {
    const TcpEvidence evidence = tcp_->evidence();
    if (evidence.requested || evidence.state == TcpEvidence::State::kOpen) measurement.tcp = evidence;
    if (!measurement.answered) {
      const char* state = evidence.state == TcpEvidence::State::kOpen      ? "open"
                          : evidence.state == TcpEvidence::State::kRefused ? "refused"
                                                                           : "no answer";
      measurement.probing.tried.push_back(fmt::format("TCP port {}: {}", evidence.port, state));
    }
  }
  measurement.probing.elapsed = Clock::now() - started_;
  return measurement;
}

/// One of the machine's own addresses: nothing lies between, nothing is sent.
PathMtuMeasurement own_address(const PathProbeOptions& options) {
  PathMtuMeasurement measurement;
  measurement.target = options.target;
  measurement.egress = options.egress;
  measurement.max_bytes = upper_bound_bytes(options);
  measurement.min_bytes = options.min_bytes.value_or(measurement.max_bytes);
  measurement.answered = true;
  measurement.round_trip = {measurement.max_bytes, measurement.max_bytes};
  measurement.forward = measurement.round_trip;
  measurement.probing.privilege = "unprivileged";
  return measurement;
}

}  // namespace

Result<PathMtuMeasurement> measure_path_mtu(const PathProbeOptions& options) {
  if (options.egress.is_local) return own_address(options);
  std::unique_ptr<ProbeChannel> channel;
  if (options.method != Method::kTcp) {
    ChannelOptions carrier;
    carrier.target = options.target.address;
    carrier.scope_interface_index = options.target.zone.empty() ? 0 : options.egress.interface_index;
    carrier.source = options.source.value_or(options.egress.source);
    carrier.bind_interface = options.bind_interface;
    carrier.capture_interface = options.egress.interface;
    carrier.mark = options.mark;
    auto opened = open_carrier(carrier, options.method);
    if (!opened) return std::unexpected(opened.error());
    channel = std::move(*opened);
  }
  PathMtuMeasurement measurement = Measurement(options, std::move(channel)).run();
  const EgressQuery query{options.target.address, options.bind_interface, options.source, options.mark};
  const auto cached = query_cached_path_mtu(query);
  measurement.probing.changed_kernel_cache = cached && *cached != options.egress.kernel_path_mtu_bytes;
  return measurement;
}

}  // namespace vpndoctor
