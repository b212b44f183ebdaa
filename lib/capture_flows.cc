// SPDX-License-Identifier: Apache-2.0
// Sorts the packets of a capture into TCP connections, a bounded number of them; see the header.
#include "vpndoctor/capture_flows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <list>
#include <map>
#include <tuple>
#include <utility>

#include "capture_flow_direction.h"
#include "capture_flow_verdict.h"
#include "captured_segment.h"
#include "vpndoctor/number_text.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxConnections = 4096;
constexpr std::size_t kMaxKept = 2000;

/// A connection: its two directions, the first one that of the first packet.
struct Connection {
  explicit Connection(const FlowEnds& first) : ends(first), there(first), back(first.reversed()) {}

  FlowEnds ends;
  FlowDirection there;
  FlowDirection back;
};

/// One key for both directions.
FlowEnds key_of(const FlowEnds& ends) { return std::min(ends, ends.reversed()); }

bool is_problem(FlowMtuStatus status) {
  return status == FlowMtuStatus::kBlackHole || status == FlowMtuStatus::kSignalled || status == FlowMtuStatus::kLossy;
}

int rank(FlowMtuStatus status) {
  constexpr std::array kRanks = {4, 0, 1, 2, 3};
  return kRanks[static_cast<std::size_t>(status)];
}

bool comes_first(const JudgedFlow& left, const JudgedFlow& right) {
  const auto order = [](const FlowMtu& flow) {
    return std::tuple(rank(flow.status), -static_cast<int>(flow.confidence), ~flow.packets);
  };
  return order(left.flow) < order(right.flow);
}

/// Another connection between the same hosts had packets of the lost size acknowledged after they were called lost.
void compare_with_others(std::vector<JudgedFlow>& judged) {
  for (JudgedFlow& hole : judged) {
    if (hole.flow.status != FlowMtuStatus::kBlackHole || !hole.flow.smallest_lost_bytes) continue;
    const auto contradicts = [&hole](const JudgedFlow& other) {
      return other.flow.source == hole.flow.source && other.flow.destination == hole.flow.destination &&
             other.flow.largest_acknowledged_bytes.value_or(0) >= *hole.flow.smallest_lost_bytes &&
             other.full_passed_at >= hole.lost_since;
    };
    if (!std::ranges::any_of(judged, contradicts)) continue;
    hole.flow.confidence = Confidence::kSuspected;
    hole.flow.why += "; another connection of the same hosts carried packets of that size";
  }
}

}  // namespace

struct CaptureFlowReader::State {
  using Connections = std::list<Connection>;

  Connection& connection_of(const FlowEnds& ends);
  void take_segment(const CapturedSegment& segment);
  void take_message(const CapturedTooBig& message);
  void retire(Connections::iterator connection);
  void judge(const Connection& connection, std::vector<JudgedFlow>& into) const;

  std::uint64_t packets = 0;
  std::uint64_t not_decoded = 0;
  std::uint64_t cut = 0;
  std::uint64_t options_cut = 0;
  std::uint64_t not_kept = 0;
  Connections recent;  ///< the latest one first
  std::map<FlowEnds, Connections::iterator> by_ends;
  std::vector<JudgedFlow> retired;
};

const char* flow_mtu_status_name(FlowMtuStatus status) {
  constexpr std::array kNames = {"clear", "black_hole", "signalled", "lossy", "undetermined"};
  return kNames[static_cast<std::size_t>(status)];
}

Connection& CaptureFlowReader::State::connection_of(const FlowEnds& ends) {
  const FlowEnds key = key_of(ends);
  const auto found = by_ends.find(key);
  if (found != by_ends.end()) {
    recent.splice(recent.begin(), recent, found->second);
    return recent.front();
  }
  if (recent.size() >= kMaxConnections) retire(std::prev(recent.end()));
  recent.emplace_front(ends);
  by_ends.emplace(key, recent.begin());
  return recent.front();
}

/// A direction without data says nothing, unless a gap or a message speaks of it.
void CaptureFlowReader::State::judge(const Connection& connection, std::vector<JudgedFlow>& into) const {
  const FlowHistory there = connection.there.history();
  const FlowHistory back = connection.back.history();
  if (there.data_bytes > 0) into.push_back(judge_flow(there, back));
  if (back.data_bytes > 0) into.push_back(judge_flow(back, there));
}

void CaptureFlowReader::State::retire(Connections::iterator connection) {
  std::vector<JudgedFlow> judged;
  judge(*connection, judged);
  for (JudgedFlow& each : judged) {
    const bool worth = is_problem(each.flow.status) || retired.size() < kMaxKept / 2;
    if (worth && retired.size() < kMaxKept) {
      retired.push_back(std::move(each));
    } else {
      ++not_kept;
    }
  }
  by_ends.erase(key_of(connection->ends));
  recent.erase(connection);
}

void CaptureFlowReader::State::take_segment(const CapturedSegment& segment) {
  if (segment.options_cut) ++options_cut;
  Connection* connection = &connection_of(segment.ends);
  const bool is_there = connection->ends == segment.ends;
  const FlowDirection& own = is_there ? connection->there : connection->back;
  if (segment.syn && own.is_other_start(segment)) {
    retire(recent.begin());
    connection = &connection_of(segment.ends);
  }
  const bool from_first = connection->ends == segment.ends;
  FlowDirection& sender = from_first ? connection->there : connection->back;
  FlowDirection& receiver = from_first ? connection->back : connection->there;
  sender.send(segment);
  receiver.hear(segment);
}

void CaptureFlowReader::State::take_message(const CapturedTooBig& message) {
  const auto found = by_ends.find(key_of(message.about));
  if (found == by_ends.end()) return;
  Connection& connection = *found->second;
  (connection.ends == message.about ? connection.there : connection.back).refuse(message);
}

CaptureFlowReader::CaptureFlowReader() : state_(std::make_unique<State>()) {}
CaptureFlowReader::~CaptureFlowReader() = default;
CaptureFlowReader::CaptureFlowReader(CaptureFlowReader&&) noexcept = default;
CaptureFlowReader& CaptureFlowReader::operator=(CaptureFlowReader&&) noexcept = default;

void CaptureFlowReader::take(const CapturedPacket& packet) {
  ++state_->packets;
  const CapturedTcp decoded = decode_captured_tcp(packet);
  switch (decoded.kind) {
    case CapturedTcp::Kind::kOther:
      break;
    case CapturedTcp::Kind::kUndecoded:
      ++state_->not_decoded;
      break;
    case CapturedTcp::Kind::kCut:
      ++state_->cut;
      break;
    case CapturedTcp::Kind::kSegment:
      state_->take_segment(decoded.segment);
      break;
    case CapturedTcp::Kind::kTooBig:
      state_->take_message(decoded.too_big);
      break;
  }
}

CaptureFlows CaptureFlowReader::result() const {
  std::vector<JudgedFlow> judged = state_->retired;
  for (const Connection& connection : state_->recent) state_->judge(connection, judged);
  compare_with_others(judged);
  std::ranges::stable_sort(judged, comes_first);
  CaptureFlows flows;
  flows.packets = state_->packets;
  flows.not_decoded = state_->not_decoded;
  flows.cut = state_->cut;
  flows.is_cut = state_->not_kept > 0 || judged.size() > kMaxKept;
  if (judged.size() > kMaxKept) judged.resize(kMaxKept);
  for (JudgedFlow& each : judged) flows.flows.push_back(std::move(each.flow));
  if (flows.is_cut)
    flows.limits.push_back(fmt::format("there are more than {} flows; the rest is not listed", grouped(kMaxKept)));
  if (flows.cut + state_->options_cut > 0)
    flows.limits.push_back(fmt::format("{} packets were cut by the snap length within the TCP header",
                                       grouped(flows.cut + state_->options_cut)));
  return flows;
}

}  // namespace vpndoctor
