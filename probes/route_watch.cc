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
#include "vpndoctor/collect.h"
#include "watched_state.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargestDatagram = 1 << 18;
constexpr const char* kLost = "events were lost";
constexpr int kLastReadings = 5;
constexpr std::chrono::milliseconds kLongestDrain{100};
constexpr std::chrono::milliseconds kSettled{20};         ///< without an event for so long, reading again can succeed
constexpr std::chrono::milliseconds kLongestDoubt{1000};  ///< events that never cease do not put it off for ever

void set_receive_buffer(int descriptor, int bytes) {
  // The limit of net.core.rmem_max holds without CAP_NET_ADMIN; an overrun is noticed and mended anyway.
  if (::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
}

class Watch {
 public:
  Watch(const WatchRequest& request, RoutingChanges changes, Snapshot first)
      : request_(request),
        changes_(std::move(changes)),
        state_(first),
        buffer_(kLargestDatagram),
        deadline_(deadline_of(request)) {
    if (!first.stable.value_or(false)) state_.doubt("something changed while the state was read");
    result_.first = std::move(first);
  }

  Result<WatchResult> run() {
    ended_ = request_.on_begin && !request_.on_begin();
    while (!ended_ && !error_) {
      wait();
      drain();
      do_what_is_due();
    }
    for (int attempt = 0; attempt < kLastReadings && !error_; ++attempt) {
      drain();
      if (!is_doubtful()) break;
      read_again();
    }
    drain();
    if (error_) return std::unexpected(*error_);
    result_.last = state_.snapshot();
    return std::move(result_);
  }

 private:
  static Clock::time_point deadline_of(const WatchRequest& request) {
    constexpr std::chrono::duration<double> kLongest = std::chrono::hours(24 * 365 * 10);
    if (!request.duration) return Clock::time_point::max();
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::min(*request.duration, kLongest));
  }

  bool is_doubtful() const { return !state_.why_read_again().empty(); }

  /// When the next thing is to be done without an event.
  Clock::time_point next_due() const {
    Clock::time_point due = deadline_;
    if (is_doubtful()) due = std::min(due, last_event_ + kSettled);
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
    if (is_doubtful() && (is_settled || now >= doubted_since_ + kLongestDoubt)) read_again();
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
    if (got < 0 && errno == ENOBUFS) return state_.doubt(kLost);
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

  void deliver(const RouteEvent& event) {
    ++result_.events;
    quiet_pending_ = true;
    if (result_.output_closed || !request_.on_event || request_.on_event(event)) return;
    result_.output_closed = ended_ = true;
  }

  /// Reads the whole state and tells what differed. Events that come meanwhile are applied to it afterwards; where that
  /// leaves a doubt, it is read once more. An overrun is told once until the socket has been emptied
  /// (net/netlink/af_netlink.c netlink_overrun()): a reading before that cannot be the last.
  void read_again() {
    const std::string why = state_.why_read_again();
    auto fresh = collect_snapshot({.tunnels = false, .most_attempts = 2});
    if (!fresh) {
      error_ = fresh.error();
      return;
    }
    doubted_since_ = Clock::now();
    ++result_.resynchronisations;
    const bool is_stable = fresh->stable.value_or(false);
    std::vector<RouteEvent> events = state_.take_reading(std::move(*fresh));
    if (!is_stable || !is_drained_) state_.doubt("something changed while the state was read");
    if (!events.empty() || why == kLost) tell_reading(why, events.size());
    tell(std::move(events), std::nullopt);
  }

  void tell_reading(const std::string& why, std::size_t differences) {
    RouteEvent event;
    event.at = std::chrono::system_clock::now();
    event.kind = RouteEventKind::kResynchronised;
    event.object = "state";
    event.text = fmt::format("read again, since {}: {} more change{}", why, differences, differences == 1 ? "" : "s");
    deliver(event);
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
  bool is_drained_ = false;
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
  auto first = collect_snapshot();
  if (!first) return std::unexpected(first.error());
  return Watch(request, std::move(*changes), std::move(*first)).run();
}

}  // namespace vpndoctor
