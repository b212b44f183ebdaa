// SPDX-License-Identifier: Apache-2.0
// What a route's type and a verdict mean, the same for both families.
#include "fib_lookup.h"

namespace vpndoctor {

std::string_view verdict_text(FibVerdict verdict) {
  switch (verdict) {
    case FibVerdict::kRoute:
      return "decides";
    case FibVerdict::kUnreachable:
      return "refuses the packet as unreachable";
    case FibVerdict::kProhibit:
      return "refuses the packet as prohibited";
    case FibVerdict::kAgain:
      return "ends the search in this table (throw)";
    default:
      return "drops the packet in silence";
  }
}

FlowFate fate_of(RouteType type) {
  switch (type) {
    case RouteType::kLocal:
      return FlowFate::kLocal;
    case RouteType::kBroadcast:
      return FlowFate::kBroadcast;
    case RouteType::kAnycast:
      return FlowFate::kAnycast;
    case RouteType::kMulticast:
      return FlowFate::kMulticast;
    default:
      return FlowFate::kUnicast;
  }
}

bool put_refusal(const FibResult& result, FlowAnswer& answer) {
  switch (result.verdict) {
    case FibVerdict::kRoute:
      return false;
    case FibVerdict::kBlackhole:
      answer.fate = FlowFate::kBlackhole;
      break;
    case FibVerdict::kUnreachable:
      answer.fate = FlowFate::kUnreachable;
      break;
    case FibVerdict::kProhibit:
      answer.fate = FlowFate::kProhibit;
      break;
    default:
      answer.fate = FlowFate::kNone;
      break;
  }
  answer.route = result.route;
  answer.table = result.table;
  return true;
}

}  // namespace vpndoctor
