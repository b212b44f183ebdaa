// SPDX-License-Identifier: Apache-2.0
// The door to the route lookup: chooses the family, turns the trace into steps, names the outcomes.
#include "vpndoctor/fib.h"

#include "fib_index.h"
#include "fib_lookup.h"
#include "fib_macos.h"

namespace vpndoctor {

FlowAnswer look_up(const FibIndex& index, const Flow& flow, FibTrace* trace) {
  if (index.macos) return look_up_macos(index, flow, trace);
  return flow.destination.family == Family::kInet ? look_up_inet(index, flow, trace)
                                                  : look_up_inet6(index, flow, trace);
}

Fib::Fib(const Snapshot& snapshot) : index_(std::make_unique<const FibIndex>(snapshot)) {}
Fib::~Fib() = default;
Fib::Fib(Fib&&) noexcept = default;
Fib& Fib::operator=(Fib&&) noexcept = default;

FlowAnswer Fib::lookup(const Flow& flow) const { return look_up(*index_, flow, nullptr); }

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
