// SPDX-License-Identifier: Apache-2.0
// How many rounds, how long to wait for each, and when the bounds are close enough. The packets are TcpProber's.
#include "tcp_examination.h"

#include <utility>

#include "vpndoctor/tcp_rounds.h"

namespace vpndoctor {
namespace {

constexpr Milliseconds kShortWait{300};
constexpr int kMostRounds = 8;
constexpr std::uint32_t kSizesARound = 3;  ///< beside the floor that TcpProber adds for contrast
constexpr std::uint16_t kSshPort = 22;     ///< repeated connects get a user banned: one round

}  // namespace

TcpExamination::TcpExamination(TcpProbeOptions options, bool requested)
    : options_(std::move(options)), requested_(requested), prober_(std::make_unique<TcpProber>(options_)) {}

bool TcpExamination::is_open() const {
  return prober_->port_state_known() && prober_->evidence().state == TcpEvidence::State::kOpen;
}

void TcpExamination::begin(TcpQuestion question, TimePoint now) {
  question_ = std::move(question);
  start_round(question_->sizes, now);
}

void TcpExamination::start_round(std::vector<std::uint32_t> sizes, TimePoint now) {
  if (question_->rtt) prober_->set_round_trip(*question_->rtt);
  if (question_->is_lossless && !requested_) prober_->set_loss_wait(kShortWait);
  prober_->set_forward(question_->forward);
  prober_->examine(std::move(sizes), now);
}

void TcpExamination::step(TimePoint now) {
  prober_->step(now);
  const bool may_go_on = question_ && question_->to_the_byte && options_.port != kSshPort && rounds_ < kMostRounds;
  if (!may_go_on || !prober_->done()) return;
  const TcpEvidence known = evidence();
  auto sizes = open_tcp_sizes(known, kSizesARound);
  const bool progressed = !earlier_rounds_ || sizes != open_tcp_sizes(*earlier_rounds_, kSizesARound);
  if (sizes.empty() || !progressed) return;
  ++rounds_;
  earlier_rounds_ = known;
  prober_ = std::make_unique<TcpProber>(options_);
  start_round(std::move(sizes), now);
}

TcpEvidence TcpExamination::evidence() const {
  TcpEvidence evidence = prober_->evidence();
  if (earlier_rounds_) {
    TcpEvidence all = *earlier_rounds_;
    add_tcp_round(all, evidence);
    evidence = std::move(all);
  }
  evidence.requested = requested_;
  return evidence;
}

}  // namespace vpndoctor
