// SPDX-License-Identifier: Apache-2.0
// The door to the route lookup: chooses the family, turns the trace into steps, names the outcomes.
#include "vpndoctor/fib.h"

#include <algorithm>

#include "fib_index.h"
#include "fib_lookup.h"
#include "fib_macos.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kFlowsAtOnce = 16;  // whose waits for memory overlap; more do not help

// Always inline: GCC 12 takes a function that only fetches for one that does nothing, and drops its calls.
[[gnu::always_inline]] inline void prefetch_place(const FibIndex& index, const IpAddress& destination) {
  if (destination.family == Family::kInet) {
    index.inet.prefetch_place(key_of<std::uint32_t>(destination));
  } else {
    index.inet6.prefetch_place(key_of<Uint128>(destination));
  }
}

[[gnu::always_inline]] inline void prefetch_range(const FibIndex& index, const IpAddress& destination) {
  if (destination.family == Family::kInet) {
    index.inet.prefetch(key_of<std::uint32_t>(destination));
  } else {
    index.inet6.prefetch(key_of<Uint128>(destination));
  }
}

}  // namespace

FlowAnswer look_up(const FibIndex& index, const Flow& flow, FibTrace* trace) {
  if (index.macos) return look_up_macos(index, flow, trace);
  return flow.destination.family == Family::kInet ? look_up_inet(index, flow, trace)
                                                  : look_up_inet6(index, flow, trace);
}

Fib::Fib(const Snapshot& snapshot) : index_(std::make_unique<const FibIndex>(snapshot)) {}
Fib::~Fib() = default;
Fib::Fib(Fib&&) noexcept = default;
Fib& Fib::operator=(Fib&&) noexcept = default;

FlowAnswer Fib::lookup(const Flow& flow) const {
  prefetch_range(*index_, flow.destination);
  return look_up(*index_, flow, nullptr);
}

void Fib::lookup(std::span<const Flow> flows, std::span<FlowAnswer> answers) const {
  while (!flows.empty() && !answers.empty()) {
    const std::size_t count = std::min({flows.size(), answers.size(), kFlowsAtOnce});
    for (const Flow& flow : flows.first(count)) prefetch_place(*index_, flow.destination);
    for (const Flow& flow : flows.first(count)) prefetch_range(*index_, flow.destination);
    for (std::size_t at = 0; at < count; ++at) answers[at] = look_up(*index_, flows[at], nullptr);
    flows = flows.subspan(count);
    answers = answers.subspan(count);
  }
}

FlowExplanation Fib::explain(const Flow& flow) const {
  FibTrace trace(*index_->snapshot);
  FlowExplanation explanation{.answer = look_up(*index_, flow, &trace), .steps = {}};
  explanation.steps = trace.take();
  return explanation;
}

const char* flow_fate_name(FlowFate fate) {
  switch (fate) {
    case FlowFate::kUnicast:
      return "unicast";
    case FlowFate::kLocal:
      return "local";
    case FlowFate::kBroadcast:
      return "broadcast";
    case FlowFate::kAnycast:
      return "anycast";
    case FlowFate::kMulticast:
      return "multicast";
    case FlowFate::kBlackhole:
      return "blackhole";
    case FlowFate::kUnreachable:
      return "unreachable";
    case FlowFate::kProhibit:
      return "prohibit";
    case FlowFate::kNone:
      return "none";
    case FlowFate::kInvalidSource:
      return "invalid_source";
    case FlowFate::kMartian:
      return "martian";
    case FlowFate::kNotForwarding:
      return "not_forwarding";
    case FlowFate::kNoSuchInterface:
      return "no_such_interface";
  }
  return "none";
}

const char* depends_on_name(DependsOn depends_on) {
  switch (depends_on) {
    case DependsOn::kNothing:
      return nullptr;
    case DependsOn::kNeighbour:
      return "neighbour";
    case DependsOn::kHash:
      return "hash";
  }
  return nullptr;
}

}  // namespace vpndoctor
