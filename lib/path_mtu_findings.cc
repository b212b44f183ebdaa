// SPDX-License-Identifier: Apache-2.0
// Collects the findings, orders them, and lists the checks that were not made. Also the wording they share.
#include "path_mtu_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "vpndoctor/codes.h"

namespace vpndoctor {
namespace {

void add_evidence(std::vector<Evidence>& evidence, const char* kind, std::string source, std::string text) {
  evidence.push_back({kind, std::move(source), std::move(text)});
}

void add_size_counts(const FindingContext& context, std::vector<Evidence>& evidence) {
  const auto& limit = context.judgement.forward_lost ? context.judgement.forward.at_most_bytes
                                                     : context.judgement.round_trip.at_most_bytes;
  if (!limit) return;
  for (const auto& size : context.measurement.sizes)
    if (size.size_bytes == *limit || size.size_bytes == *limit + 1)
      add_evidence(evidence, "probe", context.measurement.target.host,
                   fmt::format("{} of {} probes of {} bytes answered", size.answered, size.sent, size.size_bytes));
  if (const auto odds = context.measurement.false_claim_probability)
    add_evidence(evidence, "probe", context.measurement.target.host,
                 "the odds that chance alone lost every larger probe: " + odds_text(*odds));
}

void add_place(const FindingContext& context, std::vector<Evidence>& evidence) {
  const auto& constriction = context.measurement.constriction;
  if (!constriction) return;
  add_evidence(evidence, "probe", "TTL-limited probes",
               fmt::format("the last to receive a too-large packet is {}, the first not to is {}",
                           hop_name(constriction->from_ttl, constriction->from_address),
                           hop_name(constriction->to_ttl, constriction->to_address)));
}

void add_messages(const FindingContext& context, std::vector<Evidence>& evidence) {
  for (const auto& message : context.measurement.too_big)
    add_evidence(evidence, "icmp", message.from.to_string(),
                 fmt::format("too-big message claims {} bytes{}{}", message.mtu_bytes,
                             message.probe_bytes ? fmt::format(" in answer to {}", *message.probe_bytes) : "",
                             message.accepted ? "" : fmt::format(", not believed: {}", message.reason)));
}

void add_tcp(const FindingContext& context, std::vector<Evidence>& evidence) {
  if (!context.measurement.tcp) return;
  const auto& tcp = *context.measurement.tcp;
  const std::string source = fmt::format("TCP port {}", tcp.port);
  const auto add = [&](const std::optional<std::uint32_t>& size, const char* text) {
    if (size) add_evidence(evidence, "probe", source, fmt::format("packets of {} bytes {}", *size, text));
  };
  add(tcp.forward_full_bytes, "to the server were acknowledged");
  add(tcp.forward_lost_bytes, "to the server were never acknowledged");
  add(tcp.reverse_full_bytes, "from the server arrived");
  add(tcp.reverse_lost_bytes, "from the server never arrived");
}

void add_way_back(const FindingContext& context, std::vector<Evidence>& evidence) {
  const auto& fragments = context.measurement.fragments;
  if (fragments && fragments->only_tail_arrived)
    add_evidence(evidence, "capture", "fragments",
                 "of large replies only the last, small fragment arrived: the target answered");
}

void add_route(const FindingContext& context, std::vector<Evidence>& evidence) {
  const auto& egress = context.measurement.egress;
  if (egress.route_mtu_bytes)
    add_evidence(evidence, "netlink", egress.interface,
                 fmt::format("the route has an MTU of {} bytes configured", *egress.route_mtu_bytes));
}

void add_skipped(const FindingContext& context, PathMtuDiagnosis& diagnosis) {
  const auto& measurement = context.measurement;
  if (measurement.egress.is_local) return;
  const bool tcp_open = measurement.tcp && measurement.tcp->state == TcpEvidence::State::kOpen;
  if (!tcp_open || !measurement.tcp->peer_mss_bytes) {
    const char* reason = tcp_open ? "the peer's MSS could not be seen" : "no TCP port answered (--port)";
    diagnosis.skipped.push_back({"MTU009", reason});
    diagnosis.skipped.push_back({"MTU010", reason});
  }
  if (measurement.egress.is_tunnel && !diagnosis.advice.fit && !fragments_outside(measurement.egress)) {
    const char* reason = context.outer.measurement == nullptr
                             ? "the path to the tunnel's endpoint was not measured (--outer)"
                             : "the outer path MTU or the tunnel's overhead is not known";
    diagnosis.skipped.push_back({"MTU011", reason});
    diagnosis.skipped.push_back({"MTU012", reason});
  }
  if (!measurement.reverse && !measurement.fragments && !context.judgement.reverse_hole)
    diagnosis.skipped.push_back({"MTU014", "the way back was not measured by itself"});
}

}  // namespace

std::string hop_name(std::uint8_t ttl, const std::optional<IpAddress>& address) {
  if (ttl == 0) return "this machine";
  return fmt::format("hop {} ({})", ttl, address ? address->to_string() : "silent");
}

std::string size_range_text(const SizeBounds& bounds) {
  if (bounds.exact()) return fmt::format("{} bytes", *bounds.at_least_bytes);
  if (bounds.at_least_bytes && bounds.at_most_bytes)
    return fmt::format("between {} and {} bytes", *bounds.at_least_bytes, *bounds.at_most_bytes);
  if (bounds.at_least_bytes) return fmt::format("at least {} bytes", *bounds.at_least_bytes);
  return bounds.at_most_bytes ? fmt::format("at most {} bytes", *bounds.at_most_bytes) : "an unknown size";
}

Subject path_subject(const PathMtuMeasurement& measurement) { return {"path", measurement.target.address.to_string()}; }

std::vector<Evidence> loss_evidence(const FindingContext& context) {
  std::vector<Evidence> evidence;
  add_size_counts(context, evidence);
  add_place(context, evidence);
  add_messages(context, evidence);
  add_tcp(context, evidence);
  add_way_back(context, evidence);
  add_route(context, evidence);
  return evidence;
}

void find_path_mtu_problems(const FindingContext& context, PathMtuDiagnosis& diagnosis) {
  for (const auto find : {find_losses, find_settings, find_path_traits}) {
    auto found = find(context);
    diagnosis.findings.insert(diagnosis.findings.end(), std::make_move_iterator(found.begin()),
                              std::make_move_iterator(found.end()));
  }
  std::ranges::stable_sort(diagnosis.findings, [](const Finding& left, const Finding& right) {
    return left.severity != right.severity ? left.severity > right.severity : left.code < right.code;
  });
  add_skipped(context, diagnosis);
}

}  // namespace vpndoctor
