// SPDX-License-Identifier: Apache-2.0
// Runs the connections of a TCP examination side by side and collects their records. What they prove together is
// concluded in lib; what is said on each is the exchange's.
#include "vpndoctor/tcp_prober.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "syn_ack_capture.h"
#include "tcp_exchange.h"

namespace vpndoctor {
namespace {

using PortState = TcpEvidence::State;

constexpr Milliseconds kAssumedRoundTrip{1000};
constexpr Milliseconds kSynRetransmission{1000};
constexpr Milliseconds kGreetingWait{250};

std::chrono::steady_clock::duration ticks(Milliseconds duration) {
  return std::chrono::ceil<std::chrono::steady_clock::duration>(duration);
}

/// With net.ipv4.tcp_mtu_probing = 2 connections begin with small segments whatever the peer announced.
bool kernel_starts_small() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_mtu_probing");
  int value = 0;
  return !(file >> value) || value == 2;
}

std::array<std::uint8_t, 32> client_random() {
  std::array<std::uint8_t, 32> bytes{};
  if (getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) < 0) bytes.fill(0x5A);  // need not be secret
  return bytes;
}

/// Largest first, each once, with a floor that every path carries as long as there is room for it.
std::vector<std::uint32_t> plan_sizes(std::vector<std::uint32_t> sizes, Family family, std::size_t room) {
  const std::uint32_t floor = family == Family::kInet ? 576 : 1280;
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  if (!sizes.empty() && sizes.size() < room && sizes.back() > floor) sizes.push_back(floor);
  if (sizes.size() > room) sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(room) - 1, sizes.end() - 1);
  return sizes;
}

}  // namespace

struct TcpProber::State {
  explicit State(TcpProbeOptions chosen) : options(std::move(chosen)) {
    observation.family = options.target.family;
    observation.port = options.port;
    if (options.capture_interface.empty()) return;
    auto opened = SynAckCapture::open(options.capture_interface, options.target, options.port);
    if (opened) {
      capture.emplace(std::move(*opened));
    } else {
      capture_failure = opened.error().message;
    }
  }

  Milliseconds round_trip() const;
  Milliseconds wait() const;
  bool loss_seen() const;
  Milliseconds patience() const;
  void note(std::string text);
  void start(TimePoint now);
  void settle_port(TimePoint now);
  void learn_mss();
  std::optional<std::uint16_t> infer_peer_mss() const;
  bool dialogue_decided(TimePoint now) const;
  void launch(TimePoint now);
  void drive(TimePoint now);
  void finish();
  TcpExchange& scout() { return *exchanges.front(); }
  const TcpExchange& scout() const { return *exchanges.front(); }

  TcpProbeOptions options;
  std::optional<SynAckCapture> capture;
  std::string capture_failure;
  std::optional<Milliseconds> told_round_trip;
  std::vector<std::unique_ptr<TcpExchange>> exchanges;  ///< the first is the scout, which found the port open
  bool scout_examined = true;
  TimePoint stepped_at{};
  std::optional<PortState> port_state;
  std::optional<std::vector<std::uint32_t>> sizes;
  std::optional<Dialogue> dialogue;
  std::vector<std::byte> opening;
  bool finished = false;
  TcpObservation observation;
};

/// The shortest of the handshakes: one that had to be sent again, or waited for a neighbour, says too much.
Milliseconds TcpProber::State::round_trip() const {
  if (told_round_trip) return *told_round_trip;
  std::optional<Milliseconds> shortest;
  for (const auto& exchange : exchanges) {
    const TcpStatus& status = exchange->connection().status();
    if (!status.handshake_done || status.round_trip.count() == 0) continue;
    shortest = std::min<Milliseconds>(shortest.value_or(Milliseconds::max()), status.round_trip);
  }
  return shortest.value_or(kAssumedRoundTrip);
}

/// Slow servers and lossy paths get more time: nothing else tells them from a size that does not pass.
Milliseconds TcpProber::State::wait() const {
  Milliseconds wait = std::max(options.loss_wait, round_trip() * 6);
  for (const auto& exchange : exchanges) {
    wait = std::max(wait, exchange->reply_time().value_or(Milliseconds{}) * 3);
  }
  return loss_seen() ? wait * 3 : wait;
}

bool TcpProber::State::loss_seen() const {
  return std::any_of(exchanges.begin(), exchanges.end(), [](const auto& exchange) { return exchange->saw_loss(); });
}

Milliseconds TcpProber::State::patience() const {
  return options.silence_after.value_or(kSynRetransmission + round_trip() * 3);
}

void TcpProber::State::note(std::string text) {
  auto& notes = observation.notes;
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(std::move(text));
}

void TcpProber::State::start(TimePoint now) {
  exchanges.push_back(std::make_unique<TcpExchange>(options, std::nullopt, now));
}

void TcpProber::State::settle_port(TimePoint now) {
  const TcpConnection& connection = scout().connection();
  switch (connection.state()) {
    case TcpConnection::State::kOpen:
    case TcpConnection::State::kClosedByPeer:
      port_state = PortState::kOpen;
      learn_mss();
      return;
    case TcpConnection::State::kFailed:
      port_state = connection.error() == ECONNREFUSED ? PortState::kRefused : PortState::kSilent;
      if (port_state == PortState::kSilent) {
        note(fmt::format("connecting to port {}: {}", options.port, std::strerror(connection.error())));
      }
      break;
    case TcpConnection::State::kConnecting:
      if (now < scout().opened_at() + ticks(patience())) return;
      port_state = PortState::kSilent;
  }
  finish();
}

void TcpProber::State::learn_mss() {
  const TcpStatus& status = scout().connection().status();
  observation.sent_mss_bytes = status.announced_mss_bytes;
  if (capture) observation.peer_mss_bytes = capture->mss_for(scout().connection().local_port());
  if (observation.peer_mss_bytes) return;
  observation.peer_mss_bytes = infer_peer_mss();
  if (observation.peer_mss_bytes) return;
  const std::string why = capture                   ? "no MSS was seen in the peer's SYN-ACK"
                          : capture_failure.empty() ? "its SYN-ACK was not captured"
                                                    : capture_failure;
  note(fmt::format("the peer's MSS is not known ({}); it allows segments of {} bytes", why,
                   status.send_mss_bytes + status.option_bytes));
}

/// The kernel sends no more than the peer allows: when that is less than our own route would, it is the peer's MSS.
std::optional<std::uint16_t> TcpProber::State::infer_peer_mss() const {
  const TcpConnection& connection = scout().connection();
  const TcpStatus& status = connection.status();
  const std::uint32_t mss = status.send_mss_bytes + status.option_bytes;
  const std::uint32_t own = connection.kernel_mtu_bytes().value_or(0);
  // tcp_bound_to_half_wnd() (include/net/tcp.h): a small window makes segments small too.
  const bool window_limits = status.peer_window_bytes / 2 <= mss;
  if (packet_bytes_of_mss(options.target.family, mss) >= own || window_limits || kernel_starts_small()) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(mss);
}

/// A server that speaks first does so within a round trip; on 443 and 22 nobody has to be waited for.
bool TcpProber::State::dialogue_decided(TimePoint now) const {
  const TcpConnection& connection = scout().connection();
  return options.port == 443 || options.port == 22 || !connection.head().empty() ||
         connection.state() == TcpConnection::State::kClosedByPeer ||
         now >= scout().opened_at() + ticks(std::max(kGreetingWait, round_trip() * 3));
}

void TcpProber::State::launch(TimePoint now) {
  dialogue = choose_dialogue(options.port, scout().connection().head());
  opening = opening_message(*dialogue, options.server_name, client_random());
  const auto allowed = static_cast<std::size_t>(std::max(1, options.max_connections));
  const std::uint32_t scout_bytes =
      packet_bytes_of_mss(options.target.family, scout().connection().status().announced_mss_bytes);
  auto planned = plan_sizes(*sizes, options.target.family, allowed);
  // The scout announced all that the route allows: it stands for every size from there up.
  scout_examined =
      !planned.empty() && planned.front() >= scout_bytes && scout().connection().state() == TcpConnection::State::kOpen;
  if (!scout_examined) {
    scout().connection().close();
    scout().abandon();
  }
  std::size_t opened = 1;
  for (const std::uint32_t size : planned) {
    if (scout_examined && size >= scout_bytes) continue;
    if (opened++ < allowed) {
      exchanges.push_back(std::make_unique<TcpExchange>(options, size, now));
    } else {
      note(fmt::format("packets of {} bytes were not tested: no more than {} connections", size, allowed));
    }
  }
}

void TcpProber::State::drive(TimePoint now) {
  TcpExchangeContext context{now, round_trip(), wait(), 0, options.forward};
  for (const auto& exchange : exchanges) {
    context.longest_reply = std::max(context.longest_reply, exchange->connection().received_bytes());
  }
  bool all_done = true;
  for (const auto& exchange : exchanges) {
    if (exchange->done()) continue;
    const auto state = exchange->connection().state();
    if (state == TcpConnection::State::kOpen && !exchange->asked()) exchange->ask(*dialogue, opening, now);
    if (state == TcpConnection::State::kClosedByPeer && !exchange->asked()) exchange->abandon();
    if (state == TcpConnection::State::kConnecting && now >= exchange->opened_at() + ticks(patience())) {
      exchange->abandon();
    }
    exchange->drive(context);
    all_done = all_done && exchange->done();
  }
  if (all_done) finish();
}

void TcpProber::State::finish() {
  finished = true;
  for (const auto& exchange : exchanges) exchange->connection().close();
}

TcpProber::TcpProber(TcpProbeOptions options) : state_(std::make_unique<State>(std::move(options))) {}
TcpProber::~TcpProber() = default;

std::vector<pollfd> TcpProber::descriptors() const {
  std::vector<pollfd> result;
  if (state_->finished) return result;
  if (state_->capture) result.push_back({state_->capture->descriptor(), POLLIN, 0});
  for (const auto& exchange : state_->exchanges) {
    const TcpConnection& connection = exchange->connection();
    if (connection.descriptor() >= 0 && connection.events() != 0) {
      result.push_back({connection.descriptor(), connection.events(), 0});
    }
  }
  return result;
}

void TcpProber::step(TimePoint now) {
  State& state = *state_;
  if (state.finished) return;
  state.stepped_at = now;
  if (state.exchanges.empty()) state.start(now);
  if (state.capture) state.capture->receive();
  for (const auto& exchange : state.exchanges) exchange->advance(now);
  if (!state.port_state) state.settle_port(now);
  if (state.finished || state.port_state != PortState::kOpen || !state.sizes) return;
  if (!state.dialogue && state.dialogue_decided(now)) state.launch(now);
  if (state.dialogue) state.drive(now);
}

/// Acknowledgements wake no poll(): while one is awaited, the kernel is asked several times a round trip.
TimePoint TcpProber::wake_at() const {
  const State& state = *state_;
  if (state.finished) return TimePoint::max();
  if (state.exchanges.empty()) return TimePoint::min();
  if (!state.port_state) return state.scout().opened_at() + ticks(state.patience());
  if (!state.sizes) return TimePoint::max();
  return state.stepped_at + ticks(std::clamp(state.round_trip() / 8, Milliseconds{2}, Milliseconds{25}));
}

bool TcpProber::port_state_known() const { return state_->port_state.has_value(); }

bool TcpProber::done() const { return state_->finished; }

void TcpProber::set_round_trip(Milliseconds rtt) { state_->told_round_trip = rtt; }

void TcpProber::set_forward(bool forward) { state_->options.forward = forward; }

void TcpProber::set_loss_wait(Milliseconds wait) { state_->options.loss_wait = wait; }

void TcpProber::examine(std::vector<std::uint32_t> sizes, TimePoint now) {
  state_->sizes = std::move(sizes);
  step(now);
}

TcpEvidence TcpProber::evidence() const {
  const State& state = *state_;
  TcpObservation observation = state.observation;
  observation.loss_seen = state.loss_seen();
  observation.state = state.port_state.value_or(PortState::kSilent);
  std::string obstacle;
  bool forward_tested = false;
  for (std::size_t i = state.scout_examined ? 0 : 1; i < state.exchanges.size(); ++i) {
    observation.connections.push_back(state.exchanges[i]->record());
    forward_tested = forward_tested || observation.connections.back().forward != TcpForward::kNotTested;
    if (obstacle.empty()) obstacle = state.exchanges[i]->forward_obstacle();
  }
  if (!forward_tested && !obstacle.empty()) observation.notes.push_back("way there not tested: " + obstacle);
  return conclude_tcp(observation);
}

}  // namespace vpndoctor
