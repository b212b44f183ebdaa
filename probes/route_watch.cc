// SPDX-License-Identifier: Apache-2.0
// The loop of a watch: waits for events, applies them, asks at once who did it, and reads again where events are not
// enough. What events mean is WatchedState's.
#include "vpndoctor/route_watch.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "netlink_ports.h"
#include "routing_changes.h"
#include "tunnel_facet.h"
#include "vpndoctor/collect.h"
#include "watched_state.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargestDatagram = 1 << 18;
constexpr const char* kUnstable = "something changed while the state was read";
constexpr int kFirstReadings = 3;
constexpr int kLastReadings = 5;
constexpr int kReadingShare = 4;  ///< readings that do not succeed take at most one part in so many of the time
constexpr std::chrono::milliseconds kLongestDrain{100};
constexpr std::chrono::milliseconds kSettled{20};         ///< without an event for so long, reading again can succeed
constexpr std::chrono::milliseconds kLongestDoubt{1000};  ///< events that never cease do not put it off for ever

void set_receive_buffer(int descriptor, int bytes) {
  // The limit of net.core.rmem_max holds without CAP_NET_ADMIN; an overrun is noticed and mended anyway.
  if (::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
}

/// Drops the events that are there; false when they do not cease.
bool discard_events(int descriptor) {
  const Clock::time_point until = Clock::now() + kLongestDrain;
  std::byte first{};
  while (Clock::now() < until) {
    const ssize_t got = ::recv(descriptor, &first, sizeof first, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return true;
  }
  return false;
}

/// Reads the state once. It is exact, `stable`, when nothing changed since `guard` was there: every event that is
/// queued later on is of a later change. Of a torn or older state nothing may be told.
Result<Snapshot> read_exactly(RoutingChanges& guard) {
  auto snapshot = collect_snapshot({.tunnels = false, .most_attempts = 1});
  if (snapshot && guard.any()) snapshot->stable = false;
  return snapshot;
}

/// Reads what to begin with. The events of before are in it, and dropped.
Result<Snapshot> read_first(int descriptor) {
  Result<Snapshot> snapshot;
  for (int attempt = 0; attempt < kFirstReadings && !(snapshot && snapshot->stable.value_or(false)); ++attempt) {
    auto guard = RoutingChanges::subscribe();
    if (!guard) return std::unexpected(guard.error());
    const bool is_drained = discard_events(descriptor);
    snapshot = read_exactly(*guard);
    if (!snapshot) return snapshot;
    if (!is_drained) snapshot->stable = false;
  }
  if (!snapshot->stable.value_or(false)) discard_events(descriptor);
  if (snapshot->links) snapshot->tunnels = read_tunnels(*snapshot);
  return snapshot;
}

class Watch {
 public:
  Watch(const WatchRequest& request, RoutingChanges changes, Snapshot first)
      : request_(request),
        changes_(std::move(changes)),
        state_(first),
        buffer_(kLargestDatagram),
        deadline_(deadline_of(request)) {
    if (!first.stable.value_or(false)) state_.doubt(kUnstable);
    result_.first = std::move(first);
  }

  Result<WatchResult> run() {
    ended_ = request_.on_begin && !request_.on_begin(result_.first);
    while (!ended_ && !error_) {
      wait();
      drain();
      do_what_is_due();
    }
    settle();
    if (error_) return std::unexpected(*error_);
    return std::move(result_);
  }

 private:
  static Clock::time_point deadline_of(const WatchRequest& request) {
    constexpr std::chrono::duration<double> kLongest = std::chrono::hours(24 * 365 * 10);
    if (!request.duration) return Clock::time_point::max();
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::min(*request.duration, kLongest));
  }

  bool is_doubtful() const { return !state_.why_read_again().empty(); }

  /// The last state: what was watched, made sure by reading where that is in doubt. Where it will not settle, what was
  /// read last stands for it; what differs from what was told is then not known to be a change.
  void settle() {
    std::optional<Snapshot> inexact;
    for (int attempt = 0; attempt < kLastReadings && !error_; ++attempt) {
      drain();
      if (is_doubtful()) inexact = read_again();
      if (is_drained_ && !is_doubtful()) break;
    }
    if (error_) return;
    const bool is_exact = is_drained_ && !is_doubtful();
    result_.last = inexact && !is_exact ? std::move(*inexact) : state_.snapshot();
    if (is_exact) return;
    result_.last.tunnels = result_.first.tunnels;
    result_.last.stable = false;
  }

  Clock::time_point reading_due() const {
    return std::max(std::min(last_event_ + kSettled, doubted_since_ + kLongestDoubt), not_before_);
  }

  /// When the next thing is to be done without an event.
  Clock::time_point next_due() const {
    Clock::time_point due = deadline_;
    if (is_doubtful()) due = std::min(due, reading_due());
    if (quiet_pending_) due = std::min(due, last_event_ + request_.quiet);
    return due;
  }

  static int poll_milliseconds(Clock::time_point due) {
    if (due == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
  }

  void wait() {
    std::array<pollfd, 3> polled{pollfd{changes_.descriptor(), POLLIN, 0},
                                 pollfd{request_.interrupt_descriptor, POLLIN, 0},
                                 pollfd{request_.output_descriptor, 0, 0}};
    const int ready = ::poll(polled.data(), polled.size(), poll_milliseconds(next_due()));
    if (ready < 0 && errno != EINTR) return fail("wait for routing changes");
    if (polled[1].revents != 0) result_.interrupted = ended_ = true;
    if (polled[2].revents != 0) result_.output_closed = ended_ = true;
    if (Clock::now() >= deadline_) ended_ = true;
  }

  void do_what_is_due() {
    const Clock::time_point now = Clock::now();
    if (!is_doubtful()) doubted_since_ = now;
    const bool is_settled = is_drained_ && now >= last_event_ + kSettled;
    const bool may_read = now >= not_before_ && (is_settled || now >= doubted_since_ + kLongestDoubt);
    if (is_doubtful() && may_read) read_again();
    if (quiet_pending_ && now >= last_event_ + request_.quiet) {
      quiet_pending_ = false;
      if (request_.on_quiet && !request_.on_quiet()) ended_ = true;
    }
  }

  /// Takes the events that are there, but for a limited time: a flood of them must not hide that the user wants to
  /// stop.
  void drain() {
    is_drained_ = false;
    const Clock::time_point until = Clock::now() + kLongestDrain;
    while (!error_ && !is_drained_ && Clock::now() < until) receive();
  }

  void receive() {
    sockaddr_nl sender{};
    iovec piece{buffer_.data(), buffer_.size()};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const ssize_t got = ::recvmsg(changes_.descriptor(), &message, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) return;
    if (got < 0 && errno == EAGAIN) {
      is_drained_ = true;
      return;
    }
    last_event_ = Clock::now();
    if (got < 0 && errno == ENOBUFS) return state_.lose_events();
    if (got < 0) return fail("read routing changes");
    if ((message.msg_flags & MSG_TRUNC) != 0) return state_.doubt("an event was too large");
    // Only the kernel is believed.
    if (sender.nl_pid == 0) take({buffer_.data(), static_cast<std::size_t>(got)});
  }

  void take(Bytes datagram) {
    while (const auto header = read_at<nlmsghdr>(datagram)) {
      if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) return;
      std::vector<RouteEvent> events;
      state_.apply(header->nlmsg_type, header->nlmsg_flags,
                   datagram.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr)), events);
      if (!events.empty()) tell(std::move(events), author_of(*header));
      datagram = after_aligned(datagram, header->nlmsg_len);
    }
  }

  ChangeAuthor author_of(const nlmsghdr& header) {
    return header.nlmsg_pid == 0 ? ChangeAuthor{} : owners_.find(header.nlmsg_pid);
  }

  /// Port 0 is the kernel, or an ioctl of any program: only what the kernel derives is surely its own.
  void tell(std::vector<RouteEvent> events, const std::optional<ChangeAuthor>& author) {
    const auto now = std::chrono::system_clock::now();
    for (RouteEvent& event : events) {
      event.at = now;
      event.author = author;
      if (author && author->port == 0 && event.is_derived) event.author->name = "kernel";
      deliver(event);
    }
  }

  void tell_of_reading(std::string text) {
    RouteEvent event;
    event.at = std::chrono::system_clock::now();
    event.kind = RouteEventKind::kResynchronised;
    event.object = "state";
    event.text = std::move(text);
    deliver(event);
  }

  void deliver(const RouteEvent& event) {
    ++result_.events;
    quiet_pending_ = true;
    if (result_.output_closed || !request_.on_event || request_.on_event(event)) return;
    result_.output_closed = ended_ = true;
  }

  /// Reads the whole state and tells what differed, unless the reading is not exact: then the doubt stays, nothing is
  /// told, and what was read is returned. Events of before the reading would undo it: they are taken first, and `guard`
  /// hears those that come meanwhile. An overrun is told once until the socket has been emptied
  /// (net/netlink/af_netlink.c netlink_overrun()): a reading before that would miss what is dropped after it.
  std::optional<Snapshot> read_again() {
    const Clock::time_point began = Clock::now();
    auto guard = RoutingChanges::subscribe();
    if (!guard) return give_up(guard.error());
    drain();
    if (error_) return std::nullopt;
    std::optional<Snapshot> inexact;
    // While events do not cease no reading can be exact: the last one of all is made for want of better.
    if (is_drained_ || ended_) {
      auto fresh = read_exactly(*guard);
      if (!fresh) return give_up(fresh.error());
      if (is_drained_ && fresh->stable.value_or(false)) return take_reading(std::move(*fresh));
      inexact = std::move(*fresh);
    }
    doubted_since_ = Clock::now();
    not_before_ = doubted_since_ + (doubted_since_ - began) * (kReadingShare - 1);
    if (state_.has_lost_events() && !std::exchange(loss_is_told_, true)) {
      tell_of_reading("events were lost; read again once it settles");
    }
    return inexact;
  }

  std::nullopt_t take_reading(Snapshot fresh) {
    ++result_.resynchronisations;
    const std::string why = state_.why_read_again();
    const bool has_lost_events = state_.has_lost_events();
    const auto begin = [&](std::size_t differences) {
      if (differences == 0 && !has_lost_events) return;
      const char* changes = differences == 1 ? "change" : "changes";
      tell_of_reading(fmt::format("read again, since {}: {} more {}", why, differences, changes));
    };
    const auto now = std::chrono::system_clock::now();
    state_.take_reading(std::move(fresh), begin, [&](RouteEvent event) {
      event.at = now;
      deliver(event);
    });
    loss_is_told_ = false;
    return std::nullopt;
  }

  std::nullopt_t give_up(const Error& error) {
    error_ = error;
    return std::nullopt;
  }

  void fail(const char* doing) {
    error_ = Error{ErrorKind::kUnavailable, fmt::format("{}: {}", doing, std::strerror(errno)), {}};
  }

  const WatchRequest& request_;
  RoutingChanges changes_;
  WatchedState state_;
  PortOwners owners_;
  std::vector<std::byte> buffer_;
  Clock::time_point deadline_;
  Clock::time_point last_event_;
  Clock::time_point doubted_since_ = Clock::now();
  Clock::time_point not_before_;  ///< when it may be read again
  bool is_drained_ = false;
  bool loss_is_told_ = false;
  bool quiet_pending_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
  WatchResult result_;
};

}  // namespace

Result<WatchResult> watch_routes(const WatchRequest& request) {
  auto changes = RoutingChanges::subscribe();
  if (!changes) return std::unexpected(changes.error());
  set_receive_buffer(changes->descriptor(), request.receive_buffer_bytes);
  auto first = read_first(changes->descriptor());
  if (!first) return std::unexpected(first.error());
  if (!first->routes && !first->rules) {
    return failure(ErrorKind::kUnavailable, fmt::format("watch routes and rules: {}", first->routes.why_missing()));
  }
  return Watch(request, std::move(*changes), std::move(*first)).run();
}

}  // namespace vpndoctor
