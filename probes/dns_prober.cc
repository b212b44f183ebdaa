// SPDX-License-Identifier: Apache-2.0
// Drives questions at once in one poll loop; see the header.
#include "vpndoctor/dns_prober.h"

#include <poll.h>

#include <algorithm>
#include <chrono>

#include "dns_run.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxAtOnce = 100;

class DnsProber {
 public:
  DnsProber(const std::vector<DnsAsk>& asks, const DnsProbing& probing) : probing_(probing) {
    for (const DnsAsk& ask : asks) runs_.push_back(make_dns_run(ask, probing));
  }

  std::vector<DnsExchange> run();

 private:
  static TimePoint now() { return std::chrono::steady_clock::now(); }
  /// Begins as many as there is room for; those that are over make room.
  void refill();
  /// Waits for what the active ones wait for; false when it was interrupted.
  bool wait() const;

  const DnsProbing& probing_;
  std::vector<std::unique_ptr<DnsRun>> runs_;
  std::size_t next_ = 0;
  std::vector<DnsRun*> active_;
};

void DnsProber::refill() {
  std::erase_if(active_, [](const DnsRun* run) { return run->done(); });
  while (next_ < runs_.size() && active_.size() < kMaxAtOnce) {
    DnsRun& run = *runs_[next_++];
    run.start(now());
    if (!run.done()) active_.push_back(&run);
  }
  if (probing_.progress) probing_.progress(next_ - active_.size(), runs_.size());
}

bool DnsProber::wait() const {
  std::vector<pollfd> polled;
  TimePoint wake_at = TimePoint::max();
  for (const DnsRun* run : active_) {
    polled.push_back(run->wanted());
    wake_at = std::min(wake_at, run->wake_at());
  }
  if (probing_.interrupt_descriptor >= 0) polled.push_back({probing_.interrupt_descriptor, POLLIN, 0});
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake_at - now());
  poll(polled.data(), polled.size(), static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 60000)));
  return probing_.interrupt_descriptor < 0 || (polled.back().revents & POLLIN) == 0;
}

std::vector<DnsExchange> DnsProber::run() {
  refill();
  while (!active_.empty()) {
    if (!wait()) break;
    for (DnsRun* run : active_) run->step(now());
    refill();
  }
  std::vector<DnsExchange> exchanges;
  for (const auto& run : runs_) {
    exchanges.push_back(run->exchange());
    if (exchanges.back().outcome == DnsOutcome::kNotAsked && exchanges.back().reason.empty()) {
      exchanges.back().reason = "interrupted";
    }
  }
  return exchanges;
}

}  // namespace

std::vector<DnsExchange> ask_dns_servers(const std::vector<DnsAsk>& asks, const DnsProbing& probing) {
  return DnsProber(asks, probing).run();
}

}  // namespace vpndoctor
