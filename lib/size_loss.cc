// SPDX-License-Identifier: Apache-2.0
// An exact permutation test: probes sent at about the same time form a group, and within a group chance deals out the
// losses to large and small sizes alike. Groups keep a loss that changes with time from looking like a size.
#include "size_loss.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace vpndoctor {
namespace {

constexpr double kSurprise = 1e-5;    ///< over all sizes at which the loss may begin
constexpr std::size_t kGroup = 48;    ///< probes
constexpr double kTimesTheSmall = 3;  ///< the loss is at least so many times that of the smaller sizes

struct Sample {
  std::uint32_t size_bytes = 0;
  bool lost = false;
  bool queued = false;
};

/// Large and small probes of a group, and the losses among them.
struct Group {
  int large = 0;
  int small = 0;
  int large_lost = 0;
  int small_lost = 0;
};

std::vector<Sample> samples_of(const ProbeLedger& ledger, Method method) {
  constexpr double kQueuedTimes = 1.4;
  constexpr Milliseconds kQueuedLeast{5};
  const Milliseconds unqueued = ledger.min_rtt().value_or(Milliseconds(0)) * kQueuedTimes + kQueuedLeast;
  std::vector<Sample> samples;
  bool is_queued = false;
  for (const SentProbe& entry : ledger.probes()) {
    const bool is_end_to_end = entry.probe.method == method && entry.probe.ttl == kFullTtl && !entry.probe.fragmented;
    const bool is_lost = entry.outcome == Outcome::kLost;
    if (!is_end_to_end || (!is_lost && entry.outcome != Outcome::kReached)) continue;
    if (!ledger.passes(method, entry.probe.size_bytes)) continue;
    if (!is_lost) is_queued = entry.rtt > unqueued;
    samples.push_back({entry.probe.size_bytes, is_lost, is_queued});
  }
  // A loss shares the fate of its neighbours on both sides.
  for (std::size_t i = samples.size(); i-- > 1;) {
    if (samples[i].queued && samples[i - 1].lost) samples[i - 1].queued = true;
  }
  std::erase_if(samples, [](const Sample& sample) { return sample.queued; });
  return samples;
}

// Losses in a row are one event, a small one's when a small one is among them.
std::vector<Sample> without_bursts(const std::vector<Sample>& samples) {
  std::vector<Sample> events;
  for (const Sample& sample : samples) {
    if (sample.lost && !events.empty() && events.back().lost) {
      events.back().size_bytes = std::min(events.back().size_bytes, sample.size_bytes);
    } else {
      events.push_back(sample);
    }
  }
  return events;
}

// A burst does not choose: had the losses come in bursts, small ones sent right after a loss would be lost as well.
bool comes_in_bursts(const std::vector<Sample>& samples, std::uint32_t large_from) {
  constexpr int kEnough = 6;
  int followers = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (!samples[i - 1].lost || samples[i].size_bytes >= large_from) continue;
    if (samples[i].lost) return true;
    ++followers;
  }
  return followers < kEnough;
}

std::vector<Group> group(const std::vector<Sample>& samples, std::uint32_t large_from) {
  std::vector<Group> groups(samples.size() / kGroup + 1);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    Group& now = groups[i / kGroup];
    const bool is_large = samples[i].size_bytes >= large_from;
    ++(is_large ? now.large : now.small);
    if (samples[i].lost) ++(is_large ? now.large_lost : now.small_lost);
  }
  return groups;
}

double log_choose(int n, int k) { return std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0); }

/// P(as many of the losses or more hit large ones) when each group's losses are dealt out at random.
double chance_of(const std::vector<Group>& groups) {
  std::vector<double> odds{1};  // odds[k]: k large ones lost in the groups so far
  int seen = 0;
  for (const Group& now : groups) {
    const int lost = now.large_lost + now.small_lost;
    seen += now.large_lost;
    std::vector<double> next(odds.size() + static_cast<std::size_t>(lost), 0);
    for (int k = std::max(0, lost - now.small); k <= std::min(lost, now.large); ++k) {
      const double share = std::exp(log_choose(now.large, k) + log_choose(now.small, lost - k) -
                                    log_choose(now.large + now.small, lost));
      for (std::size_t i = 0; i < odds.size(); ++i) next[i + static_cast<std::size_t>(k)] += odds[i] * share;
    }
    odds = std::move(next);
  }
  double tail = 0;
  for (std::size_t k = static_cast<std::size_t>(seen); k < odds.size(); ++k) tail += odds[k];
  return tail;
}

bool is_much_worse(const std::vector<Group>& groups) {
  Group all;
  for (const Group& now : groups) {
    all.large += now.large;
    all.small += now.small;
    all.large_lost += now.large_lost;
    all.small_lost += now.small_lost;
  }
  return all.small > 0 && all.large_lost * all.small >= kTimesTheSmall * all.small_lost * all.large;
}

}  // namespace

bool loss_depends_on_size(const ProbeLedger& ledger, Method method) {
  const std::vector<Sample> samples = samples_of(ledger, method);
  const std::vector<Sample> events = without_bursts(samples);
  std::set<std::uint32_t> lossy;
  for (const Sample& sample : samples) {
    if (sample.lost) lossy.insert(sample.size_bytes);
  }
  return std::any_of(lossy.begin(), lossy.end(), [&](std::uint32_t large_from) {
    const auto groups = group(comes_in_bursts(samples, large_from) ? events : samples, large_from);
    return is_much_worse(groups) && chance_of(groups) * static_cast<double>(lossy.size()) < kSurprise;
  });
}

}  // namespace vpndoctor
