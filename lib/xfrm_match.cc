// SPDX-License-Identifier: Apache-2.0
// Selectors and the order of policies; see the header.
#include "vpndoctor/xfrm_match.h"

#include <algorithm>
#include <optional>
#include <ranges>

namespace vpndoctor {
namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kDccp = 33;
constexpr std::uint8_t kGre = 47;
constexpr std::uint8_t kIcmp6 = 58;
constexpr std::uint8_t kSctp = 132;
constexpr std::uint8_t kMobility = 135;
constexpr std::uint8_t kUdpLite = 136;

XfrmMatch both(XfrmMatch left, XfrmMatch right) {
  if (left == XfrmMatch::kNo || right == XfrmMatch::kNo) return XfrmMatch::kNo;
  return left == XfrmMatch::kYes ? right : left;
}

XfrmMatch to_match(bool matches) { return matches ? XfrmMatch::kYes : XfrmMatch::kNo; }

/// xfrm_flowi_sport(), xfrm_flowi_dport(): the type of a message and the key of a GRE tunnel count as ports, and a flow
/// does not tell them; what has no ports has 0.
std::optional<std::uint16_t> port_of(std::uint8_t ip_protocol, std::uint16_t port) {
  switch (ip_protocol) {
    case kIcmp:
    case kIcmp6:
    case kGre:
    case kMobility:
      return std::nullopt;
    case kTcp:
    case kUdp:
    case kDccp:
    case kSctp:
    case kUdpLite:
      return port;
    default:
      return std::uint16_t{0};
  }
}

XfrmMatch match_port(const std::optional<NumberRange>& range, const std::optional<std::uint16_t>& mask,
                     const std::optional<std::uint16_t>& port) {
  if (!range) return XfrmMatch::kYes;
  if (!port) return XfrmMatch::kDepends;
  if (mask) return to_match(((*port ^ range->first) & *mask) == 0);
  return to_match(range->first <= *port && *port <= range->last);
}

/// Routing sets the interface of an IPv4 flow; that of an IPv6 one is what its socket is bound to, unless it is
/// forwarded.
XfrmMatch match_interface(const XfrmPolicy& policy, const Flow& flow, std::string_view interface) {
  if (policy.interface.empty()) return XfrmMatch::kYes;
  const bool is_routed = policy.family == Family::kInet || !flow.input_interface.empty();
  return to_match(policy.interface == (is_routed ? interface : std::string_view(flow.output_interface)));
}

XfrmMatch match_source(const XfrmPolicy& policy, const Flow& flow) {
  if (policy.source.is_default()) return XfrmMatch::kYes;
  if (!flow.source) return XfrmMatch::kDepends;
  return to_match(policy.source.contains(*flow.source));
}

const char* why_unknown(bool states_decide) {
  return states_decide ? "an IPsec policy lets packets go in clear while it has no usable state"
                       : "an IPsec policy takes packets of some source addresses or message types only";
}

}  // namespace

bool may_serve(const XfrmState& state, const XfrmTemplate& wanted) {
  const bool is_there = !wanted.destination || *wanted.destination == state.destination;
  return state.ip_protocol == wanted.ip_protocol && state.mode == wanted.mode && is_there;
}

XfrmMatch match_xfrm_policy_anywhere(const XfrmPolicy& policy, const Flow& flow, std::string_view interface) {
  if (policy.direction != XfrmDirection::kOut || policy.interface_id != 0) return XfrmMatch::kNo;
  if ((flow.mark & policy.mark_mask) != policy.mark) return XfrmMatch::kNo;
  if (policy.ip_protocol != 0 && policy.ip_protocol != flow.ip_protocol) return XfrmMatch::kNo;
  const XfrmMatch source_port =
      match_port(policy.source_ports, policy.source_port_mask, port_of(flow.ip_protocol, flow.source_port));
  const XfrmMatch destination_port = match_port(policy.destination_ports, policy.destination_port_mask,
                                                port_of(flow.ip_protocol, flow.destination_port));
  return both(both(match_interface(policy, flow, interface), match_source(policy, flow)),
              both(source_port, destination_port));
}

XfrmMatch match_xfrm_policy(const XfrmPolicy& policy, const Flow& flow, std::string_view interface) {
  if (policy.family != flow.destination.family || !policy.destination.contains(flow.destination)) return XfrmMatch::kNo;
  return match_xfrm_policy_anywhere(policy, flow, interface);
}

OutgoingXfrm::OutgoingXfrm(const Xfrm& xfrm) : xfrm_(&xfrm) {
  for (const XfrmPolicy& each : xfrm.policies | std::views::reverse) {
    if (each.direction != XfrmDirection::kOut || each.interface_id != 0) continue;
    policies_[static_cast<std::size_t>(each.family)].push_back(&each);
  }
  for (auto& list : policies_) std::ranges::stable_sort(list, {}, &XfrmPolicy::priority);
}

XfrmFate OutgoingXfrm::fate_of(const XfrmPolicy& policy) const {
  if (policy.blocks) return XfrmFate::kBlocked;
  const auto is_required = [](const XfrmTemplate& each) { return !each.is_optional; };
  if (std::ranges::any_of(policy.templates, is_required)) return XfrmFate::kTaken;
  const bool may_be_served = std::ranges::any_of(policy.templates, [this](const XfrmTemplate& wanted) {
    return std::ranges::any_of(xfrm_->states, [&](const XfrmState& state) { return may_serve(state, wanted); });
  });
  return may_be_served ? XfrmFate::kUnknown : XfrmFate::kClear;
}

XfrmAnswer OutgoingXfrm::answer(const Flow& flow, std::string_view interface) const {
  XfrmAnswer answer;
  bool is_open = false;  // whether a policy that may or may not match has been met
  const auto add = [&](XfrmFate fate, const XfrmPolicy* policy) {
    if (is_open && fate != answer.fate) {
      answer = {XfrmFate::kUnknown, policy, why_unknown(false)};
    } else if (!is_open) {
      answer = {fate, policy, fate == XfrmFate::kUnknown ? why_unknown(true) : ""};
    }
  };
  for (const XfrmPolicy* policy : policies(flow.destination.family)) {
    const XfrmMatch match = match_xfrm_policy(*policy, flow, interface);
    if (match == XfrmMatch::kNo) continue;
    add(fate_of(*policy), policy);
    if (match == XfrmMatch::kYes || answer.fate == XfrmFate::kUnknown) return answer;
    is_open = true;
  }
  add(default_fate(), nullptr);
  return answer;
}

XfrmAnswer find_xfrm_fate(const Xfrm& xfrm, const Flow& flow, std::string_view interface) {
  return OutgoingXfrm(xfrm).answer(flow, interface);
}

}  // namespace vpndoctor
