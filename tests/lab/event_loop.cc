// SPDX-License-Identifier: Apache-2.0
// ppoll() with a heap of timers; an eventfd wakes it for other threads.
#include "event_loop.h"

#include <sys/eventfd.h>

#include <algorithm>

namespace vpndoctor::lab {
namespace {

constexpr std::chrono::nanoseconds kLongestWait = std::chrono::seconds(1);

timespec to_timespec(std::chrono::nanoseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {static_cast<time_t>(seconds.count()), static_cast<long>((duration - seconds).count())};
}

}  // namespace

EventLoop::EventLoop() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  watch(wake_.get(), [this] { run_posted(); });
}

void EventLoop::watch(int fd, Task on_readable) {
  readers_[fd] = std::move(on_readable);
  polled_.push_back({fd, POLLIN, 0});
}

void EventLoop::unwatch(int fd) {
  readers_.erase(fd);
  std::erase_if(polled_, [fd](const pollfd& entry) { return entry.fd == fd; });
}

void EventLoop::at(Clock::time_point when, Task task) { timers_.push({when, next_order_++, std::move(task)}); }

void EventLoop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  eventfd_write(wake_.get(), 1);
}

void EventLoop::stop() {
  post([this] { stopping_ = true; });
}

void EventLoop::run_posted() {
  eventfd_t count = 0;
  eventfd_read(wake_.get(), &count);
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void EventLoop::run_due_timers() {
  while (!timers_.empty() && timers_.top().when <= Clock::now()) {
    Task task = std::move(timers_.top().task);
    timers_.pop();
    task();
  }
}

void EventLoop::wait() {
  std::chrono::nanoseconds longest = kLongestWait;
  if (!timers_.empty()) longest = std::clamp<std::chrono::nanoseconds>(timers_.top().when - Clock::now(), {}, longest);
  const timespec timeout = to_timespec(longest);
  ppoll(polled_.data(), polled_.size(), &timeout, nullptr);
}

void EventLoop::run() {
  while (!stopping_) {
    wait();
    // A reader may add and remove descriptors, so the ready ones are copied first and looked up again.
    std::vector<int> ready;
    for (const pollfd& entry : polled_) {
      if (entry.revents != 0) ready.push_back(entry.fd);
    }
    for (const int fd : ready) {
      if (const auto reader = readers_.find(fd); reader != readers_.end()) reader->second();
    }
    run_due_timers();
  }
}

}  // namespace vpndoctor::lab
