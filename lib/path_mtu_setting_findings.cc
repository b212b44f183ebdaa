// SPDX-License-Identifier: Apache-2.0
// Findings about this machine's own settings: the kernel's cache, the route's MTU, the tunnel's MTU.
#include <fmt/format.h>

#include "path_mtu_findings.h"
#include "path_mtu_remedy.h"
#include "path_mtu_steps.h"

namespace vpndoctor {
namespace {

void add_stale_cache(const FindingContext& context, std::vector<Finding>& findings) {
  const auto& cached = context.measurement.egress.kernel_path_mtu_bytes;
  const auto& path = context.judgement.forward;
  if (!cached || !context.judgement.answered) return;
  const bool too_small = path.at_least_bytes && *cached < *path.at_least_bytes;
  const bool too_large = context.judgement.forward_lost && *cached > *path.at_most_bytes;
  if (!too_small && !too_large) return;
  Finding finding = make_finding("MTU005", path_subject(context.measurement));
  finding.title =
      fmt::format("The kernel's cached path MTU is {} bytes, but the path carries {}", *cached, size_range_text(path));
  finding.detail = too_small ? "Every transfer to this target is throttled by needlessly small packets."
                             : "This machine sends packets to this target that are lost.";
  finding.evidence = {
      {"netlink", context.measurement.egress.interface,
       fmt::format("the route to the target has a cached exception with an MTU of {} bytes, read before "
                   "the first probe",
                   *cached)}};
  add_step(finding.remedy, "Flush the path MTU cache; if the entry comes back, look for who sends the message.",
           flush_cache_commands(context.measurement.target.address.family));
  findings.push_back(std::move(finding));
}

void add_route_mtu(const FindingContext& context, std::vector<Finding>& findings) {
  const auto& egress = context.measurement.egress;
  const auto& path = context.judgement.forward;
  if (!egress.route_mtu_bytes || !context.judgement.forward_lost) return;
  // A metric equal to the device's own MTU, as router advertisements bring it, describes the link, not the path.
  if (*egress.route_mtu_bytes <= *path.at_most_bytes || *egress.route_mtu_bytes >= context.judgement.link_bytes) return;
  Finding finding = make_finding("MTU016", path_subject(context.measurement));
  finding.title = fmt::format("The MTU of {} bytes that is set on the route exceeds the path's {} bytes",
                              *egress.route_mtu_bytes, *path.at_most_bytes);
  finding.detail = "Whoever set it meant to describe the path; it no longer does.";
  finding.evidence = {{"netlink", egress.interface, fmt::format("route metric mtu {}", *egress.route_mtu_bytes)}};
  if (path.at_least_bytes)
    add_step(finding.remedy,
             fmt::format("Set {} bytes on the route, or, as here, for this target alone.", *path.at_least_bytes),
             set_route_mtu_commands(context.measurement, *path.at_least_bytes));
  findings.push_back(std::move(finding));
}

std::vector<Evidence> fit_evidence(const FindingContext& context) {
  const auto& measurement = context.measurement;
  const auto& outer = *context.outer.measurement;
  return {
      {"netlink", measurement.egress.interface,
       fmt::format("interface MTU {} bytes", measurement.egress.link_mtu_bytes.value_or(0))},
      {"probe", outer.target.host,
       fmt::format("the path to the tunnel's endpoint carries {}", size_range_text(context.outer.judgement->forward))}};
}

void add_tunnel_too_large(const FindingContext& context, std::vector<Finding>& findings) {
  const auto& advice = context.diagnosis.advice;
  Finding finding = make_finding("MTU011", {"interface", context.measurement.egress.interface});
  finding.title = fmt::format("The MTU of {} is too large by {} bytes for the tunnel's path",
                              context.measurement.egress.interface, *advice.fit_bytes);
  finding.detail = "Full-size packets inside the tunnel are lost or fragmented outside it.";
  finding.evidence = fit_evidence(context);
  add_step(finding.remedy,
           fmt::format("Set the MTU of the tunnel {} to {} bytes.", context.measurement.egress.interface,
                       *advice.interface_mtu_bytes),
           set_mtu_commands(context.measurement, advice));
  findings.push_back(std::move(finding));
}

void add_tunnel_fit(const FindingContext& context, std::vector<Finding>& findings) {
  const auto& advice = context.diagnosis.advice;
  if (!advice.fit || !advice.interface_mtu_bytes) return;
  if (advice.fit == TunnelMtuFit::kTooLarge) return add_tunnel_too_large(context, findings);
  if (advice.fit != TunnelMtuFit::kCouldBeRaised) return;
  Finding finding = make_finding("MTU012", {"interface", context.measurement.egress.interface});
  finding.title = fmt::format("The MTU of {} could be raised by {} bytes", context.measurement.egress.interface,
                              -*advice.fit_bytes);
  finding.detail = "Nothing is broken. Keep the margin when the tunnel also runs over other networks.";
  finding.evidence = fit_evidence(context);
  add_step(finding.remedy, fmt::format("The path allows {} bytes.", *advice.interface_mtu_bytes),
           set_mtu_commands(context.measurement, advice));
  findings.push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> find_settings(const FindingContext& context) {
  std::vector<Finding> findings;
  add_stale_cache(context, findings);
  add_route_mtu(context, findings);
  add_tunnel_fit(context, findings);
  return findings;
}

}  // namespace vpndoctor
