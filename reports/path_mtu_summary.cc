// SPDX-License-Identifier: Apache-2.0
// The labelled lines on top of the report, and the lines on the probing at its end.
#include <fmt/format.h>

#include "findings_text.h"
#include "path_mtu_text.h"
#include "units.h"

namespace vpndoctor {
namespace {

std::string address_text(const Target& target) {
  std::string text = target.address.to_string();
  return target.zone.empty() ? text : text + "%" + target.zone;
}

std::string target_text(const Target& target) {
  const std::string address = address_text(target);
  const bool named = !target.host.empty() && target.host != address;
  std::string text = named ? fmt::format("{} ({}), ", target.host, address) : address + ", ";
  text += family_title(target.address.family);
  if (target.other_family) {
    text += fmt::format("; {} was not measured ({})", family_title(target.other_family->family),
                        target.other_family->to_string());
  }
  return text;
}

std::string egress_text(const Egress& egress) {
  if (egress.is_local) return "this machine itself: the address is one of its own";
  if (egress.interface.empty()) return "";
  std::string text = egress.interface;
  if (egress.is_tunnel)
    text += egress.tunnel_kind.empty() ? " (tunnel)" : fmt::format(" (tunnel, {})", egress.tunnel_kind);
  text += ", from " + egress.source.to_string();
  text += egress.gateway ? " through " + egress.gateway->to_string() : ", on-link";
  return text;
}

std::string configured_text(const Egress& egress) {
  std::string text;
  const auto add = [&text](const char* what, const std::optional<std::uint32_t>& bytes) {
    if (bytes) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, *bytes);
  };
  add("device MTU", egress.link_mtu_bytes);
  add("MTU set on the route", egress.route_mtu_bytes);
  add("path MTU in the kernel's cache", egress.kernel_path_mtu_bytes);
  return text;
}

std::string forward_text(const PathMtuDiagnosis& diagnosis) {
  if (diagnosis.path_mtu_bytes) return fmt::format("{} bytes (exact)", *diagnosis.path_mtu_bytes);
  const std::string range = bounds_text({diagnosis.path_mtu_at_least_bytes, diagnosis.path_mtu_at_most_bytes});
  return range.empty() ? "not known" : range;
}

std::string reverse_text(const PathMtuReport& report) {
  if (report.diagnosis.reverse_path_mtu_bytes) return fmt::format("{} bytes", *report.diagnosis.reverse_path_mtu_bytes);
  return report.measurement.reverse ? bounds_text(*report.measurement.reverse) : "";
}

std::string round_trip_text(const PathMtuMeasurement& measurement) {
  std::string text = measurement.rtt ? milliseconds_text(*measurement.rtt) : "";
  if (measurement.loss_ratio) {
    text += fmt::format("{}{} of the control packets lost", text.empty() ? "" : ", ",
                        percent_text(*measurement.loss_ratio));
  }
  return text;
}

std::string method_text(const Probing& probing) {
  const char* kind = probing.method == Method::kEcho ? "ICMP echo" : probing.method == Method::kUdp ? "UDP" : "TCP";
  if (probing.privilege == "raw") return fmt::format("{}, raw sockets", kind);
  if (probing.privilege == "ping-socket") return fmt::format("{}, unprivileged ping socket", kind);
  return probing.privilege.empty() ? kind : fmt::format("{}, without privileges", kind);
}

std::string short_probing_text(const Probing& probing) {
  if (probing.probes_sent == 0) return "";
  return fmt::format("{}: {} probes ({}), {} answers, {}", method_text(probing), probing.probes_sent,
                     bytes_sent_text(probing.bytes_sent), probing.replies_received, milliseconds_text(probing.elapsed));
}

std::string changed_text(const Probing& probing) {
  return probing.changed_kernel_cache
             ? "a router's answer entered this machine's path MTU cache; it expires within ten minutes"
             : "nothing: this machine's path MTU cache is as it was";
}

std::string cost_text(const Probing& probing) {
  std::string text = fmt::format("{} probes ({}) in {} round{}, {}; {} answers", probing.probes_sent,
                                 bytes_sent_text(probing.bytes_sent), probing.rounds, probing.rounds == 1 ? "" : "s",
                                 milliseconds_text(probing.elapsed), probing.replies_received);
  if (probing.replies_ignored > 0)
    text += fmt::format(", {} packet{} ignored (malformed, forged or foreign)", probing.replies_ignored,
                        probing.replies_ignored == 1 ? "" : "s");
  return text;
}

}  // namespace

void write_path_summary(const PathMtuReport& report, Page& page) {
  const PathMtuMeasurement& measurement = report.measurement;
  page.field("target", target_text(measurement.target));
  page.field("leaves by", egress_text(measurement.egress));
  page.field("configured", configured_text(measurement.egress));
  page.field("path MTU", forward_text(report.diagnosis));
  page.field("way back", reverse_text(report));
  page.field("round trip", round_trip_text(measurement));
  if (measurement.false_claim_probability && !report.diagnosis.findings.empty()) {
    page.field("certainty",
               "odds that chance explains the missing answers: " + odds_text(*measurement.false_claim_probability));
  }
  if (page.verbose()) return;
  page.field("probed by", short_probing_text(measurement.probing));
  if (measurement.probing.changed_kernel_cache) page.field("changed", changed_text(measurement.probing));
}

void write_next_steps(const PathMtuDiagnosis& diagnosis, Page& page) {
  write_steps("What would settle it", diagnosis.next_steps, page);
}

void write_attempts(const PathMtuReport& report, Page& page) {
  const auto& tried = report.measurement.probing.tried;
  if (tried.empty() || (report.diagnosis.status != PathMtuStatus::kUndetermined && !page.verbose())) return;
  page.heading("What was tried");
  for (const std::string& attempt : tried) page.item(attempt);
}

void write_probing(const PathMtuMeasurement& measurement, Page& page) {
  const Probing& probing = measurement.probing;
  if (probing.probes_sent == 0 || !page.verbose()) return;
  page.heading("How it was measured");
  page.field("probes", method_text(probing));
  page.field("cost", cost_text(probing));
  page.field("changed", changed_text(probing));
}

}  // namespace vpndoctor
