// SPDX-License-Identifier: Apache-2.0
// Captures, or reads a capture, and has every packet judged; asks who sent what leaked while its socket is still there.
#include "vpndoctor/leak_capture_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "leak_packet_file.h"
#include "live_capture.h"
#include "socket_owners.h"
#include "vpndoctor/capture_file.h"
#include "vpndoctor/capture_plan.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostHeldBytes = 4 << 20;
constexpr int kHeldBackMilliseconds = 20;
constexpr std::size_t kMostLikely = 64;

LeakFlow flow_of(const CaptureLeak& leak) {
  return {leak.interface, leak.source, leak.destination, leak.ip_protocol, leak.source_port, leak.port};
}

std::string comment_of(const CaptureLeak& leak) {
  std::string text = leak.kind + ": " + leak.reason;
  if (leak.owner) text += fmt::format("; sent by {} (process {})", leak.owner->name, leak.owner->pid);
  if (!leak.bound_interface.empty()) text += ", bound to " + leak.bound_interface;
  return text;
}

/// Judges packets one by one; what needs the system, owners and the file, waits for settle().
class Judge {
 public:
  Judge(const LeakFacts& facts, bool is_live) : capture_(facts), is_live_(is_live) {}

  std::optional<Error> open_file(const std::string& path, std::uint32_t snap_bytes) {
    if (path.empty()) return std::nullopt;
    auto file = LeakPacketFile::create(path, snap_bytes);
    if (!file) return std::move(file.error());
    file_.emplace(std::move(*file));
    return std::nullopt;
  }

  void take(const CapturedPacket& packet) {
    const CaptureLeak* leak = capture_.take(packet);
    if (leak == nullptr) return;
    const bool is_new = leak->packets == 1;
    if (is_new) ++leaks_;
    if (is_new && is_live_ && leak->source_port != 0) asked_.push_back(flow_of(*leak));
    if (file_) hold(packet, *leak);
  }

  /// Asks for the owners of the new leaks, and writes the packets that wait for that. A look through all processes
  /// takes tens of milliseconds: at most half of the time goes into it, unless this is the end.
  void settle(bool is_end) {
    const Clock::time_point begin = Clock::now();
    if (!asked_.empty() && (is_end || begin >= next_look_)) {
      const std::vector<LeakSocket> sockets = find_leak_sockets(asked_, likely_);
      for (std::size_t i = 0; i < asked_.size(); ++i) {
        if (!capture_.explain(asked_[i], sockets[i])) --leaks_;
        note_unsaid(asked_[i], sockets[i]);
        if (sockets[i].owner && likely_.size() < kMostLikely) likely_.insert(sockets[i].owner->name);
      }
      asked_.clear();
      next_look_ = Clock::now() + (Clock::now() - begin);
    }
    if (asked_.empty() || held_bytes_ > kMostHeldBytes) write_held();
  }

  /// Ends it: says what was found, and the file takes its place. Where that fails, what was found is known all the
  /// same.
  CaptureResult finish(const std::vector<std::string>& interfaces, const std::string& path) {
    settle(true);
    CaptureResult result = capture_.result(interfaces);
    say_who_is_not_known(result);
    if (file_) put_file(path, result);
    return result;
  }

  std::size_t leaks() const { return leaks_; }
  std::string control_on(std::string_view interface) const { return capture_.control_on(interface); }

 private:
  struct Held {
    CapturedPacket packet;
    std::vector<std::byte> bytes;
    std::string interface;
    LeakFlow flow;
    std::string comment;
  };

  void say_who_is_not_known(CaptureResult& result) const {
    if (unheld_ > 0) {
      result.limits.push_back(fmt::format(
          "flows that leak and whose process is not known: {}; their sockets are seen, {}", unheld_,
          ::geteuid() == 0
              ? "who holds them is not: the kernel, what runs outside of this container, or root may not look"
              : "who holds them root may see"));
    }
    if (unowned_ > 0) {
      result.limits.push_back(
          fmt::format("flows that leak and have no open socket here: {}; it was closed, or they are packets of another "
                      "machine or a container that this one forwards and masquerades",
                      unowned_));
    }
  }

  void put_file(const std::string& path, CaptureResult& result) {
    result.write_error = file_->commit();
    if (result.write_error) {
      result.limits.push_back("the leaking packets are not kept: " + result.write_error->message);
      return;
    }
    result.written_to = path;
    if (file_->left_out() > 0) {
      result.limits.push_back(
          fmt::format("{} leaking packets are not in the file: it is as large as it may be, or "
                      "pcap, which holds one link type",
                      file_->left_out()));
    }
  }

  /// Why no process is named, where none is. A forwarded packet has none.
  void note_unsaid(const LeakFlow& flow, const LeakSocket& socket) {
    const CaptureLeak* leak = capture_.find(flow);
    if (leak == nullptr || leak->owner || leak->is_forwarded) return;
    ++(socket.uid ? unheld_ : unowned_);
  }

  void hold(const CapturedPacket& packet, const CaptureLeak& leak) {
    Held held{packet,
              {packet.bytes.begin(), packet.bytes.end()},
              std::string(packet.interface),
              flow_of(leak),
              comment_of(leak)};
    held_bytes_ += held.bytes.size() + sizeof held;
    held_.push_back(std::move(held));
    if (!is_live_) write_held();
  }

  void write_held() {
    for (Held& held : held_) {
      const CaptureLeak* leak = capture_.find(held.flow);
      const bool is_kept_by_itself = held.flow.source_port != 0;
      if (leak == nullptr && is_kept_by_itself) continue;  // its owner showed that it is no leak
      held.packet.bytes = held.bytes;
      held.packet.interface = held.interface;
      file_->write(held.packet, leak == nullptr ? held.comment : comment_of(*leak));
    }
    held_.clear();
    held_bytes_ = 0;
  }

  LeakCapture capture_;
  bool is_live_;
  std::optional<LeakPacketFile> file_;
  std::vector<LeakFlow> asked_;
  std::vector<Held> held_;
  std::size_t held_bytes_ = 0;
  std::size_t leaks_ = 0;
  std::size_t unheld_ = 0;        ///< leaking flows whose socket is seen and whose process is not
  std::size_t unowned_ = 0;       ///< leaking flows without a socket
  std::set<std::string> likely_;  ///< programs that leaked before: they are looked at first
  Clock::time_point next_look_ = Clock::time_point::min();
};

/// A capture on some interfaces for some time.
class Session {
 public:
  Session(const LeakCaptureOptions& options, Judge& judge) : options_(&options), judge_(&judge) {}

  /// Opens what can be opened. An interface that was named must be.
  std::optional<Error> open(const std::vector<CapturePlace>& places) {
    for (const CapturePlace& place : places) {
      auto capture = LiveCapture::open(place);
      if (capture) {
        captures_.push_back(std::move(*capture));
        continue;
      }
      const bool is_needed = !options_->interfaces.empty() || capture.error().kind == ErrorKind::kPermission;
      if (is_needed || places.size() == 1) return std::move(capture.error());
      limits_.push_back(std::move(capture.error().message));
    }
    if (captures_.empty()) return Error{ErrorKind::kUnavailable, "cannot capture on any interface: " + limits_[0], ""};
    return std::nullopt;
  }

  void run() {
    begin_ = Clock::now();
    const Clock::time_point end = begin_ + options_->duration;
    const Clock::time_point half = begin_ + options_->duration / 2;
    bool was_asked = false;
    while (Clock::now() < end && !interrupted_ && !have_all_ended()) {
      tell();
      wait(std::min(end, was_asked ? end : half));
      receive();
      if (!was_asked && Clock::now() >= half) {
        was_asked = true;
        send_controls();
      }
    }
    // What the kernel still holds back in a block that is not full.
    poll(nullptr, 0, kHeldBackMilliseconds);
    receive();
    seconds_ = std::chrono::duration<double>(Clock::now() - begin_).count();
  }

  std::vector<std::string> interfaces() const {
    std::vector<std::string> names;
    names.reserve(captures_.size());
    for (const LiveCapture& each : captures_) names.push_back(each.place().interface);
    return names;
  }

  void add_to(CaptureResult& result) {
    result.seconds = seconds_;
    result.interrupted = interrupted_;
    result.ended_early = ended_early_;
    for (LiveCapture& each : captures_) result.dropped += each.dropped();
    result.limits.insert(result.limits.end(), limits_.begin(), limits_.end());
    if (!result.control_seen && !control_trouble_.empty()) result.control += " (" + control_trouble_ + ")";
  }

 private:
  bool have_all_ended() const { return std::ranges::all_of(captures_, &LiveCapture::has_ended); }

  void wait(Clock::time_point until) {
    std::vector<pollfd> polled{{options_->interrupt_descriptor, POLLIN, 0}};
    for (const LiveCapture& each : captures_) polled.push_back({each.descriptor(), POLLIN, 0});
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    constexpr milliseconds kMost{1000};  // for the progress
    poll(polled.data(), polled.size(), static_cast<int>(std::clamp(left, milliseconds(0), kMost).count()));
    if (polled[0].revents != 0) interrupted_ = true;
  }

  void receive() {
    for (LiveCapture& each : captures_) {
      const std::string why = each.receive([this](const CapturedPacket& packet) { judge_->take(packet); });
      if (why.empty()) continue;
      const double after = std::chrono::duration<double>(Clock::now() - begin_).count();
      limits_.push_back(fmt::format("the capture on {} ended after {:.1f} s: {}",
                                    escape_controls(each.place().interface), after, why));
      if (ended_early_.empty()) ended_early_ = limits_.back();  // what left after that was not seen
    }
    judge_->settle(false);
  }

  void send_controls() {
    for (const LiveCapture& each : captures_) {
      if (each.has_ended() || !judge_->control_on(each.place().interface).empty()) continue;
      const std::string why = each.send_control();
      if (!why.empty()) {
        control_trouble_ = fmt::format("asking the gateway on {}: {}", escape_controls(each.place().interface), why);
      }
    }
  }

  void tell() {
    if (!options_->progress || Clock::now() < next_progress_) return;
    next_progress_ = Clock::now() + std::chrono::seconds(1);
    const auto gone = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin_).count();
    const auto whole = std::chrono::ceil<std::chrono::seconds>(options_->duration).count();
    options_->progress(fmt::format("capturing, {} of {} s, leaking flows: {}", gone, whole, judge_->leaks()));
  }

  const LeakCaptureOptions* options_;
  Judge* judge_;
  std::vector<LiveCapture> captures_;
  std::vector<std::string> limits_;
  std::string control_trouble_;
  std::string ended_early_;  ///< of the first that did, a phrase
  Clock::time_point begin_;
  Clock::time_point next_progress_;
  double seconds_ = 0;
  bool interrupted_ = false;
};

Result<CaptureResult> capture_live(const LeakCaptureOptions& options, const LeakFacts& facts) {
  const auto places = plan_capture(facts.snapshot, options.interfaces);
  if (!places) return std::unexpected(places.error());
  Judge judge(facts, true);
  Session session(options, judge);
  if (auto error = session.open(*places)) return std::unexpected(std::move(*error));
  if (auto error = judge.open_file(options.write_file, kLeakSnapBytes)) return std::unexpected(std::move(*error));
  session.run();
  CaptureResult result = judge.finish(session.interfaces(), options.write_file);
  session.add_to(result);
  return result;
}

Result<CaptureResult> read_file(const LeakCaptureOptions& options, const LeakFacts& facts) {
  constexpr std::uint32_t kWholePackets = 262'144;
  Judge judge(facts, false);
  if (auto error = judge.open_file(options.write_file, kWholePackets)) return std::unexpected(std::move(*error));
  std::optional<std::chrono::system_clock::time_point> first;
  std::chrono::system_clock::time_point last;
  const auto facts_of_file =
      read_capture_file(options.read_file, options.interrupt_descriptor, [&](const CapturedPacket& packet) {
        first = std::min(first.value_or(packet.at), packet.at);
        last = std::max(last, packet.at);
        judge.take(packet);
      });
  if (!facts_of_file) return std::unexpected(facts_of_file.error());
  CaptureResult result = judge.finish({}, options.write_file);
  result.file = options.read_file;
  result.interrupted = facts_of_file->interrupted;
  if (!std::ranges::all_of(result.leaks, &CaptureLeak::is_forwarded)) {
    result.limits.emplace_back("a file tells neither which process sent a packet nor whether it was masqueraded");
  }
  if (first) result.seconds = std::chrono::duration<double>(last - *first).count();
  if (!facts_of_file->cut_off.empty()) result.limits.push_back("the capture ends early: " + facts_of_file->cut_off);
  return result;
}

}  // namespace

Result<CaptureResult> run_leak_capture(const LeakCaptureOptions& options, const LeakFacts& facts) {
  return options.read_file.empty() ? capture_live(options, facts) : read_file(options, facts);
}

}  // namespace vpndoctor
