// SPDX-License-Identifier: Apache-2.0
// How large the fragmented echoes are, how many of each are sent, and what their answers prove. Sends nothing itself.
#include "reply_check.h"

#include <algorithm>
#include <cmath>

namespace vpndoctor {
namespace {

constexpr int kCopies = 2;  ///< of an echo whose reply's cutting is in question
constexpr std::uint32_t kLargestFragment = 1280;
constexpr std::uint32_t kSmallestFragment = 296;
/// Leaves a small last fragment behind links of 1500 bytes as well as of 9000.
constexpr std::uint32_t kLargeBytes = 9600;

std::uint32_t fragment_for(std::uint32_t passes_bytes) { return std::min(passes_bytes * 2 / 3, kLargestFragment); }

}  // namespace

void ReplyCheck::start(std::uint32_t passes_bytes) {
  const std::uint32_t fragment = fragment_for(passes_bytes);
  if (asked() || fragment < kSmallestFragment) return;
  control_bytes_ = fragment + fragment / 2;
  plan(control_bytes_, fragment, 1);
  plan(kLargeBytes, fragment, 1);
}

void ReplyCheck::refine(const SizeBounds& bounds, std::uint32_t passes_bytes) {
  const std::uint32_t fragment = fragment_for(passes_bytes);
  if (!bounds.at_least_bytes || !bounds.at_most_bytes || fragment < kSmallestFragment) return;
  for (std::uint32_t size = *bounds.at_least_bytes + 1; size <= *bounds.at_most_bytes; ++size) {
    const auto is_this = [size](const auto& other) { return other.size_bytes == size; };
    if (std::any_of(asked_.begin(), asked_.end(), is_this)) continue;
    if (std::none_of(planned_.begin(), planned_.end(), is_this)) plan(size, fragment, kCopies);
  }
}

void ReplyCheck::plan(std::uint32_t size_bytes, std::uint32_t fragment_bytes, int copies) {
  Probe probe;
  probe.size_bytes = size_bytes;
  probe.fragmented = true;
  probe.fragment_bytes = fragment_bytes;
  planned_.insert(planned_.end(), static_cast<std::size_t>(copies), probe);
}

std::optional<Probe> ReplyCheck::next(std::ptrdiff_t most_copies) {
  if (planned_.empty() && large_asked() < most_copies && wants_more()) {
    const std::uint32_t fragment = control_bytes_ * 2 / 3;
    if (!control_answered()) plan(control_bytes_, fragment, 1);
    plan(kLargeBytes, fragment, 1);
  }
  if (planned_.empty()) return std::nullopt;
  Probe probe = planned_.front();
  planned_.pop_front();
  probe.id = ledger_.next_id();
  asked_.push_back({probe.size_bytes, probe.id});
  return probe;
}

bool ReplyCheck::settled() const {
  return planned_.empty() && std::none_of(asked_.begin(), asked_.end(), [this](const Asked& asked) {
           return ledger_.find(asked.id)->outcome == Outcome::kInFlight;
         });
}

bool ReplyCheck::reached(std::uint32_t size_bytes) const {
  return std::any_of(asked_.begin(), asked_.end(), [&](const Asked& asked) {
    return asked.size_bytes == size_bytes && ledger_.find(asked.id)->outcome == Outcome::kReached;
  });
}

bool ReplyCheck::large_answered() const { return reached(kLargeBytes); }

std::ptrdiff_t ReplyCheck::large_asked() const {
  return std::count_if(asked_.begin(), asked_.end(),
                       [](const Asked& asked) { return asked.size_bytes == kLargeBytes; });
}

// Silence proves a filter only when it lasts.
bool ReplyCheck::wants_more() const { return asked() && settled() && control_answered() && !large_answered(); }

double ReplyCheck::silence_odds(double chance) const {
  const double pieces = std::ceil(kLargeBytes / (control_bytes_ * 2.0 / 3)) + 1;  // and the last one of the reply
  const double arrives = std::pow(1 - chance, pieces / 2);                        // `chance` is that of two packets
  return std::pow(1 - arrives, large_asked());
}

std::uint32_t ReplyCheck::largest_answered_up_to(std::uint32_t limit_bytes) const {
  std::uint32_t largest = 0;
  for (const Asked& asked : asked_) {
    if (asked.size_bytes <= limit_bytes && reached(asked.size_bytes)) largest = std::max(largest, asked.size_bytes);
  }
  return largest;
}

}  // namespace vpndoctor
