// SPDX-License-Identifier: Apache-2.0
// One thread's wait for file descriptors and points in time. Knows nothing of packets. Everything runs on the
// thread that calls run(), except stop() and post().
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <unordered_map>
#include <vector>

#include "handles.h"

namespace vpndoctor::lab {

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Task = std::move_only_function<void()>;

  EventLoop();
  /// Calls `on_readable` whenever `fd` can be read; the loop does not own it.
  void watch(int fd, Task on_readable);
  void unwatch(int fd);
  /// Runs `task` at `when`; tasks of the same moment run in the order in which they came.
  void at(Clock::time_point when, Task task);
  /// Runs until stop().
  void run();
  /// Runs `task` soon on the loop's thread; may be called from any thread.
  void post(Task task);
  /// Ends run(); may be called from any thread.
  void stop();

 private:
  struct Timer {
    Clock::time_point when;
    std::uint64_t order;
    mutable Task task;
    bool operator<(const Timer& other) const { return std::tie(when, order) > std::tie(other.when, other.order); }
  };
  void wait();
  void run_due_timers();
  void run_posted();

  std::unordered_map<int, Task> readers_;
  std::vector<pollfd> polled_;
  std::priority_queue<Timer> timers_;
  std::uint64_t next_order_ = 0;
  Fd wake_;
  std::mutex mutex_;
  std::vector<Task> posted_;  ///< guarded by mutex_
  bool stopping_ = false;
};

}  // namespace vpndoctor::lab
