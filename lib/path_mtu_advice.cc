// SPDX-License-Identifier: Apache-2.0
// Applies the arithmetic of encapsulation.h to a judged path.
#include "path_mtu_advice.h"

#include "encapsulation.h"

namespace vpndoctor {
namespace {

/// What an ESP or unknown tunnel adds cannot be told from here; then there is no advice to give.
const TunnelEncapsulation* tunnel_encapsulation(const PathMtuMeasurement& measurement, const OuterPath& outer) {
  if (!measurement.egress.is_tunnel || outer.measurement == nullptr) return nullptr;
  return encapsulation_of(measurement.egress.tunnel_kind, outer.measurement->target.address.family);
}

void judge_fit(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement, const OuterPath& outer,
               Advice& advice) {
  const TunnelEncapsulation* encapsulation = tunnel_encapsulation(measurement, outer);
  if (encapsulation == nullptr || !outer.judgement->usable_bytes || !measurement.egress.link_mtu_bytes) return;
  const auto right = inner_mtu_bytes(*encapsulation, *outer.judgement->usable_bytes);
  if (!right) return;
  const auto excess = static_cast<std::int32_t>(*measurement.egress.link_mtu_bytes) - static_cast<std::int32_t>(*right);
  if (excess > 0 && fragments_outside(measurement.egress) && !loses_packets(judgement)) return;
  advice.fit_bytes = excess;
  advice.fit = judge_tunnel_mtu(excess);
  if (*advice.fit != TunnelMtuFit::kExact) advice.interface_mtu_bytes = right;
}

void advise_mss(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement, Advice& advice) {
  auto mtu = judgement.usable_bytes;
  // Inside a tunnel whose MTU is about to be lowered, segments must fit the new MTU.
  if (measurement.egress.is_tunnel && advice.fit == TunnelMtuFit::kTooLarge) mtu = advice.interface_mtu_bytes;
  if (!mtu) return;
  advice.tcp_mss_inet_bytes = tcp_mss_for(*mtu, Family::kInet);
  advice.tcp_mss_inet6_bytes = tcp_mss_for(*mtu, Family::kInet6);
  const bool inet = measurement.target.address.family == Family::kInet;
  advice.tcp_mss_bytes = inet ? advice.tcp_mss_inet_bytes : advice.tcp_mss_inet6_bytes;
}

void explain(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement, Advice& advice) {
  // Through a tunnel the interface's number is the one that somebody computed; what gets through depends on padding.
  const auto number = measurement.egress.is_tunnel ? measurement.egress.link_mtu_bytes
                      : judgement.forward.exact()  ? judgement.forward.at_least_bytes
                                                   : std::nullopt;
  if (!number || measurement.egress.is_local) return;
  advice.explanations = explain_mtu(*number, measurement.egress.tunnel_kind);
  if (!advice.explanations.empty()) advice.encapsulation = explanation_text(*number, advice.explanations.front());
}

}  // namespace

bool loses_packets(const PathMtuJudgement& judgement) {
  return judgement.status == PathMtuStatus::kBlackHole || any_claim(judgement.claims, ClaimVerdict::kTooLarge);
}

bool fragments_outside(const Egress& egress) {
  return egress.tunnel_kind == "openvpn" || egress.tunnel_kind == "ovpn" || egress.tunnel_kind == "ovpn-dco";
}

Advice advise(const PathMtuMeasurement& measurement, const PathMtuJudgement& judgement, const OuterPath& outer) {
  Advice advice;
  if (measurement.egress.is_tunnel) {
    judge_fit(measurement, judgement, outer, advice);
  } else if (!measurement.egress.is_local) {
    // An interface of less than 1280 bytes could carry no IPv6 at all.
    const bool is_settable = judgement.usable_bytes.value_or(0) >= minimum_mtu_bytes(measurement.target.address.family);
    if (loses_packets(judgement) && is_settable) advice.interface_mtu_bytes = judgement.usable_bytes;
    if (judgement.usable_bytes)
      advice.tunnels = tunnel_mtus_over(*judgement.usable_bytes, measurement.target.address.family);
  }
  advise_mss(measurement, judgement, advice);
  explain(measurement, judgement, advice);
  return advice;
}

}  // namespace vpndoctor
