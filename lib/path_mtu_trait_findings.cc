// SPDX-License-Identifier: Apache-2.0
// Findings about the path beside lost packets: loss by size, filters, MSS, the way back, expectations, IPv6.
#include <fmt/format.h>

#include "path_mtu_findings.h"
#include "path_mtu_steps.h"

namespace vpndoctor {
namespace {

void add_size_dependent_loss(const FindingContext& context, std::vector<Finding>& findings) {
  if (!context.measurement.size_dependent_loss) return;
  Finding finding = make_finding("MTU007", path_subject(context.measurement));
  finding.detail = "Throughput suffers although pings work.";
  std::uint32_t first_lossy = 0;
  for (const auto& size : context.measurement.sizes) {
    if (size.answered == 0 || size.answered >= size.sent) continue;
    if (first_lossy == 0) first_lossy = size.size_bytes;
    finding.evidence.push_back(
        {"probe", context.measurement.target.host,
         fmt::format("{} of {} probes of {} bytes answered", size.answered, size.sent, size.size_bytes)});
  }
  if (first_lossy != 0)
    finding.title = fmt::format("Packets of {} bytes and more to {} are lost in part, smaller ones are not",
                                first_lossy, context.measurement.target.host);
  add_step(finding.remedy, "Keep packets below the first lossy size with the MTU or the TCP MSS.");
  findings.push_back(std::move(finding));
}

void add_echo_filter(const FindingContext& context, std::vector<Finding>& findings) {
  if (!context.judgement.echo_filtered) return;
  Finding finding = make_finding("MTU008", {"host", context.measurement.target.host});
  const auto& limit = context.judgement.round_trip.at_most_bytes;
  if (limit) finding.title = fmt::format("ICMP echoes above {} bytes are filtered, other packets are not", *limit);
  finding.detail = "This is no black hole and harms no transfer; a test by ping alone would report one.";
  finding.evidence = loss_evidence(context);
  findings.push_back(std::move(finding));
}

bool mss_exceeds_path(const FindingContext& context) {
  const auto& measurement = context.measurement;
  if (context.judgement.status != PathMtuStatus::kBlackHole || !measurement.tcp) return false;
  const auto& tcp = *measurement.tcp;
  if (tcp.reverse_lost_bytes || tcp.forward_lost_bytes) return true;
  if (!tcp.peer_mss_bytes || !context.judgement.forward_lost) return false;
  const std::uint32_t packet = *tcp.peer_mss_bytes + ip_header_bytes(measurement.target.address.family) + 20;
  return packet > *context.judgement.forward.at_most_bytes;
}

void add_clamped(const FindingContext& context, std::vector<Finding>& findings) {
  if (context.diagnosis.tcp_mss_clamped != true) return;
  const auto& tcp = *context.measurement.tcp;
  Finding finding = make_finding("MTU009", {"path", context.measurement.target.address.to_string()});
  finding.title = fmt::format("{} announces a TCP MSS of {} bytes on port {}: clamped on the way, or small by itself",
                              context.measurement.target.host, *tcp.peer_mss_bytes, tcp.port);
  if (!mss_exceeds_path(context))
    finding.detail = "TCP is protected from a path MTU that small; UDP, and with it QUIC, WireGuard and IPsec, is not.";
  // From one end a device that rewrites the option looks like a peer that chose the value.
  finding.confidence = Confidence::kLikely;
  finding.evidence = {
      {"capture", fmt::format("TCP port {}", tcp.port), fmt::format("SYN-ACK with MSS {} bytes", *tcp.peer_mss_bytes)}};
  findings.push_back(std::move(finding));
}

void add_not_clamped(const FindingContext& context, std::vector<Finding>& findings) {
  if (!mss_exceeds_path(context)) return;
  const auto& tcp = *context.measurement.tcp;
  Finding finding = make_finding("MTU010", path_subject(context.measurement));
  if (tcp.peer_mss_bytes && context.judgement.forward_lost)
    finding.title = fmt::format("The TCP MSS of {} bytes allows packets that vanish", *tcp.peer_mss_bytes);
  finding.detail = "TCP connections are set up and then hang with the first full segment.";
  finding.evidence = loss_evidence(context);
  finding.caused_by.emplace_back("MTU001");
  add_clamp_step(context, finding.remedy);
  findings.push_back(std::move(finding));
}

void add_expectation(const FindingContext& context, std::vector<Finding>& findings) {
  if (context.diagnosis.meets_expectation != false) return;
  Finding finding = make_finding("MTU013", path_subject(context.measurement));
  finding.title = fmt::format("The path carries at most {} bytes, but {} were asked for with --expect-min",
                              *context.diagnosis.path_mtu_at_most_bytes, *context.options.expect_min_bytes);
  finding.evidence = loss_evidence(context);
  if (context.judgement.status == PathMtuStatus::kBlackHole) finding.caused_by.emplace_back("MTU001");
  findings.push_back(std::move(finding));
}

void add_narrow_way_back(const FindingContext& context, std::vector<Finding>& findings) {
  const auto& judgement = context.judgement;
  const auto& there = judgement.forward.at_least_bytes;
  if (judgement.reverse_hole || !judgement.reverse_bytes || !there || *judgement.reverse_bytes >= *there) return;
  const bool in_fragments = context.measurement.fragments && context.measurement.fragments->first_fragment_bytes;
  // The payload of a fragment is a multiple of 8 bytes, so a link of the same size shows up to 7 bytes less.
  if (in_fragments && *judgement.reverse_bytes + 7 >= *there) return;
  Finding finding = make_finding("MTU014", path_subject(context.measurement));
  finding.title =
      fmt::format("The way back carries about {} bytes, the way there {}", *judgement.reverse_bytes, *there);
  finding.detail =
      "Large replies arrive in fragments; that costs throughput, and firewalls that drop fragments turn it "
      "into loss.";
  finding.detail +=
      context.measurement.tcp && context.measurement.tcp->reverse_full_bytes
          ? fmt::format(" TCP packets of {} bytes, which may not be fragmented, do come back.",
                        *context.measurement.tcp->reverse_full_bytes)
          : " Whether packets that must not be fragmented (all of TCP) get through on the way back was not "
            "tested: no TCP port answered (--port).";
  if (in_fragments)
    finding.evidence = {{"capture", "fragments",
                         fmt::format("the first fragment of a large reply has {} bytes (the link: up to 7 more)",
                                     *context.measurement.fragments->first_fragment_bytes)}};
  add_step(finding.remedy, "Nothing is shown to be broken; a remedy, if one is wanted, is on the target's side.");
  findings.push_back(std::move(finding));
}

void add_below_ipv6_minimum(const FindingContext& context, std::vector<Finding>& findings) {
  if (!is_below_ipv6_minimum(context)) return;
  Finding finding = make_finding("MTU015", path_subject(context.measurement));
  finding.title = fmt::format("The path carries at most {} bytes, IPv6 needs {}",
                              *context.judgement.forward.at_most_bytes, minimum_mtu_bytes(Family::kInet6));
  finding.detail =
      "Hosts rightly take 1280 bytes for granted on every link that carries IPv6, so that nothing large gets through.";
  finding.evidence = loss_evidence(context);
  finding.remedy = hole_remedy(context);
  findings.push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> find_path_traits(const FindingContext& context) {
  std::vector<Finding> findings;
  add_size_dependent_loss(context, findings);
  add_echo_filter(context, findings);
  add_clamped(context, findings);
  add_not_clamped(context, findings);
  add_expectation(context, findings);
  add_narrow_way_back(context, findings);
  add_below_ipv6_minimum(context, findings);
  return findings;
}

}  // namespace vpndoctor
